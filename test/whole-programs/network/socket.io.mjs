// Socket.IO: polling, then WebSocket
import http from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { host, listening } from '../kit.mjs';
const server = http.createServer();
const sockets = new Server(server);
sockets.on('connection', (socket) => {
  socket.join('room');
  socket.on('echo', (value, answer) => answer(value));
  socket.on('all', (value) => sockets.to('room').emit('told', value));
});
const url = `http://${host}:${await listening(server)}`;
const [first, second] = [io(url), io(url, { transports: ['websocket'] })];
await Promise.all([first, second].map((client) => new Promise((resolve) => client.on('connect', resolve))));
console.log(await first.emitWithAck('echo', { bytes: Buffer.from('abc'), text: 'ü' }));
const told = new Promise((resolve) => first.on('told', resolve));
second.emit('all', [1, 2]);
console.log(await told);
first.close();
second.close();
sockets.close();
