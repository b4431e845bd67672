// HTTP/2 of Node's and http2-wrapper, over TLS
import { once } from 'node:events';
import http2 from 'node:http2';
import { text } from 'node:stream/consumers';
import http2Wrapper from 'http2-wrapper';
import { certificate, host, listening } from '../kit.mjs';
const server = http2.createSecureServer(
  { ...(await certificate()), allowHTTP1: true },
  (request, response) => {
    if (request.url === '/large') response.end('l'.repeat(400_000));
    else request.pipe(response);
  },
);
const port = await listening(server);
const session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false });
const streams = Array.from({ length: 20 }, (_unused, index) => {
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.end(`${index}`);
  return text(stream);
});
console.log(
  (await Promise.all(streams)).join(' '),
  (await text(session.request({ ':path': '/large' }))).length,
);
session.close();
await once(session, 'close');
const request = await http2Wrapper.auto(`https://${host}:${port}/`, {
  method: 'POST',
  rejectUnauthorized: false,
});
request.end('auto');
const [response] = await once(request, 'response');
console.log(response.httpVersion, await text(response));
http2Wrapper.globalAgent.destroy();
server.close();
process.exit();
