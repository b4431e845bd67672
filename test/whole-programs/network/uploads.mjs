// multer and formidable take files
import { rmSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import express from 'express';
import formidable from 'formidable';
import multer from 'multer';
import { host, listening } from '../kit.mjs';
const app = express().post('/', multer({ dest: 'multer' }).array('files'), (request, response) =>
  response.json(request.files.map(({ originalname, size }) => [originalname, size])),
);
const other = http.createServer(async (request, response) => {
  const [fields, files] = await formidable({ uploadDir: process.cwd() }).parse(request);
  response.end(
    JSON.stringify([fields, files.files.map(({ originalFilename, size }) => [originalFilename, size])]),
  );
});
const servers = [http.createServer(app), other];
for (const server of servers) {
  const body = new FormData();
  body.append('name', 'value');
  for (const size of [10, 200_000]) body.append('files', new Blob(['x'.repeat(size)]), `file${size}`);
  console.log(
    await (
      await fetch(`http://${host}:${await listening(server)}`, {
        method: 'POST',
        body,
        headers: { connection: 'close' },
      })
    ).text(),
  );
  server.close();
}
const made = [
  ...readdirSync('multer').map((name) => `multer/${name}`),
  ...readdirSync('.').filter((name) => name !== 'multer'),
];
console.log(made.map((name) => readFileSync(name).length).sort());
for (const name of made) rmSync(name);
