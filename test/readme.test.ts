/** The TypeScript on the README: it compiles against the package's types, and each block runs to its end. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from './support/child.js';
import { temporaryDirectory } from './support/temporary.js';

/** Inside the package, where `ringlet` resolves to itself. */
const OUTPUT = join(PACKAGE_ROOT, 'build/readme');
const TSC = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc');

interface Block {
  heading: string;
  source: string;
}

/** The blocks marked as TypeScript, each with the heading above it. */
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  for (const [, title, source] of markdown.matchAll(/^#+ ([^\n]+)$|^```ts\n(.*?)^```$/gms)) {
    if (source === undefined) heading = title ?? '';
    else blocks.push({ heading, source });
  }
  return blocks;
}

const blocks = blocksOf(readFileSync(join(PACKAGE_ROOT, 'README.md'), 'utf8'));

describe('README', () => {
  const directory = temporaryDirectory();

  before('compiling the blocks', async function () {
    this.timeout(60_000);
    rmSync(OUTPUT, { recursive: true, force: true });
    mkdirSync(OUTPUT, { recursive: true });
    const configuration = {
      extends: '../../tsconfig.json',
      compilerOptions: { declaration: false, rootDir: '.', outDir: '.' },
      include: ['*.ts'],
      // By default what lies where the output goes is left out.
      exclude: [],
    };
    writeFileSync(join(OUTPUT, 'tsconfig.json'), JSON.stringify(configuration));
    for (const [index, { source }] of blocks.entries())
      writeFileSync(join(OUTPUT, `block-${index}.ts`), source);
    expectCleanExit(await runProgram([process.execPath, TSC, '-p', OUTPUT], { deadlineMs: 60_000 }));
  });

  it('has blocks to run', () => {
    expect(blocks).to.have.length.at.least(5);
  });

  for (const [index, { heading }] of blocks.entries()) {
    it(`block ${index + 1}, under '${heading}', runs to its end and prints something`, async () => {
      // They write to the directory they run in.
      const launcher = ['sh', '-c', 'cd "$0" && exec "$@"', directory.path];
      const outcome = await runProgram([process.execPath, join(OUTPUT, `block-${index}.js`)], { launcher });
      expectCleanExit(outcome);
      expect(outcome.stderr).to.equal('');
      expect(outcome.stdout).to.not.equal('');
    });
  }
});
