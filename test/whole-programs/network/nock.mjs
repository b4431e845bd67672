// nock and msw answer in the place of servers, and let others through
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { http as handlers, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import nock from 'nock';
import { host, listening } from '../kit.mjs';
const server = http.createServer((_request, response) => response.end('real'));
const url = `http://${host}:${await listening(server)}/`;
const get = (where) =>
  new Promise((resolve, reject) =>
    http.get(where, { agent: false }, (response) => resolve(text(response))).on('error', reject),
  );
nock('http://example.org').get('/').reply(200, 'made up');
console.log(await get('http://example.org/'), await get(url));
nock.restore();
const worker = setupServer(handlers.get('http://example.com/', () => HttpResponse.text('mocked')));
worker.listen({ onUnhandledRequest: 'bypass' });
console.log(
  await get('http://example.com/'),
  await get(url),
  await (await fetch('http://example.com/')).text(),
);
worker.close();
server.close();
server.closeAllConnections();
