// http-proxy-agent and https-proxy-agent, by a proxy that tunnels
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { certificate, host, listening } from '../kit.mjs';
const plain = http.createServer((_request, response) => response.end('plain'));
const secure = https.createServer(await certificate(), (_request, response) => response.end('secure'));
const proxy = http.createServer((request, response) => {
  const { hostname, port, pathname } = new URL(request.url);
  http.get({ hostname, port, path: pathname, agent: false }, (answer) => answer.pipe(response));
});
proxy.on('connect', (request, socket) => {
  const far = connect(request.url.split(':')[1], host, () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    far.pipe(socket).pipe(far);
  }).on('error', () => {});
  socket.on('error', () => {});
});
const [plainPort, securePort, proxyPort] = [
  await listening(plain),
  await listening(secure),
  await listening(proxy),
];
const via = `http://${host}:${proxyPort}`;
const get = (module, url, options) =>
  new Promise((resolve, reject) =>
    module.get(url, options, (response) => resolve(text(response))).on('error', reject),
  );
console.log(await get(http, `http://${host}:${plainPort}/`, { agent: new HttpProxyAgent(via) }));
console.log(
  await get(https, `https://${host}:${securePort}/`, {
    agent: new HttpsProxyAgent(via),
    rejectUnauthorized: false,
  }),
);
for (const server of [plain, secure, proxy]) {
  server.close();
  server.closeAllConnections();
}
