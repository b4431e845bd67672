// bunyan logs to a stream of a file
import bunyan from 'bunyan';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
const stream = createWriteStream('log');
const logger = bunyan.createLogger({ name: 'app', hostname: 'here', pid: 1, streams: [{ stream }] });
for (let index = 0; index < 100; index++) logger.info({ time: new Date(0), index }, 'line');
stream.end();
await once(stream, 'close');
console.log('closed');
