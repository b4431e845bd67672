/** Requests to cancel, more at once than the queues have places: none is dropped, whatever the kernel says. */
import { expect } from 'chai';
import { constants } from 'node:os';
import { binding, FAULT_ENTER } from '#ringlet/native/binding.js';
import type { FileHandle, RingOptions } from 'ringlet';
import { frameRings, needsLocalFiles } from '../support/backends.js';
import { type CallError, rejection, turns, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const TINY: RingOptions = {
  submissionEntries: 4,
  completionEntries: 8,
  completionEntriesMin: 4,
  inFlightMax: 4096,
};
const READS = 3000;

for (const [title, options] of [
  ['loop', {}],
  ['loop, 4 entries', TINY],
  ['interrupt, 4 entries', { ...TINY, taskRun: 'interrupt' }],
  ['sqPoll, 4 entries', { ...TINY, sqPoll: true }],
  ['sqPoll in a group, 4 entries', { ...TINY, sqPoll: { group: 'cancels', idleMs: 5 } }],
  ['registered descriptors, 4 entries', { ...TINY, registeredFds: 4 }],
  ['epoll', { backend: 'epoll' }],
  ['epoll, 4 entries', { ...TINY, backend: 'epoll' }],
] as const) {
  describe(`Cancel beyond capacity [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    /** Reads that wait for ever, one signal each. */
    function startReads(fifo: FileHandle): {
      controllers: AbortController[];
      outcomes: Promise<CallError>[];
    } {
      const controllers = Array.from({ length: READS }, () => new AbortController());
      const outcomes = controllers.map(({ signal }) => rejection(fifo.read(Buffer.alloc(1), { signal })));
      return { controllers, outcomes };
    }

    async function expectAll(outcomes: readonly Promise<CallError>[], code: string): Promise<void> {
      const errors = await within('all reads', Promise.all(outcomes), 20_000);
      expect(errors.filter((error) => error.code === code).length).to.equal(READS);
    }

    it(`${READS} reads in the kernel, each aborted without a turn of the loop`, async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const { controllers, outcomes } = startReads(fifo);
      await turns(5);
      for (const controller of controllers) controller.abort();
      await expectAll(outcomes, 'ABORT_ERR');
      const stats = ring.stats();
      expect([stats.inFlight, stats.waiting, stats.staleCompletions]).to.deep.equal([0, 0, 0]);
    });

    it(`${READS} reads aborted in the very turn that starts them`, async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const { controllers, outcomes } = startReads(fifo);
      for (const controller of controllers) controller.abort();
      await expectAll(outcomes, 'ABORT_ERR');
    });

    it(`${READS} reads canceled through their handle: one request, and no completion of its own`, async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const { outcomes } = startReads(fifo);
      await turns(5);
      const before = ring.stats();
      expect(await fifo.cancel()).to.equal(READS);
      expect(ring.stats().cancels - before.cancels).to.equal(1);
      await expectAll(outcomes, 'ECANCELED');
      const after = ring.stats();
      // What a slow SQ thread has not come to is asked for once more, one by one; only a failure is told.
      const asked = after.cancels - before.cancels;
      expect(after.completed - before.completed).to.be.within(READS, READS + asked - 1);
      if (!('sqPoll' in options)) expect(asked).to.be.lessThan(READS / 10);
    });

    it(`${READS} reads canceled through the ring`, async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const { outcomes } = startReads(fifo);
      await turns(5);
      expect(await ring.cancelAll()).to.equal(READS);
      await expectAll(outcomes, 'ECANCELED');
      const stats = ring.stats();
      expect([stats.inFlight, stats.waiting, stats.staleCompletions]).to.deep.equal([0, 0, 0]);
    });

    it(`${READS} reads of which all but 16 wait for a place`, async () => {
      const ring = makeRing({ inFlightMax: 16 });
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const { controllers, outcomes } = startReads(fifo);
      await turns(5);
      expect(ring.stats().waiting).to.equal(READS - 16);
      for (const controller of controllers) controller.abort();
      expect(ring.stats().cancels, 'the kernel is asked only for what it has').to.be.at.most(16);
      await expectAll(outcomes, 'ABORT_ERR');
    });

    it('a cancel that succeeds has no completion of its own', async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const controller = new AbortController();
      const reading = rejection(fifo.read(Buffer.alloc(1), { signal: controller.signal }));
      await turns(5);
      const { completed } = ring.stats();
      controller.abort();
      await within('the read', reading);
      await turns(5);
      expect(ring.stats().completed - completed).to.equal(1);
    });
  });
}

describe('Cancel of what has ended', () => {
  const makeRing = frameRings({ submitImmediately: true });
  const directory = temporaryDirectory();

  it('a request whose target is gone is answered with ENOENT, and the read fulfils', async function () {
    const ring = makeRing();
    needsLocalFiles(this, directory.path);
    await using handle = await ring.fs.open(directory.file('a', '0123456789'));
    await handle.read(Buffer.alloc(10), 0, 10, 0);
    const before = ring.stats();
    const controller = new AbortController();
    // In the page cache, so that it has ended before it is asked to.
    const reading = handle.read(Buffer.alloc(10), { position: 0, signal: controller.signal });
    controller.abort();
    expect((await within('the read', reading)).buffer.toString()).to.equal('0123456789');
    await turns(5);
    const after = ring.stats();
    expect(after.cancels - before.cancels).to.equal(1);
    expect(after.completed - before.completed, 'the read’s, and the failed request’s').to.equal(2);
    expect(after.staleCompletions).to.equal(0);
  });
});

describe('Cancel while the kernel refuses entries', () => {
  const makeRing = frameRings(TINY);
  const directory = temporaryDirectory();

  afterEach(() => binding().injectFault(FAULT_ENTER, 0, 0));

  for (const name of ['EBUSY', 'EAGAIN', 'ENOMEM'] as const) {
    it(`${name}: requests that find no room are sent later, with nothing else going on`, async () => {
      const ring = makeRing({ submitBatchMax: 2 });
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const controllers = Array.from({ length: 100 }, () => new AbortController());
      const outcomes = controllers.map(({ signal }) => rejection(fifo.read(Buffer.alloc(1), { signal })));
      await turns(5);
      binding().injectFault(FAULT_ENTER, constants.errno[name], 50);
      for (const controller of controllers) controller.abort();
      for (const error of await within('all reads', Promise.all(outcomes)))
        expect(error.code).to.equal('ABORT_ERR');
    });
  }
});
