// winston logs to files
import { once } from 'node:events';
import winston from 'winston';
const file = new winston.transports.File({ filename: 'all.log', maxsize: 3000, maxFiles: 3, tailable: true });
const logger = winston.createLogger({
  format: winston.format.simple(),
  transports: [file, new winston.transports.File({ filename: 'error.log', level: 'error' })],
});
for (let index = 0; index < 150; index++) logger.log(index % 10 ? 'info' : 'error', `line ${index}`);
const finished = once(logger, 'finish');
logger.end();
await finished;
console.log('finished');
