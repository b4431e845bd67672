// rhea: AMQP 1.0, a listener and a sender
import rhea from 'rhea';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
const server = rhea.create_container();
const client = rhea.create_container();
const listener = server.listen({ port, host });
const got = [];
const done = new Promise((resolve) =>
  server.on('message', ({ message }) => got.push(message.body) === 3 && resolve()),
);
client.once('sendable', ({ sender }) => [1, 'two', [3]].map((body) => sender.send({ body })));
const connection = client.connect({ port, host, reconnect: false });
connection.open_sender('queue');
await done;
console.log(got);
connection.close();
client.on('connection_close', () => listener.close());
