// log4js rolls a file
import log4js from 'log4js';
log4js.configure({
  appenders: {
    file: {
      type: 'file',
      filename: 'log',
      maxLogSize: 2000,
      backups: 2,
      layout: { type: 'messagePassThrough' },
    },
  },
  categories: { default: { appenders: ['file'], level: 'info' } },
});
const logger = log4js.getLogger();
for (let index = 0; index < 100; index++) logger.info(`line ${index} of the log`);
log4js.shutdown((error) => console.log('shut down', error));
