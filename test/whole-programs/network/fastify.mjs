// Fastify, with static files
import { join } from 'node:path';
import files from '@fastify/static';
import fastify from 'fastify';
import { host, input } from '../kit.mjs';
input({ 'public/a.txt': 'text' });
const app = fastify();
app.register(files, { root: join(process.cwd(), 'public') });
app.get(
  '/hello',
  { schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } } } } },
  async ({ query }) => ({ n: query.n }),
);
app.post('/echo', async ({ body }) => body);
const url = await app.listen({ port: 0, host });
for (const path of ['/hello?n=5', '/hello?n=x', '/a.txt', '/none'])
  console.log(path, await (await fetch(url + path)).text());
console.log(
  await (
    await fetch(`${url}/echo`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
  ).text(),
);
await app.close();
