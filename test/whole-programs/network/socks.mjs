// socks, its server and its client
import { createServer } from 'node:net';
import { once } from 'node:events';
import { SocksClient } from 'socks';
import { host, listening } from '../kit.mjs';
const echo = createServer((socket) => socket.pipe(socket));
const echoPort = await listening(echo);
const proxy = createServer((socket) => {
  socket.once('data', () => {
    socket.write(Buffer.from([5, 0]));
    socket.once('data', (request) => {
      const far = (async () =>
        (await import('node:net')).connect(request.readUInt16BE(request.length - 2), host))();
      far.then((made) => {
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        made.pipe(socket).pipe(made);
      });
    });
  });
});
const proxyPort = await listening(proxy);
const { socket } = await SocksClient.createConnection({
  command: 'connect',
  proxy: { host, port: proxyPort, type: 5 },
  destination: { host, port: echoPort },
});
socket.resume().write('through it');
console.log(`${(await once(socket, 'data'))[0]}`);
socket.destroy();
echo.close();
proxy.close();
