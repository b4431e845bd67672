// json-server, which keeps a file
import { writeFileSync } from 'node:fs';
import jsonServer from 'json-server';
import { host, listening } from '../kit.mjs';
import http from 'node:http';
writeFileSync('db.json', '{ "posts": [{ "id": 1, "title": "one" }] }');
const app = jsonServer.create();
app.use(jsonServer.defaults({ logger: false }));
app.use(jsonServer.router('db.json'));
const server = http.createServer(app);
const url = `http://${host}:${await listening(server)}`;
const headers = { 'content-type': 'application/json' };
console.log(await (await fetch(`${url}/posts`, { method: 'POST', body: '{"title":"two"}', headers })).text());
console.log(await (await fetch(`${url}/posts?title=two`)).text());
server.close();
server.closeAllConnections();
