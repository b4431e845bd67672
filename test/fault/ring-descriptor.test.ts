/** A kernel that does not register ring descriptors: the ring works without, and says so. */
import { constants } from 'node:os';
import { binding, FAULT_REGISTER } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { frameRings } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describe('registerRingFd where the kernel refuses it', () => {
  // An SQ-poll ring, because its first registration is the one in question.
  const makeRing = frameRings({ sqPoll: true });
  const directory = temporaryDirectory();

  afterEach(() => binding().injectFault(FAULT_REGISTER, 0, 0));

  it('EINVAL: told in profile.degraded, and files are read all the same', async () => {
    binding().injectFault(FAULT_REGISTER, constants.errno.EINVAL, 1);
    const { profile, fs } = makeRing();
    const refusal = profile.degraded.find(({ what }) => what === 'registerRingFd');
    expect(refusal?.reason).to.contain(String(constants.errno.EINVAL));
    const path = directory.file('a', pattern(100));
    expect((await fs.readFile(path)).equals(pattern(100))).to.equal(true);
  });
});
