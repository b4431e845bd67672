// portfinder, get-port and wait-on
import { createServer } from 'node:net';
import { once } from 'node:events';
import getPort from 'get-port';
import portfinder from 'portfinder';
import waitOn from 'wait-on';
import { host, listening } from '../kit.mjs';
const taken = createServer();
const port = await listening(taken);
console.log(
  (await portfinder.getPortPromise({ port, host })) !== port,
  (await getPort({ port, host })) !== port,
);
await waitOn({ resources: [`tcp:${host}:${port}`], timeout: 5000, interval: 50 });
console.log('there');
taken.close();
await once(taken, 'close');
await waitOn({ resources: [`tcp:${host}:${port}`], reverse: true, timeout: 5000, interval: 50 });
console.log('gone');
