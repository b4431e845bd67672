/** Linked entries reach the kernel in one piece, whatever the ring's size and whoever shares its SQ thread. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { FileHandle, Ring, RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { DEADLINE_MS, isPending, rejection, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const TINY: RingOptions = { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 };

for (const [title, options, linkedMax, hasCompanion] of [
  ['loop', {}, 8, false],
  ['loop, 4 entries', TINY, 4, false],
  ['loop, one entry a batch', { submitBatchMax: 1 }, 8, false],
  ['interrupt, 4 entries', { ...TINY, taskRun: 'interrupt' }, 4, false],
  ['sqPoll', { sqPoll: true }, 8, false],
  ['sqPoll, 4 entries', { ...TINY, sqPoll: true }, 4, false],
  ['sqPoll, a thread that serves two rings', { sqPoll: { group: 'links', idleMs: 5 } }, 8, true],
  [
    'sqPoll, a thread that serves two rings, 4 entries',
    { ...TINY, sqPoll: { group: 'links', idleMs: 5 } },
    4,
    true,
  ],
  [
    'sqPoll, a thread that serves two rings, 8 entries',
    { submissionEntries: 8, sqPoll: { group: 'links', idleMs: 5 } },
    8,
    true,
  ],
  ['registered descriptors', { registeredFds: 8 }, 8, false],
  ['epoll', { backend: 'epoll' }, 8, false],
  ['epoll, 4 entries', { ...TINY, backend: 'epoll' }, 4, false],
] as const) {
  describe(`Links of a chain [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    /** A torn link would let what comes behind the tear begin although the first part has failed. */
    it(`is never torn: 150 failing chains of up to ${linkedMax} parts, among reads, write nothing`, async () => {
      const ring = makeRing();
      const companion = hasCompanion ? makeRing() : undefined;
      await using readOnly = await ring.fs.open(directory.file('a', '0123456789'));
      await using target = await ring.fs.open(directory.at('b'), 'w+');
      let isBusy = true;
      const busy = Promise.all(
        Array.from({ length: hasCompanion ? 4 : 0 }, async () => {
          while (isBusy) await companion?.fs.stat(directory.path);
        }),
      );
      const waiting: Promise<unknown>[] = [];
      for (let round = 0; round < 150; round += 1) {
        // So that links begin at every place of the queue, and of the SQ thread's passes.
        for (let index = 0; index < round % 11; index += 1)
          waiting.push(readOnly.read(Buffer.alloc(1), 0, 1, 0));
        const length = 2 + (round % (linkedMax - 1));
        const chain = ring.chain((parts) => {
          parts.write(readOnly, 'x');
          for (let index = 1; index < length; index += 1) parts.write(target, 'torn', { position: 0 });
        });
        waiting.push(
          chain.then((results) => {
            const codes = results.map((result) => (result as PromiseRejectedResult).reason.code as string);
            expect(codes).to.deep.equal(['EBADF', ...new Array<string>(length - 1).fill('ECANCELED')]);
          }),
        );
        if (round % 7 === 0) await waiting.at(-1);
      }
      await within('all chains', Promise.all(waiting));
      isBusy = false;
      await busy;
      expect(readFileSync(directory.at('b'), 'utf8')).to.equal('');
      expect(ring.stats().staleCompletions).to.equal(0);
    });

    it(`300 chains of ${linkedMax} parts do all of them, in order`, async () => {
      const ring = makeRing();
      if (hasCompanion) makeRing();
      await using target = await ring.fs.open(directory.at('b'), 'w+');
      const chains = Array.from({ length: 300 }, (_unused, round) =>
        ring.chain((parts) => {
          for (let index = 0; index < linkedMax; index += 1) {
            parts.write(target, String(index), { position: round });
          }
        }),
      );
      for (const results of await within('all chains', Promise.all(chains))) {
        expect(results.map(({ status }) => status)).to.deep.equal(new Array(linkedMax).fill('fulfilled'));
      }
      expect(readFileSync(directory.at('b'), 'utf8')).to.equal(String(linkedMax - 1).repeat(300));
    });

    it('with time limits: the part under way ends, and what is linked to it does not begin', async () => {
      const ring = makeRing();
      if (hasCompanion) makeRing();
      const fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const chains = Array.from({ length: 40 }, () =>
        ring.chain(
          (parts) => {
            parts.read(fifo, Buffer.alloc(1));
            parts.write(fifo, 'torn');
          },
          { timeoutMs: 30 },
        ),
      );
      for (const results of await within('all chains', Promise.all(chains))) {
        const codes = results.map((result) => (result as PromiseRejectedResult).reason.code as string);
        expect(codes).to.deep.equal(['ETIMEDOUT', 'ECANCELED']);
      }
      const reading = fifo.read(Buffer.alloc(1));
      expect(await isPending(reading), 'nothing was written').to.equal(true);
      await fifo.cancel();
      await rejection(reading);
      await fifo.close();
    });
  });
}

describe('Links of a chain: how long they may be', () => {
  const makeRing = frameRings({});
  const directory = temporaryDirectory();

  const writes = (ring: Ring, handle: FileHandle, count: number, timeoutMs?: number): Promise<unknown> =>
    ring.chain(
      (parts) => {
        for (let index = 0; index < count; index += 1) parts.write(handle, 'x');
      },
      timeoutMs === undefined ? {} : { timeoutMs },
    );

  for (const [title, options, allowed, name] of [
    ['a ring of 4 entries', TINY, 4, 'submissionEntries'],
    ['an in-flight limit of 6', { inFlightMax: 6 }, 6, 'inFlightMax'],
    ['an SQ-poll group', { sqPoll: { group: 'limits' } }, 8, 'the SQ thread of a group'],
    ['an SQ thread of its own', { sqPoll: true, submissionEntries: 32 }, 32, 'submissionEntries'],
  ] as const) {
    it(`${title}: ${allowed} parts, with a time limit or without; ERR_OUT_OF_RANGE names ${name}`, async () => {
      const ring = makeRing(options);
      const handle = await ring.fs.open(directory.at('a'), 'w');
      await writes(ring, handle, allowed);
      await writes(ring, handle, allowed, 10_000);
      for (const timeoutMs of [undefined, 10_000]) {
        const error = await rejection(writes(ring, handle, allowed + 1, timeoutMs));
        expect(error.code).to.equal('ERR_OUT_OF_RANGE');
        expect(error.message).to.contain(`${allowed + 1} parts linked in a row`);
        expect(error.message).to.contain(`${name} allows ${allowed}`);
      }
      await handle.close();
      expect(readFileSync(directory.at('a')).length).to.equal(2 * allowed);
    });
  }

  it('parts that end a link do not count together: 50 on a ring of 4 entries', async () => {
    const ring = makeRing(TINY);
    const handle = await ring.fs.open(directory.at('a'), 'w');
    const results = await ring.chain(
      (parts) => {
        for (let index = 0; index < 25; index += 1) {
          parts.write(handle, 'x');
          parts.datasync(handle);
        }
      },
      { timeoutMs: 10_000 },
    );
    expect(results.map(({ status }) => status)).to.deep.equal(new Array(50).fill('fulfilled'));
    await handle.close();
  });

  it('the kernel goes from part to part by itself, while the event loop is blocked', async () => {
    const ring = makeRing({ sqPoll: true, submitBatchMax: 1 });
    const path = directory.at('a');
    const handle = await ring.fs.open(path, 'w');
    const before = ring.stats().submitted;
    const chain = ring.chain((parts) => {
      for (let index = 0; index < 8; index += 1) parts.write(handle, String(index));
    });
    expect(ring.stats().submitted - before, 'handed over at once').to.equal(8);
    const deadline = Date.now() + DEADLINE_MS;
    while (readFileSync(path, 'utf8') !== '01234567' && Date.now() < deadline);
    expect(readFileSync(path, 'utf8')).to.equal('01234567');
    await chain;
    await handle.close();
  });
});
