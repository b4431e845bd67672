// undici: pools, streams, pipelining
import http from 'node:http';
import { Agent, Pool, request, stream } from 'undici';
import { createWriteStream } from 'node:fs';
import { host, listening } from '../kit.mjs';
const server = http.createServer((asked, response) =>
  asked.url === '/large' ? response.end('l'.repeat(500_000)) : asked.pipe(response),
);
const url = `http://${host}:${await listening(server)}`;
const pool = new Pool(url, { connections: 2, pipelining: 4 });
const answers = await Promise.all(
  Array.from({ length: 20 }, (_unused, index) =>
    pool.request({ path: '/', method: 'POST', body: `${index}` }).then(({ body }) => body.text()),
  ),
);
console.log(answers.join(' '));
await stream(`${url}/large`, { method: 'GET', dispatcher: pool }, () => createWriteStream('large'));
await pool.close();
const agent = new Agent();
const { statusCode, body } = await request(url, { dispatcher: agent, method: 'PUT', body: 'put' });
console.log(statusCode, await body.text());
await agent.close();
server.close();
