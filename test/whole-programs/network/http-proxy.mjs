// http-proxy, with WebSockets through it
import { once } from 'node:events';
import http from 'node:http';
import httpProxy from 'http-proxy';
import WebSocket, { WebSocketServer } from 'ws';
import { host, listening } from '../kit.mjs';
const target = http.createServer((request, response) => request.pipe(response));
new WebSocketServer({ server: target }).on('connection', (socket) =>
  socket.on('message', (data) => socket.send(`heard ${data}`)),
);
const proxy = httpProxy.createProxyServer({ target: `http://${host}:${await listening(target)}` });
const server = http.createServer((request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
proxy.on('error', (error) => console.log(error.code));
const port = await listening(server);
const response = await fetch(`http://${host}:${port}`, {
  method: 'POST',
  body: 'x'.repeat(200_000),
  headers: { connection: 'close' },
});
console.log((await response.text()).length);
const client = new WebSocket(`ws://${host}:${port}`);
await once(client, 'open');
client.send('me');
console.log(`${(await once(client, 'message'))[0]}`);
client.close();
await once(client, 'close');
server.close();
target.close();
server.closeAllConnections();
target.closeAllConnections();
