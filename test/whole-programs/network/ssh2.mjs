// ssh2: a server, a client, a command and a forwarded connection
import { createServer } from 'node:net';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import { host, listening } from '../kit.mjs';
execFileSync('openssl', ['genrsa', '-traditional', '-out', '../host.pem', '2048'], { stdio: 'ignore' });
const echo = createServer((socket) => socket.pipe(socket));
const echoPort = await listening(echo);
const server = new ssh2.Server({ hostKeys: [readFileSync('../host.pem')] }, (client) => {
  client.on('authentication', (context) =>
    context.method === 'password' ? context.accept() : context.reject(['password']),
  );
  client.on('session', (accept) =>
    accept().on('exec', (take, _reject, { command }) => {
      const stream = take();
      stream.write(command.toUpperCase());
      stream.exit(3);
      stream.end();
    }),
  );
  client.on('error', () => {});
});
await new Promise((resolve) => server.listen(0, host, resolve));
const client = new ssh2.Client();
await new Promise((resolve, reject) =>
  client
    .on('ready', resolve)
    .on('error', reject)
    .connect({ host, port: server.address().port, username: 'u', password: 'p' }),
);
const stream = await new Promise((resolve, reject) =>
  client.exec('echo', (error, made) => (error ? reject(error) : resolve(made))),
);
let said = '';
stream.on('data', (data) => (said += data));
const code = await new Promise((resolve) => stream.on('close', resolve));
console.log(code, said);
client.end();
await new Promise((resolve) => client.on('close', resolve));
server.close();
echo.close();
console.log(echoPort > 0);
