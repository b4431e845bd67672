// proxyquire and sinon put other calls in the place of node:fs's, and take them back
import fs from 'node:fs';
import { createRequire } from 'node:module';
import sinon from 'sinon';
import { input } from '../kit.mjs';
input({
  'a.cjs': `const fs = require('fs');\nexports.read = (done) => fs.readFile(__filename, 'utf8', done);\nexports.stat = fs.stat;\n`,
  file: 'text',
});
const proxyquire = createRequire(import.meta.url)('proxyquire');
const path = `${process.cwd()}/a.cjs`;
const stubbed = proxyquire(path, { fs: { readFile: (_path, _encoding, done) => done(null, 'stubbed') } });
stubbed.read((_error, text) => console.log(text));
console.log(stubbed.stat === fs.stat);
const real = createRequire(import.meta.url)(path);
const stub = sinon.stub(fs, 'stat').yields(null, 'stub');
fs.stat('x', (_error, text) => console.log(text, stub.callCount));
const spy = sinon.spy(fs, 'readFile');
await new Promise((resolve) => fs.readFile('file', 'utf8', resolve));
console.log(spy.callCount, spy.firstCall.args.length);
sinon.restore();
await new Promise((resolve) =>
  fs.stat('file', (error, stats) => console.log(error, stats.size) ?? resolve()),
);
await new Promise((resolve) => real.read((_error, text) => console.log(text.length) ?? resolve()));
