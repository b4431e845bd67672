/**
 * A preload that counts a program's calls of fs/promises, and says whose they were.
 *
 * It comes after `ringlet/register`, if that comes at all, and writes JSON to the file that
 * `RINGLET_TEST_CALLS` names when the process ends.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { FileHandle } from '../../dist/index.js';

const calls = {};
const handle = await fs.promises.open(new URL(import.meta.url));
const isDropIn = handle instanceof FileHandle;
await handle.close();
for (const [name, original] of Object.entries(fs.promises)) {
  if (typeof original !== 'function') continue;
  fs.promises[name] = (...given) => {
    calls[name] = (calls[name] ?? 0) + 1;
    return original(...given);
  };
}
syncBuiltinESMExports();
process.on('exit', () => {
  fs.writeFileSync(process.env.RINGLET_TEST_CALLS, JSON.stringify({ isDropIn, calls }));
});
