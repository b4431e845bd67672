#!/usr/bin/env bash
# coap: the server's own error answers are sent to the client's port without its address, so dgram's default takes
# over: they go to 127.0.0.1, and a client with another address waits in vain. The answers of handlers go to the right
# place.
# Seen on coap 1.5.0 with a FETCH without Content-Format, which is answered by 4.15; Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts coap@1.5.0
cat >errors.mjs <<'JS'
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import coap from 'coap';

const server = coap.createServer((_request, response) => response.end('answer'));
const udp = createSocket('udp4').bind(0, '127.0.0.1');
await once(udp, 'listening');
await new Promise((resolve) => server.listen(udp, resolve));

const client = createSocket('udp4').bind(0, '127.0.0.2');
await once(client, 'listening');
const stranger = createSocket('udp4').bind(client.address().port, '127.0.0.1');
await once(stranger, 'listening');

const received = (socket, name) =>
  once(socket, 'message').then(([message]) => `${name}, ${message[1] >> 5}.${String(message[1] & 31).padStart(2, '0')}`);
const ask = async (what, hex) => {
  const first = Promise.race([received(client, 'the client'), received(stranger, 'a socket of 127.0.0.1')]);
  client.send(Buffer.from(hex.replaceAll(' ', ''), 'hex'), udp.address().port, '127.0.0.1');
  console.log(`${what}: answered to ${await first}`);
};
await ask('GET', '4101 1234 aa b161');
await ask('FETCH without Content-Format', '4105 1235 ab b161');
process.exit();
JS
seen=$(timeout 20 node errors.mjs)
echo "coap 1.5.0, Node $(node --version)"
echo "$seen"
expected='GET: answered to the client, 2.05
FETCH without Content-Format: answered to a socket of 127.0.0.1, 4.15'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
