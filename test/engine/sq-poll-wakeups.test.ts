/**
 * Rings that share an SQ thread and pause for about as long as the thread goes on without work: it falls
 * asleep while they submit, over and over. A wake-up that is missed shows as a read that does not end.
 */
import { expect } from 'chai';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { startWorker } from '../support/child.js';
import { pause, within } from '../support/eventually.js';
import { expectNoLeftovers, takeBaseline } from '../support/leftovers.js';
import { temporaryDirectory } from '../support/temporary.js';

const ROUNDS = 60;

/** Bursts of different depths with pauses between them, the same for the same `seed`. */
function* bursts(seed: number, idleMs: number): Generator<[depth: number, pauseMs: number]> {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const depth = [1, 1, 1, 2, 8, 100][random(6)] as number;
    yield [depth, [0, idleMs, idleMs, idleMs + 1, random(2 * idleMs + 2)][random(5)] as number];
  }
}

describe('Wake-ups of a shared SQ thread', () => {
  needsIoUring({ backend: 'io_uring', sqPoll: true });
  const directory = temporaryDirectory();

  for (const idleMs of [1, 3, 20]) {
    it(`idleMs ${idleMs}: two rings here and one in a worker, every read ends`, async () => {
      const before = takeBaseline();
      const path = directory.file('a', Buffer.alloc(6400, 7));
      const options = { backend: 'io_uring', sqPoll: { group: 'wake-ups', threads: 1, idleMs } } as const;
      const worker = startWorker(
        `
          const { path, options, plan } = workerData;
          const ring = new ringlet.Ring(options);
          const file = await ring.fs.open(path);
          let count = 0;
          for (const [depth, pauseMs] of plan) {
            await Promise.all(Array.from({ length: depth }, (_unused, index) => file.read(Buffer.alloc(64), 0, 64, index * 64)));
            count += depth;
            parentPort.postMessage(count);
            await new Promise((resolve) => setTimeout(resolve, pauseMs));
          }
          await file.close();
          await ring.close();
        `,
        { path, options, plan: [...bursts(3, idleMs)] },
      );
      async function read(seed: number): Promise<void> {
        const ring = new Ring(options);
        const file = await ring.fs.open(path);
        for (const [depth, pauseMs] of bursts(seed, idleMs)) {
          const reads = Array.from({ length: depth }, (_unused, index) =>
            file.read(Buffer.alloc(64), 0, 64, index * 64),
          );
          const results = await within(`${depth} reads`, Promise.all(reads));
          for (const { bytesRead } of results) expect(bytesRead).to.equal(64);
          await pause(pauseMs);
        }
        await file.close();
        expect(ring.stats().inFlight).to.equal(0);
        await ring.close();
      }
      async function follow(): Promise<void> {
        for (let round = 0; round < ROUNDS; round += 1) await worker.next();
        expect(await within('the worker’s end', worker.ended)).to.equal(0);
      }
      await Promise.all([read(1), read(2), follow()]);
      await expectNoLeftovers(before);
    });
  }
});
