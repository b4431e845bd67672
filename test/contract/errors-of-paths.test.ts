/**
 * What a failed call on a path says, compared field by field with what node:fs/promises says of the same
 * call on this Node: missing files, wrong kinds of file, wrong types and ranges.
 */
import { expect } from 'chai';
import { chmodSync, mkdirSync, promises as nodeFs, symlinkSync, writeFileSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { rejection } from '../support/eventually.js';
import { byMethod, type Call, describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Paths are made of a few names, so that each row reads as its case. */
const PATH_ROWS: readonly Row[] = [
  ...['open', 'stat', 'unlink', 'readFile', 'mkdir'].flatMap((method): Row[] => [
    [method, undefined],
    [method, null],
    [method, 5],
    [method, {}],
    [method, []],
    [method, true],
    [method, 'a\0b'],
    [method, Buffer.from('a\0b')],
    [method, new URL('http://example.org/x')],
    [method, new URL('file:///a%2Fb')],
    [method, new URL('file://host/a')],
    [method, ''],
    [method, 'file/inside'],
    [method, 'loop/inside'],
    [method, 'n'.repeat(256)],
    [method, 'missing/inside'],
    [method, Buffer.from('missing/inside')],
  ]),
  ...['open', 'stat', 'unlink', 'readFile'].map((method): Row => [method, 'missing']),
  ['open', 'dir', 'w'],
  ['open', 'dir', 'r+'],
  ['open', 'file', 'wx'],
  ['open', 'file', 'no such flag'],
  ['open', 'file', {}],
  ['open', 'file', 1.5],
  ['open', 'file', -1],
  ['open', 'file', 2 ** 40],
  ['open', 'file', 'r', 'not octal'],
  ['open', 'file', 'r', -1],
  ['open', 'file', 'r', 2 ** 32],
  ['open', 'file', 'r', 1.5],
  ['open', 'file', 'r', {}],
  ['open', process.execPath, 'r+'],
  ['unlink', 'dir'],
  ['rename', 'missing', 'other'],
  ['rename', 'file', 'missing/inside'],
  ['rename', 'file', 'dir'],
  ['rename', 'dir', 'file'],
  ['rename', 'dir', 'full'],
  ['rename', 'dir', 'dir/inside'],
  ['rename', undefined, 'other'],
  ['rename', 'file', undefined],
  ['rename', 'file', 'a\0b'],
  ['rename', 5, 6],
  ['mkdir', 'dir'],
  ['mkdir', 'file'],
  ['mkdir', 'new', 'not octal'],
  ['mkdir', 'new', -1],
  ['mkdir', 'new', { mode: {} }],
  ['mkdir', 'new', { recursive: 'yes' }],
  ['mkdir', 'new', { recursive: 1 }],
  ['mkdir', 'file', { recursive: true }],
  ['mkdir', 'file/inside/deeper', { recursive: true }],
  ['readFile', 'dir'],
  ['readFile', 'file', 'no such encoding'],
  ['readFile', 'file', { encoding: 'no such encoding' }],
  ['readFile', 'file', 5],
  ['readFile', 'file', { flag: 'no such flag' }],
  ['readFile', 'file', { signal: 'no signal' }],
  ...['writeFile', 'appendFile'].flatMap((method): Row[] => [
    [method, 'dir', 'x'],
    [method, 'missing/inside', 'x'],
    [method, undefined, 'x'],
    [method, 'out', undefined],
    [method, 'out', null],
    [method, 'out', 5],
    [method, 'out', {}],
    [method, 'out', true],
    [method, 'out', [5]],
    [method, 'out', 'x', 'no such encoding'],
    [method, 'out', 'x', { encoding: 'no such encoding' }],
    [method, 'out', 'x', { flush: 'yes' }],
    [method, 'out', 'x', { mode: 'not octal' }],
    [method, 'out', 'x', { flag: 'no such flag' }],
    [method, 'out', 'x', 5],
    [method, '/dev/full', 'x'],
  ]),
  ['writeFile', 'out', 'x', { signal: 'no signal' }],
];

describeOnEachBackend('Errors of Fs, as Node words them', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const home = process.cwd();

  beforeEach(() => {
    process.chdir(directory.path);
    writeFileSync('file', '0123456789');
    symlinkSync('loop', 'loop');
    mkdirSync('dir');
    mkdirSync('full');
    writeFileSync('full/x', '');
  });
  afterEach(() => process.chdir(home));

  for (const [method, rows] of byMethod(PATH_ROWS)) {
    it(`${method}: each of ${rows.length} wrong calls says what Node's says`, async () => {
      const { fs } = makeRing();
      const wanted: Record<string, unknown> = {};
      const actual: Record<string, unknown> = {};
      for (const row of rows) {
        wanted[titleOf(row)] = describeError(await outcomeOf(nodeFs, row));
        actual[titleOf(row)] = describeError(await outcomeOf(fs, row));
      }
      expect(actual).to.deep.equal(wanted);
    });
  }

  it('EACCES: a file that this user may not open', async () => {
    const path = directory.file('forbidden', 'x');
    chmodSync(path, 0);
    // Root may open any file, so the child gives root up: after the addon is loaded, before its ring is made.
    const script = `
      import { promises as nodeFs } from 'node:fs';
      import { Ring } from 'ringlet';
      const options = ${JSON.stringify(configuration.options)};
      await new Ring(options).close();
      if (process.getuid() === 0) {
        process.setgid(65534);
        process.setuid(65534);
      }
      const ring = new Ring(options);
      for (const api of [nodeFs, ring.fs]) {
        const { message, code, errno, syscall, path } = await api.open(process.argv[1], 'r').catch((e) => e);
        console.log(JSON.stringify({ message, code, errno, syscall, path }));
      }
      await ring.close();
    `;
    const outcome = await runScript(script, { args: [path] });
    expectCleanExit(outcome);
    const [wanted, actual] = outcome.stdout.trim().split('\n');
    expect(wanted).to.contain('"code":"EACCES"');
    expect(actual).to.equal(wanted);
  });

  it('the stack of a failed call leads to its caller', async () => {
    const { fs } = makeRing();
    async function theCallerItself(): Promise<void> {
      await fs.stat('missing');
    }
    expect((await rejection(theCallerItself())).stack).to.contain('theCallerItself');
  });

  it('misuse rejects and never throws before a promise is returned', () => {
    const { fs } = makeRing();
    for (const method of [
      'open',
      'stat',
      'readFile',
      'writeFile',
      'rename',
      'unlink',
      'mkdir',
      'appendFile',
    ]) {
      const promise = (Reflect.get(fs, method) as Call)(Symbol('wrong'));
      expect(promise, method).to.be.instanceOf(Promise);
      promise.catch(() => {});
    }
  });
});
