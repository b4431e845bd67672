// rotating-file-stream
import { once } from 'node:events';
import { createStream } from 'rotating-file-stream';
const stream = createStream((time, index) => (time ? `log.${index}` : 'log'), {
  size: '1K',
  maxFiles: 5,
  history: '../history',
  immutable: false,
  initialRotation: false,
});
for (let index = 0; index < 100; index++)
  if (!stream.write(`line ${index} of the log\n`)) await once(stream, 'drain');
stream.end();
await once(stream, 'close');
console.log('closed');
