/** Streams over a handle: each scenario is run on Node's own handle as well, and must come out the same. */
import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import nodePromises, { type FileHandle as NodeHandle } from 'node:fs/promises';
import { finished, pipeline } from 'node:stream/promises';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { describeError } from '../support/outcomes.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT = pattern(200_000);
/** What both kinds of handle have. */
type AnyHandle = Pick<NodeHandle, 'createReadStream' | 'createWriteStream' | 'close' | 'fd'>;
type ReadOptions = Parameters<NodeHandle['createReadStream']>[0];
type WriteOptions = Parameters<NodeHandle['createWriteStream']>[0];

/** The names of a stream's events as they come, until it has ended. */
async function eventsOf(stream: NodeJS.EventEmitter, names: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  for (const name of names) stream.on(name, () => seen.push(name));
  await once(stream, 'close');
  return seen;
}

async function contentOf(handle: AnyHandle, options: ReadOptions): Promise<unknown> {
  try {
    const chunks: unknown[] = [];
    for await (const chunk of handle.createReadStream(options)) chunks.push(chunk);
    return { chunks, fd: handle.fd < 0 ? 'closed' : 'open' };
  } catch (error) {
    return describeError(error);
  } finally {
    await handle.close();
  }
}

function refusalOf(call: () => unknown): unknown {
  try {
    call();
    return 'none';
  } catch (error) {
    return describeError(error);
  }
}

describeOnEachBackend('FileHandle streams', (makeRing) => {
  const directory = temporaryDirectory();

  async function bothHandles(path: string, flags = 'r'): Promise<[FileHandle, NodeHandle]> {
    return [await makeRing().fs.open(path, flags), await nodePromises.open(path, flags)];
  }

  const READS: readonly [title: string, options: ReadOptions][] = [
    ['nothing', undefined],
    ['a start', { start: 150_000 }],
    ['a start and an end', { start: 10, end: 70_009 }],
    ['an end alone', { end: 99 }],
    ['an end before anything', { start: 0, end: 0 }],
    ['a start beyond the end of the file', { start: 300_000 }],
    ['a small highWaterMark', { highWaterMark: 1000, end: 4999 }],
    ['an encoding', { encoding: 'hex', end: 999 }],
    ['autoClose: false', { autoClose: false, end: 99 }],
    ['emitClose: false', { emitClose: false, end: 99 }],
    ['an unknown encoding', { encoding: 'none' as BufferEncoding }],
    ['an fs of its own', { fs: { read() {} } } as ReadOptions],
  ];
  for (const [title, options] of READS) {
    it(`createReadStream with ${title}: as Node's`, async () => {
      const [ours, theirs] = await bothHandles(directory.file('content', CONTENT));
      expect(await contentOf(ours, options)).to.deep.equal(await contentOf(theirs, options));
    });
  }

  // After such a refusal Node's own handle can't be closed any more, so these ask node:fs by path.
  const REFUSED_READS: readonly [title: string, options: ReadOptions][] = [
    ['a start after the end', { start: 5, end: 4 }],
    ['a start that is no integer', { start: 1.5 }],
    ['a negative start', { start: -1 }],
    ['a start of another type', { start: '3' as unknown as number }],
    ['an end of another type', { end: {} as unknown as number }],
  ];
  for (const [title, options] of REFUSED_READS) {
    it(`createReadStream with ${title}: refused as by Node, and the handle still closes`, async () => {
      const handle = await makeRing().fs.open(directory.file('content', CONTENT));
      expect(refusalOf(() => handle.createReadStream(options))).to.deep.equal(
        refusalOf(() => createReadStream(directory.at('content'), options as object)),
      );
      await within('the handle to be closed', handle.close());
    });
  }

  it('createWriteStream with what it must not be told: refused as by Node, and the handle still closes', async () => {
    const handle = await makeRing().fs.open(directory.file('content', CONTENT), 'r+');
    for (const options of [{ start: -1 }, { start: '3' }, { flush: 'yes' }, { highWaterMark: 'much' }]) {
      expect(refusalOf(() => handle.createWriteStream(options as WriteOptions))).to.deep.equal(
        refusalOf(() => createWriteStream(directory.at('content'), options as object)),
      );
    }
    await within('the handle to be closed', handle.close());
  });

  it('createReadStream: an fs.ReadStream with its events, which closes its handle', async () => {
    const [ours, theirs] = await bothHandles(directory.file('content', CONTENT));
    const names = ['open', 'ready', 'pause', 'end', 'close', 'error'];
    const seen: string[][] = [];
    for (const handle of [ours, theirs]) {
      const stream = handle.createReadStream();
      expect(stream).to.have.property('fd', handle.fd);
      stream.resume();
      const closed = once(handle as NodeJS.EventEmitter, 'close');
      seen.push(await eventsOf(stream, names));
      await closed;
      expect(handle.fd).to.equal(-1);
      expect(stream.bytesRead).to.equal(CONTENT.length);
      expect(stream.closed).to.equal(true);
    }
    expect(seen[0]).to.deep.equal(seen[1]);
    const again = await makeRing().fs.open(directory.at('content'));
    const stream = again.createReadStream();
    expect(stream.constructor.name).to.equal('ReadStream');
    stream.destroy();
    await once(stream, 'close');
  });

  it('createReadStream on a closed handle: refused as by Node', async () => {
    const [ours, theirs] = await bothHandles(directory.file('content', 'x'));
    await Promise.all([ours.close(), theirs.close()]);
    expect(await contentOf(ours, {})).to.deep.equal(await contentOf(theirs, {}));
    expect(await contentOf(ours, {})).to.include({ code: 'ERR_OUT_OF_RANGE' });
  });

  it('FileHandle.close: ends a stream, and is fulfilled after it', async () => {
    const handle = await makeRing().fs.open(directory.file('content', CONTENT));
    const stream = handle.createReadStream({ highWaterMark: 1000 });
    await once(stream, 'readable');
    const closed = once(stream, 'close');
    await within('the handle to be closed', handle.close());
    await within('the stream to be closed', closed);
    expect(stream.destroyed).to.equal(true);
  });

  it('two streams on one handle: each has its own range, and the last one closes it', async () => {
    const handle = await makeRing().fs.open(directory.file('content', CONTENT));
    const texts = await Promise.all(
      [0, 1000].map(async (start) => {
        const chunks: Buffer[] = [];
        const options = { start, end: start + 999, autoClose: false };
        for await (const chunk of handle.createReadStream(options)) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      }),
    );
    expect(Buffer.concat(texts)).to.deep.equal(CONTENT.subarray(0, 2000));
    expect(handle.fd).to.be.above(0);
    await within('the handle to be closed', handle.close());
  });

  it('signal: aborts the stream with an AbortError', async () => {
    const handle = await makeRing().fs.open(directory.file('content', CONTENT));
    const controller = new AbortController();
    const stream = handle.createReadStream({ signal: controller.signal, highWaterMark: 1000 });
    const failed = finished(stream).catch((error: NodeJS.ErrnoException) => error);
    stream.once('data', () => controller.abort(new Error('enough')));
    expect(await within('the stream to end', failed)).to.include({ name: 'AbortError', code: 'ABORT_ERR' });
    await within('the handle to be closed', handle.close());
  });

  it('destroy: ends the pending read of a silent FIFO, and the handle closes', async () => {
    const path = directory.fifo('silent');
    const ring = makeRing();
    const writer = await nodePromises.open(path, 'r+');
    try {
      const handle = await ring.fs.open(path);
      const stream = handle.createReadStream();
      stream.resume();
      await once(stream, 'resume');
      const closed = once(stream, 'close');
      setImmediate(() => stream.destroy());
      await within('the stream to close', closed);
      expect(handle.fd).to.equal(-1);
    } finally {
      await writer.close();
    }
  });

  const WRITES: readonly [title: string, options: WriteOptions][] = [
    ['nothing', undefined],
    ['a start', { start: 3 }],
    ['flush', { flush: true }],
    ['an encoding', { encoding: 'hex' }],
    ['autoClose: false', { autoClose: false }],
    ['a small highWaterMark', { highWaterMark: 2 }],
    ['an unknown encoding', { encoding: 'none' as BufferEncoding }],
  ];
  for (const [title, options] of WRITES) {
    it(`createWriteStream with ${title}: as Node's`, async () => {
      const results: unknown[] = [];
      const paths = [directory.file('ours', '0123456789'), directory.file('theirs', '0123456789')];
      const handles = [
        await makeRing().fs.open(paths[0] as string, 'r+'),
        await nodePromises.open(paths[1] as string, 'r+'),
      ];
      for (const [index, handle] of handles.entries()) {
        try {
          const stream = handle.createWriteStream(options);
          const events = eventsOf(stream, ['open', 'ready', 'finish', 'close', 'drain']);
          for (const chunk of ['61', '6263', '64']) stream.write(chunk);
          stream.end('6566');
          await finished(stream);
          if (options?.autoClose === false) stream.destroy();
          results.push([
            await events,
            stream.bytesWritten,
            readFileSync(paths[index] as string, 'latin1'),
            handle.fd,
          ]);
        } catch (error) {
          results.push(describeError(error));
        } finally {
          await handle.close();
        }
      }
      expect(results[0]).to.deep.equal(results[1]);
    });
  }

  it('createWriteStream: what was written before the handle is closed reaches the file', async () => {
    const path = directory.at('written');
    const handle = await makeRing().fs.open(path, 'w');
    const stream = handle.createWriteStream();
    stream.write(CONTENT.subarray(0, 100_000));
    stream.write(CONTENT.subarray(100_000));
    await within('the handle to be closed', handle.close());
    expect(readFileSync(path).equals(CONTENT)).to.equal(true);
  });

  it('pipeline: copies a file, with streams of ours on both sides', async () => {
    const ring = makeRing();
    const from = await ring.fs.open(directory.file('from', CONTENT));
    const to = await ring.fs.open(directory.at('to'), 'w');
    await pipeline(from.createReadStream(), to.createWriteStream());
    expect([from.fd, to.fd]).to.deep.equal([-1, -1]);
    expect(readFileSync(directory.at('to')).equals(CONTENT)).to.equal(true);
  });

  it('createWriteStream: a failed write is an error event, and the handle is closed', async () => {
    const [ours, theirs] = await bothHandles(directory.file('content', 'x'), 'r');
    const failures: unknown[] = [];
    for (const handle of [ours, theirs]) {
      const stream = handle.createWriteStream();
      stream.end('y');
      failures.push(describeError(await finished(stream).catch((error: unknown) => error)));
      await handle.close();
    }
    expect(failures[0]).to.deep.equal(failures[1]);
    expect(failures[0]).to.include({ code: 'EBADF', syscall: 'write' });
  });

  it('readLines: every line, whatever ends it', async () => {
    const text = 'one\ntwo\r\n\nfour\rfive';
    const [ours, theirs] = await bothHandles(directory.file('lines', text));
    const lines: string[][] = [];
    for (const handle of [ours, theirs]) {
      lines.push([]);
      for await (const line of handle.readLines({ encoding: 'utf8' })) lines.at(-1)?.push(line);
      expect(handle.fd).to.equal(-1);
    }
    expect(lines[0]).to.deep.equal(lines[1]);
    expect(lines[0]).to.include.members(['one', 'two', '', 'four']);
  });

  for (const [how, isClosed] of [
    ['end', false],
    ['break', true],
    ['destroy', true],
  ] as const) {
    it(`autoClose: false, ${how}: the handle is ${isClosed ? 'closed' : 'open'}, as with Node`, async () => {
      for (const handle of await bothHandles(directory.file('left', pattern(200_000)))) {
        const stream = handle.createReadStream({ autoClose: false });
        // Node 20 tells of a stream that is destroyed with an AbortError.
        stream.on('error', () => {});
        const closed = new Promise<void>((resolve) => stream.once('close', resolve));
        if (how === 'destroy') stream.destroy();
        else for await (const _chunk of stream) if (how === 'break') break;
        if (isClosed) await within('the stream to be closed', closed);
        expect(handle.fd === -1).to.equal(isClosed);
        await within('the close', handle.close());
      }
    });
  }

  it('read, write and writev of a handle’s own are asked by its streams, with what Node asks', async () => {
    for (const flags of ['r', 'w']) {
      const calls: unknown[][] = [];
      for (const handle of await bothHandles(directory.file('own', flags === 'r' ? CONTENT : ''), flags)) {
        const seen: unknown[] = [];
        calls.push(seen);
        for (const name of ['read', 'write', 'writev'] as const) {
          const original = handle[name] as (...args: unknown[]) => Promise<unknown>;
          const own = (first: unknown, ...rest: unknown[]): Promise<unknown> => {
            seen.push([name, ...rest]);
            return original.call(handle, first, ...rest);
          };
          Object.defineProperty(handle, name, { value: own });
        }
        if (flags === 'r') {
          for await (const _chunk of handle.createReadStream({ start: 5 }));
        } else {
          const stream = handle.createWriteStream();
          await new Promise((resolve) => stream.write('one', resolve));
          stream.cork();
          for (const piece of ['two', 'three']) stream.write(piece);
          stream.uncork();
          stream.end('four');
          await within('the stream to be closed', once(stream, 'close'));
        }
      }
      expect(calls[0]).to.have.length.greaterThan(1);
      expect(calls[0]).to.deep.equal(calls[1]);
    }
    expect(readFileSync(directory.at('own'), 'utf8')).to.equal('onetwothreefour');
  });

  it('readLines: break closes the handle', async () => {
    const handle = await makeRing().fs.open(directory.file('lines', 'one\ntwo\n'));
    for await (const line of handle.readLines()) {
      expect(line).to.equal('one');
      break;
    }
    await within('the handle to be closed', handle.close());
  });
});
