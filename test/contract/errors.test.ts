/**
 * What a failed call says, compared field by field with what node:fs/promises says of the same call
 * on this Node: missing files, wrong kinds of file, wrong types and ranges.
 */
import { expect } from 'chai';
import { chmodSync, mkdirSync, promises as nodeFs, symlinkSync, writeFileSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { rejection } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

type Call = (...parameters: unknown[]) => Promise<unknown>;

/** A call named by method and arguments, which may be of types that the compiler would refuse. */
type Row = readonly [method: string, ...parameters: unknown[]];

/** What is compared. `stack` is each caller's own. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { fulfilledWith: typeof error };
  const fields = ['name', 'message', 'code', 'errno', 'syscall', 'path', 'dest'];
  return Object.fromEntries(fields.map((field) => [field, Reflect.get(error, field)]));
}

async function outcomeOf(target: object, [method, ...parameters]: Row): Promise<unknown> {
  const call = Reflect.get(target, method) as Call;
  try {
    const value = await call.apply(target, parameters);
    // A handle opened by mistake must not count as left behind.
    if (method === 'open') await (value as { close(): Promise<void> }).close();
    return value;
  } catch (error) {
    return error;
  }
}

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

/** On a handle of a 10-byte file opened with the flags before the colon. */
const HANDLE_ROWS: readonly (readonly [flags: string, ...Row])[] = [
  ['r+', 'read', 'text'],
  ['r+', 'read', 5],
  ['r+', 'read', { buffer: 'text' }],
  ['r+', 'read', { buffer: [] }],
  ['r+', 'read', Buffer.alloc(0)],
  ['r+', 'read', Buffer.alloc(0), 0, 1],
  ['r+', 'read', Buffer.alloc(4), -1],
  ['r+', 'read', Buffer.alloc(4), 0.5],
  ['r+', 'read', Buffer.alloc(4), 'a'],
  ['r+', 'read', Buffer.alloc(4), 4],
  ['r+', 'read', Buffer.alloc(4), 5],
  ['r+', 'read', Buffer.alloc(4), 2 ** 53],
  ['r+', 'read', Buffer.alloc(4), 0, -1],
  ['r+', 'read', Buffer.alloc(4), 0, 5],
  ['r+', 'read', Buffer.alloc(4), 2, 3],
  ['r+', 'read', Buffer.alloc(4), Number.NaN],
  ['r+', 'readv', 'text'],
  ['r+', 'readv', undefined],
  ['r+', 'readv', ['text']],
  ['r+', 'readv', [Buffer.alloc(1), {}]],
  ['r+', 'readv', []],
  ['r+', 'write', 5],
  ['r+', 'write', null],
  ['r+', 'write', undefined],
  ['r+', 'write', {}],
  ['r+', 'write', true],
  ['r+', 'write', Buffer.alloc(4), -1],
  ['r+', 'write', Buffer.alloc(4), 5],
  ['r+', 'write', Buffer.alloc(4), 'a'],
  ['r+', 'write', Buffer.alloc(4), 0, 5],
  ['r+', 'write', Buffer.alloc(4), 0, -1],
  ['r+', 'write', Buffer.alloc(4), 2, 3],
  ['r+', 'write', 'text', 0, 'no such encoding'],
  ['r+', 'write', 'abc', 0, 'hex'],
  ['r+', 'writev', 'text'],
  ['r+', 'writev', [5]],
  ['r+', 'writev', undefined],
  ['r+', 'truncate', 'text'],
  ['r+', 'truncate', 1.5],
  ['r+', 'truncate', null],
  ['r+', 'truncate', Number.MAX_SAFE_INTEGER],
  ['r+', 'readFile', 'no such encoding'],
  ['r+', 'writeFile', 5],
  ['r+', 'writeFile', undefined],
  ['r+', 'appendFile', {}],
  ['r', 'write', 'x'],
  ['r', 'write', Buffer.from('x'), 0, 1, 0],
  ['r', 'writev', [Buffer.from('x')]],
  ['r', 'truncate', 1],
  ['r', 'writeFile', 'x'],
  ['w', 'read', Buffer.alloc(4)],
  ['w', 'readv', [Buffer.alloc(4)]],
  ['w', 'readFile'],
];

function titleOf([method, ...parameters]: Row): string {
  const shown = parameters.map((parameter) => {
    if (Buffer.isBuffer(parameter)) return `Buffer(${parameter.length})`;
    if (parameter instanceof URL) return `URL ${parameter.href}`;
    if (typeof parameter === 'number' || parameter === undefined) return String(parameter);
    const text = JSON.stringify(parameter);
    return text.length > 40 ? `${text.slice(0, 20)}…` : text;
  });
  return `${method}(${shown.join(', ')})`;
}

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

  for (const row of PATH_ROWS) {
    it(titleOf(row), async () => {
      const wanted = await outcomeOf(nodeFs, row);
      expect(describeError(await outcomeOf(makeRing().fs, row))).to.deep.equal(describeError(wanted));
    });
  }

  for (const [flags, ...row] of HANDLE_ROWS) {
    it(`FileHandle opened '${flags}': ${titleOf(row)}`, async () => {
      const nodeHandle = await nodeFs.open('file', flags);
      const wanted = await outcomeOf(nodeHandle, row);
      await nodeHandle.close();
      writeFileSync('file', '0123456789');
      await using handle = await makeRing().fs.open('file', flags);
      expect(describeError(await outcomeOf(handle, row))).to.deep.equal(describeError(wanted));
    });
  }

  it('FileHandle of a directory: read and readFile say EISDIR', async () => {
    await using handle = await makeRing().fs.open('dir');
    for (const call of [handle.read(Buffer.alloc(4)), handle.readFile()]) {
      const error = await rejection(call);
      expect(describeError(error)).to.include({ code: 'EISDIR', errno: -21, syscall: 'read' });
      expect(error.message).to.equal('EISDIR: illegal operation on a directory, read');
    }
  });

  it('a full device: write says ENOSPC', async () => {
    await using handle = await makeRing().fs.open('/dev/full', 'w');
    const error = await rejection(handle.write('x'));
    expect(error.message).to.equal('ENOSPC: no space left on device, write');
    expect(describeError(error)).to.include({ code: 'ENOSPC', errno: -28, syscall: 'write' });
  });

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
