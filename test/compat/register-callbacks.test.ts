/** The calls of node:fs with callbacks under `ringlet/register`: a program of them prints what it does on Node alone. */
import { expect } from 'chai';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';
import { CALLBACKS, SHOW } from './register-programs.js';

const REGISTER = join(PACKAGE_ROOT, 'dist/compat/register/index.cjs');

describe('ringlet/register: callbacks', () => {
  const directory = temporaryDirectory();

  /** In a directory that is the same each time. */
  async function run(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string[]> {
    const cwd = directory.at('world');
    rmSync(cwd, { recursive: true, force: true });
    mkdirSync(join(cwd, 'dir'), { recursive: true });
    writeFileSync(join(cwd, 'file'), '0123456789');
    writeFileSync(join(cwd, 'empty'), '');
    writeFileSync(join(cwd, 'victim'), 'victim');
    writeFileSync(join(cwd, 'long'), Buffer.alloc(300_000, 'The quick brown fox. '));
    symlinkSync('none', join(cwd, 'dangling'));
    const outcome = await runProgram([process.execPath, ...flags, '-e', SHOW + CALLBACKS], { cwd, env });
    expectCleanExit(outcome);
    return outcome.stdout.trim().split('\n');
  }

  for (const [title, env] of [
    ['a ring of the kernel’s', {}],
    ['a ring on epoll', { RINGLET_BACKEND: 'epoll' }],
    ['no ring', { RINGLET_BACKEND: 'node' }],
  ] as const) {
    describe(title, () => {
      if (title === 'a ring of the kernel’s') needsIoUring();

      it('every call ends as Node’s does', async () => {
        const wanted = await run([]);
        expect(wanted.length).to.be.above(200);
        expect(await run(['--require', REGISTER], env)).to.deep.equal(wanted);
      });
    });
  }

  describe('on a ring', () => {
    needsIoUring();

    it('calls go through it, and descriptors are numbers', async () => {
      const source = `
        const fs = require('fs');
        const { Ring } = require('ringlet');
        const { histograms } = Ring.default.recordLatency();
        const bytes = Buffer.alloc(4_000_000);
        fs.open(process.execPath, (error, fd) => fs.read(fd, bytes, 0, bytes.length, 0, (failure, bytesRead) => {
          console.log(typeof fd, bytesRead, fs.fstatSync(fd).isFile());
          fs.close(fd, () => console.log([...histograms.keys()].sort().join(' ')));
        }));`;
      const outcome = await runProgram([process.execPath, '--require', REGISTER, '-e', source]);
      expectCleanExit(outcome);
      expect(outcome.stdout).to.equal('number 4000000 true\nclose open read\n');
    });
  });
});
