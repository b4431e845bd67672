// got, axios, node-fetch, superagent and needle ask the same
import http from 'node:http';
import axios from 'axios';
import got from 'got';
import needle from 'needle';
import nodeFetch from 'node-fetch';
import superagent from 'superagent';
import { host, listening } from '../kit.mjs';
const server = http.createServer((request, response) => {
  if (request.url === '/moved') return response.writeHead(302, { location: '/' }).end();
  if (request.url === '/slow') return undefined;
  response.setHeader('content-type', 'text/plain');
  return request.method === 'POST' ? request.pipe(response) : response.end(`you asked ${request.url}`);
});
const url = `http://${host}:${await listening(server)}`;
console.log(await got(`${url}/moved`).text(), await got.post(url, { body: 'got' }).text());
console.log(
  await got(`${url}/slow`, { timeout: { request: 200 }, retry: { limit: 0 } }).catch(({ code }) => code),
);
console.log((await axios.get(`${url}/moved`)).data, (await axios.post(url, 'axios')).data);
console.log(await axios.get(`${url}/slow`, { timeout: 200 }).catch(({ code }) => code));
console.log(
  await (await nodeFetch(`${url}/moved`)).text(),
  await (await nodeFetch(url, { method: 'POST', body: 'node-fetch' })).text(),
);
console.log(
  (await superagent.get(`${url}/moved`)).text,
  (await superagent.post(url).type('text').send('superagent')).text,
);
console.log((await needle('get', `${url}/x`)).body, (await needle('post', url, 'needle')).body);
server.close();
server.closeAllConnections();
