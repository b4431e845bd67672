/** The multishot receive of a datagram socket: how often it is armed, what ends it, and that nothing is lost. */
import { expect } from 'chai';
import { type DatagramMessage, DatagramSocket, type RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { numbered, numberedRange, take } from '../support/datagrams.js';
import { eventually, turns, whileNothingHappens } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';

const address = '127.0.0.1';

for (const [title, profile] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['cooperative', { taskRun: 'cooperative' }],
  ['interrupt', { taskRun: 'interrupt' }],
  ['registered descriptors', { registeredFds: 8 }],
  ['epoll', { backend: 'epoll' }],
] as const satisfies readonly (readonly [string, RingOptions])[]) {
  describe(`Multishot receive [${title}]`, () => {
    const makeRing = frameRings(profile);
    const made = (options: RingOptions): RingOptions => ({ backend: 'io_uring', ...profile, ...options });

    it('one request for 200 datagrams: each makes a completion, and nothing is armed again', async () => {
      const ring = makeRing(made({ receiveBuffers: { count: 256, bytes: 100 } }));
      await using socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const reader = socket.messages();
      const first = reader.next();
      await peer.send(numbered(0), socket.address);
      await first;
      const before = ring.stats();
      for (let index = 1; index <= 200; index += 1) {
        await peer.send(numbered(index), socket.address);
        const { value } = await reader.next();
        expect(value?.data.equals(numbered(index)), `message ${index}`).to.equal(true);
      }
      const { submitted, completed, rearms } = ring.stats();
      expect([submitted - before.submitted, rearms]).to.deep.equal([0, 0]);
      expect(completed - before.completed).to.equal(200);
      await reader.return?.();
    });

    it('buffers held for good: a few arms and no spinning, and it goes on once they are released', async () => {
      const ring = makeRing(made({ receiveBuffers: { count: 4, bytes: 200 } }));
      await using socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const batches = socket.batches({ lease: true });
      const held: DatagramMessage[] = [];
      for (const payload of numberedRange(0, 12)) await peer.send(payload, socket.address);
      while (held.length < 4) held.push(...((await batches.next()).value ?? []));
      const pending = batches.next();
      await turns(20);
      const { rearms, turns: turnsBefore, submitted } = ring.stats();
      await whileNothingHappens(300);
      const later = ring.stats();
      expect(later.rearms, 'arms while nothing is free').to.equal(rearms);
      expect(later.submitted).to.equal(submitted);
      expect(later.turns - turnsBefore, 'turns while nothing is free').to.be.at.most(3);
      expect(later.bufferExhaustions).to.be.within(1, 2);
      for (const message of held.splice(0)) message.release();
      const first: DatagramMessage[] = (await pending).value ?? [];
      const seen = first.map((message) => Buffer.from(message.data));
      for (const message of first) message.release();
      while (seen.length < 8) {
        for (const message of (await batches.next()).value ?? []) {
          seen.push(Buffer.from(message.data));
          message.release();
        }
      }
      expect(seen).to.deep.equal(numberedRange(4, 8));
      expect(ring.stats().rearms).to.be.at.most(10);
      expect(droppedAt(socket.address.port)).to.equal(0);
      await batches.return?.();
    });

    it('8 completion entries and a burst of 1,000: the queue overflows, and every datagram comes in its turn', async () => {
      const ring = makeRing(
        made({ submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4, drainBatchMax: 8 }),
      );
      await using socket = await DatagramSocket.bind({ address, ring, receiveBufferBytes: 1 << 22 });
      await using peer = await Peer.open();
      const payloads = numberedRange(0, 1000, 32);
      // All of them are in the socket before anybody receives.
      for (const payload of payloads.slice(0, 100)) await peer.send(payload, socket.address);
      const reading = take(socket, payloads.length);
      for (const payload of payloads.slice(100)) await peer.send(payload, socket.address);
      expect(await reading).to.deep.equal(payloads);
      expect(droppedAt(socket.address.port)).to.equal(0);
      expect(ring.stats().staleCompletions).to.equal(0);
      expect(ring.stats().rearms, 'ended by the full queue').to.be.greaterThan(0);
    });

    it('a zero-length datagram ends the kernel’s request: it is armed again, and what follows is there', async () => {
      const ring = makeRing(made({}));
      await using socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const reading = take(socket, 41);
      for (let index = 0; index < 41; index += 1) {
        await peer.send(index % 4 === 3 ? Buffer.alloc(0) : numbered(index), socket.address);
      }
      const wanted = Array.from({ length: 41 }, (_unused, index) =>
        index % 4 === 3 ? Buffer.alloc(0) : numbered(index),
      );
      expect(await reading).to.deep.equal(wanted);
      expect(ring.stats().rearms).to.be.within(ring.backend === 'epoll' ? 0 : 1, 15);
    });

    it('stats: every buffer is available again once all messages are released', async () => {
      const ring = makeRing(made({ receiveBuffers: { count: 5, bytes: 100 } }));
      await using socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const reader = socket.messages({ lease: true });
      const held: DatagramMessage[] = [];
      for (let index = 0; index < 3; index += 1) {
        await peer.send(numbered(index), socket.address);
        held.push((await reader.next()).value as DatagramMessage);
      }
      expect(ring.stats().receiveBuffers).to.have.length(1);
      expect(ring.stats().receiveBuffers[0]).to.include({ count: 5, bytes: 100, available: 2 });
      for (const message of held) message.release();
      await eventually('all available', () => ring.stats().receiveBuffers[0]?.available === 5);
      await reader.return?.();
    });
  });
}
