// Koa and polka
import http from 'node:http';
import { Readable } from 'node:stream';
import Koa from 'koa';
import polka from 'polka';
import { host, listening } from '../kit.mjs';
const app = new Koa();
app.use(async (context, next) => {
  await next();
  context.set('x-length', `${context.length}`);
});
app.use((context) => {
  context.body = context.path === '/stream' ? Readable.from(['a', 'b', 'c']) : { path: context.path };
});
const other = polka().get('/p/:x', (request, response) => response.end(request.params.x));
for (const [server, paths] of [
  [http.createServer(app.callback()), ['/json', '/stream']],
  [http.createServer(other.handler), ['/p/1', '/none']],
]) {
  const port = await listening(server);
  for (const path of paths) {
    const response = await fetch(`http://${host}:${port}${path}`, { headers: { connection: 'close' } });
    console.log(path, response.status, await response.text(), response.headers.get('x-length'));
  }
  server.close();
}
