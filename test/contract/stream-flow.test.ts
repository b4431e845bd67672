/** Back-pressure of streams in both directions, and the bounds of what they keep in memory. */
import { release } from 'node:os';
import { expect } from 'chai';
import { type StreamChunk, StreamSocket } from 'ringlet';
import { describeOnEachBackend, needsOfRing } from '../support/backends.js';
import { eventually, isPending, rejection, rejections, turns, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { connectPair, goalOf, readAll, readBytes } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

const MIB = 1024 * 1024;
const [MAJOR = 0, MINOR = 0] = release().split('.').map(Number);
/** Whether the kernel ends a receive by itself after so many bytes. */
const HAS_RECEIVE_LIMIT = MAJOR > 6 || (MAJOR === 6 && MINOR >= 17);

describeOnEachBackend('Back-pressure of streams', (makeRing, { options: { backend } }) => {
  const overshootBytes = HAS_RECEIVE_LIMIT && backend === 'io_uring' ? 8 * 1024 : 2 * MIB;

  it('a reader that stops keeps no more than receiveQueueBytes and what was on its way', async () => {
    const receiveQueueBytes = 64 * 1024;
    await using pair = await connectPair(makeRing(), { host: '127.0.0.1', port: 0, receiveQueueBytes });
    const sent = pattern(16 * MIB, 7);
    const writing = pair.near.write(sent).then(() => pair.near.end());
    const chunks = pair.far.chunks();
    const received: Buffer[] = [];
    const first = await within('the first chunk', chunks.next());
    received.push(first.value as Buffer);
    await eventually('the queue to be full', () => pair.far.bufferedBytes >= receiveQueueBytes);
    expect(await isPending(writing, 50)).to.equal(true);
    expect(pair.far.bufferedBytes).to.be.at.most(receiveQueueBytes + overshootBytes);
    for await (const chunk of chunks) {
      received.push(chunk);
      expect(pair.far.bufferedBytes).to.be.at.most(receiveQueueBytes + overshootBytes);
    }
    await within('the write', writing);
    expect(Buffer.concat(received).equals(sent)).to.equal(true);
  });

  it('a write settles when the kernel has all bytes, and not before', async () => {
    await using pair = await connectPair(makeRing());
    const sent = pattern(16 * MIB, 9);
    const writing = pair.near.write(sent);
    expect(await isPending(writing, 50)).to.equal(true);
    const reading = readBytes(pair.far, sent.length);
    expect(await within('the write', writing)).to.equal(sent.length);
    expect((await reading).equals(sent)).to.equal(true);
  });

  it('writes beyond writeQueueBytes are refused, and the others arrive whole', async () => {
    const writeQueueBytes = MIB;
    await using pair = await connectPair(makeRing(), undefined, { writeQueueBytes });
    const block = pattern(256 * 1024, 11);
    const big = pair.near.write(Buffer.alloc(8 * MIB));
    const refused = await rejection(pair.near.write(block));
    expect(refused.code).to.equal('ERR_RINGLET_WRITE_QUEUE_FULL');
    await readBytes(pair.far, 8 * MIB);
    await within('the big write', big);
    const calls = Array.from({ length: 64 }, () => pair.near.write(block));
    const receiving = readAll(pair.far);
    const results = await within('the writes', Promise.allSettled(calls));
    await pair.near.end();
    const taken = results.filter(({ status }) => status === 'fulfilled').length;
    expect(taken).to.be.within(4, 64);
    expect((await within('the end', receiving)).length).to.equal(taken * block.length);
  });

  it('zeroCopy: a long write goes without a copy, whole, and no more do where the kernel copies anyway; a short one never', async function () {
    if (backend === 'node') skip(this, 'node:net always copies');
    const ring = makeRing();
    needsOfRing(this, ring, 'zeroCopy');
    await using pair = await connectPair(ring, undefined, { sendBufferBytes: 32_768, zeroCopy: true });
    const counts = (): number[] => [ring.stats().zeroCopySends, ring.stats().zeroCopyCopies];
    const sent = pattern(MIB, 21);
    const receiving = readAll(pair.far);
    // Twice the send buffer: it would wait for the peer where it need not.
    await within('a short write', pair.near.write(sent.subarray(0, 131_072)));
    expect(counts()).to.deep.equal([0, 0]);
    await within('a long write', pair.near.write(sent));
    expect(counts()).to.deep.equal([1, 1]);
    const writes = [pair.near.write(sent), pair.near.writev([sent, sent.subarray(5)]), pair.near.write('x')];
    await within('plain writes', Promise.all(writes));
    expect(counts()).to.deep.equal([1, 1]);
    await pair.near.end();
    const all = [sent.subarray(0, 131_072), sent, sent, sent, sent.subarray(5), Buffer.from('x')];
    expect((await within('the end', receiving)).equals(Buffer.concat(all))).to.equal(true);
  });

  it('zeroCopy: a reset hurries a close that waits for a peer which never reads', async function () {
    if (backend === 'node') skip(this, 'net has no zero copy, and its close waits for nobody');
    const ring = makeRing();
    needsOfRing(this, ring, 'zeroCopy');
    const pairs = [];
    for (let index = 0; index < 3; index++) {
      // A window that is full at once: what the kernel can't send yet it reads where it lies.
      const full = { host: '127.0.0.1', port: 0, receiveBufferBytes: 4096 };
      const pair = await connectPair(ring, full, { sendBufferBytes: 16_384, zeroCopy: true });
      pair.near.write(Buffer.alloc(8 * MIB)).catch(() => {});
      pairs.push(pair);
    }
    await eventually('sends without a copy', () => ring.stats().zeroCopySends === 3);
    const [waiting, soon, later] = pairs.map(({ near }) => ({ near, closed: near.close() }));
    const hurried = soon?.near.reset();
    await turns(10);
    // Not before the wait has begun.
    const hurriedLater = later?.near.reset();
    await within(
      'the closes that were hurried',
      Promise.all([hurried, hurriedLater, soon?.closed, later?.closed]),
    );
    expect(await isPending(waiting?.closed as Promise<void>)).to.equal(true);
    await within('the last', waiting?.near.reset() as Promise<void>);
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
  });

  it('zeroCopy: vectors, an abort in the middle, a close with writes pending', async function () {
    if (backend === 'node') skip(this, 'node:net always copies');
    const ring = makeRing();
    needsOfRing(this, ring, 'zeroCopy');
    const options = { sendBufferBytes: 16_384, zeroCopy: true };
    await using first = await connectPair(ring, undefined, options);
    const sent = pattern(MIB, 23);
    const receiving = readAll(first.far);
    await within(
      'vectors',
      first.near.writev([sent.subarray(0, 7), sent.subarray(7, 9000), sent.subarray(9000)]),
    );
    await first.near.end();
    expect((await within('the end', receiving)).equals(sent)).to.equal(true);
    expect(ring.stats().zeroCopySends).to.equal(1);
    await using second = await connectPair(ring, undefined, options);
    const controller = new AbortController();
    const large = pattern(8 * MIB, 25);
    const cut = rejection(second.near.write(large, { signal: controller.signal }));
    const behind = rejection(second.near.write('behind'));
    expect(await isPending(cut, 20)).to.equal(true);
    controller.abort();
    // Its memory is the kernel's until the peer has had what was taken.
    const rest = readAll(second.far);
    const { code, bytesWritten } = (await within('the abort', cut)) as {
      code?: string;
      bytesWritten?: number;
    };
    expect([code, (await behind).code]).to.deep.equal(['ABORT_ERR', 'EPIPE']);
    await second.near.end();
    expect((await within('the rest', rest)).equals(large.subarray(0, bytesWritten))).to.equal(true);
    await using third = await connectPair(ring, undefined, options);
    const closed = rejection(third.near.write(large));
    expect(await isPending(closed, 20)).to.equal(true);
    await third.near.close();
    expect((await within('the write', closed)).code).to.equal('ERR_SOCKET_CLOSED');
    expect(ring.stats().zeroCopySends).to.equal(3);
  });

  it('buffers that are held stop the reading, and their release starts it again', async function () {
    if (backend === 'node') skip(this, 'on the node backend leases are copies');
    const ring = makeRing({ receiveBuffers: { count: 4, bytes: 1024 } });
    await using pair = await connectPair(ring);
    const sent = pattern(100_000, 13);
    const writing = pair.near.write(sent).then(() => pair.near.end());
    const held: StreamChunk[] = [];
    const chunks = pair.far.chunks({ lease: true });
    for (let count = 0; count < 4; count++) {
      held.push((await within(`chunk ${count}`, chunks.next())).value as StreamChunk);
    }
    const next = chunks.next();
    expect(await isPending(next, 30)).to.equal(true);
    const received = held.map(({ data }) => Buffer.from(data));
    for (const chunk of held) chunk.release();
    const { value } = await within('a chunk after the release', next);
    received.push(Buffer.from((value as StreamChunk).data));
    (value as StreamChunk).release();
    for await (const chunk of chunks) {
      received.push(Buffer.from(chunk.data));
      chunk.release();
    }
    await writing;
    expect(Buffer.concat(received).equals(sent)).to.equal(true);
    expect(ring.stats().bufferExhaustions).to.be.at.least(1);
  });

  it('many connections share few buffers, and none is left behind', async () => {
    const ring = makeRing({ receiveBuffers: { count: 2, bytes: 512 } });
    await using pair = await connectPair(ring);
    const others = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const near = StreamSocket.connect({ ring, ...goalOf(pair.listener) });
        return [await near, await pair.listener.accept()] as const;
      }),
    );
    const sent = pattern(50_000, 17);
    const totals = others.map(async ([near, far]) => {
      const receiving = readAll(far);
      await near.write(sent);
      await near.end();
      return (await within('one of many', receiving)).equals(sent);
    });
    // Connections were paired in the order of their acceptance, and all send the same.
    expect(await Promise.all(totals)).to.deep.equal(others.map(() => true));
    await Promise.all(others.flatMap(([near, far]) => [near.close(), far.close()]));
  });

  it('a peer that sends one byte at a time is heard one byte at a time', async () => {
    await using pair = await connectPair(makeRing(), undefined, { noDelay: true });
    const receiving = readAll(pair.far);
    for (const letter of 'one byte at a time') {
      await pair.near.write(letter);
      await turns(1);
    }
    await pair.near.end();
    expect(String(await within('the end', receiving))).to.equal('one byte at a time');
  });

  it('half-open: after the peer’s end writes still go out, and after one’s own reads still come', async () => {
    await using pair = await connectPair(makeRing());
    await pair.near.end();
    expect((await within('the end', readAll(pair.far))).length).to.equal(0);
    await pair.far.write('still here');
    expect(String(await readBytes(pair.near, 10))).to.equal('still here');
    const calls = { write: pair.near.write('x'), writev: pair.near.writev([Buffer.from('x')]) };
    for (const [name, error] of await rejections(calls)) {
      expect(error.code, name).to.equal('ERR_STREAM_WRITE_AFTER_END');
    }
    await pair.near.end();
    await pair.far.end();
    expect((await within('the end', readAll(pair.near))).length).to.equal(0);
  });

  it('end: comes after the writes before it', async () => {
    await using pair = await connectPair(makeRing());
    const sent = pattern(8 * MIB, 19);
    const writing = pair.near.write(sent);
    const ending = pair.near.end();
    const received = await within('the end', readAll(pair.far));
    expect(received.equals(sent)).to.equal(true);
    await Promise.all([writing, ending]);
  });

  it('pendingMax: beyond it connections stay with the kernel, and come once others are taken', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring, { host: '127.0.0.1', port: 0, pendingMax: 4, backlog: 8 });
    const goal = goalOf(pair.listener);
    const nears = await Promise.all(Array.from({ length: 8 }, () => StreamSocket.connect({ ring, ...goal })));
    await turns(5);
    expect(pair.listener.pendingCount).to.be.at.most(12);
    const fars: StreamSocket[] = [];
    while (fars.length < 8) fars.push(await within('a connection', pair.listener.accept()));
    await Promise.all([...nears, ...fars].map((socket) => socket.close()));
  });
});
