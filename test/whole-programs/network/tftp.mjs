// tftp: a server of a folder, and a client
import { once } from 'node:events';
import { createClient, createServer } from 'tftp';
import { freePort, host, input } from '../kit.mjs';

input({ 'root/a.bin': Buffer.alloc(40_000, 't'), 'root/b.bin': 'small' });
const port = await freePort();
const server = createServer({ host, port, root: 'root' });
server.on('error', console.log);
server.listen();
await once(server, 'listening');
const client = createClient({ host, port });
for (const name of ['a.bin', 'b.bin']) {
  console.log(
    await new Promise((resolve) => client.get(name, `got-${name}`, (error) => resolve(error?.message))),
  );
}
server.close();
