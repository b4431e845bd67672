/** The TypeScript on the README: it compiles against the package's types, and each block runs to its end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectCleanExit, PACKAGE_ROOT } from './support/child.js';
import { Examples } from './support/examples.js';
import { temporaryDirectory } from './support/temporary.js';

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
  const examples = new Examples('readme');
  const directory = temporaryDirectory();

  before('compiling the blocks', async function () {
    this.timeout(60_000);
    await examples.compile(blocks.map(({ source }) => source));
  });

  it('has blocks to run', () => {
    expect(blocks).to.have.length.at.least(5);
  });

  for (const [index, { heading }] of blocks.entries()) {
    it(`block ${index + 1}, under '${heading}', runs to its end and prints something`, async () => {
      // They write to the directory they run in.
      const outcome = await examples.run(index, directory.path);
      expectCleanExit(outcome);
      expect(outcome.stderr).to.equal('');
      expect(outcome.stdout).to.not.equal('');
    });
  }
});
