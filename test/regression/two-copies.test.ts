/**
 * Two copies of the package in one process, as two versions in one dependency tree are: work that the
 * JavaScript of one had staged on a ring of the other lay there, because the other's turn was over.
 */
import { expect } from 'chai';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runScript } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('Two copies of ringlet in one process', () => {
  needsIoUring();
  const directory = temporaryDirectory();

  for (const options of [{ inlineReads: false }, { sqPoll: true }]) {
    it(`${JSON.stringify(options)}: reads that take turns on a ring of each all end`, async () => {
      const copy = directory.at('copy');
      mkdirSync(join(copy, 'build', 'Release'), { recursive: true });
      for (const part of ['dist', 'package.json', join('build', 'Release', 'ringlet.node')])
        cpSync(join(PACKAGE_ROOT, part), join(copy, part), { recursive: true });
      symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(copy, 'node_modules'));
      const path = directory.file('file', 'content');
      const source = `
        const copies = [await import('ringlet'), await import(process.argv[1] + '/dist/index.js')];
        const rings = copies.map(({ Ring }) => new Ring({ backend: 'io_uring', ...${JSON.stringify(options)} }));
        const files = await Promise.all(rings.map((ring) => ring.fs.open(process.argv[2])));
        let readCount = 0;
        async function readInTurns(first) {
          for (let index = 0; index < 500; index += 1) {
            await files[(first + index) % 2].read(Buffer.alloc(7), 0, 7, 0);
            readCount += 1;
          }
        }
        await readInTurns(0);
        await Promise.all([readInTurns(0), readInTurns(1), readInTurns(1)]);
        for (const file of files) await file.close();
        for (const ring of rings) await ring.close();
        console.log(JSON.stringify({ isTwice: copies[0].Ring !== copies[1].Ring, readCount }));
      `;
      const outcome = await runScript(source, { args: [copy, path] });
      expectCleanExit(outcome);
      expect(JSON.parse(outcome.stdout)).to.deep.equal({ isTwice: true, readCount: 2000 });
    });
  }
});
