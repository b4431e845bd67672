// webpack-dev-middleware serves what webpack has built
import http from 'node:http';
import express from 'express';
import webpack from 'webpack';
import middleware from 'webpack-dev-middleware';
import { host, input, listening } from '../kit.mjs';
input({ 'src/index.js': `console.log('built');\n` });
const compiler = webpack({
  context: process.cwd(),
  mode: 'development',
  devtool: false,
  entry: './src/index.js',
  output: { path: `${process.cwd()}/out` },
});
const built = middleware(compiler, { stats: 'none' });
const server = http.createServer(express().use(built));
const response = await fetch(`http://${host}:${await listening(server)}/main.js`, {
  headers: { connection: 'close' },
});
console.log(response.status, (await response.text()).includes('built'));
await new Promise((resolve) => built.close(resolve));
server.close();
