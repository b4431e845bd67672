#!/usr/bin/env bash
# coap: whether a request that is sent again runs the handler again depends on the socket's class. RFC 7252, 4.5, wants
# the first answer repeated. Server.listen takes a dgram.Socket or any EventEmitter; for the latter the cache of
# answers is filled but never used, so each copy of a confirmable request is handled as a new one.
# Seen on coap 1.5.0, Node 20.20 and 26.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts coap@1.5.0
cat >again.mjs <<'JS'
import { createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import coap from 'coap';

/** The same socket, by its events and methods alone. */
function asEmitter(udp) {
  const emitter = Object.assign(new EventEmitter(), {
    send: udp.send.bind(udp),
    address: udp.address.bind(udp),
    close: udp.close.bind(udp),
  });
  return udp.on('message', (message, remote) => emitter.emit('message', message, remote)) && emitter;
}

async function play(name, wrap) {
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  let handled = 0;
  const server = coap.createServer((_request, response) => {
    handled++;
    response.end('answer');
  });
  await new Promise((resolve) => server.listen(wrap(udp), resolve));
  const client = createSocket('udp4');
  const get = Buffer.from('4101 1234 aa b161'.replaceAll(' ', ''), 'hex'); // confirmable GET /a, one message id
  for (let i = 0; i < 2; i++) {
    client.send(get, udp.address().port, '127.0.0.1');
    await once(client, 'message');
  }
  client.close();
  console.log(`${name}: sent twice, handled ${handled === 1 ? 'once' : 'twice'}`);
}

await play('dgram.Socket', (udp) => udp);
await play('EventEmitter', asEmitter);
process.exit();
JS
seen=$(node again.mjs)
echo "coap 1.5.0, Node $(node --version)"
echo "$seen"
expected='dgram.Socket: sent twice, handled once
EventEmitter: sent twice, handled twice'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
