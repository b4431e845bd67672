/**
 * The code on the README and on pages of docs/ runs to its end. JavaScript does so as a module and as CommonJS, on the
 * oldest Node too; TypeScript compiles against the package's types.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ChildOutcome, expectCleanExit, PACKAGE_ROOT } from './support/child.js';
import { asCommonJs, Examples } from './support/examples.js';
import { skip } from './support/skip.js';
import { temporaryDirectory } from './support/temporary.js';

const PAGES = [
  'README.md',
  ...readdirSync(join(PACKAGE_ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
/** What an example may end with where the machine has not what it shows. */
const LACKS = /ERR_FEATURE_UNAVAILABLE_ON_PLATFORM.*|E(?:OP)?NOTSUP.*/;

interface Block {
  title: string;
  /** `ts` is compiled; `js` runs as it is, on the oldest Node too. What needs a newer one says `javascript`. */
  language: string;
  source: string;
}

/** The blocks of a page that are code, each with the heading above it. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  const markdown = readFileSync(join(PACKAGE_ROOT, page), 'utf8');
  for (const [, found, language, source] of markdown.matchAll(/^#+ ([^\n]+)$|^```(ts|js)\n(.*?)^```$/gms)) {
    if (language === undefined || source === undefined) heading = found ?? '';
    else blocks.push({ title: `${page}, '${heading}'`, language, source });
  }
  return blocks;
}

const blocks = PAGES.flatMap(blocksOf);

describe('Code on pages', () => {
  const examples = new Examples('readme');
  const directory = temporaryDirectory();

  before('compiling the blocks', async function () {
    this.timeout(60_000);
    await examples.compile(blocks.map(({ language, source }) => (language === 'ts' ? source : 'export {};')));
  });

  it('the README has blocks to run, and one that closes by `await using`', () => {
    const languages = blocksOf('README.md').map(({ language }) => language);
    expect(languages.filter((language) => language === 'js')).to.have.length.at.least(5);
    expect(languages).to.include('ts');
  });

  for (const [index, { title, language, source }] of blocks.entries()) {
    const itEnds = (form: string, run: () => Promise<ChildOutcome>) => {
      it(`block ${index + 1}, of ${title}, runs to its end and prints something, ${form}`, async function () {
        const outcome = await run();
        const [lack] = LACKS.exec(outcome.stderr) ?? [];
        if (lack !== undefined) skip(this, lack);
        expectCleanExit(outcome);
        expect(outcome.stderr).to.equal('');
        expect(outcome.stdout).to.not.equal('');
      });
    };
    // They write to the directory they run in.
    const plain = (extension: string, text: string) => () =>
      examples.runPlain(text, `${index}.${extension}`, directory.path);
    if (language === 'ts') {
      itEnds('compiled', () => examples.run(index, directory.path));
    } else if (source.includes('require(')) {
      itEnds('as CommonJS', plain('cjs', source));
    } else {
      itEnds('as a module', plain('mjs', source));
      itEnds('as CommonJS', plain('cjs', asCommonJs(source)));
    }
  }
});
