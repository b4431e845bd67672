/** Operations that the kernel refuses to take for the moment, when they are submitted in the middle of JavaScript. */
import { constants } from 'node:os';
import { binding, FAULT_ENTER } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { turns, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { EAGAIN, EBUSY, ENOMEM } = constants.errno;

describeOnEachBackend('A submit that is refused', (makeRing) => {
  const directory = temporaryDirectory();
  afterEach(() => binding().injectFault(FAULT_ENTER, 0, 0));

  for (const [name, errno] of Object.entries({ EAGAIN, EBUSY, ENOMEM })) {
    it(`submitImmediately, ${name}: the operation is submitted later, and does not hang`, async () => {
      const ring = makeRing({ submitImmediately: true, inlineReads: false });
      await using handle = await ring.fs.open(directory.file('a', pattern(100)));
      // Out of the ring's own turn, at whose end it would submit again.
      await turns(2);
      binding().injectFault(FAULT_ENTER, errno, 1);
      const { buffer } = await within('the read', handle.read(Buffer.alloc(100), 0, 100, 0));
      expect(buffer.equals(pattern(100))).to.equal(true);
    });
  }
});
