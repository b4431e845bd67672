/** A ring that ends while handles are being closed closes them: no descriptor outlives it. */
import { cpus } from 'node:os';
import { expect } from 'chai';
import type { Ring, RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { descriptorNamed } from '../support/descriptors.js';
import { isPending, within } from '../support/eventually.js';
import { stallingFs } from '../support/stalling-fs.js';
import { temporaryDirectory } from '../support/temporary.js';

/** What has hung is over with an error of its own. */
async function endWith(ring: Ring, hanging: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = Promise.allSettled(hanging);
  await within('the ring to be closed', ring.close());
  for (const outcome of await within('what hung', outcomes)) {
    expect(outcome).to.have.nested.property('reason.code', 'ERR_RINGLET_CLOSED');
  }
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['registered descriptors', { registeredFds: 8 }],
  ['epoll', { backend: 'epoll' }],
] as readonly (readonly [string, RingOptions])[]) {
  describe(`Closes of rings that end [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    it('one that waits for a place among the operations in flight', async () => {
      const ring = makeRing({ inFlightMax: 1 });
      const fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      const path = directory.file('content', 'abc');
      const handle = await ring.fs.open(path);
      const reading = fifo.read(Buffer.alloc(1));
      const closing = handle.close();
      expect(await isPending(closing)).to.equal(true);
      expect(ring.stats()).to.include({ inFlight: 1, waiting: 1 });
      await endWith(ring, [reading]);
      await within('the handle to be closed', closing);
      expect(descriptorNamed(path)).to.equal(undefined);
      await fifo.close();
    });

    describe('on a file system that stalls', () => {
      const stalling = stallingFs();

      it('one that a kernel thread has yet to begin with', async () => {
        const ring = makeRing({ inFlightMax: 1000 });
        const path = stalling.at('stall-transfer');
        const handle = await ring.fs.open(path, 'r');
        // As many as the kernel has threads for this at most: four a CPU (io_uring_register(2), IOWQ_MAX_WORKERS).
        const hanging = cpus().map(() =>
          Array.from({ length: 4 }, () => ring.fs.stat(stalling.at('stall-getattr'))),
        );
        await stalling.held();
        const closing = handle.close();
        // A ring in user space has a thread more for what may stall.
        if (options.backend !== 'epoll') expect(await isPending(closing, 20)).to.equal(true);
        expect(ring.stats().waiting).to.equal(0);
        await endWith(ring, hanging.flat());
        await within('the handle to be closed', closing);
        expect(descriptorNamed(path)).to.equal(undefined);
        stalling.release();
      });
    });
  });
}
