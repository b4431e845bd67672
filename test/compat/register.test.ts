/** `node --import ringlet/register`: whole programs on the drop-in, however they come by fs/promises. */
import { expect } from 'chai';
import { mkdirSync } from 'node:fs';
import { type ChildOutcome, expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Tells, for the `fs` in scope, whose handle comes from `open`, under which names. */
const REPORT = `
  const handle = await open(process.argv[1]);
  const ringlet = await import('${PACKAGE_ROOT}dist/index.js');
  const text = await readFile(process.argv[1], 'utf8');
  await handle.close();
  console.log(handle instanceof ringlet.FileHandle, text);
`;

describe('ringlet/register', () => {
  const directory = temporaryDirectory();

  async function run(source: string, ...flags: string[]): Promise<string> {
    const path = directory.file('file', 'content');
    const outcome = await runProgram([process.execPath, ...flags, '-e', source, path]);
    return outputOf(outcome);
  }

  function outputOf(outcome: ChildOutcome): string {
    expectCleanExit(outcome);
    return outcome.stdout.trim();
  }

  const imports: Readonly<Record<string, string>> = {
    'named imports': `import { open, readFile } from 'node:fs/promises';`,
    'the default import': `import fs from 'fs/promises'; const { open, readFile } = fs;`,
    'a namespace': `import * as fs from 'node:fs/promises'; const { open, readFile } = fs;`,
    'promises of node:fs': `import { promises } from 'node:fs'; const { open, readFile } = promises;`,
    'a dynamic import': `const { open, readFile } = await import('fs/promises');`,
    getBuiltinModule: `const { open, readFile } = process.getBuiltinModule('fs').promises;`,
  };
  for (const [title, source] of Object.entries(imports)) {
    it(`an ES module, by ${title}`, async () => {
      const output = await run(source + REPORT, '--import', 'ringlet/register', '--input-type=module');
      expect(output).to.equal('true content');
    });
  }

  for (const source of [`require('fs/promises')`, `require('node:fs').promises`]) {
    for (const flag of ['--import', '--require']) {
      it(`CommonJS, by ${source}, with ${flag}`, async () => {
        const script = `const { open, readFile } = ${source}; (async () => { ${REPORT} })();`;
        expect(await run(script, flag, 'ringlet/register')).to.equal('true content');
      });
    }
  }

  it('fs.createReadStream and fs.createWriteStream are constructors, as Node’s are', async () => {
    const source = `
      const fs = require('fs');
      const read = new fs.createReadStream(process.argv[1]);
      const write = new fs.createWriteStream(process.argv[1], { flags: 'r+' });
      console.log(read instanceof fs.ReadStream, write instanceof fs.WriteStream, fs.createReadStream.length);
      read.destroy();
      write.destroy();
    `;
    expect(await run(source, '--import', 'ringlet/register')).to.equal('true true 2');
  });

  it('dgram.createSocket is a constructor, too', async () => {
    const source = `new (require('dgram').createSocket)('udp4').bind(function () { this.close(); console.log('bound'); });`;
    expect(await run(source, '--import', 'ringlet/register')).to.equal('bound');
  });

  it('without it nothing is exchanged', async () => {
    const source = `${imports['named imports']}${REPORT}`;
    expect(await run(source, '--input-type=module')).to.equal('false content');
  });

  it('every function has its name and its parameters', async () => {
    const source = `
      const fs = require('fs');
      const shapes = [fs, fs.promises, require('net'), require('dgram'), require('tls')].map((module) =>
        Object.entries(module).map(([name, value]) => [name, typeof value, value?.name, value?.length, Object.keys(value ?? {})]));
      console.log(JSON.stringify(shapes));
    `;
    expect(await run(source, '--require', 'ringlet/register')).to.equal(await run(source));
  });

  it('what Node itself does by fs/promises goes on: modules from files, cp, rm, mkdtemp', async () => {
    directory.file('module.mjs', 'export const answer = 42;');
    mkdirSync(directory.at('tree/inside'), { recursive: true });
    directory.file('tree/inside/leaf', 'leaf');
    const source = `
      import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
      const home = ${JSON.stringify(directory.path)};
      const { answer } = await import(home + '/module.mjs');
      const made = await mkdtemp(home + '/made-');
      await cp(home + '/tree', made + '/copy', { recursive: true });
      const names = await readdir(made + '/copy', { recursive: true });
      await rm(made, { recursive: true });
      console.log(answer, names.sort().join(' '), (await readdir(home)).length);
    `;
    const output = await run(source, '--import', 'ringlet/register', '--input-type=module');
    expect(output).to.equal('42 inside inside/leaf 3');
  });

  it('fs.createReadStream and createWriteStream take a handle', async () => {
    const source = `
      import { createReadStream, createWriteStream } from 'node:fs';
      import { open } from 'node:fs/promises';
      import { pipeline } from 'node:stream/promises';
      const from = createReadStream(null, { fd: await open(process.argv[1]), start: 3 });
      const to = createWriteStream(null, { fd: await open(process.argv[1] + '.copy', 'w') });
      await pipeline(from, to);
      for await (const text of createReadStream(process.argv[1] + '.copy', 'utf8')) console.log(text);
    `;
    const output = await run(source, '--import', 'ringlet/register', '--input-type=module');
    expect(output).to.equal('tent');
  });

  it('worker threads and, by NODE_OPTIONS, child processes do as well', async () => {
    const path = directory.file('file', 'content');
    // A worker made of CommonJS source, without a file, is the one that Node does not preload with --import.
    const script = directory.file(
      'report.cjs',
      `const { open, readFile } = require('fs/promises'); process.argv[1] = ${JSON.stringify(path)};
       (async () => { ${REPORT} })();`,
    );
    const source = `
      const { Worker } = require('node:worker_threads');
      const { execFileSync } = require('node:child_process');
      const script = ${JSON.stringify(script)};
      new Worker(script).on('exit', () => {
        process.stdout.write(execFileSync(process.execPath, [script]));
      });
    `;
    const outcome = await runProgram([process.execPath, '-e', source], {
      env: { NODE_OPTIONS: `--import ${PACKAGE_ROOT}dist/compat/register/index.cjs` },
    });
    expect(outputOf(outcome)).to.equal('true content\ntrue content');
  });

  it('a program that sits elsewhere gets it by its path', async () => {
    const path = directory.file('file', 'content');
    const script = directory.file(
      'app.mjs',
      `import { open } from 'node:fs/promises';
       const handle = await open(${JSON.stringify(path)});
       console.log(typeof handle.cancel);
       await handle.close();`,
    );
    const register = `${PACKAGE_ROOT}dist/compat/register/index.cjs`;
    expect(outputOf(await runProgram([process.execPath, '--import', register, script]))).to.equal('function');
  });
});
