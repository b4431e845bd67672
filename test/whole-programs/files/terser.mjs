// terser, by its command's library
import { readFile, writeFile } from 'node:fs/promises';
import { minify } from 'terser';
import { input } from '../kit.mjs';
input({
  'a.js': 'function long(name) { const other = name + 1; return other * 2; }\nconsole.log(long(3));\n',
});
const { code, map } = await minify(
  { 'a.js': await readFile('a.js', 'utf8') },
  { sourceMap: true, toplevel: true },
);
await Promise.all([writeFile('out.js', code), writeFile('out.js.map', map)]);
console.log(code);
