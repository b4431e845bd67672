/**
 * The test cases of folly's io_uring backend, in terms of this one: what its authors found worth checking,
 * on every backend and profile of ours.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { type DatagramMessage, DatagramSocket, type FileHandle, type PollEvent, type Ring } from 'ringlet';
import { describeOnEachBackend, frameRings, needsOfRing } from '../support/backends.js';
import { numbered, numberedRange } from '../support/datagrams.js';
import { eventually, isPending, rejection, turns, within } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const address = '127.0.0.1';
const { O_NONBLOCK, O_RDWR } = constants;

/** A descriptor number that nothing of the process has. */
const BAD_FD = 1_000_000;

describeOnEachBackend('folly: registered descriptors', (makeRing) => {
  const directory = temporaryDirectory();

  it('RegisteredFds: 16 slots, a 17th file goes without, and each slot given up is taken again', async function () {
    const ring = makeRing({ registeredFds: 16 });
    needsOfRing(this, ring, 'registeredFds');
    const hasTable = ring.backend === 'io_uring';
    const paths = Array.from({ length: 17 }, (_unused, index) =>
      directory.file(`f${index}`, pattern(100, index + 1)),
    );
    const handles: FileHandle[] = [];
    for (const path of paths) handles.push(await ring.fs.open(path));
    expect(ring.stats().fdTable.used).to.equal(hasTable ? 16 : 0);
    expect(ring.stats().fdTable.exhaustions).to.equal(hasTable ? 1 : 0);
    for (let index = 0; index < 16; index += 1) {
      await handles[index]?.close();
      handles[index] = await ring.fs.open(paths[index] as string);
      expect(ring.stats().fdTable.used).to.equal(hasTable ? 16 : 0);
    }
    for (const [index, handle] of handles.entries()) {
      expect((await handle.readFile()).equals(pattern(100, index + 1)), `file ${index}`).to.equal(true);
      await handle.close();
    }
    expect(ring.stats().fdTable.used).to.equal(0);
  });

  it('RegisteredFds: without a table nothing has a slot, and nothing is short of one', async () => {
    const ring = makeRing({ registeredFds: 0 });
    await using handle = await ring.fs.open(directory.file('a', pattern(100)));
    expect((await handle.readFile()).equals(pattern(100))).to.equal(true);
    expect(ring.stats().fdTable).to.deep.include({ slots: 0, used: 0, exhaustions: 0 });
  });
});

describeOnEachBackend('folly: datagrams', (makeRing) => {
  for (const registeredFds of [0, 16]) {
    it(`AsyncUDPRecvmsg, registeredFds ${registeredFds}: 8 sockets, 32 packets each, payload and sender match`, async () => {
      const ring = makeRing({ registeredFds });
      const sockets: DatagramSocket[] = [];
      for (let index = 0; index < 8; index += 1) {
        sockets.push(await DatagramSocket.bind({ address, ring }));
      }
      await using peer = await Peer.open();
      const receiving = sockets.map(async (socket, index) => {
        let count = 0;
        for await (const message of socket) {
          const wanted = numbered(index * 100 + count);
          expect(message.data.equals(wanted), `socket ${index}, ${count}`).to.equal(true);
          expect(message.remote).to.deep.include({ address, port: peer.port, family: 'IPv4' });
          count += 1;
          if (count === 32) break;
        }
      });
      for (let count = 0; count < 32; count += 1) {
        for (const [index, socket] of sockets.entries()) {
          await peer.send(numbered(index * 100 + count), socket.address);
        }
      }
      await within('8 × 32 packets', Promise.all(receiving));
      for (const socket of sockets) await socket.close();
    });
  }

  it('ProvidedBuffers: two buffers of two bytes and three readers: "12", "34", and "56" after a release', async () => {
    const ring = makeRing({ receiveBuffers: { count: 2, bytes: 2 } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const readers = [1, 2, 3].map(() => socket.messages({ lease: true }));
    const steps = readers.map((reader) => reader.next());
    const held: DatagramMessage[] = [];
    // One by one, because a reader takes all that is there.
    for (const [index, payload] of ['12', '34', '56'].entries()) {
      await peer.send(payload, socket.address);
      if (index < 2) held.push((await within(payload, steps[index] as (typeof steps)[0])).value);
    }
    const third = steps[2] as (typeof steps)[0];
    expect(held.map(({ data }) => data.toString())).to.deep.equal(['12', '34']);
    // The ring has no buffer left for the third; Node's own socket has memory of its own for each.
    if (ring.backend === 'io_uring') expect(await isPending(third)).to.equal(true);
    expect(held.map(({ data }) => data.toString())).to.deep.equal(['12', '34']);
    held[0]?.release();
    const last: DatagramMessage | undefined = (await within('the third', third)).value;
    expect(last?.data.toString()).to.equal('56');
    expect(held[1]?.data.toString()).to.equal('34');
    for (const message of [held[1], last]) message?.release();
    for (const reader of readers) await reader.return?.();
  });

  for (const keptCount of [0, 1, 2, 3]) {
    it(`ProvidedBufferRing: ${keptCount} of 3 buffers kept past the end of socket and ring keep their bytes`, async () => {
      const ring = makeRing({ receiveBuffers: { count: 3, bytes: 64 } });
      const socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const reader = socket.messages({ lease: true });
      const kept: DatagramMessage[] = [];
      for (let index = 0; index < keptCount; index += 1) {
        await peer.send(numbered(index), socket.address);
        kept.push((await within('a message', reader.next())).value as DatagramMessage);
      }
      await reader.return?.();
      await socket.close();
      await ring.close();
      globalThis.gc?.();
      for (const [index, message] of kept.entries()) {
        expect(message.data.equals(numbered(index)), `message ${index}`).to.equal(true);
        expect(message.remote.port).to.equal(peer.port);
        message.release();
      }
    });
  }

  it('BigProvidedBufferRing: 32,000 buffers of 65,536 bytes, 2,000 of them touched', async () => {
    const ring = makeRing({ receiveBuffers: { count: 32_000, bytes: 65_536 } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const reader = socket.batches({ lease: true });
    const held: DatagramMessage[] = [];
    for (let index = 0; index < 2000; ) {
      for (let burst = 0; burst < 50; burst += 1) await peer.send(numbered(index++), socket.address);
      while (held.length < index) held.push(...((await within('a batch', reader.next())).value ?? []));
    }
    for (const [index, message] of held.entries()) {
      expect(message.data.equals(numbered(index)), `message ${index}`).to.equal(true);
      message.release();
    }
    await reader.return?.();
    for (const pool of ring.stats().receiveBuffers) {
      expect(pool).to.include({ count: 32_000, available: 32_000, exhaustions: 0 });
    }
  });

  it('ConcurrentDecBufferState: 16 tasks give back 1,024 buffers each, and every buffer can be had again', async () => {
    const ring = makeRing({ receiveBuffers: { count: 64, countMax: 64, bytes: 64 } });
    await using socket = await DatagramSocket.bind({ address, ring, receiveBufferBytes: 1 << 20 });
    await using peer = await Peer.open();
    const total = 16 * 1024;
    const seen = new Uint8Array(total);
    let taken = 0;
    const task = async (number: number): Promise<void> => {
      for await (const message of socket.messages({ lease: true })) {
        seen[message.data.readUInt32LE(0)] = 1;
        taken += 1;
        // Each task holds its buffers for a time of its own, so that they come back out of order.
        if (taken % 8 === 0) await turns(number % 3);
        message.release();
        if (taken >= total) break;
      }
    };
    const tasks = Promise.all(
      Array.from({ length: 16 }, (_unused, number) => task(number).then(() => socket.close())),
    );
    for (let index = 0; index < total; index += 1) {
      await peer.send(numbered(index, 8), socket.address);
      if (index % 32 === 31) await eventually('the tasks keeping up', () => taken > index - 48);
    }
    await within('all buffers given back', tasks, 25_000);
    expect(seen.every((each) => each === 1)).to.equal(true);
    for (const pool of ring.stats().receiveBuffers) expect(pool.available).to.equal(64);
  });
});

describeOnEachBackend('folly: events of many descriptors', (makeRing) => {
  const directory = temporaryDirectory();
  let opened: number[] = [];

  afterEach(() => {
    for (const fd of opened.splice(0)) closeSync(fd);
    opened = [];
  });

  /** So many descriptors of one FIFO: a byte in it is an event of each. */
  function openMany(count: number): { fds: number[]; writer: number } {
    const path = directory.fifo('fifo');
    opened = Array.from({ length: count + 1 }, () => openSync(path, O_RDWR | O_NONBLOCK));
    const [writer, ...fds] = opened as [number, ...number[]];
    return { fds, writer };
  }

  for (const [name, isBad] of [
    ['InvalidFd91: one bad in ten', (index: number) => index % 10 === 9],
    ['InvalidFd010: ten bad', () => true],
    ['InvalidFd55: five of each, in turn', (index: number) => index % 2 === 1],
  ] as const) {
    it(`${name}: every poll settles, the good ones with their events, the bad ones with EBADF`, async () => {
      const ring = makeRing();
      const { fds, writer } = openMany(10);
      const polls = fds.map((fd, index) => ring.poll(isBad(index) ? BAD_FD + index : fd, ['readable']));
      const settled = Promise.allSettled(polls);
      await turns(3);
      writeSync(writer, 'x');
      for (const [index, outcome] of (await within('ten polls', settled)).entries()) {
        if (outcome.status === 'rejected') expect(outcome.reason).to.include({ code: 'EBADF' });
        else expect(outcome.value).to.deep.equal(['readable']);
        expect(outcome.status, `poll ${index}`).to.equal(isBad(index) ? 'rejected' : 'fulfilled');
      }
    });
  }

  for (const count of [32, 2048]) {
    const queue = { completionEntries: 64, submissionEntries: 32, completionEntriesMin: 64 };

    it(`EventFD, ${count} descriptors on 64 completion entries: every poll fulfils, twice over`, async () => {
      const ring = makeRing(queue);
      const { fds, writer } = openMany(count);
      for (let round = 0; round < 2; round += 1) {
        const polls = Promise.all(fds.map((fd) => ring.poll(fd, ['readable'])));
        await turns(3);
        writeSync(writer, 'x');
        const events = await within(`${count} polls`, polls);
        expect(events.every(([event]) => event === 'readable')).to.equal(true);
        readSync(writer, Buffer.alloc(8));
      }
      expect(ring.stats().staleCompletions).to.equal(0);
    });

    it(`EventFD persistent, ${count} descriptors on 64 completion entries: every watch fires twice or more`, async () => {
      const ring = makeRing(queue);
      const { fds, writer } = openMany(count);
      const watches = fds.map((fd) => ring.watch(fd, ['readable']));
      for (let round = 0; round < 2; round += 1) {
        const steps = Promise.all(watches.map((watch) => watch.next()));
        await turns(3);
        writeSync(writer, 'x');
        for (const { value } of await within(`${count} watches`, steps)) {
          expect(value).to.deep.equal(['readable'] satisfies PollEvent[]);
        }
        readSync(writer, Buffer.alloc(8));
      }
      await within('the end of the watches', Promise.all(watches.map((watch) => watch.return?.())));
      expect(ring.stats().staleCompletions).to.equal(0);
    });
  }
});

for (const taskRun of ['cooperative', 'interrupt'] as const) {
  describe(`folly: an overflowing completion queue [${taskRun}]`, () => {
    const makeRing = frameRings({ taskRun });
    const directory = temporaryDirectory();
    it('EventFD overflow persistent: 2,048 watches fire at once on 64 entries, the queue overflows, none is missed', async () => {
      const ring = makeRing({
        backend: 'io_uring',
        taskRun,
        completionEntries: 64,
        submissionEntries: 32,
        completionEntriesMin: 64,
      });
      const path = directory.fifo('fifo');
      const opened = Array.from({ length: 2048 }, () => openSync(path, O_RDWR | O_NONBLOCK));
      const watches = opened.map((fd) => ring.watch(fd, ['readable']));
      for (let round = 0; round < 2; round += 1) {
        const steps = Promise.all(watches.map((watch) => watch.next()));
        await turns(10);
        writeSync(opened[0] as number, 'x');
        const results = await within('2,048 watches', steps);
        expect(results.every(({ value }) => value?.join() === 'readable')).to.equal(true);
        readSync(opened[0] as number, Buffer.alloc(8));
      }
      await Promise.all(watches.map((watch) => watch.return?.()));
      for (const fd of opened) closeSync(fd);
      const { overflows, staleCompletions } = ring.stats();
      expect(overflows).to.be.greaterThan(0);
      expect(staleCompletions).to.equal(0);
    });
  });
}

describeOnEachBackend('folly: destruction', (makeRing) => {
  const directory = temporaryDirectory();

  interface Work {
    pending: Promise<unknown>[];
    quiet: Promise<unknown>[];
    after(): Promise<void>;
  }

  /** One of everything that waits: what rejects when the ring goes, and what ends quietly. */
  async function startEverything(ring: Ring): Promise<Work> {
    const path = directory.fifo('fifo');
    const fifo = await ring.fs.open(path, 'r+');
    // Each takes one of Node's four threads for good there.
    const readCount = ring.backend === 'node' ? 2 : 20;
    const fd = openSync(path, O_RDWR | O_NONBLOCK);
    const socket = await DatagramSocket.bind({ address, ring });
    return {
      pending: [
        ...Array.from({ length: readCount }, () => fifo.read(Buffer.alloc(8))),
        ...Array.from({ length: 20 }, () => ring.poll(fd, ['readable'])),
        ...Array.from({ length: 20 }, () => ring.sleep(60_000)),
        ring.watch(fd, ['readable']).next(),
      ],
      quiet: [socket[Symbol.asyncIterator]().next()],
      async after() {
        // What nobody can cancel ends now.
        writeSync(fd, Buffer.alloc(1000));
        await fifo.close();
        closeSync(fd);
      },
    };
  }

  for (const [name, turnCount] of [
    ['in the turn that started it', 0],
    ['once it is in the kernel', 5],
  ] as const) {
    it(`Ring.close with reads, polls, a watch, sleeps and a receive in flight, ${name}: all settle, nothing hangs`, async () => {
      const ring = makeRing();
      const work = await startEverything(ring);
      const rejections = work.pending.map((promise) => rejection(promise));
      await turns(turnCount);
      await within('Ring.close', ring.close());
      for (const error of await Promise.all(rejections)) {
        expect(error).to.have.property('code', 'ERR_RINGLET_CLOSED');
      }
      for (const promise of work.quiet) {
        expect(await within('the iterator', promise)).to.deep.equal({ done: true, value: undefined });
      }
      expect(ring.stats().staleCompletions).to.equal(0);
      await work.after();
    });
  }

  it('OpenAt2: an open whose ring is closed in the same turn leaves no descriptor', async () => {
    const ring = makeRing();
    const path = directory.file('a', pattern(10));
    const opens = Array.from({ length: 10 }, () => ring.fs.open(path));
    const outcomes = Promise.allSettled(opens);
    await within('Ring.close', ring.close());
    for (const outcome of await outcomes) {
      if (outcome.status === 'fulfilled') await outcome.value.close();
      else expect(outcome.reason).to.have.property('code', 'ERR_RINGLET_CLOSED');
    }
  });

  it('destroying the ring from within an iteration of its own socket ends that iteration', async () => {
    const ring = makeRing();
    const socket = await DatagramSocket.bind({ address, ring });
    const { port } = socket.address;
    await using peer = await Peer.open();
    const payloads = numberedRange(0, 5);
    for (const payload of payloads) await peer.send(payload, socket.address);
    let closing: Promise<void> | undefined;
    const looping = (async () => {
      for await (const message of socket) {
        expect(message.data.length).to.equal(payloads[0]?.length);
        closing ??= ring.close();
      }
    })();
    await within('the loop', looping);
    await within('Ring.close', closing as Promise<void>);
    expect(droppedAt(port)).to.equal(null);
  });
});
