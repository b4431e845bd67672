/** What streams receive into: buffers that the kernel fills in parts, and bundles of buffers. */
import { expect } from 'chai';
import { probe, type Ring, type StreamChunk } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { connectPair, type Pair, readAll, readBytes } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

type Chunks = AsyncIterableIterator<StreamChunk>;

function pool(ring: Ring): ReturnType<Ring['stats']>['receiveBuffers'][number] {
  const [first] = ring.stats().receiveBuffers;
  if (first === undefined) throw new Error('no receive buffers have been made');
  return first;
}

async function next(chunks: Chunks): Promise<StreamChunk> {
  return (await within('a chunk', chunks.next())).value as StreamChunk;
}

/** Leased chunks until they have so many bytes. */
async function take(chunks: Chunks, bytes: number): Promise<StreamChunk[]> {
  const taken: StreamChunk[] = [];
  for (let count = 0; count < bytes; ) {
    const chunk = await next(chunks);
    count += chunk.data.length;
    taken.push(chunk);
  }
  return taken;
}

function joined(chunks: readonly StreamChunk[]): Buffer {
  return Buffer.concat(chunks.map(({ data }) => data));
}

describeOnEachBackend('What streams receive into', (makeRing, { options: { backend, receiveBuffers } }) => {
  const { trials } = probe();

  describe('incremental buffers', () => {
    before(function () {
      if (backend === 'node') skip(this, 'the node backend has no receive buffers');
      const { isSupported, answer } = trials.incrementalReceive;
      if (!isSupported) skip(this, `this kernel does not get them right: ${answer}`);
    });

    it('are a default ring’s: few and large, and not made before the first receive', async function () {
      if (receiveBuffers !== undefined) skip(this, 'this configuration has receive buffers of its own');
      const ring = makeRing();
      await using pair = await connectPair(ring);
      expect(ring.stats().receiveBuffers).to.deep.equal([]);
      await pair.near.end();
      await within('the end', readAll(pair.far));
      expect(pool(ring)).to.include({ count: 8, bytes: 65_536, isIncremental: true, available: 8 });
    });

    it('IncrementalPartiallyConsumed: 30 of 64 bytes, then 40 as 34 and 6', async () => {
      const ring = makeRing({ receiveBuffers: { count: 2, countMax: 2, bytes: 64 } });
      await using pair = await connectPair(ring);
      const chunks = pair.far.chunks({ lease: true });
      await pair.near.write(pattern(30, 1));
      const [first] = await take(chunks, 30);
      expect(pool(ring)).to.include({ isIncremental: true, available: 2 });
      await pair.near.write(pattern(40, 2));
      const rest = await take(chunks, 40);
      expect([first, ...rest].map((chunk) => chunk?.data.length)).to.deep.equal([30, 34, 6]);
      expect(first?.data.equals(pattern(30, 1))).to.equal(true);
      expect(joined(rest).equals(pattern(40, 2))).to.equal(true);
      expect(pool(ring).available).to.equal(1);
      // The buffer is whole again when both of its parts are.
      rest[0]?.release();
      rest[0]?.release();
      expect(pool(ring).available).to.equal(1);
      first?.release();
      expect(pool(ring).available).to.equal(2);
      rest[1]?.release();
      expect(pool(ring).available).to.equal(2);
    });

    it('IncrementalBuffers: short messages of many connections share a buffer, each gets its own', async () => {
      const ring = makeRing({ receiveBuffers: { count: 3, countMax: 3, bytes: 1000 } });
      const pairs = await Promise.all(Array.from({ length: 12 }, () => connectPair(ring)));
      const totals = await Promise.all(
        pairs.map(async (pair, number) => {
          const sent = pattern(20_000 + number, number + 1);
          const receiving = readAll(pair.far);
          for (let at = 0, bytes = number + 1; at < sent.length; at += bytes, bytes = ((bytes * 7) % 901) + 1)
            await pair.near.write(sent.subarray(at, at + bytes));
          await pair.near.end();
          return (await within(`connection ${number}`, receiving)).equals(sent);
        }),
      );
      expect(totals).to.deep.equal(pairs.map(() => true));
      await Promise.all(pairs.map((pair) => pair[Symbol.asyncDispose]()));
      await eventually('all buffers', () => pool(ring).available === 3);
    });

    it('EnobufTracking: held parts stop the reading, which is counted; releases start it again', async () => {
      const ring = makeRing({ receiveBuffers: { count: 2, countMax: 2, bytes: 64 } });
      await using pair = await connectPair(ring);
      const chunks = pair.far.chunks({ lease: true });
      const sent = pattern(200, 5);
      await pair.near.write(sent);
      const held = await take(chunks, 128);
      const received = joined(held);
      const waiting = chunks.next();
      expect(await isPending(waiting, 20)).to.equal(true);
      expect(pool(ring).available).to.equal(0);
      expect(pool(ring).exhaustions).to.be.at.least(1);
      expect(received.equals(sent.subarray(0, 128))).to.equal(true);
      for (const chunk of held) chunk.release();
      const rest = [(await within('the next chunk', waiting)).value as StreamChunk];
      rest.push(...(await take(chunks, 72 - (rest[0]?.data.length ?? 0))));
      expect(joined(rest).equals(sent.subarray(128))).to.equal(true);
      for (const chunk of rest) chunk.release();
    });

    it('held parts outlive socket and ring, and keep their bytes', async () => {
      const ring = makeRing({ receiveBuffers: { count: 2, countMax: 2, bytes: 64 } });
      const held: StreamChunk[] = [];
      {
        await using pair: Pair = await connectPair(ring);
        const chunks = pair.far.chunks({ lease: true });
        await pair.near.write(pattern(100, 9));
        held.push(...(await take(chunks, 100)));
      }
      await ring.close();
      expect(joined(held).equals(pattern(100, 9))).to.equal(true);
      for (const chunk of held) chunk.release();
    });
  });

  describe('bulk that is the reader’s own', () => {
    const KIB = 1024;

    it('and short messages in turn: every byte in order, on more connections than have memory ahead', async () => {
      const ring = makeRing();
      const pairs = await Promise.all(Array.from({ length: 20 }, () => connectPair(ring)));
      const totals = await Promise.all(
        pairs.map(async (pair, number) => {
          const sent = pattern(1500 * KIB + number, number + 1);
          const receiving = readAll(pair.far);
          for (let at = 0, round = 0; at < sent.length; round++) {
            const bytes = round % 8 < 6 ? 200 * KIB : 10 + number;
            await pair.near.write(sent.subarray(at, at + bytes));
            at += bytes;
          }
          await pair.near.end();
          return (await within(`connection ${number}`, receiving)).equals(sent);
        }),
      );
      expect(totals).to.deep.equal(pairs.map(() => true));
      await Promise.all(pairs.map((pair) => pair[Symbol.asyncDispose]()));
    });

    it('a reader that leaves, reads, comes back and leases loses nothing', async () => {
      await using pair = await connectPair(makeRing());
      const sent = pattern(4000 * KIB, 7);
      const writing = pair.near.write(sent);
      const received: Buffer[] = [];
      let count = 0;
      const note = (data: Buffer): void => {
        received.push(Buffer.from(data));
        count += data.length;
      };
      for (let round = 1; count < sent.length; round++) {
        const until = Math.min(round * 700 * KIB, sent.length);
        const iteration = async (): Promise<void> => {
          for await (const chunk of pair.far) {
            note(chunk);
            if (count >= until) break;
          }
        };
        await within('chunks', iteration());
        if (count === sent.length) break;
        note(await readBytes(pair.far, Math.min(1000, sent.length - count)));
        if (count === sent.length) break;
        const chunks = pair.far.chunks({ lease: true });
        const leased = await next(chunks);
        note(leased.data);
        leased.release();
        await chunks.return?.();
      }
      await within('the write', writing);
      expect(Buffer.concat(received).equals(sent)).to.equal(true);
    });

    it('an abort, a close and the peer’s end meet a receive that has its memory already', async () => {
      const ring = makeRing();
      for (const how of ['abort', 'close', 'end'] as const) {
        await using pair = await connectPair(ring);
        const controller = new AbortController();
        const chunks = pair.far.chunks({ signal: controller.signal });
        const writing = pair.near.write(pattern(1000 * KIB, 1));
        for (let count = 0; count < 1000 * KIB; ) {
          count += ((await within('a chunk', chunks.next())).value as Buffer).length;
        }
        await writing;
        const last = chunks.next();
        expect(await isPending(last, 5)).to.equal(true);
        if (how === 'abort') {
          controller.abort();
          expect((await rejection(last)).name).to.equal('AbortError');
          await pair.near.write('goes on');
          expect(String(await readBytes(pair.far, 7))).to.equal('goes on');
          continue;
        }
        if (how === 'close') await within('the close', pair.far.close());
        else await pair.near.end();
        expect((await within('the end', last)).done).to.equal(true);
      }
    });
  });

  describe('receive bundles', () => {
    const plain = { count: 8, countMax: 8, bytes: 256, incremental: false };

    before(function () {
      if (backend === 'node') skip(this, 'the node backend has no receive buffers');
      const { isSupported, answer } = trials.bundledReceive;
      if (!isSupported) skip(this, `this kernel does not get them right: ${answer}`);
    });

    it('ReceiveBundle: what fills several buffers comes by fewer completions, in order', async () => {
      const ring = makeRing({ receiveBuffers: plain });
      await using pair = await connectPair(ring);
      const sent = pattern(1800, 3);
      await pair.near.write(sent);
      const { completed } = ring.stats();
      const chunks = pair.far.chunks({ lease: true });
      const held = await take(chunks, sent.length);
      expect(pool(ring)).to.include({ isIncremental: false, available: 8 - held.length });
      expect(held.length).to.be.at.least(6);
      expect(ring.stats().completed - completed).to.be.below(held.length);
      expect(joined(held).equals(sent)).to.equal(true);
      for (const chunk of held) chunk.release();
      await eventually('all buffers', () => pool(ring).available === 8);
    });

    it('of many connections at once: each gets its own bytes, and every buffer comes back', async () => {
      const ring = makeRing({ receiveBuffers: plain });
      const pairs = await Promise.all(Array.from({ length: 8 }, () => connectPair(ring)));
      const totals = await Promise.all(
        pairs.map(async (pair, number) => {
          const sent = pattern(50_000 + number, number + 1);
          const receiving = readAll(pair.far);
          await pair.near.write(sent);
          await pair.near.end();
          return (await within(`connection ${number}`, receiving)).equals(sent);
        }),
      );
      expect(totals).to.deep.equal(pairs.map(() => true));
      await Promise.all(pairs.map((pair) => pair[Symbol.asyncDispose]()));
      await eventually('all buffers', () => pool(ring).available === 8);
    });
  });
});

describe('What streams receive into, where trials fail', () => {
  it('a buffer a piece, without bundles, and nothing else is different', async function () {
    if (!probe().isAvailable) skip(this, `no io_uring here: ${probe().reason}`);
    const outcome = await runScript(`
      import { binding, FAULT_REGISTER } from '#ringlet/native/binding.js';
      import { constants } from 'node:os';
      import { Listener, Ring, StreamSocket } from 'ringlet';

      const ring = new Ring({ backend: 'io_uring' });
      const listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      const near = await StreamSocket.connect({ host: '127.0.0.1', port: listener.address.port, ring });
      const far = await listener.accept();
      // Of each of the two trials the registration, and its end.
      binding().injectFault(FAULT_REGISTER, constants.errno.EINVAL, 4);
      const { features } = ring;
      const sent = Buffer.alloc(100_000, 'ringlet');
      void near.write(sent).then(() => near.end());
      const chunks = [];
      for await (const chunk of far) chunks.push(chunk);
      const [{ isIncremental, bytes }] = ring.stats().receiveBuffers;
      const isWhole = Buffer.concat(chunks).equals(sent);
      await Promise.all([near.close(), far.close(), listener.close()]);
      await ring.close();
      console.log(JSON.stringify({ features, isIncremental, bytes, isWhole }));
    `);
    expectCleanExit(outcome);
    const found = JSON.parse(outcome.stdout);
    expect(found).to.include({ isIncremental: false, bytes: 4096, isWhole: true });
    expect(found.features).to.not.include.members(['INCREMENTAL_RECEIVE']);
    expect(found.features).to.not.include.members(['BUNDLED_RECEIVE']);
  });
});
