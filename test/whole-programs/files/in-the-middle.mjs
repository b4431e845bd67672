// require-in-the-middle and import-in-the-middle hand modules of Node to a hook
import { createRequire, register } from 'node:module';
import { createHook } from 'node:async_hooks';
import { Hook as ImportHook } from 'import-in-the-middle';
import { Hook } from 'require-in-the-middle';
createHook({ init() {} }).enable();
register('import-in-the-middle/hook.mjs', import.meta.url);
const seen = [];
new Hook(['fs', 'net', 'dgram'], (exports, name) => {
  seen.push(`required ${name}`);
  return exports;
});
new ImportHook(['fs/promises', 'net'], (exports, name) => {
  seen.push(`imported ${name}`);
  if (exports.readFile) exports.readFile = () => Promise.resolve('hooked');
});
const require = createRequire(import.meta.url);
for (const name of ['fs', 'net', 'dgram']) require(name);
const { readFile } = await import('node:fs/promises');
console.log(await readFile('none'), seen.sort().join(', '));
