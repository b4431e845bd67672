// http-server, serve-handler and connect with compression
import http from 'node:http';
import compression from 'compression';
import connect from 'connect';
import httpServer from 'http-server';
import handler from 'serve-handler';
import { host, input, listening } from '../kit.mjs';
input({ 'index.html': '<h1>', 'folder/a.txt': 'text '.repeat(1000) });
const app = connect()
  .use(compression())
  .use((request, response) => handler(request, response, { directoryListing: false }));
const servers = [httpServer.createServer({ root: '.', cache: -1 }), http.createServer(app)];
for (const server of servers) {
  const port = await listening(server.server ?? server);
  for (const path of ['/', '/folder/a.txt', '/none']) {
    const response = await fetch(`http://${host}:${port}${path}`, { headers: { connection: 'close' } });
    console.log(
      path,
      response.status,
      response.headers.get('content-encoding'),
      (await response.text()).length,
    );
  }
  server.close();
}
