// mocha runs tests that use files
import { command, input, numbered } from '../kit.mjs';
input(
  numbered(8, (index) => [
    `file${index}.spec.mjs`,
    `
  import { appendFile, readFile, rm } from 'node:fs/promises';
  import assert from 'node:assert';
  const path = new URL('made${index}', import.meta.url);
  describe('file ${index}', () => {
    afterEach(() => ${index} % 2 ? rm(path, { force: true }) : undefined);
    it('is appended to', async () => {
      for (const part of ['a', 'b', 'c']) await appendFile(path, part);
      assert.strictEqual(await readFile(path, 'utf8'), 'abc');
    });
    it('is missing', () => assert.rejects(readFile(path + '.no'), { code: 'ENOENT' }));
  });`,
  ]),
);
await command('mocha/bin/mocha.js', '--no-config', '--reporter', 'tap', '*.spec.mjs');
