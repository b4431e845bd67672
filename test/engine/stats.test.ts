/** Ring.stats(): each figure moves for what it says it counts, and for nothing else. */
import { expect } from 'chai';
import { DatagramSocket, type RingStats } from 'ringlet';
import { frameRings, needsLocalFiles, needsOfRing, RING_CONFIGURATIONS } from '../support/backends.js';
import { addressOf } from '../support/datagrams.js';
import { rejection, turns, whileNothingHappens, within } from '../support/eventually.js';
import { sqThreadOf, untilAsleep, withDescriptor } from '../support/sq-poll.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

/** By how much each counter has grown. */
function growth(before: RingStats, after: RingStats): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, value]) => {
      const was = before[name as keyof RingStats];
      return typeof value === 'number' && typeof was === 'number' ? [[name, value - was]] : [];
    }),
  );
}

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`Ring.stats [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    it('numbers, none below 0, that survive JSON; the last ones after close', async () => {
      const ring = makeRing({ inlineReads: false });
      await ring.fs.stat(directory.path);
      const walk = (value: unknown, name: string): void => {
        if (Array.isArray(value)) for (const each of value) walk(each, name);
        else if (typeof value === 'object' && value !== null) {
          for (const [key, each] of Object.entries(value)) walk(each, `${name}.${key}`);
        } else {
          expect(value, name).to.be.a('number');
          expect(value as number, name).to.be.at.least(0);
          expect(Number.isFinite(value), name).to.equal(true);
        }
      };
      walk(ring.stats(), 'stats');
      await ring.close();
      const last = ring.stats();
      expect(JSON.parse(JSON.stringify(last))).to.deep.equal(last);
      expect(ring.stats()).to.deep.equal(last);
      expect(last.submitted).to.be.at.least(1);
    });

    it('submitted and completed: one each for each read, in no more batches, turns and enters than reads', async () => {
      const ring = makeRing({ inlineReads: false });
      await using file = await ring.fs.open(directory.file('a', pattern(200)));
      await turns(2);
      const before = ring.stats();
      for (let index = 0; index < 200; index += 1) await file.read(Buffer.alloc(1), 0, 1, index);
      const grown = growth(before, ring.stats());
      expect([grown.submitted, grown.completed]).to.deep.equal([200, 200]);
      expect(grown.batches).to.be.within(1, 200);
      expect(grown.turns).to.be.at.least(1);
      if (options.sqPoll) expect(grown.enters).to.be.at.most(200);
      else expect(grown.enters).to.be.within(1, 400);
      expect([grown.overflows, grown.staleCompletions, grown.cancels]).to.deep.equal([0, 0, 0]);
    });

    it('inFlight, waiting and freeSlots: what is pending has a slot or waits, and gives it back', async () => {
      const ring = makeRing({ inFlightMax: 12 });
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      expect(ring.stats()).to.deep.include({ inFlight: 0, waiting: 0, freeSlots: 12 });
      const reads = Array.from({ length: 20 }, () => fifo.read(Buffer.alloc(1)));
      expect(ring.stats()).to.deep.include({ inFlight: 12, waiting: 8, freeSlots: 0, inFlightPeak: 12 });
      // Through Node, because the ring's own places are taken.
      const { promises: nodeFs } = await import('node:fs');
      await nodeFs.writeFile(directory.at('fifo'), Buffer.alloc(20), { flag: 'a' });
      await within('the reads', Promise.all(reads));
      expect(ring.stats()).to.deep.include({ inFlight: 0, waiting: 0, freeSlots: 12, inFlightPeak: 12 });
    });

    it('cancels: one for each abort of what is in the kernel, none for what never got there', async () => {
      const ring = makeRing({ inFlightMax: 5 });
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const controller = new AbortController();
      const { signal } = controller;
      const reads = Array.from({ length: 8 }, () =>
        rejection(fifo.read(Buffer.alloc(1), { signal, position: null })),
      );
      await turns(2);
      const before = ring.stats();
      controller.abort();
      await Promise.all(reads);
      // A request that meets its target between two states is made again.
      expect(growth(before, ring.stats()).cancels).to.be.within(5, 40);
      expect(ring.stats().staleCompletions).to.equal(0);
    });

    it('budgetStops: a turn that never runs dry makes way for timers', async function () {
      const ring = makeRing();
      needsLocalFiles(this, directory.path);
      await using file = await ring.fs.open(directory.file('a', pattern(10)));
      let isOver = false;
      setTimeout(() => {
        isOver = true;
      }, 20);
      const before = ring.stats();
      const chain = async (): Promise<void> => {
        const buffer = Buffer.alloc(1);
        while (!isOver) await file.read(buffer, 0, 1, 0);
      };
      await Promise.all(Array.from({ length: 64 }, chain));
      const grown = growth(before, ring.stats());
      // An SQ thread on a busy machine may leave each turn without completions at its end.
      if (!options.sqPoll) expect(grown.budgetStops).to.be.at.least(1);
      expect(grown.turns).to.be.at.least(grown.budgetStops as number);
    });

    it('timerRequests: one for a deadline, and none for later ones', async () => {
      const ring = makeRing();
      const before = ring.stats().timerRequests;
      const sleeps = [ring.sleep(40)];
      const first = ring.stats().timerRequests - before;
      for (let ms = 41; ms < 141; ms += 1) sleeps.push(ring.sleep(ms));
      expect(first).to.equal(1);
      expect(ring.stats().timerRequests - before).to.equal(1);
      await Promise.all(sleeps);
    });

    it('fdTable: slots used and free, files that found it full', async function () {
      const ring = makeRing({ registeredFds: 2 });
      needsOfRing(this, ring, 'registeredFds');
      const paths = ['a', 'b', 'c'].map((name) => directory.file(name, name));
      expect(ring.stats().fdTable).to.deep.include({ slots: 2, used: 0, free: 2, exhaustions: 0 });
      const files = await Promise.all(paths.map((path) => ring.fs.open(path)));
      expect(ring.stats().fdTable).to.deep.include({
        slots: 2,
        used: 2,
        free: 0,
        exhaustions: 1,
        refusals: 0,
      });
      await Promise.all(files.map((file) => file.close()));
      expect(ring.stats().fdTable).to.deep.include({ slots: 2, used: 0, free: 2, exhaustions: 1 });
      const without = makeRing({ registeredFds: 0 });
      expect(without.stats().fdTable).to.deep.include({ slots: 0, used: 0, free: 0 });
    });

    it('receiveBuffers: none before the first receive; a held lease is one fewer until its release', async () => {
      const ring = makeRing({ receiveBuffers: { count: 4, bytes: 1000 } });
      await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      expect(ring.stats().receiveBuffers).to.deep.equal([]);
      await socket.send('text', addressOf(socket));
      const messages = socket.messages({ lease: true });
      const { value: message } = await within('a message', messages.next());
      expect(ring.stats().receiveBuffers).to.have.length(1);
      expect(ring.stats().receiveBuffers[0]).to.deep.include({ count: 4, bytes: 1000, available: 3 });
      message.release();
      await turns(2);
      expect(ring.stats().receiveBuffers[0]).to.deep.include({ count: 4, available: 4 });
      await messages.return?.();
    });

    it('an idle ring is not woken: no turns and no system calls in 100 ms, with a receive armed', async () => {
      const ring = makeRing();
      await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      const next = socket.messages().next();
      await turns(3);
      const before = ring.stats();
      await whileNothingHappens(100);
      const grown = growth(before, ring.stats());
      expect(grown.wakeups).to.be.at.most(2);
      expect([grown.turns, grown.batches, grown.completed]).to.deep.equal([0, 0, 0]);
      expect(grown.enters).to.equal(0);
      await socket.close();
      await next;
    });
  });
}

describe('Ring.stats of an SQ-poll ring', () => {
  const makeRing = frameRings({ sqPoll: { idleMs: 1 } });
  const directory = temporaryDirectory();

  it('sqThreadWakeups: one for a read when the thread sleeps', async () => {
    const { ring, fd } = withDescriptor(() => makeRing());
    await using file = await ring.fs.open(directory.file('a', pattern(10)));
    const threadId = await sqThreadOf(fd);
    for (let round = 0; round < 3; round += 1) {
      await untilAsleep(threadId);
      const before = ring.stats();
      await file.read(Buffer.alloc(1), 0, 1, 0);
      const grown = growth(before, ring.stats());
      // A thread that was just about to sleep may have seen the read by itself.
      expect(grown.sqThreadWakeups).to.be.at.most(1);
      expect(grown.enters).to.be.at.least(grown.sqThreadWakeups as number);
    }
    expect(ring.stats().sqThreadWakeups).to.be.at.least(1);
  });

  it('sqThreadWakeups: 0 on a ring without such a thread', async () => {
    const ring = makeRing({ sqPoll: false });
    await ring.fs.stat(directory.path);
    expect(ring.stats().sqThreadWakeups).to.equal(0);
  });
});

describe('Ring.features', () => {
  const makeRing = frameRings({});

  it('names of what the kernel has, among them what every ring of ringlet stands on', () => {
    const { features } = makeRing();
    expect(features).to.include.members(['SINGLE_MMAP', 'NODROP', 'RW_CUR_POS', 'EXT_ARG', 'CQE_SKIP']);
    expect(features.filter((name) => !/^[A-Z][A-Z0-9_]+$/.test(name))).to.deep.equal([]);
  });

  it('none on the node backend', () => {
    expect(makeRing({ backend: 'node' }).features).to.deep.equal([]);
  });
});
