/** A ring whose kernel has dropped completions (EBADR): whoever merely waits on it hears of it too. */
import { expect } from 'chai';
import { FAULT_ENTER, binding } from '#ringlet/native/binding.js';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { frameRings, RING_CONFIGURATIONS } from '../support/backends.js';
import { rejection, turns, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const HOUR_MS = 3_600_000;
const EBADR = 53;

for (const { title, options } of RING_CONFIGURATIONS) {
  // An SQ-poll ring enters the kernel only to wake its thread, and so may never be told.
  if (options.sqPoll) continue;

  describe(`A broken ring [${title}]`, () => {
    const makeRing = frameRings(options, true);
    const directory = temporaryDirectory();

    it('sleepers, intervals, polls and watches reject with the error that broke it', async () => {
      const ring = makeRing({ inlineReads: false });
      const fd = openSync(directory.fifo('fifo'), 'r+');
      const rejections = [
        ring.sleep(HOUR_MS),
        ring.interval(HOUR_MS).next(),
        ring.poll(fd, ['readable']),
        ring.watch(fd, ['readable']).next(),
      ].map((waiting) => rejection(waiting));
      await turns(3);
      binding().injectFault(FAULT_ENTER, EBADR, 1);
      // One that is not answered on the spot.
      rejections.push(rejection(ring.fs.unlink(directory.at('none'))));
      for (const error of await within('the rejections', Promise.all(rejections))) {
        expect([error.errno, error.syscall]).to.deep.equal([-EBADR, 'io_uring_enter']);
      }
      binding().injectFault(FAULT_ENTER, constants.errno.EIO, 0);
      closeSync(fd);
    });
  });
}
