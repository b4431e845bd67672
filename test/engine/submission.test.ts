/** When entries reach the kernel, and in what portions completions come back. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { binding, FAULT_MAP } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { DatagramSocket } from 'ringlet';
import { frameRings, needsOfRing } from '../support/backends.js';
import { numberedRange, take } from '../support/datagrams.js';
import { pause, turns, within } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';
import { sqThreadOf, submissionHead, untilAsleep, withDescriptor } from '../support/sq-poll.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const FILE_BYTES = 4096;

describe('Submission', () => {
  const makeRing = frameRings({});
  const directory = temporaryDirectory();

  for (const [name, options, submitted, enters] of [
    ['by default nothing is submitted before the turn ends', {}, 0, 0],
    ['submitImmediately: each read is submitted as it is made', { submitImmediately: true }, 100, 100],
    [
      'submitBatchMax 32: of 100 reads 96 are submitted by the way, in 3 calls',
      { submitBatchMax: 32 },
      96,
      3,
    ],
  ] as const) {
    it(name, async () => {
      const ring = makeRing({ backend: 'io_uring', inlineReads: false, ...options });
      await using handle = await ring.fs.open(directory.file('a', pattern(FILE_BYTES)));
      const before = ring.stats();
      const reads = Array.from({ length: 100 }, (_unused, index) =>
        handle.read(Buffer.alloc(8), 0, 8, index * 8),
      );
      const after = ring.stats();
      expect(after.submitted - before.submitted).to.equal(submitted);
      expect(after.enters - before.enters).to.equal(enters);
      for (const [index, { buffer }] of (await Promise.all(reads)).entries()) {
        expect(buffer.equals(pattern(FILE_BYTES).subarray(index * 8, index * 8 + 8))).to.equal(true);
      }
      expect(ring.stats().submitted - before.submitted).to.equal(100);
    });
  }

  it('sqPoll: the thread gets operations while more of them are being made, and one wake-up is enough', async () => {
    const { ring, fd } = withDescriptor(() => makeRing({ sqPoll: { idleMs: 1 } }));
    await using handle = await ring.fs.open(directory.file('a', pattern(FILE_BYTES)));
    await untilAsleep(await sqThreadOf(fd));
    const before = ring.stats();
    const headBefore = submissionHead(fd) ?? 0;
    const reads = Array.from({ length: 64 }, (_unused, index) =>
      handle.read(Buffer.alloc(8), 0, 8, index * 8),
    );
    // The event loop has not turned since.
    const deadline = performance.now() + 10_000;
    let taken = 0;
    while (taken < 48 && performance.now() < deadline) taken = (submissionHead(fd) ?? 0) - headBefore;
    expect(taken, 'taken within the turn').to.be.at.least(48);
    expect(ring.stats().sqThreadWakeups - before.sqThreadWakeups).to.equal(1);
    await Promise.all(reads);
  });

  it('coalesce: 2,000 reads, 16 in flight, fulfil each with its own bytes; a quiet ring is not held up', async () => {
    const ring = makeRing({ backend: 'io_uring', coalesce: { minCompletions: 16, timeoutUs: 100_000 } });
    await using handle = await ring.fs.open(directory.file('a', pattern(FILE_BYTES)));
    let next = 0;
    const readInTurn = async (): Promise<void> => {
      while (next < 2000) {
        const position = (next++ * 7) % 4000;
        const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, position);
        expect(buffer.equals(pattern(FILE_BYTES).subarray(position, position + 8))).to.equal(true);
      }
    };
    await within('2,000 reads', Promise.all(Array.from({ length: 16 }, readInTurn)));
    const taken: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await pause(5);
      const started = performance.now();
      await handle.read(Buffer.alloc(8), 0, 8, 0);
      taken.push(performance.now() - started);
    }
    expect(Math.min(...taken), 'milliseconds of a lone read').to.be.lessThan(50);
  });

  it('drainBatchMax 8: 2,048 completions come in 256 portions or more', async () => {
    const ring = makeRing({ backend: 'io_uring', drainBatchMax: 8 });
    const path = directory.fifo('fifo');
    const fds = Array.from({ length: 2048 }, () => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    const polls = Promise.all(fds.map((fd) => ring.poll(fd, ['readable'])));
    await turns(5);
    const { batches } = ring.stats();
    writeSync(fds[0] as number, 'x');
    expect((await within('2,048 polls', polls)).every(([event]) => event === 'readable')).to.equal(true);
    expect(ring.stats().batches - batches).to.be.at.least(256);
    readSync(fds[0] as number, Buffer.alloc(8));
    for (const fd of fds) closeSync(fd);
  });

  it('completionEntriesMax: a queue that overflows is made larger, and no datagram is lost', async function () {
    const ring = makeRing({
      backend: 'io_uring',
      submissionEntries: 4,
      completionEntries: 8,
      completionEntriesMin: 8,
      completionEntriesMax: 1024,
    });
    needsOfRing(this, ring, 'completionEntriesMax');
    await using socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      ring,
      receiveBufferBytes: 1 << 22,
    });
    await using peer = await Peer.open();
    const payloads = numberedRange(0, 600, 32);
    for (const payload of payloads.slice(0, 100)) await peer.send(payload, socket.address);
    const reading = take(socket, payloads.length);
    for (const payload of payloads.slice(100)) await peer.send(payload, socket.address);
    expect(await reading).to.deep.equal(payloads);
    expect(droppedAt(socket.address.port)).to.equal(0);
    const { overflows, resizes } = ring.stats();
    expect(overflows).to.be.greaterThan(0);
    expect(resizes).to.be.greaterThan(0);
  });

  it('completionEntriesMax: where there is no room for a larger queue it stays as it is, and no datagram is lost', async () => {
    const sizes = { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 8 };
    const ring = makeRing({ backend: 'io_uring', ...sizes, completionEntriesMax: 16 });
    await using socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      ring,
      receiveBufferBytes: 1 << 22,
    });
    await using peer = await Peer.open();
    const payloads = numberedRange(0, 300, 32);
    binding().injectFault(FAULT_MAP, systemConstants.errno.ENOMEM, 1);
    const reading = take(socket, payloads.length);
    await turns(2);
    for (const payload of payloads) await peer.send(payload, socket.address);
    expect(await reading).to.deep.equal(payloads);
    expect(ring.stats().overflows).to.be.greaterThan(0);
  });
});
