// hapi
import hapi from '@hapi/hapi';
import { host } from '../kit.mjs';
const server = hapi.server({ port: 0, host });
server.route({ method: 'GET', path: '/{name?}', handler: ({ params }) => ({ name: params.name ?? 'none' }) });
server.route({ method: 'POST', path: '/', handler: ({ payload }) => payload });
await server.start();
for (const path of ['/', '/you', '/a/b']) console.log(await (await fetch(server.info.uri + path)).text());
console.log(
  await (
    await fetch(server.info.uri, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
  ).text(),
);
await server.stop();
