/** More operations than the ring has places: nothing is lost, nothing is mixed up, timers still fire. */
import { expect } from 'chai';
import type { RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';
import { Peer } from '../support/peer.js';

const TINY: RingOptions = {
  submissionEntries: 4,
  completionEntries: 8,
  completionEntriesMin: 4,
  inFlightMax: 4096,
  inlineReads: false,
};
const BLOCK_BYTES = 4096;
const BLOCKS = 64;

for (const [title, options] of [
  ['loop', TINY],
  ['sqPoll', { ...TINY, sqPoll: true }],
  ['cooperative', { ...TINY, taskRun: 'cooperative' }],
  ['interrupt', { ...TINY, taskRun: 'interrupt' }],
  ['registered descriptors', { ...TINY, registeredFds: 8 }],
  ['epoll', { ...TINY, backend: 'epoll' }],
] as const) {
  describe(`Beyond capacity [${title}, 4 entries]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    it('8,192 reads of 4 KiB at once all fulfil, each with its own bytes', async () => {
      const content = pattern(BLOCK_BYTES * BLOCKS);
      const ring = makeRing();
      await using handle = await ring.fs.open(directory.file('a', content));
      const memory = Buffer.alloc(8192 * BLOCK_BYTES);
      const reads: Promise<{ bytesRead: number }>[] = [];
      for (let index = 0; index < 8192; index += 1) {
        const position = (index % BLOCKS) * BLOCK_BYTES;
        reads.push(handle.read(memory, index * BLOCK_BYTES, BLOCK_BYTES, position));
      }
      for (const { bytesRead } of await Promise.all(reads)) expect(bytesRead).to.equal(BLOCK_BYTES);
      for (let start = 0; start < memory.length; start += content.length) {
        const isSame = memory.subarray(start, start + content.length).equals(content);
        expect(isSame, `at ${start}`).to.equal(true);
      }
      const stats = ring.stats();
      expect(stats.staleCompletions).to.equal(0);
      expect(stats.inFlight + stats.waiting).to.equal(0);
      expect(stats.inFlightPeak).to.be.at.most(4096);
    });

    it('1,000 reads of an empty FIFO and 1,000 of a file at once: the file’s fulfil, then the FIFO’s', async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      await using handle = await ring.fs.open(directory.file('a', pattern(1000)));
      const blocked = Array.from({ length: 1000 }, () => fifo.read(Buffer.alloc(1)));
      const reads = Array.from({ length: 1000 }, (_unused, index) =>
        handle.read(Buffer.alloc(1), 0, 1, index),
      );
      const bytes = (await Promise.all(reads)).map(({ buffer }) => buffer[0]);
      expect(Buffer.from(bytes as number[]).equals(pattern(1000))).to.equal(true);
      await fifo.write(Buffer.alloc(1000, 5));
      for (const { bytesRead } of await Promise.all(blocked)) expect(bytesRead).to.equal(1);
    });
  });
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['busy polling', { sqPoll: true, busyPollUs: 100 }],
  ['epoll', { backend: 'epoll' }],
] as const) {
  describe(`Fairness [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();
    const READS_MAX = 2_000_000;

    /** Keeps 128 reads going until `hasHappened`, or until too many have been done; gives how many were. */
    async function readUntil(hasHappened: () => boolean): Promise<number> {
      await using handle = await makeRing().fs.open(directory.file('a', pattern(BLOCK_BYTES)));
      let count = 0;
      const chain = async (): Promise<void> => {
        const buffer = Buffer.alloc(64);
        while (!hasHappened() && count < READS_MAX) {
          await handle.read(buffer, 0, 64, 0);
          count += 1;
        }
      };
      await Promise.all(Array.from({ length: 128 }, chain));
      return count;
    }

    it(`setTimeout fires before ${READS_MAX} reads of a self-perpetuating chain of 128`, async () => {
      let hasFired = false;
      setTimeout(() => {
        hasFired = true;
      }, 1);
      expect(await readUntil(() => hasFired)).to.be.lessThan(READS_MAX);
      expect(hasFired).to.equal(true);
    });

    it('setInterval ticks five times, and setImmediate ten, meanwhile', async () => {
      let ticks = 0;
      let immediates = 0;
      const interval = setInterval(() => {
        ticks += 1;
      }, 1);
      const next = (): void => {
        immediates += 1;
        if (immediates < 10) setImmediate(next);
      };
      setImmediate(next);
      expect(await readUntil(() => ticks >= 5 && immediates >= 10)).to.be.lessThan(READS_MAX);
      clearInterval(interval);
    });

    it('input on another descriptor of the loop is heard meanwhile', async () => {
      await using peer = await Peer.open();
      await peer.send('to itself', peer);
      expect(await readUntil(() => peer.received.length > 0)).to.be.lessThan(READS_MAX);
    });
  });
}
