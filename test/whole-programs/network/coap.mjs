// coap: a server, a client, a large answer in blocks
import coap from 'coap';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
let count = 0;
const server = coap.createServer({ host }, (request, response) => {
  count++;
  response.end(request.url === '/large' ? Buffer.alloc(5000, 'l') : `hello ${request.url}`);
});
await new Promise((resolve) => server.listen(port, host, resolve));
for (const pathname of ['/a', '/large']) {
  const request = coap.request({ host, port, pathname });
  const response = new Promise((resolve) => request.on('response', resolve));
  request.end();
  console.log(`${(await response).payload}`.length);
}
console.log(count > 1);
server.close();
