/** `inlineReads`: reads of the page cache without the ring. What they return, and what they give way to. */
import { expect } from 'chai';
import { constants, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, Ring, type RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const BYTES = 100_000;
const BLOCK_BYTES = 1000;
/** Reads in a row without the ring, as the option says. */
const RUN_MAX = 16;

describe('Inline reads', () => {
  const makeRing = frameRings({ backend: 'io_uring' });
  const directory = temporaryDirectory();
  const content = pattern(BYTES);
  let path: string;

  beforeEach(async function () {
    path = directory.file('cached', content);
    readFileSync(path);
    await using ring = new Ring({ backend: 'io_uring' });
    await using file = await ring.fs.open(path);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    if (ring.stats().inlineReads === 0) skip(this, `the file system of ${path} has no reads without waiting`);
  });

  async function readBlocks(file: FileHandle, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const position = (index * 37 * BLOCK_BYTES) % BYTES;
      const buffer = Buffer.alloc(BLOCK_BYTES);
      const result = await file.read(buffer, 0, BLOCK_BYTES, position);
      expect(result.buffer).to.equal(buffer);
      expect(result.bytesRead).to.equal(BLOCK_BYTES);
      expect(buffer.equals(content.subarray(position, position + BLOCK_BYTES))).to.equal(true);
    }
  }

  it('one read at a time: each its own bytes; of 17 the ring makes one, and no more than that', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(path);
    const before = ring.stats();
    await readBlocks(file, 1700);
    const after = ring.stats();
    const inline = after.inlineReads - before.inlineReads;
    expect(inline + after.submitted - before.submitted).to.equal(1700);
    // A page that the kernel has taken back meanwhile is the ring's to read.
    expect(inline).to.be.within(1200, 1600);
  });

  const WITHOUT: [string, RingOptions][] = [
    ['inlineReads: false', { inlineReads: false }],
    ['sqPoll', { sqPoll: true }],
  ];
  for (const [title, options] of WITHOUT) {
    it(`${title}: the ring makes them all`, async () => {
      const ring = makeRing(options);
      await using file = await ring.fs.open(path);
      await readBlocks(file, 100);
      expect(ring.stats().inlineReads).to.equal(0);
    });
  }

  it('an endless run of reads keeps neither timers nor immediates nor ticks waiting', async () => {
    await using file = await makeRing().fs.open(path);
    const buffer = Buffer.alloc(1);
    for (const later of [setImmediate, process.nextTick, (mark: () => void) => setTimeout(mark, 1)]) {
      let isOver = false;
      later(() => {
        isOver = true;
      });
      // Ends by the loop's turn, or the test by its deadline.
      while (!isOver) await file.read(buffer, 0, 1, 0);
    }
  });

  it('many at once: the first of them inline, the others by the ring, each its own bytes', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(path);
    const before = ring.stats().inlineReads;
    await Promise.all(Array.from({ length: 100 }, () => readBlocks(file, 20)));
    expect(ring.stats().inlineReads - before).to.be.at.most(RUN_MAX * 20);
  });

  it('gives way to what is staged: a read does not overtake a write', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(path, 'r+');
    const before = ring.stats().inlineReads;
    const written = file.write(Buffer.from('new'), 0, 3, 0);
    const read = file.read(Buffer.alloc(3), 0, 3, 3);
    expect(ring.stats().inlineReads).to.equal(before);
    await Promise.all([written, read]);
  });

  it('the cursor moves as by any read, and the end of the file is where it is', async () => {
    await using file = await makeRing().fs.open(path);
    const chunks: Buffer[] = [];
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(777), 0, 777, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
    }
    expect(Buffer.concat(chunks).equals(content)).to.equal(true);
    expect((await file.read(Buffer.alloc(10), 0, 10, BYTES)).bytesRead).to.equal(0);
    expect((await file.read(Buffer.alloc(10), 0, 10, BYTES - 4)).bytesRead).to.equal(4);
    expect((await file.read(Buffer.alloc(10), 0, 10, BYTES * 2)).bytesRead).to.equal(0);
  });

  it('O_DIRECT: the ring makes them all, for each waits for the device', async function () {
    const ring = makeRing();
    await using pool = ring.bufferPool({ count: 1, bytes: 4096 });
    const opening = ring.fs.open(path, constants.O_RDONLY | constants.O_DIRECT);
    await using file = await opening.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EINVAL') throw error;
      return skip(this, 'this file system has no O_DIRECT');
    });
    using buffer = await pool.acquire();
    for (let index = 0; index < 20; index += 1) {
      const position = index * 4096;
      const { bytesRead } = await file.read(buffer.data, { position });
      expect(buffer.data.equals(content.subarray(position, position + 4096))).to.equal(true);
      expect(bytesRead).to.equal(4096);
    }
    expect(ring.stats().inlineReads).to.equal(0);
  });

  it('what comes later to a file is there at once', async () => {
    await using file = await makeRing().fs.open(path);
    await readBlocks(file, 5);
    writeFileSync(path, 'shorter');
    expect((await file.read(Buffer.alloc(20), 0, 20, 0)).bytesRead).to.equal(7);
    rmSync(path);
    expect((await file.read(Buffer.alloc(20), 0, 20, 0)).bytesRead).to.equal(7);
  });

  it('an empty FIFO is waited for, and an abort ends that', async () => {
    const ring = makeRing();
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    const pending = fifo.read(Buffer.alloc(4), 0, 4, null);
    await fifo.write('some');
    expect((await pending).bytesRead).to.equal(4);
    const controller = new AbortController();
    const aborted = rejection(fifo.read(Buffer.alloc(4), { signal: controller.signal }));
    controller.abort();
    expect((await aborted).name).to.equal('AbortError');
  });

  it('errors are the ring’s: EBADF for writing only, EISDIR for a directory, closed after close', async () => {
    const ring = makeRing();
    await using writer = await ring.fs.open(path, 'a');
    const refused = await rejection(writer.read(Buffer.alloc(4), 0, 4, 0));
    expect([refused.code, refused.syscall]).to.deep.equal(['EBADF', 'read']);
    await using folder = await ring.fs.open(directory.path);
    expect((await rejection(folder.read(Buffer.alloc(4), 0, 4, 0))).code).to.equal('EISDIR');
    const closed = await ring.fs.open(path);
    await closed.close();
    expect((await rejection(closed.read(Buffer.alloc(4), 0, 4, 0))).code).to.equal('EBADF');
  });

  it('who records latencies sees every read', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(path);
    const recording = ring.recordLatency();
    await readBlocks(file, 40);
    recording.stop();
    expect(recording.histograms.get('read')?.count).to.equal(40);
  });
});
