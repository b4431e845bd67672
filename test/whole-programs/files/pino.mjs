// pino logs through a worker thread, and by sonic-boom
import { once } from 'node:events';
import pino from 'pino';
// The worker alone keeps no process alive.
const alive = setInterval(() => {}, 1000);
const transport = pino.transport({
  target: 'pino/file',
  options: { destination: `${process.cwd()}/worker.log` },
});
const logger = pino({ base: null, timestamp: false }, transport);
for (let index = 0; index < 200; index++) logger.info({ index }, 'line');
const destination = pino.destination({ dest: 'here.log', sync: false, minLength: 512, mkdir: true });
const here = pino({ base: null, timestamp: false }, destination);
for (let index = 0; index < 200; index++) here.warn({ index }, 'line');
destination.end();
await once(destination, 'close');
transport.end();
await once(transport, 'close');
clearInterval(alive);
console.log('closed');
