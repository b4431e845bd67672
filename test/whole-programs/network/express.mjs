// Express: routes, bodies, files, errors
import express from 'express';
import { host, input } from '../kit.mjs';
input({ 'public/a.txt': 'static text', 'public/large': 'x'.repeat(300_000) });
const app = express();
app.use(express.json());
app.use('/static', express.static('public'));
app.get('/hello/:name', (request, response) => response.json({ hello: request.params.name, ip: request.ip }));
app.post('/echo', (request, response) => response.send(request.body));
app.get('/fails', () => {
  throw new Error('on purpose');
});
app.use((error, _request, response, _next) => response.status(500).send(error.message));
const server = app.listen(0, host);
await new Promise((resolve) => server.once('listening', resolve));
const url = `http://${host}:${server.address().port}`;
for (const path of ['/hello/you', '/static/a.txt', '/static/none', '/fails']) {
  const response = await fetch(url + path);
  console.log(path, response.status, (await response.text()).replace(/<[^>]+>/g, ''));
}
console.log(
  (await (await fetch(`${url}/static/large`, { headers: { range: 'bytes=10-20' } })).text()).length,
);
console.log((await (await fetch(`${url}/static/large`)).text()).length);
console.log(
  await (
    await fetch(`${url}/echo`, {
      method: 'POST',
      body: '{"a":[1]}',
      headers: { 'content-type': 'application/json' },
    })
  ).text(),
);
server.close();
server.closeAllConnections();
