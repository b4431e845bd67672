// send and serve-static, without a framework
import http from 'node:http';
import send from 'send';
import serveStatic from 'serve-static';
import { host, input, listening } from '../kit.mjs';
input({ 'a.txt': 'text', 'b.html': '<b>', 'large.bin': Buffer.alloc(500_000, 'abc') });
const serve = serveStatic('.', { maxAge: 1000 });
const server = http.createServer((request, response) => {
  if (request.url.startsWith('/send/'))
    send(request, request.url.slice(6), { root: process.cwd() }).pipe(response);
  else serve(request, response, () => response.writeHead(404).end('none'));
});
const url = `http://${host}:${await listening(server)}`;
for (const path of [
  '/a.txt',
  '/b.html',
  '/none',
  '/large.bin',
  '/send/a.txt',
  '/send/large.bin',
  '/send/../x',
]) {
  const response = await fetch(url + path);
  console.log(
    path,
    response.status,
    response.headers.get('content-type'),
    (await response.arrayBuffer()).byteLength,
  );
}
server.close();
server.closeAllConnections();
