// ws, with compression and large messages
import { once } from 'node:events';
import WebSocket, { WebSocketServer } from 'ws';
import { host } from '../kit.mjs';
const server = new WebSocketServer({ host, port: 0, perMessageDeflate: true });
await once(server, 'listening');
server.on('connection', (socket) =>
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
);
const client = new WebSocket(`ws://${host}:${server.address().port}`);
await once(client, 'open');
for (const message of ['hello', Buffer.alloc(300_000, 7), 'x'.repeat(70_000)]) {
  client.send(message);
  const [data, isBinary] = await once(client, 'message');
  console.log(data.length, isBinary);
}
client.ping();
await once(client, 'pong');
client.close(1000, 'bye');
const [code, reason] = await once(client, 'close');
console.log(code, `${reason}`);
server.close();
