/**
 * Programs of others, from the npm registry, once on Node's fs/promises and once on ringlet's: what they
 * print, what they write, and how often they call what has to be the same.
 *
 * They are installed in a temporary folder, and skipped where the registry can't be reached.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { skip } from '../support/skip.js';
import { snapshot } from './world.js';

const PACKAGES = ['cacache@20', 'metalsmith@2', 'prettier@3', 'rollup@4', 'steno@4', 'write-file-atomic@7'];
const INSTALL_TIMEOUT_MS = 120_000;
const MODULE_COUNT = 80;

interface Program {
  readonly title: string;
  /** What Node is to run, from the folder of the packages. */
  readonly argv: readonly string[];
  /** Its input, by paths. */
  readonly files: Readonly<Record<string, string>>;
  /** False where a program keeps to callbacks: it has to run all the same. */
  readonly usesPromises?: boolean;
}

function numbered(count: number, each: (index: number) => readonly [string, string]): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_unused, index) => each(index)));
}

const PROGRAMS: readonly Program[] = [
  {
    title: `rollup bundles ${MODULE_COUNT} modules, with chunks and source maps`,
    argv: ['node_modules/rollup/dist/bin/rollup', 'work/module0.js', '--dir', 'work/out', '--sourcemap'],
    files: numbered(MODULE_COUNT, (index) => {
      const next =
        index + 1 < MODULE_COUNT ? `import { value as next } from './module${index + 1}.js';\n` : '';
      const later =
        index % 20 === 10 ? `export const later = () => import('./module${index + 5}.js');\n` : '';
      return [
        `module${index}.js`,
        `${next}${later}export const value = ${index}${next && ' + next'};\nconsole.log(value);\n`,
      ];
    }),
  },
  {
    title: 'prettier formats files in place',
    argv: ['node_modules/prettier/bin/prettier.cjs', '--write', '--no-color', 'work'],
    files: {
      ...numbered(20, (index) => [
        `source${index}.js`,
        `const a${index}={b:1,c:[ 1,2 ]};;call( a${index} )\n`,
      ]),
      'page.md': '*  one\n*  two\n',
      'styles.css': 'a{color:red;b:c}',
      '.prettierrc': '{ "semi": false }',
    },
  },
  {
    title: 'metalsmith builds a site',
    argv: ['work/build.mjs'],
    files: {
      'build.mjs': `
        import Metalsmith from 'metalsmith';
        const files = await Metalsmith(import.meta.dirname ?? process.cwd() + '/work')
          .metadata({ site: 'compat' })
          .use((all) => {
            for (const [name, file] of Object.entries(all)) file.contents = Buffer.from(name + ': ' + file.title + file.contents);
          })
          .build();
        console.log(Object.keys(files).sort().join(' '));`,
      ...numbered(40, (index) => [
        `src/${index % 4}/page${index}.md`,
        `---\ntitle: Page ${index}\n---\n${'text '.repeat(index)}\n`,
      ]),
    },
  },
  {
    title: 'cacache, the cache of npm, stores, streams, verifies and removes',
    argv: ['work/cache.mjs'],
    files: {
      'cache.mjs': `
        import { rm } from 'node:fs/promises';
        import cacache from 'cacache';
        const cache = 'work/cache';
        const contents = Array.from({ length: 40 }, (_unused, index) => Buffer.alloc(index * 700, index));
        await Promise.all(contents.map((data, index) => cacache.put(cache, 'key ' + index, data)));
        const stream = cacache.put.stream(cache, 'streamed');
        stream.end(Buffer.alloc(300_000, 's'));
        await stream.promise();
        for (const [index, data] of contents.entries()) {
          if (!(await cacache.get(cache, 'key ' + index)).data.equals(data)) throw new Error('key ' + index);
        }
        await cacache.rm.entry(cache, 'key 3', { removeFully: true });
        const { verifiedContent, keptSize } = await cacache.verify(cache);
        const names = Object.keys(await cacache.ls(cache)).sort();
        console.log(names.length, verifiedContent, keptSize);
        await cacache.rm.all(cache);
        // When it was verified.
        await rm(cache, { recursive: true });`,
    },
  },
  {
    title: 'steno replaces a file atomically, however many write it at once',
    argv: ['work/write.mjs'],
    files: {
      'write.mjs': `
        import { readFile } from 'node:fs/promises';
        import { Writer } from 'steno';
        const writer = new Writer('work/target.txt');
        await Promise.all(Array.from({ length: 100 }, (_unused, index) => writer.write('version ' + index)));
        console.log(await readFile('work/target.txt', 'utf8'));`,
    },
  },
  {
    title: 'write-file-atomic writes as before, by callbacks',
    usesPromises: false,
    argv: ['work/write.cjs'],
    files: {
      'write.cjs': `
        const writeFileAtomic = require('write-file-atomic');
        const writes = Array.from({ length: 40 }, (_unused, index) =>
          writeFileAtomic('work/target' + (index % 4), 'version ' + index, { mode: 0o640 }));
        Promise.all(writes).then(() => console.log('written'));`,
    },
  },
  {
    title: 'mocha runs tests that use files',
    argv: [
      join(PACKAGE_ROOT, 'node_modules/mocha/bin/mocha.js'),
      '--no-config',
      '--reporter',
      'tap',
      'work/*.spec.mjs',
    ],
    files: {
      ...numbered(10, (index) => [
        `file${index}.spec.mjs`,
        `import { appendFile, readFile, rm } from 'node:fs/promises';
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
    },
  },
];

describe('Programs of others on ringlet/register', function () {
  this.timeout(INSTALL_TIMEOUT_MS);
  let folder = '';
  let refusal: string | undefined;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringlet-programs-'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--silent'];
    try {
      execFileSync('npm', ['install', ...options, ...PACKAGES], {
        cwd: folder,
        timeout: INSTALL_TIMEOUT_MS / 2,
        stdio: 'pipe',
      });
    } catch (error) {
      refusal = `npm can't install them here: ${(error as Error).message.split('\n')[0]}`;
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  interface Outcome {
    stdout: string;
    tree: string;
    calls: Record<string, number>;
    isDropIn: boolean;
  }

  async function run({ argv, files }: Program, preloads: readonly string[]): Promise<Outcome> {
    const work = join(folder, 'work');
    rmSync(work, { recursive: true, force: true });
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(work, name)), { recursive: true });
      writeFileSync(join(work, name), content);
    }
    const flags = preloads.flatMap((path) => ['--import', join(PACKAGE_ROOT, path)]);
    const report = join(folder, 'calls.json');
    const outcome = await runProgram([process.execPath, ...flags, ...argv], {
      cwd: folder,
      env: { RINGLET_TEST_CALLS: report },
      deadlineMs: INSTALL_TIMEOUT_MS / 2,
    });
    expectCleanExit(outcome);
    const home = process.cwd();
    process.chdir(work);
    try {
      const stdout = outcome.stdout.replaceAll(/\d+ ?ms/g, 'some ms');
      return { stdout, tree: snapshot(), ...JSON.parse(readFileSync(report, 'utf8')) };
    } finally {
      process.chdir(home);
    }
  }

  for (const program of PROGRAMS) {
    it(program.title, async function () {
      if (refusal) skip(this, refusal);
      const counting = 'test/support/count-calls.mjs';
      const wanted = await run(program, [counting]);
      const actual = await run(program, ['dist/compat/register/index.cjs', counting]);
      expect([wanted.isDropIn, actual.isDropIn]).to.deep.equal([false, true]);
      expect(actual.tree).to.equal(wanted.tree);
      expect(actual.stdout).to.equal(wanted.stdout);
      expect(actual.calls).to.deep.equal(wanted.calls);
      if (program.usesPromises !== false) expect(Object.keys(wanted.calls)).not.to.deep.equal([]);
    });
  }
});
