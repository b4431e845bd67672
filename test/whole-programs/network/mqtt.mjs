// Aedes, an MQTT broker, and mqtt
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { host, listening } from '../kit.mjs';
const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
const port = await listening(server);
const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, { clientId: 'one' });
await client.subscribeAsync('a/#', { qos: 1 });
const told = new Promise((resolve) =>
  client.on('message', (topic, message) => resolve(`${topic} ${message}`)),
);
await client.publishAsync('a/b', 'hello', { qos: 1, retain: true });
console.log(await told);
await client.endAsync();
await new Promise((resolve) => broker.close(resolve));
server.close();
