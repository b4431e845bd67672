// redis and ioredis, with a server that knows a few commands
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { host, listening } from '../kit.mjs';
const stored = new Map();
function answer([name, key, value]) {
  if (name.toUpperCase() === 'SET') return stored.set(key, value) && '+OK\r\n';
  if (name.toUpperCase() === 'GET')
    return stored.has(key) ? `$${stored.get(key).length}\r\n${stored.get(key)}\r\n` : '$-1\r\n';
  if (name.toUpperCase() === 'INCR')
    return stored.set(key, `${Number(stored.get(key) ?? 0) + 1}`) && `:${stored.get(key)}\r\n`;
  if (name.toUpperCase() === 'HELLO') return '*0\r\n';
  return '+OK\r\n';
}
const server = createServer((socket) => {
  let rest = '';
  socket
    .setEncoding('latin1')
    .on('data', (text) => {
      rest += text;
      for (let found = /^\*(\d+)\r\n/.exec(rest); found; found = /^\*(\d+)\r\n/.exec(rest)) {
        const parts = rest.slice(found[0].length).split('\r\n');
        if (parts.length <= found[1] * 2) return;
        socket.write(answer(parts.slice(0, found[1] * 2).filter((_part, index) => index % 2)));
        rest = parts.slice(found[1] * 2).join('\r\n');
      }
    })
    .on('error', () => {});
});
const port = await listening(server);
const client = createClient({ socket: { host, port }, RESP: 2 });
await client.connect();
await client.set('key', 'value');
console.log(await client.get('key'), await client.get('none'));
console.log((await Promise.all(Array.from({ length: 300 }, () => client.incr('n')))).at(-1));
client.destroy();
const other = new Redis({ host, port, enableReadyCheck: false });
console.log(await other.get('key'), await other.incr('n'));
other.disconnect();
server.close();
