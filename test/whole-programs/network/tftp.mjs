// tftp: a server of a folder, and a client
import { createServer, createClient } from 'tftp';
import { freePort, host, input } from '../kit.mjs';
input({ 'root/a.bin': Buffer.alloc(40_000, 't'), 'up.bin': Buffer.alloc(20_000, 'u') });
const port = await freePort();
const server = createServer({ host, port, root: 'root' });
server.on('error', console.log);
const listening = new Promise((resolve) => server.on('listening', resolve));
server.listen();
await listening;
const client = createClient({ host, port });
const call = (name, ...names) => new Promise((resolve) => client[name](...names, resolve));
console.log(await call('get', 'a.bin', 'down.bin'), await call('put', 'up.bin', 'up.bin'));
const closed = new Promise((resolve) => server.on('close', resolve));
server.close();
await closed;
