/** Calls for many: FileHandle.readMany and writeMany, Fs.statMany. */
import { expect } from 'chai';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { FileHandle, ManyResults, Ring, TransferRequest } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, eventually, rejection, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT = pattern(100_000);

function valuesOf<Result>(results: ManyResults<Result>): Result[] {
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function reasonsOf(results: ManyResults<unknown>): CallError[] {
  return results.map((result) => {
    expect(result.status).to.equal('rejected');
    return (result as PromiseRejectedResult).reason as CallError;
  });
}

/** The error that ended a call, and what it says of each part. */
async function stopped(call: Promise<unknown>): Promise<CallError & { results: ManyResults<unknown> }> {
  return (await within('the call to end', rejection(call))) as CallError & { results: ManyResults<unknown> };
}

/** Runs `use` on a ring whose only place is taken, and then frees it. */
async function whileFull<Result>(ring: Ring, fifo: string, use: () => Promise<Result>): Promise<Result> {
  const opening = ring.fs.open(fifo);
  await eventually('the place to be taken', () => ring.stats().inFlight === 1);
  const outcome = await use();
  const writer = openSync(fifo, 'r+');
  await (await within('the FIFO to open', opening)).close();
  closeSync(writer);
  return outcome;
}

describeOnEachBackend('FileHandle.readMany', (makeRing) => {
  const directory = temporaryDirectory();
  let ring: Ring;
  let handle: FileHandle;
  beforeEach(async () => {
    ring = makeRing();
    handle = await ring.fs.open(directory.file('content', CONTENT));
  });
  afterEach(() => handle.close());

  it('waits for nothing that waits for a peer, however few places are left', async () => {
    const few = makeRing({ inFlightMax: 4 });
    const fifo = await few.fs.open(directory.fifo('silent'), 'r+');
    const file = await few.fs.open(directory.at('content'));
    const silent = Array.from({ length: 3 }, () => rejection(fifo.read(Buffer.alloc(1))));
    const reads = Array.from({ length: 10 }, (_unused, index) => ({
      buffer: Buffer.alloc(10),
      position: index * 10,
    }));
    const [first, second] = await within(
      'the reads',
      Promise.all([file.readMany(reads), file.readMany(reads), file.stat()]),
    );
    for (const results of [first, second]) {
      expect(valuesOf(results).map(({ bytesRead }) => bytesRead)).to.deep.equal(new Array(10).fill(10));
    }
    await fifo.cancel();
    await Promise.all([...silent, file.close()]);
    await fifo.close();
  });

  it('reads each at its own position, whatever kind of view, and tells in their order', async () => {
    const reads: TransferRequest[] = [
      { buffer: Buffer.alloc(10), position: 50_000 },
      { buffer: new Uint16Array(4), position: 0 },
      { buffer: new DataView(new ArrayBuffer(7)), position: 99_000n },
      { buffer: Buffer.alloc(0), position: 3 },
      { buffer: Buffer.alloc(20), position: 7, offset: 5, length: 10 },
      { buffer: Buffer.alloc(20), position: 7, offset: null, length: null },
    ];
    const results = await handle.readMany(reads);
    expect(results.map(({ status }) => status)).to.deep.equal(new Array(reads.length).fill('fulfilled'));
    for (const [index, { bytesRead, buffer }] of valuesOf(results).entries()) {
      const { buffer: given, position, offset, length } = reads[index] as TransferRequest;
      const start = offset ?? 0;
      const bytes = length ?? given.byteLength - start;
      expect(buffer).to.equal(given);
      expect(bytesRead).to.equal(bytes);
      const read = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
      const at = Number(position);
      expect(read.subarray(start, start + bytes).equals(CONTENT.subarray(at, at + bytes))).to.equal(true);
      expect(read.subarray(0, start).equals(Buffer.alloc(start))).to.equal(true);
      expect(read.subarray(start + bytes).every((byte) => byte === 0)).to.equal(true);
    }
  });

  it('across the end a read is short, and 0 beyond it; the others are whole', async () => {
    const { length } = CONTENT;
    const at = (position: number): TransferRequest => ({ buffer: Buffer.alloc(100), position });
    const results = await handle.readMany([at(length - 40), at(0), at(length), at(length * 1000)]);
    expect(valuesOf(results).map(({ bytesRead }) => bytesRead)).to.deep.equal([40, 100, 0, 0]);
  });

  it('leaves the cursor where it was', async () => {
    await handle.readMany([{ buffer: Buffer.alloc(10), position: 500 }]);
    const { buffer } = await handle.read(Buffer.alloc(5));
    expect(buffer.equals(CONTENT.subarray(0, 5))).to.equal(true);
  });

  for (const inFlightMax of [1, 7, 4096]) {
    it(`a thousand, with ${inFlightMax} in flight at most, beside other reads`, async () => {
      const narrow = makeRing({ inFlightMax });
      await using file = await narrow.fs.open(directory.at('content'));
      const reads = Array.from({ length: 1000 }, (_unused, index) => ({
        buffer: Buffer.alloc(64),
        position: (index * 7919) % (CONTENT.length - 64),
      }));
      const before = file.read(Buffer.alloc(10), 0, 10, 10);
      const many = file.readMany(reads);
      const after = file.read(Buffer.alloc(10), 0, 10, 20);
      const results = valuesOf(await within('the reads', many));
      for (const [index, { bytesRead, buffer }] of results.entries()) {
        const { position } = reads[index] as { position: number };
        expect(bytesRead).to.equal(64);
        expect(buffer.equals(CONTENT.subarray(position, position + 64)), `read ${index}`).to.equal(true);
      }
      expect((await before).buffer.equals(CONTENT.subarray(10, 20))).to.equal(true);
      expect((await after).buffer.equals(CONTENT.subarray(20, 30))).to.equal(true);
      expect(narrow.stats().inFlightPeak).to.be.at.most(inFlightMax);
      expect(narrow.stats()).to.include({ inFlight: 0, waiting: 0 });
    });
  }

  it('several calls at once do not mix', async () => {
    const calls = Array.from({ length: 20 }, (_unused, call) =>
      handle.readMany(
        Array.from({ length: 40 }, (_none, index) => ({
          buffer: Buffer.alloc(10),
          position: 1000 * call + 10 * index,
        })),
      ),
    );
    for (const [call, results] of (await Promise.all(calls)).entries()) {
      const read = Buffer.concat(valuesOf(results).map(({ buffer }) => buffer));
      expect(read.equals(CONTENT.subarray(1000 * call, 1000 * call + 400)), `call ${call}`).to.equal(true);
    }
  });

  it('none is no error', async () => {
    expect(await handle.readMany([])).to.deep.equal([]);
    expect(await handle.writeMany([])).to.deep.equal([]);
  });

  it('each fails by itself, with the error of a read', async () => {
    await using writer = await ring.fs.open(directory.at('written'), 'w');
    const one = { buffer: Buffer.alloc(4), position: 0 };
    for (const reason of reasonsOf(await writer.readMany([one, one]))) {
      expect(reason).to.include({ code: 'EBADF', syscall: 'read' });
    }
    await using directoryHandle = await ring.fs.open(directory.path);
    for (const reason of reasonsOf(await directoryHandle.readMany([one]))) {
      expect(reason).to.include({ code: 'EISDIR', syscall: 'read' });
    }
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    for (const reason of reasonsOf(await fifo.readMany([one]))) {
      expect(reason).to.include({ code: 'ESPIPE', syscall: 'read' });
    }
  });

  it('refuses arguments before it begins', async () => {
    const buffer = Buffer.alloc(4);
    const good = { buffer, position: 0 };
    const rows: readonly [unknown, string, RegExp][] = [
      [undefined, 'ERR_INVALID_ARG_TYPE', /"reads"/],
      [{ length: 1 }, 'ERR_INVALID_ARG_TYPE', /"reads"/],
      [[good, undefined], 'ERR_INVALID_ARG_TYPE', /"reads\[1\]"/],
      [[good, buffer], 'ERR_INVALID_ARG_TYPE', /reads\[1\]\.buffer/],
      [[{ position: 0 }], 'ERR_INVALID_ARG_TYPE', /reads\[0\]\.buffer/],
      [[{ buffer: 'text', position: 0 }], 'ERR_INVALID_ARG_TYPE', /reads\[0\]\.buffer/],
      [[{ buffer }], 'ERR_INVALID_ARG_TYPE', /reads\[0\]\.position/],
      [[{ buffer, position: null }], 'ERR_INVALID_ARG_TYPE', /reads\[0\]\.position/],
      [[good, { buffer, position: -1 }], 'ERR_OUT_OF_RANGE', /reads\[1\]\.position/],
      [[{ buffer, position: -1n }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.position/],
      [[{ buffer, position: 2n ** 63n - 1n }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.position/],
      [[{ buffer, position: 1.5 }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.position/],
      [[{ buffer, position: 0, offset: 5 }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.offset/],
      [[{ buffer, position: 0, offset: -1 }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.offset/],
      [[{ buffer, position: 0, offset: 3, length: 2 }], 'ERR_OUT_OF_RANGE', /reads\[0\]\.length/],
      [[{ buffer, position: 0, length: '2' }], 'ERR_INVALID_ARG_TYPE', /reads\[0\]\.length/],
    ];
    for (const [reads, code, message] of rows) {
      const error = await rejection(handle.readMany(reads as TransferRequest[]));
      expect(error, String(message)).to.include({ code });
      expect(error.message).to.match(message);
    }
    const options = await rejection(handle.readMany([good], { position: 5 } as object));
    expect(options.code).to.equal('ERR_INVALID_ARG_VALUE');
    const written = await rejection(handle.writeMany([{ buffer }] as unknown as TransferRequest[]));
    expect(written.message).to.match(/writes\[0\]\.position/);
    expect(buffer.equals(Buffer.alloc(4))).to.equal(true);
  });

  it('a handle that closes meanwhile lets it finish, and is refused after', async () => {
    const reading = handle.readMany([{ buffer: Buffer.alloc(10), position: 10 }]);
    const closing = handle.close();
    expect((await rejection(handle.readMany([]))).code).to.equal('EBADF');
    const [{ bytesRead } = { bytesRead: 0 }] = valuesOf(await reading);
    expect(bytesRead).to.equal(10);
    await closing;
  });

  it('a signal that is aborted already: none is read', async () => {
    const buffer = Buffer.alloc(10);
    const call = handle.readMany([{ buffer, position: 0 }], { signal: AbortSignal.abort('no') });
    const error = await stopped(call);
    expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR', cause: 'no' });
    expect(reasonsOf(error.results)).to.deep.equal([error]);
    expect(buffer.equals(Buffer.alloc(10))).to.equal(true);
  });

  it('an abort ends those that wait, and the error says what became of each', async () => {
    const narrow = makeRing({ inFlightMax: 1 });
    await using file = await narrow.fs.open(directory.at('content'));
    const reads = Array.from({ length: 5 }, () => ({ buffer: Buffer.alloc(10), position: 0 }));
    await whileFull(narrow, directory.fifo('fifo'), async () => {
      const controller = new AbortController();
      const call = stopped(file.readMany(reads, { signal: controller.signal }));
      controller.abort();
      const error = await call;
      expect(error).to.include({ name: 'AbortError' });
      expect(error.results).to.have.lengthOf(5);
      for (const reason of reasonsOf(error.results)) expect(reason.name).to.equal('AbortError');
    });
    expect(valuesOf(await within('reads after it', file.readMany(reads)))).to.have.lengthOf(5);
  });

  it('cancel ends each with ECANCELED, and counts them', async () => {
    const narrow = makeRing({ inFlightMax: 1 });
    await using file = await narrow.fs.open(directory.at('content'));
    const reads = Array.from({ length: 5 }, () => ({ buffer: Buffer.alloc(10), position: 0 }));
    await whileFull(narrow, directory.fifo('fifo'), async () => {
      const call = file.readMany(reads);
      expect(await file.cancel()).to.equal(5);
      for (const reason of reasonsOf(await within('the call', call))) {
        expect(reason).to.include({ code: 'ECANCELED', syscall: 'read' });
      }
    });
  });

  it('a ring that closes ends those that wait', async () => {
    const narrow = makeRing({ inFlightMax: 1 });
    const file = await narrow.fs.open(directory.at('content'));
    const fifo = directory.fifo('fifo');
    const opening = rejection(narrow.fs.open(fifo));
    await eventually('the place to be taken', () => narrow.stats().inFlight === 1);
    const reads = Array.from({ length: 5 }, () => ({ buffer: Buffer.alloc(10), position: 0 }));
    const call = stopped(file.readMany(reads));
    const closing = narrow.close();
    const error = await call;
    expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    for (const reason of reasonsOf(error.results)) expect(reason.code).to.equal('ERR_RINGLET_CLOSED');
    await within('the ring to close', closing);
    // On the node backend a thread waits for one still.
    const writer = openSync(fifo, 'r+');
    await opening;
    await eventually('the thread to be through', () => narrow.stats().inFlight === 0);
    closeSync(writer);
    expect((await rejection(file.readMany(reads))).code).to.equal('ERR_RINGLET_CLOSED');
    await file.close();
  });

  it('one whose memory is given away while it waits fails alone', async () => {
    const narrow = makeRing({ inFlightMax: 1 });
    await using file = await narrow.fs.open(directory.at('content'));
    const reads = [5, 6, 7].map((position) => ({ buffer: new Uint8Array(100), position }));
    const { call } = await whileFull(narrow, directory.fifo('fifo'), async () => {
      const begun = file.readMany(reads);
      structuredClone(reads[1]?.buffer, { transfer: [reads[1]?.buffer.buffer as ArrayBuffer] });
      return { call: begun };
    });
    const [first, second, third] = await within('the call', call);
    expect([first?.status, second?.status, third?.status]).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect((second as PromiseRejectedResult).reason).to.include({ code: 'ERR_BUFFER_OUT_OF_BOUNDS' });
    expect(Buffer.from(reads[2]?.buffer as Uint8Array).equals(CONTENT.subarray(7, 107))).to.equal(true);
  });

  it('buffers of a pool, which stays theirs until the last of them has ended', async () => {
    await using pool = ring.bufferPool({ count: 4, bytes: 512 });
    const buffers = await Promise.all([1, 2, 3, 4].map(() => pool.acquire()));
    const reads = buffers.map(({ data }, index) => ({ buffer: data, position: 512 * index }));
    const own = { buffer: Buffer.alloc(9), position: 9 };
    const call = handle.readMany([...reads, own]);
    for (const buffer of buffers) buffer.release();
    expect(pool.freeCount).to.equal(0);
    const read = Buffer.concat(valuesOf(await call).map(({ buffer }) => buffer));
    expect(read.subarray(0, 2048).equals(CONTENT.subarray(0, 2048))).to.equal(true);
    expect(read.subarray(2048).equals(CONTENT.subarray(9, 18))).to.equal(true);
    await eventually('the buffers to be free', () => pool.freeCount === 4);
  });
});

describeOnEachBackend('FileHandle.writeMany', (makeRing) => {
  const directory = temporaryDirectory();

  it('writes each at its own position', async () => {
    const path = directory.at('written');
    await using file = await makeRing().fs.open(path, 'w');
    const writes = Array.from({ length: 700 }, (_unused, index) => ({
      buffer: CONTENT.subarray(0, (index + 1) * 100),
      position: index * 100,
      offset: index * 100,
    }));
    const results = valuesOf(await file.writeMany(writes));
    expect(results.map(({ bytesWritten }) => bytesWritten)).to.deep.equal(new Array(700).fill(100));
    expect(results[3]?.buffer).to.equal(writes[3]?.buffer);
    expect(readFileSync(path).equals(CONTENT.subarray(0, 70_000))).to.equal(true);
  });

  it('each fails by itself, with the error of a write', async () => {
    await using full = await makeRing().fs.open('/dev/full', 'w');
    const writes = [0, 4096].map((position) => ({ buffer: Buffer.alloc(4), position }));
    for (const reason of reasonsOf(await full.writeMany(writes))) {
      expect(reason).to.include({ code: 'ENOSPC', syscall: 'write' });
    }
  });
});

describeOnEachBackend('Fs.statMany', (makeRing) => {
  const directory = temporaryDirectory();

  it('tells of each path in their order, with an error of its own where there is one', async () => {
    const { fs } = makeRing();
    const [long, buffer] = [directory.file('l'.repeat(200), 'long'), directory.file('b', Buffer.alloc(2))];
    const absent = directory.at('absent');
    const paths = [long, Buffer.from(buffer), directory.path, absent, new URL(`file://${buffer}`)];
    const results = await fs.statMany(paths);
    expect(results.map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    ]);
    expect(results[0]).to.deep.equal({ status: 'fulfilled', value: await fs.stat(long) });
    expect(results[1]).to.deep.equal({ status: 'fulfilled', value: await fs.stat(buffer) });
    const reason = (results[3] as PromiseRejectedResult).reason as CallError;
    const alone = await rejection(fs.stat(absent));
    expect(reason).to.include({ code: alone.code, message: alone.message, path: absent, syscall: 'stat' });
    const [big] = valuesOf(await fs.statMany([long], { bigint: true }));
    expect(big).to.deep.equal(await fs.stat(long, { bigint: true }));
  });

  it('of a thousand paths', async () => {
    const ring = makeRing({ inFlightMax: 64 });
    const paths = Array.from({ length: 50 }, (_unused, index) =>
      directory.file(`f${index}`, Buffer.alloc(index)),
    );
    const many = Array.from({ length: 1000 }, (_unused, index) => paths[index % 50] as string);
    const sizes = valuesOf(await ring.fs.statMany(many)).map(({ size }) => size);
    expect(sizes).to.deep.equal(many.map((_path, index) => index % 50));
    expect(ring.stats().inFlightPeak).to.be.at.most(64);
    for (const path of paths) rmSync(path);
  });

  it('refuses arguments before it begins, and heeds a signal', async () => {
    const { fs } = makeRing();
    expect(await fs.statMany([])).to.deep.equal([]);
    const wrong = await rejection(fs.statMany(['/', 5 as unknown as string]));
    expect(wrong).to.include({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(wrong.message).to.match(/paths\[1\]/);
    expect((await rejection(fs.statMany(['a\0b']))).code).to.equal('ERR_INVALID_ARG_VALUE');
    expect((await rejection(fs.statMany('/' as unknown as string[]))).code).to.equal('ERR_INVALID_ARG_TYPE');
    const error = await stopped(fs.statMany(['/', '/'], { signal: AbortSignal.abort() }));
    expect(error.name).to.equal('AbortError');
    expect(reasonsOf(error.results)).to.have.lengthOf(2);
  });
});
