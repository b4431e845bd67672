// stompit: a server and a client
import { createServer } from 'node:net';
import stompit from 'stompit';
import { host, listening } from '../kit.mjs';
const server = createServer((socket) => {
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (data) => {
    text += data;
    if (text.includes('SEND')) console.log(text.includes('hello'));
    else if (text.includes('CONNECT')) socket.write('CONNECTED\nversion:1.1\n\n\0');
  });
});
const port = await listening(server);
const client = await new Promise((resolve, reject) =>
  stompit.connect({ host, port, connectHeaders: { host: '/' } }, (error, made) =>
    error ? reject(error) : resolve(made),
  ),
);
const frame = client.send({ destination: '/queue/a' });
frame.write('hello');
frame.end();
setTimeout(() => {
  client.destroy();
  server.close();
}, 300);
