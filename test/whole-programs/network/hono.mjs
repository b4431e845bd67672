// Hono on its server for Node
import { once } from 'node:events';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { host } from '../kit.mjs';
const app = new Hono()
  .get('/:x', (context) => context.json({ x: context.req.param('x') }))
  .post('/', async (context) => context.text((await context.req.text()).toUpperCase()));
const server = serve({ fetch: app.fetch, port: 0, hostname: host });
if (!server.listening) await once(server, 'listening');
const url = `http://${host}:${server.address().port}/`;
console.log(
  await (await fetch(`${url}a`)).text(),
  await (await fetch(url, { method: 'POST', body: 'loud' })).text(),
);
server.close();
server.closeAllConnections();
