/** Test runners: `import` and `require` of ringlet work in each, and give a ring. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runProgram } from '../support/child.js';
import { packedPackage } from '../support/packed.js';
import { needsTools, toolProgram } from '../support/tools.js';

/** Fails the test, or the program, that it is in. */
const BODY = `
  const ring = new Ring();
  if (ring.backend !== 'io_uring') throw new Error(ring.backendReason);
  const text = await ring.fs.readFile(__PATH__, 'utf8');
  if (text !== await files.readFile(__PATH__, 'utf8')) throw new Error('other content');
  const missing = await ring.fs.readFile('/nonexistent').catch((error) => error);
  if (missing.code !== 'ENOENT') throw missing;
  if (typeof net.connect !== 'function') throw new Error('no net');
  await ring.close();`;
const IMPORTS = `
  import { Ring } from 'ringlet';
  import * as files from 'ringlet/fs/promises';
  import net from 'ringlet/net';`;
const REQUIRES = `
  const { Ring } = require('ringlet');
  const files = require('ringlet/fs/promises');
  const net = require('ringlet/net');`;

describe('Test runners', function () {
  this.timeout(120_000);
  needsIoUring();
  needsTools();
  const { home } = packedPackage();
  const body = BODY.replaceAll('__PATH__', JSON.stringify(join(home, 'content')));

  before(() => {
    writeFileSync(join(home, 'content'), 'some');
    writeFileSync(join(home, 'package.json'), '{ "private": true }');
  });

  /** A folder for one runner, with its files. */
  function folderOf(name: string, files: Record<string, string>): string {
    const folder = join(home, name);
    mkdirSync(folder);
    for (const [file, source] of Object.entries(files)) writeFileSync(join(folder, file), source);
    return folder;
  }

  async function run(cwd: string, argv: string[], execArgv: string[] = []): Promise<void> {
    const outcome = await runProgram([process.execPath, ...execArgv, ...argv], {
      cwd,
      env: { RINGLET_ADDON: '', NODE_OPTIONS: '' },
      deadlineMs: 100_000,
    });
    expectCleanExit(outcome);
  }

  it('jest: CommonJS, and ES modules', async () => {
    const folder = folderOf('jest', {
      'required.test.cjs': `${REQUIRES}\ntest('require', async () => {${body}});`,
      'imported.test.mjs': `${IMPORTS}\ntest('import', async () => {${body}});`,
      'jest.config.json': JSON.stringify({
        testMatch: ['**/*.test.?js'],
        cacheDirectory: join(home, 'jest-cache'),
      }),
    });
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    await run(folder, [toolProgram('jest'), '--ci', '--runInBand', 'required']);
    await run(folder, [toolProgram('jest'), '--ci', '--runInBand', 'imported'], flags);
  });

  it('vitest', async () => {
    const folder = folderOf('vitest', {
      'imported.test.mjs': `${IMPORTS}\ntest('import', async () => {${body}});`,
      'vitest.config.mjs': `export default { test: { globals: true } };`,
    });
    await run(folder, [toolProgram('vitest'), 'run']);
  });

  it('node:test', async () => {
    const test = `('it', async () => {${body}});`;
    const folder = folderOf('node-test', {
      'required.test.cjs': `${REQUIRES}\nrequire('node:test')${test}`,
      'imported.test.mjs': `${IMPORTS}\nimport test from 'node:test';\ntest${test}`,
    });
    await run(folder, ['--test']);
  });

  it('tsx: ES modules and CommonJS in TypeScript', async () => {
    const folder = folderOf('tsx', {
      'imported.mts': `${IMPORTS}\nconst isTyped: boolean = true;\n${body}`,
      'required.cts': `${IMPORTS}\nconst isTyped: boolean = true;\n(async () => {${body}})();`,
    });
    await run(folder, [toolProgram('tsx'), 'imported.mts']);
    await run(folder, [toolProgram('tsx'), 'required.cts']);
  });
});
