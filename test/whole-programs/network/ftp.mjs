// ftp-srv and basic-ftp
import { rmSync } from 'node:fs';
import { Client } from 'basic-ftp';
import bunyan from 'bunyan';
import FtpServer from 'ftp-srv';
import { freePort, host, input } from '../kit.mjs';
input({ 'remote/a.txt': 'text', 'local/up.bin': Buffer.alloc(200_000, 'u') });
const port = await freePort();
const server = new FtpServer({
  url: `ftp://${host}:${port}`,
  anonymous: true,
  pasv_url: host,
  log: bunyan.createLogger({ name: 'quiet', level: 'fatal' }),
});
server.on('login', (_login, resolve) => resolve({ root: `${process.cwd()}/remote` }));
await server.listen();
const client = new Client();
await client.access({ host, port });
await client.uploadFrom('local/up.bin', 'up.bin');
await client.downloadTo('local/a.txt', 'a.txt');
console.log((await client.list()).map(({ name, size }) => `${name} ${size}`).sort());
client.close();
await server.close();
rmSync('remote/none', { force: true });
process.exit();
