/** The package's declarations: no compiler complains of them, nor do the tools that look at packages. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ChildOutcome, runProgram } from '../support/child.js';
import { packedPackage } from '../support/packed.js';
import { needsTools, TOOLS, toolProgram } from '../support/tools.js';

const NAMES = `
  import { fs, Listener, Ring, type RingOptions } from 'ringlet';
  import { createSocket, type Socket } from 'ringlet/dgram';
  import { connect } from 'ringlet/net';
  import 'ringlet/register';`;
const USES = `
  const options: RingOptions = { inFlightMax: 8 };
  const ring: Ring = new Ring(options);
  const socket: Socket = createSocket('udp4');
  socket.on('message', (data, remote) => [data.length, remote.port]);
  const isListener = (value: unknown): value is Listener => value instanceof Listener;
  const text: Promise<string> = files.readFile('x', 'utf8');
  export { connect, fs, isListener, ring, text };

  export const dropIn: typeof nodeFiles = files;
  declare const theirs: NodeHandle;
  declare function takesTheirs(handle: NodeHandle): void;
  files.open('x').then(takesTheirs);
  files.readFile(theirs, 'utf8');
  files.writeFile(theirs, 'x');`;
const PROGRAMS = {
  'program.mts': `${NAMES}
    import type { FileHandle as NodeHandle } from 'node:fs/promises';
    import nodeFiles, * as nodeNames from 'node:fs/promises';
    import files, * as names from 'ringlet/fs/promises';
    export const dropInOfNames: typeof nodeNames = names;${USES}`,
  'program.cts': `${NAMES}
    import nodeFiles = require('node:fs/promises');
    import files = require('ringlet/fs/promises');
    type NodeHandle = nodeFiles.FileHandle;${USES}`,
  'namespace.cts': `
    import ringlet = require('ringlet');
    import net = require('ringlet/net');
    export const server: net.Server = net.createServer();
    export const ring: ringlet.Ring = new ringlet.Ring();`,
};
const OPTIONS = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--types', 'node'];

/** TypeScript's version, and those of @types/node. */
const PAIRS = [
  ['5.7', '20'],
  ['5.7', '26'],
  ['5.9', '22'],
  ['6', '24'],
  ['7', '20'],
  ['7', '22'],
  ['7', '24'],
  ['7', '26'],
] as const;

describe('Types of the package', function () {
  this.timeout(120_000);
  needsTools();
  const packed = packedPackage();
  const { home, installed } = packed;
  const types = join(home, 'node_modules/@types');

  before(() => {
    for (const [name, source] of Object.entries(PROGRAMS)) writeFileSync(join(home, name), source);
  });

  /** Puts a version of @types/node where a program of ours finds it, with what it depends on. */
  function installTypes(version: string): void {
    const from = join(TOOLS, 'node_modules', `types-node-${version}`);
    rmSync(types, { recursive: true, force: true });
    mkdirSync(types);
    cpSync(from, join(types, 'node'), { recursive: true });
    const inner = join(types, 'node/node_modules/undici-types');
    mkdirSync(join(inner, '..'), { recursive: true });
    cpSync(join(TOOLS, 'node_modules/undici-types'), inner, { recursive: true, force: false });
  }

  function runTool(program: string, argv: readonly string[]): Promise<ChildOutcome> {
    return runProgram([process.execPath, program, ...argv], { cwd: home, deadlineMs: 100_000 });
  }

  for (const [typescript, node] of PAIRS) {
    it(`TypeScript ${typescript} with @types/node ${node}, libraries checked: clean in ES modules and CommonJS`, async () => {
      installTypes(node);
      const argv = [...OPTIONS, '--lib', 'es2023,esnext.disposable', '--module', 'nodenext'];
      const tsc = toolProgram(`typescript-${typescript}`, 'tsc');
      const { code, stdout } = await runTool(tsc, [...argv, ...Object.keys(PROGRAMS)]);
      expect([code, stdout]).to.deep.equal([0, '']);
    });
  }

  it('every public name has a text that editors show', async () => {
    installTypes('26');
    const { code, stdout } = await runTool(join(TOOLS, 'undocumented.mjs'), [installed]);
    const names = stdout.trim().split('\n');
    expect([code, Number(names.pop()) > 600, names]).to.deep.equal([0, true, []]);
  });

  it('attw and publint have no complaint', async () => {
    const attw = await runTool(toolProgram('@arethetypeswrong/cli', 'attw'), [packed.tarball, '--no-emoji']);
    expect(attw.code, attw.stdout).to.equal(0);
    const publint = await runTool(toolProgram('publint'), [installed, '--strict']);
    expect(publint.code, publint.stdout).to.equal(0);
    expect(publint.stdout).to.contain('All good!');
  });
});
