// node-statsd and hot-shots tell a socket of UDP
import dgram from 'node:dgram';
import { once } from 'node:events';
import { StatsD } from 'hot-shots';
import OldStatsD from 'node-statsd';
import { host } from '../kit.mjs';
const server = dgram.createSocket('udp4').bind(0, host);
await once(server, 'listening');
const { port } = server.address();
for (const client of [new StatsD({ host, port, cacheDns: true }), new OldStatsD({ host, port })]) {
  client.increment('count', 2);
  console.log(`${(await once(server, 'message'))[0]}`);
  client.timing('time', 5, 1, ['tag']);
  console.log(`${(await once(server, 'message'))[0]}`);
  await new Promise((resolve) => client.gauge('gauge', 7, resolve));
  console.log(`${(await once(server, 'message'))[0]}`);
  client.close();
}
server.close();
