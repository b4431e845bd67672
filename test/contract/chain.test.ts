/** Ring.chain: the parts, in order, and what each result says. */
import { expect } from 'chai';
import {
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  promises as nodeFs,
  readFileSync,
  statSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import type { Chain, ChainPart, FileHandle } from 'ringlet';
import { describeOnEachBackend, needsOfRing } from '../support/backends.js';
import { type CallError, eventually, isPending, rejection, within } from '../support/eventually.js';
import { describeError } from '../support/outcomes.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { ECANCELED } = osConstants.errno;

type Result = PromiseSettledResult<unknown>;

function valueAt(result: Result | undefined): unknown {
  if (result?.status !== 'fulfilled')
    throw new Error('the part was to be fulfilled', { cause: result?.reason });
  return result.value;
}

function reasonOf(result: Result | undefined): CallError & { failedPartIndex?: number } {
  if (result?.status !== 'rejected') throw new Error('the part was to be rejected', { cause: result?.value });
  return result.reason as CallError;
}

/** That a part never began, and says which one kept it from that, and how. */
function expectCanceled(result: Result | undefined, failedPartIndex: number, why: string): void {
  const reason = reasonOf(result);
  expect(reason).to.be.instanceOf(Error);
  expect([reason.code, reason.errno, reason.failedPartIndex]).to.deep.equal([
    'ECANCELED',
    -ECANCELED,
    failedPartIndex,
  ]);
  expect(reason.message.startsWith('ECANCELED: operation canceled, '), reason.message).to.equal(true);
  expect(reason.message).to.contain(why);
  expect(reason.cause).to.be.instanceOf(Error);
}

describeOnEachBackend('Ring.chain', (makeRing, configuration) => {
  const directory = temporaryDirectory();

  it('write, datasync, rename: each has its result, and all of it is done', async () => {
    const ring = makeRing();
    await using handle = await ring.fs.open(directory.at('settings.new'), 'w');
    const data = pattern(2000);
    const results = await ring.chain((chain) => {
      chain.write(handle, data, { position: 0 });
      chain.datasync(handle);
      chain.rename(directory.at('settings.new'), directory.at('settings'));
    });
    expect(results).to.deep.equal([
      { status: 'fulfilled', value: { bytesWritten: 2000, buffer: data } },
      { status: 'fulfilled', value: undefined },
      { status: 'fulfilled', value: undefined },
    ]);
    expect(readFileSync(directory.at('settings')).equals(data)).to.equal(true);
    expect(existsSync(directory.at('settings.new'))).to.equal(false);
  });

  it('with a time limit that is not reached the results are the same', async () => {
    const ring = makeRing();
    await using handle = await ring.fs.open(directory.at('new'), 'w');
    const results = await ring.chain(
      (chain) => [
        chain.write(handle, 'text', { position: 0 }),
        chain.datasync(handle),
        chain.rename(directory.at('new'), directory.at('old')),
      ],
      { timeoutMs: 10_000 },
    );
    expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(valueAt(results[0])).to.deep.equal({ bytesWritten: 4, buffer: 'text' });
    expect(readFileSync(directory.at('old'), 'utf8')).to.equal('text');
    await eventually('nothing of it is pending', () => ring.stats().inFlight === 0);
  });

  it('each kind of part does what the call of its name does', async () => {
    const ring = makeRing();
    const path = directory.file('file', pattern(100));
    await using handle = await ring.fs.open(path, 'r+');
    const [whole, one, two] = [Buffer.alloc(100), Buffer.alloc(30), Buffer.alloc(70)];
    const [read, readv] = await ring.chain((chain) => [
      chain.read(handle, whole, { position: 0 }),
      chain.readv(handle, [one, two], 0),
    ]);
    expect(valueAt(read)).to.deep.equal({ bytesRead: 100, buffer: whole });
    expect(valueAt(readv)).to.deep.equal({ bytesRead: 100, buffers: [one, two] });
    expect(whole.equals(pattern(100)) && Buffer.concat([one, two]).equals(whole)).to.equal(true);

    const results = await ring.chain((chain) => [
      chain.mkdir(directory.at('dir'), 0o700),
      chain.link(path, directory.at('dir/second')),
      chain.symlink('second', directory.at('dir/soft')),
      chain.stat(directory.at('dir/soft'), { bigint: true }),
      chain.lstat(directory.at('dir/soft')),
    ]);
    expect(results.map(({ status }) => status)).to.deep.equal(new Array(5).fill('fulfilled'));
    expect(statSync(directory.at('dir')).mode & 0o777).to.equal(0o700 & ~process.umask());
    expect(valueAt(results[3])).to.deep.equal(statSync(path, { bigint: true }));
    expect(valueAt(results[4])).to.deep.equal(lstatSync(directory.at('dir/soft')));

    await ring.chain((chain) => [
      chain.unlink(directory.at('dir/soft')),
      chain.unlink(directory.at('dir/second')),
      chain.rmdir(directory.at('dir')),
    ]);
    expect(existsSync(directory.at('dir'))).to.equal(false);
  });

  it('truncate, writev, sync and stat likewise', async function () {
    const ring = makeRing();
    needsOfRing(this, ring, 'truncate');
    const path = directory.file('file', pattern(100));
    await using handle = await ring.fs.open(path, 'r+');
    const parts = [Buffer.from('ab'), Buffer.from('cd')];
    const [truncated, writev, synced, stats] = await ring.chain((chain) => [
      chain.truncate(handle, 3),
      chain.writev(handle, parts, 3),
      chain.sync(handle),
      chain.stat(handle),
    ]);
    expect([valueAt(truncated), valueAt(synced)]).to.deep.equal([undefined, undefined]);
    expect(valueAt(writev)).to.deep.equal({ bytesWritten: 4, buffers: parts });
    expect(readFileSync(path).equals(Buffer.concat([pattern(100).subarray(0, 3), ...parts]))).to.equal(true);
    expect(stats.status === 'fulfilled' && [stats.value.size, stats.value.ino]).to.deep.equal([
      7,
      statSync(path).ino,
    ]);
  });

  it('the file’s cursor moves from part to part', async () => {
    const ring = makeRing();
    await using handle = await ring.fs.open(directory.at('a'), 'w+');
    await ring.chain((chain) => [
      chain.write(handle, 'one '),
      chain.write(handle, 'two '),
      chain.write(handle, Buffer.from('_three_'), { offset: 1, length: 5 }),
    ]);
    expect(readFileSync(directory.at('a'), 'utf8')).to.equal('one two three');
  });

  it('open comes last, and gives a handle', async () => {
    const ring = makeRing();
    const [, opened] = await ring.chain((chain) => [
      chain.mkdir(directory.at('dir')),
      chain.open(directory.at('dir/new'), 'w', 0o600),
    ]);
    const handle = valueAt(opened) as FileHandle;
    await handle.write('content');
    await handle.close();
    expect(readFileSync(directory.at('dir/new'), 'utf8')).to.equal('content');
    expect(statSync(directory.at('dir/new')).mode & 0o777).to.equal(0o600 & ~process.umask());
    const error = await rejection(
      ring.chain((chain) => {
        chain.open(directory.at('dir/new'));
        chain.unlink(directory.at('dir/new'));
      }),
    );
    expect(error.code).to.equal('ERR_INVALID_STATE');
    expect(existsSync(directory.at('dir/new'))).to.equal(true);
  });

  it('no parts: no results', async () => {
    expect(await makeRing().chain(() => {})).to.deep.equal([]);
  });

  it('200 chains at once, between other calls, each do their own in order', async () => {
    const ring = makeRing();
    const handles = await Promise.all(
      Array.from({ length: 20 }, (_unused, index) => ring.fs.open(directory.at(`f${index}`), 'w+')),
    );
    const chains = Array.from({ length: 200 }, async (_unused, index) => {
      const handle = handles[index % 20] as FileHandle;
      const position = Math.floor(index / 20) * 8;
      const back = Buffer.alloc(8);
      const stat = ring.fs.stat(directory.path);
      const results = await ring.chain((chain) => {
        chain.write(handle, pattern(8, index), { position });
        chain.read(handle, back, { position });
        chain.mkdir(directory.at(`d${index}`));
      });
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
      expect(back.equals(pattern(8, index)), `chain ${index}`).to.equal(true);
      await stat;
    });
    await within('200 chains', Promise.all(chains));
    await Promise.all(handles.map((handle) => handle.close()));
    for (let index = 0; index < 200; index += 1) {
      expect(existsSync(directory.at(`d${index}`)), `d${index}`).to.equal(true);
    }
  });

  describe('a part that fails', () => {
    type Failing = [
      title: string,
      kind: string,
      add: (chain: Chain, handles: Handles) => void,
      same: () => unknown,
    ];
    interface Handles {
      readOnly: FileHandle;
      fifo: FileHandle;
      dir: FileHandle;
    }
    const withNode = async (
      path: string,
      call: (handle: nodeFs.FileHandle) => Promise<unknown>,
    ): Promise<unknown> => {
      const handle = await nodeFs.open(path, path.endsWith('fifo') ? 'r+' : 'r');
      try {
        return await call(handle);
      } finally {
        await handle.close();
      }
    };
    const bytes = Buffer.from('x');
    /** Each with Node's own call of the same, whose error it must have. */
    const FAILING: readonly Failing[] = [
      [
        'write',
        'write',
        (chain, { readOnly }) => chain.write(readOnly, bytes),
        () => withNode(at('file'), (handle) => handle.write(bytes)),
      ],
      [
        'writev',
        'writev',
        (chain, { readOnly }) => chain.writev(readOnly, [bytes], 0),
        () => withNode(at('file'), (handle) => handle.writev([bytes], 0)),
      ],
      [
        'read',
        'read',
        (chain, { dir }) => chain.read(dir, Buffer.alloc(1)),
        () => withNode(at('dir'), (handle) => handle.read(Buffer.alloc(1), 0, 1)),
      ],
      [
        'sync',
        'sync',
        (chain, { fifo }) => chain.sync(fifo),
        () => withNode(at('fifo'), (handle) => handle.sync()),
      ],
      [
        'datasync',
        'datasync',
        (chain, { fifo }) => chain.datasync(fifo),
        () => withNode(at('fifo'), (handle) => handle.datasync()),
      ],
      [
        'truncate',
        'truncate',
        (chain, { readOnly }) => chain.truncate(readOnly, 1),
        () => withNode(at('file'), (handle) => handle.truncate(1)),
      ],
      ['stat', 'stat', (chain) => chain.stat(at('missing')), () => nodeFs.stat(at('missing'))],
      ['lstat', 'lstat', (chain) => chain.lstat(at('missing')), () => nodeFs.lstat(at('missing'))],
      [
        'rename',
        'rename',
        (chain) => chain.rename(at('missing'), at('other')),
        () => nodeFs.rename(at('missing'), at('other')),
      ],
      [
        'link',
        'link',
        (chain) => chain.link(at('file'), at('dir')),
        () => nodeFs.link(at('file'), at('dir')),
      ],
      ['symlink', 'symlink', (chain) => chain.symlink('x', at('dir')), () => nodeFs.symlink('x', at('dir'))],
      ['unlink', 'unlink', (chain) => chain.unlink(at('missing')), () => nodeFs.unlink(at('missing'))],
      ['mkdir', 'mkdir', (chain) => chain.mkdir(at('dir')), () => nodeFs.mkdir(at('dir'))],
      ['rmdir', 'rmdir', (chain) => chain.rmdir(at('dir')), () => nodeFs.rmdir(at('dir'))],
    ];
    const at = (name: string): string => directory.at(name);

    for (const [title, kind, add, same] of FAILING) {
      it(`${title}: has the call’s own error, and the parts after it do not begin`, async function () {
        const ring = makeRing();
        needsOfRing(this, ring, kind);
        directory.file('file', 'content');
        directory.fifo('fifo');
        mkdirSync(at('dir'));
        directory.file('dir/inside', '');
        await using readOnly = await ring.fs.open(at('file'));
        await using fifo = await ring.fs.open(at('fifo'), 'r+');
        await using dir = await ring.fs.open(at('dir'));
        const results = await ring.chain((chain) => {
          chain.mkdir(at('before'));
          add(chain, { readOnly, fifo, dir });
          chain.mkdir(at('after'));
          chain.rename(at('file'), at('moved'));
        });
        const own = await Promise.resolve(same()).catch((error: unknown) => error);
        expect(own, 'Node’s own call must fail, too').to.be.instanceOf(Error);
        expect(valueAt(results[0])).to.equal(undefined);
        expect(describeError(reasonOf(results[1]))).to.deep.equal(describeError(own));
        for (const result of results.slice(2)) {
          expectCanceled(result, 1, `part 1 (${kind}) failed`);
          expect(reasonOf(result).cause).to.equal(reasonOf(results[1]));
        }
        expect(reasonOf(results[2])).to.include({ syscall: 'mkdir', path: at('after') });
        expect(reasonOf(results[3])).to.include({ syscall: 'rename', path: at('file'), dest: at('moved') });
        const exist = ['before', 'after', 'moved'].map((name) => existsSync(at(name)));
        expect(exist).to.deep.equal([true, false, false]);
      });
    }

    it('the first: nothing else begins', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.file('file', 'content'));
      const results = await ring.chain((chain) => {
        chain.write(handle, 'x', { position: 0 });
        chain.read(handle, Buffer.alloc(1), { position: 0 });
        chain.unlink(directory.at('file'));
      });
      expect(reasonOf(results[0]).code).to.equal('EBADF');
      expectCanceled(results[1], 0, 'part 0 (write) failed');
      expectCanceled(results[2], 0, 'part 0 (write) failed');
      expect(existsSync(directory.at('file'))).to.equal(true);
    });

    it('the last: all others are done', async () => {
      const ring = makeRing();
      const results = await ring.chain((chain) => {
        chain.mkdir(directory.at('a'));
        chain.mkdir(directory.at('b'));
        chain.open(directory.at('missing'));
      });
      expect([valueAt(results[0]), valueAt(results[1])]).to.deep.equal([undefined, undefined]);
      const own = await nodeFs.open(directory.at('missing')).catch((error: unknown) => error);
      expect(describeError(reasonOf(results[2]))).to.deep.equal(describeError(own));
    });

    it('the stack of its error leads to the caller of the chain', async () => {
      const ring = makeRing();
      async function theCallerItself(): Promise<Result[]> {
        return await ring.chain((chain) => {
          chain.unlink(directory.at('missing'));
        });
      }
      expect(reasonOf((await theCallerItself())[0]).stack).to.contain('theCallerItself');
    });
  });

  describe('a transfer that falls short', () => {
    it('a read at the end of the file: fulfilled with what there was, and the rest does not begin', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.file('a', pattern(100)));
      const buffer = Buffer.alloc(64);
      const results = await ring.chain((chain) => {
        chain.read(handle, Buffer.alloc(10), { position: 0 });
        chain.read(handle, buffer, { position: 80 });
        chain.unlink(directory.at('a'));
      });
      expect(valueAt(results[1])).to.deep.equal({ bytesRead: 20, buffer });
      expect(buffer.subarray(0, 20).equals(pattern(100).subarray(80))).to.equal(true);
      expectCanceled(results[2], 1, 'part 1 (read) transferred 20 of 64 bytes');
      expect(reasonOf(results[2]).cause).to.include({
        code: 'ERR_RINGLET_SHORT_TRANSFER',
        message: '20 of 64 bytes were transferred',
      });
      expect(existsSync(directory.at('a'))).to.equal(true);
    });

    it('readv likewise, and reads of nothing at all', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.file('a', pattern(100)));
      const vectored = await ring.chain((chain) => {
        chain.readv(handle, [Buffer.alloc(60), Buffer.alloc(60)], 0);
        chain.unlink(directory.at('a'));
      });
      expect(valueAt(vectored[0])).to.include({ bytesRead: 100 });
      expectCanceled(vectored[1], 0, 'part 0 (readv) transferred 100 of 120 bytes');
      const nothing = await ring.chain((chain) => {
        chain.read(handle, Buffer.alloc(1), { position: 100 });
        chain.unlink(directory.at('a'));
      });
      expect(valueAt(nothing[0])).to.include({ bytesRead: 0 });
      expectCanceled(nothing[1], 0, 'part 0 (read) transferred 0 of 1 bytes');
    });

    it('a write that a full pipe takes in part', async () => {
      const ring = makeRing();
      const flags = constants.O_RDWR | constants.O_NONBLOCK;
      await using fifo = await ring.fs.open(directory.fifo('fifo'), flags);
      const results = await ring.chain((chain) => {
        chain.write(fifo, Buffer.alloc(1024 * 1024));
        chain.mkdir(directory.at('after'));
      });
      const { bytesWritten } = valueAt(results[0]) as { bytesWritten: number };
      expect(bytesWritten).to.be.within(4096, 1024 * 1024 - 1);
      expectCanceled(results[1], 0, `part 0 (write) transferred ${bytesWritten} of 1048576 bytes`);
      expect(existsSync(directory.at('after'))).to.equal(false);
    });

    it('at the end of the chain it keeps nothing from anything', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.file('a', pattern(100)));
      const [, read] = await ring.chain((chain) => [
        chain.mkdir(directory.at('dir')),
        chain.read(handle, Buffer.alloc(500), { position: 0 }),
      ]);
      expect(valueAt(read)).to.include({ bytesRead: 100 });
    });

    it('0 bytes asked for and moved are no shortfall', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.at('a'), 'w+');
      const results = await ring.chain((chain) => {
        chain.write(handle, '');
        chain.read(handle, Buffer.alloc(4), { length: 0 });
        chain.mkdir(directory.at('dir'));
      });
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
    });
  });

  describe('close', () => {
    it('closes the handle for good: write, close, rename', async () => {
      const ring = makeRing({ registeredFds: 8 });
      const handle = await ring.fs.open(directory.at('a'), 'w');
      const { fd } = handle;
      const results = await ring.chain((chain) => {
        chain.write(handle, 'content');
        chain.close(handle);
        chain.rename(directory.at('a'), directory.at('b'));
      });
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
      expect(readFileSync(directory.at('b'), 'utf8')).to.equal('content');
      expect(handle.fd).to.equal(-1);
      expect((await rejection(handle.stat())).message).to.equal('file closed');
      await handle.close();
      // The number is free again, for a file that must not be mistaken for the old one.
      await using other = await ring.fs.open(directory.file('c', 'another'));
      expect(other.fd).to.equal(fd);
      expect(await other.readFile('utf8')).to.equal('another');
    });

    it('a chain that breaks before it leaves the handle open', async () => {
      const ring = makeRing({ registeredFds: 8 });
      await using handle = await ring.fs.open(directory.file('a', 'content'));
      const results = await ring.chain((chain) => {
        chain.read(handle, Buffer.alloc(100), { position: 0 });
        chain.close(handle);
      });
      expectCanceled(results[1], 0, 'part 0 (read)');
      expect(handle.fd).to.be.greaterThan(-1);
      expect(await handle.readFile('utf8')).to.equal('content');
    });

    it('refuses parts on the handle after it, and then does nothing', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.at('a'), 'w');
      for (const add of [
        (chain: Chain) => chain.write(handle, 'x'),
        (chain: Chain) => chain.sync(handle),
        (chain: Chain) => chain.close(handle),
      ]) {
        const error = await rejection(
          ring.chain((chain) => {
            chain.mkdir(directory.at('dir'));
            chain.close(handle);
            add(chain);
          }),
        );
        expect([error.code, error.message]).to.deep.equal(['EBADF', 'file closed']);
      }
      expect(existsSync(directory.at('dir'))).to.equal(false);
      await handle.write('still open');
    });

    it('waits for what is pending on the handle, which takes nothing new meanwhile', async () => {
      const ring = makeRing();
      const path = directory.fifo('fifo');
      const handle = await ring.fs.open(path, 'r+');
      await using writer = await ring.fs.open(path, 'r+');
      const reading = handle.read(Buffer.alloc(1));
      const closing = ring.chain((chain) => {
        chain.close(handle);
        chain.mkdir(directory.at('after'));
      });
      expect(await isPending(closing)).to.equal(true);
      expect((await rejection(handle.read(Buffer.alloc(1)))).message).to.equal('file closed');
      expect(existsSync(directory.at('after'))).to.equal(false);
      await writer.write('x');
      expect((await reading).bytesRead).to.equal(1);
      await within('the chain', closing);
      expect(existsSync(directory.at('after'))).to.equal(true);
    });

    it('an abort, and the time limit, end that wait; nothing is done, and the handle is open again', async () => {
      const ring = makeRing();
      const path = directory.fifo('fifo');
      const handle = await ring.fs.open(path, 'r+');
      await using writer = await ring.fs.open(path, 'r+');
      const reading = handle.read(Buffer.alloc(1));
      const controller = new AbortController();
      const build = (chain: Chain): void => {
        chain.mkdir(directory.at('before'));
        chain.close(handle);
      };
      const aborted = ring.chain(build, { signal: controller.signal });
      expect(await isPending(aborted)).to.equal(true);
      controller.abort();
      expect((await rejection(aborted)).code).to.equal('ABORT_ERR');
      const results = await within('the chain', ring.chain(build, { timeoutMs: 20 }));
      expect(reasonOf(results[0])).to.include({ code: 'ETIMEDOUT', syscall: 'mkdir' });
      expectCanceled(results[1], 0, 'part 0 (mkdir) was stopped');
      expect(existsSync(directory.at('before'))).to.equal(false);
      await writer.write('xy');
      expect((await reading).bytesRead).to.equal(1);
      expect((await handle.read(Buffer.alloc(1))).bytesRead).to.equal(1);
      await handle.close();
    });

    it('FileHandle.close beside it ends when the chain does, whichever way', async () => {
      const ring = makeRing();
      for (const bytes of [7, 100]) {
        const handle = await ring.fs.open(directory.file('a', 'content'));
        const chain = ring.chain((parts) => {
          parts.read(handle, Buffer.alloc(bytes), { position: 0 });
          parts.close(handle);
        });
        const closing = handle.close();
        await within('the chain', chain);
        await within('the close', closing);
        expect(handle.fd).to.equal(-1);
      }
    });
  });

  describe('misuse', () => {
    const cases: readonly [
      title: string,
      code: string,
      add: (chain: Chain, handle: FileHandle) => unknown,
    ][] = [
      ['no handle', 'ERR_INVALID_ARG_TYPE', (chain) => chain.sync(5 as never)],
      ['a handle of node:fs', 'ERR_INVALID_ARG_TYPE', (chain) => chain.sync({ fd: 1 } as never)],
      ['no buffer', 'ERR_INVALID_ARG_TYPE', (chain, handle) => chain.read(handle, 'text' as never)],
      ['no data', 'ERR_INVALID_ARG_TYPE', (chain, handle) => chain.write(handle, 5 as never)],
      [
        'an offset behind the buffer',
        'ERR_OUT_OF_RANGE',
        (chain, handle) => chain.read(handle, Buffer.alloc(4), { offset: 5 }),
      ],
      [
        'a length beyond the buffer',
        'ERR_OUT_OF_RANGE',
        (chain, handle) => chain.write(handle, Buffer.alloc(4), { length: 5 }),
      ],
      [
        'a negative position',
        'ERR_OUT_OF_RANGE',
        (chain, handle) => chain.read(handle, Buffer.alloc(4), { position: -2 }),
      ],
      ['no vectors', 'ERR_INVALID_ARG_VALUE', (chain, handle) => chain.readv(handle, [])],
      [
        '1,025 vectors',
        'ERR_INVALID_ARG_VALUE',
        (chain, handle) => chain.writev(handle, new Array<Buffer>(1025).fill(Buffer.alloc(1))),
      ],
      [
        'a vector that is none',
        'ERR_INVALID_ARG_TYPE',
        (chain, handle) => chain.writev(handle, [5 as never]),
      ],
      ['no path', 'ERR_INVALID_ARG_TYPE', (chain) => chain.unlink(undefined as never)],
      ['a NUL in a path', 'ERR_INVALID_ARG_VALUE', (chain) => chain.rename('a\0b', 'c')],
      ['no such flag', 'ERR_INVALID_ARG_VALUE', (chain) => chain.open('a', 'what')],
      [
        'a length that is no number',
        'ERR_INVALID_ARG_TYPE',
        (chain, handle) => chain.truncate(handle, 'x' as never),
      ],
      ['no length to allocate', 'ERR_OUT_OF_RANGE', (chain, handle) => chain.allocate(handle, 0, 0)],
    ];
    for (const [title, code, add] of cases) {
      it(`${title}: ${code}, and no part is done`, async () => {
        const ring = makeRing();
        await using handle = await ring.fs.open(directory.at('a'), 'w+');
        const error = await rejection(
          ring.chain((chain) => {
            chain.mkdir(directory.at('dir'));
            add(chain, handle);
          }),
        );
        expect(error.code).to.equal(code);
        expect(existsSync(directory.at('dir'))).to.equal(false);
      });
    }

    it('a closed handle, and one of another ring', async () => {
      const ring = makeRing();
      const handle = await ring.fs.open(directory.at('a'), 'w+');
      await using foreign = await makeRing().fs.open(directory.at('b'), 'w+');
      const unknown = await rejection(ring.chain((chain) => [chain.sync(foreign)]));
      expect(unknown.code).to.equal('ERR_INVALID_ARG_VALUE');
      await handle.close();
      const closed = await rejection(ring.chain((chain) => [chain.sync(handle)]));
      expect([closed.code, closed.message, closed.syscall]).to.deep.equal(['EBADF', 'file closed', 'fsync']);
    });

    it('the builder: no function, one that throws, one that is async, parts left out, parts too late', async () => {
      const ring = makeRing();
      const wrong = ring.chain as (build: unknown, options?: unknown) => Promise<unknown>;
      const chainOf = (build: unknown, options?: unknown): Promise<CallError> =>
        rejection(wrong.call(ring, build, options));
      expect((await chainOf(undefined)).code).to.equal('ERR_INVALID_ARG_TYPE');
      const own = new Error('of the builder');
      expect(
        await chainOf(() => {
          throw own;
        }),
      ).to.equal(own);
      expect((await chainOf(async () => {})).code).to.equal('ERR_INVALID_ARG_VALUE');
      const some = (chain: Chain): ChainPart<unknown>[] => {
        chain.mkdir(directory.at('dir'));
        return [chain.mkdir(directory.at('dir/inside'))];
      };
      expect((await chainOf(some)).code).to.equal('ERR_INVALID_ARG_VALUE');
      let kept: Chain | undefined;
      await ring.chain((chain) => {
        kept = chain;
      });
      expect(() => kept?.mkdir(directory.at('dir')))
        .to.throw()
        .with.property('code', 'ERR_INVALID_STATE');
      expect(existsSync(directory.at('dir'))).to.equal(false);
      for (const timeoutMs of [0, -1, 1.5, 2 ** 31]) {
        expect((await chainOf(() => {}, { timeoutMs })).code).to.equal('ERR_OUT_OF_RANGE');
      }
      expect((await chainOf(() => {}, { timeoutMs: '5' })).code).to.equal('ERR_INVALID_ARG_TYPE');
      expect((await chainOf(() => {}, { signal: 5 })).code).to.equal('ERR_INVALID_ARG_TYPE');
    });
  });

  if (configuration.title === 'node') {
    it('allocate: a part that fails with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM, as the call does', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.at('a'), 'w+');
      const results = await ring.chain((chain) => {
        chain.allocate(handle, 0, 4096);
        chain.mkdir(directory.at('dir'));
      });
      expect(reasonOf(results[0]).code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      expectCanceled(results[1], 0, 'part 0 (allocate) failed');
    });
  } else {
    it('allocate: reserves, and its failure keeps the rest from beginning', async () => {
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.at('a'), 'w+');
      await ring.chain((chain) => [chain.allocate(handle, 0, 8192, { mode: 'keepSize' })]);
      const { size, blocks } = statSync(directory.at('a'));
      expect([size, blocks >= 16]).to.deep.equal([0, true]);
      await using readOnly = await ring.fs.open(directory.at('a'));
      const results = await ring.chain((chain) => {
        chain.allocate(readOnly, 0, 4096);
        chain.mkdir(directory.at('dir'));
      });
      expect(reasonOf(results[0])).to.include({ code: 'EBADF', syscall: 'fallocate' });
      expectCanceled(results[1], 0, 'part 0 (allocate) failed');
      expect(existsSync(directory.at('dir'))).to.equal(false);
    });
  }
});
