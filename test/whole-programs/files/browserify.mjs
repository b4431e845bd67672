// browserify bundles CommonJS
import browserify from 'browserify';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { input, numbered } from '../kit.mjs';
input({
  'main.js': `console.log(require('./a0') + require('path').sep);\n`,
  ...numbered(15, (index) => [
    `a${index}.js`,
    index < 14 ? `module.exports = ${index} + require('./a${index + 1}');\n` : 'module.exports = 1;\n',
  ]),
});
await pipeline(browserify('main.js').bundle(), createWriteStream('out.js'));
console.log('bundled');
