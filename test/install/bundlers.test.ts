/**
 * Bundles of a program that uses ringlet: each runs, away from the package. It has a ring where its tool takes the addon
 * along, and elsewhere falls back and says what to do; with the line of docs/bundlers.md every tool gives a ring.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { packedPackage, TARGET } from '../support/packed.js';
import { temporaryDirectory } from '../support/temporary.js';
import { needsTools, TOOLS } from '../support/tools.js';

const BODY = `
  async function main() {
    const ring = new Ring();
    const text = await ring.fs.readFile(process.argv[2], 'utf8');
    const isSame = text === await readFile(process.argv[2], 'utf8') && typeof connect === 'function';
    console.log(JSON.stringify({ backend: ring.backend, reason: ring.backendReason, isSame }));
    await ring.close();
  }
  main();`;
const PROGRAMS = {
  'program.mjs': `
    import { Ring } from 'ringlet';
    import { readFile } from 'ringlet/fs/promises';
    import { connect } from 'ringlet/net';${BODY}`,
  'program.cjs': `
    const { Ring } = require('ringlet');
    const { readFile } = require('ringlet/fs/promises');
    const { connect } = require('ringlet/net');${BODY}`,
};

const OTHER_TARGETS = ['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64'].filter(
  (target) => target !== TARGET,
);

type Program = keyof typeof PROGRAMS;

/** Tool, program, and whether the addon comes along. */
const BUNDLES: [tool: string, program: Program, hasAddon: boolean][] = [
  ['esbuild', 'program.mjs', false],
  ['esbuild', 'program.cjs', false],
  ['esbuild to CommonJS', 'program.mjs', false],
  ['rollup', 'program.mjs', false],
  ['rollup', 'program.cjs', false],
  ['vite', 'program.mjs', false],
  ['webpack', 'program.mjs', true],
  ['webpack', 'program.cjs', false],
  ['ncc', 'program.mjs', true],
  ['ncc', 'program.cjs', false],
  ['nft', 'program.mjs', true],
  ['nft', 'program.cjs', true],
];
const EXTERNAL: [tool: string, program: Program][] = [
  ['esbuild', 'program.mjs'],
  ['rollup', 'program.mjs'],
  ['vite', 'program.mjs'],
  ['webpack', 'program.cjs'],
  ['ncc', 'program.cjs'],
];

describe('Bundles', function () {
  this.timeout(120_000);
  needsIoUring();
  needsTools();
  const { home, installed } = packedPackage();
  /** Where no `node_modules` is above. */
  const away = temporaryDirectory();

  before(() => {
    for (const [name, source] of Object.entries(PROGRAMS)) writeFileSync(join(home, name), source);
    // The published package has them; to compile them takes too long here, and bundlers only copy them.
    for (const target of OTHER_TARGETS) writeFileSync(join(installed, 'prebuilds', `${target}.node`), '');
  });

  /** Bundles into a folder, and gives the file to run. */
  async function bundle(tool: string, program: Program, folder: string, ...flags: string[]): Promise<string> {
    const argv = [join(TOOLS, 'bundle.mjs'), tool, join(home, program), folder, ...flags];
    const outcome = await runProgram([process.execPath, ...argv], { cwd: home, deadlineMs: 100_000 });
    expectCleanExit(outcome);
    return join(folder, outcome.stdout.trim());
  }

  async function run(file: string, env: Record<string, string> = {}): Promise<Record<string, unknown>> {
    const path = away.file('content', 'some');
    const outcome = await runProgram([process.execPath, file, path], {
      cwd: dirname(file),
      env: { RINGLET_ADDON: '', ...env },
    });
    expectCleanExit(outcome);
    expect(outcome.stderr).to.equal('');
    return JSON.parse(outcome.stdout) as Record<string, unknown>;
  }

  const RING = { backend: 'io_uring', reason: null, isSame: true };

  for (const [tool, program, hasAddon] of BUNDLES) {
    it(`${tool}, ${program}: ${hasAddon ? 'a ring' : 'falls back, and says what to do'}`, async () => {
      const file = await bundle(tool, program, away.path);
      const result = await run(file);
      if (hasAddon) {
        expect(result).to.deep.equal(RING);
      } else {
        expect(result).to.include({ backend: 'node', isSame: true });
        expect(result.reason).to.match(/^this is a bundle.*external.*docs\/bundlers\.md/);
      }
    });
  }

  for (const [tool, program] of EXTERNAL) {
    it(`${tool}, ${program}, with the line of docs/bundlers.md: a ring`, async () => {
      const file = await bundle(tool, program, away.path, '--external');
      cpSync(installed, away.at('node_modules/ringlet'), { recursive: true });
      expect(await run(file)).to.deep.equal(RING);
    });
  }

  it('beside an installed package, or told where the addon is: a ring', async () => {
    const file = await bundle('esbuild', 'program.mjs', away.at('dist'));
    const addon = join(installed, 'prebuilds', `${TARGET}.node`);
    expect(await run(file, { RINGLET_ADDON: addon })).to.deep.equal(RING);
    mkdirSync(away.at('node_modules'));
    cpSync(installed, away.at('node_modules/ringlet'), { recursive: true });
    expect(await run(file)).to.deep.equal(RING);
  });

  it('docs/bundlers.md has a line for each tool', () => {
    const page = readFileSync(join(PACKAGE_ROOT, 'docs/bundlers.md'), 'utf8');
    for (const [tool] of EXTERNAL) expect(page.toLowerCase()).to.contain(`| ${tool}`);
  });
});
