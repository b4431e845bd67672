/** What a ring makes of a kernel that refuses or is short of something, by faults injected at the system calls. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { binding, FAULT_ENTER, FAULT_MAP, FAULT_REGISTER, FAULT_SETUP } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { Ring, type RingOptions } from 'ringlet';
import { doesWithout, needsOfRing } from '../support/backends.js';
import { eventually, within } from '../support/eventually.js';
import { expectNoLeftovers, openDescriptors, takeBaseline } from '../support/leftovers.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const {
  EAGAIN,
  EBADR = 53,
  EBUSY,
  EINTR,
  EINVAL,
  EMFILE,
  ENOMEM,
  EPERM,
} = constants.errno as Record<string, number> & typeof constants.errno;

describe('A ring where the kernel refuses', () => {
  const directory = temporaryDirectory();

  before(function () {
    try {
      void new Ring({ backend: 'io_uring' }).close();
    } catch (error) {
      skip(this, `no io_uring here: ${(error as Error).message}`);
    }
  });

  afterEach(() => {
    for (const call of [FAULT_SETUP, FAULT_ENTER, FAULT_REGISTER, FAULT_MAP])
      binding().injectFault(call, 0, 0);
  });

  /** A ring made while the next `count` setups fail, which must then work. */
  async function degradedRing(
    errno: number,
    count: number,
    options: RingOptions = {},
  ): Promise<Ring['profile']> {
    binding().injectFault(FAULT_SETUP, errno, count);
    await using ring = new Ring({ backend: 'io_uring', ...options });
    const content = pattern(5000, count);
    const path = directory.file('content', content);
    expect((await ring.fs.readFile(path)).equals(content)).to.equal(true);
    return ring.profile;
  }

  for (const count of [1, 2, 3, 4, 5, 6]) {
    it(`EINVAL ${count} times: gives up ${count} flags, newest first, and says which`, async () => {
      const profile = await degradedRing(EINVAL, count);
      const given = [
        'NO_SQARRAY',
        'DEFER_TASKRUN',
        'SINGLE_ISSUER',
        'TASKRUN_FLAG',
        'COOP_TASKRUN',
        'SUBMIT_ALL',
      ];
      const refused = profile.degraded.filter(({ reason }) => reason.startsWith('refused with EINVAL'));
      expect(refused.map(({ what }) => what)).to.deep.equal(given.slice(0, count));
      for (const { what, reason } of refused) {
        expect(profile.flags).not.to.include(what);
        expect(reason).to.match(/EINVAL.*Linux \d/);
      }
    });
  }

  it('EINVAL for ever: an error, and no descriptor is left', () => {
    const before = openDescriptors();
    binding().injectFault(FAULT_SETUP, EINVAL, 100);
    expect(() => new Ring({ backend: 'io_uring' }))
      .to.throw(/EINVAL/)
      .with.property('code', 'ERR_RINGLET_UNAVAILABLE');
    expect(openDescriptors()).to.deep.equal(before);
  });

  it('a taskRun asked for by name is not given up: an error', () => {
    binding().injectFault(FAULT_SETUP, EINVAL, 100);
    expect(() => new Ring({ backend: 'io_uring', taskRun: 'defer' })).to.throw(/EINVAL/);
  });

  it('ENOMEM: entries are halved down to completionEntriesMin, with the reason', async () => {
    const profile = await degradedRing(ENOMEM, 2);
    expect(profile.completionEntries).to.equal(1024);
    const halving = profile.degraded.find(({ what }) => what === 'completionEntries');
    expect(halving?.reason).to.match(/4096.*1024.*ENOMEM/);
  });

  it('ENOMEM beyond completionEntriesMin: an error, and no descriptor is left', () => {
    const before = openDescriptors();
    binding().injectFault(FAULT_SETUP, ENOMEM, 100);
    expect(() => new Ring({ backend: 'io_uring' })).to.throw(/ENOMEM/);
    expect(openDescriptors()).to.deep.equal(before);
  });

  for (const options of [{}, { sqPoll: true }, { sqPoll: { group: 'unmapped' } }]) {
    it(`ENOMEM from mmap, ${JSON.stringify(options)}: halved as at setup, and no descriptor or mapping is left`, async () => {
      const before = takeBaseline();
      binding().injectFault(FAULT_MAP, ENOMEM, 2);
      const ring = new Ring({ backend: 'io_uring', ...options });
      expect(ring.profile.completionEntries).to.equal(1024);
      expect(doesWithout(ring, 'completionEntries')).to.match(/4096.*1024.*ENOMEM by mmap/);
      const content = pattern(5000, 1);
      expect((await ring.fs.readFile(directory.file('content', content))).equals(content)).to.equal(true);
      await ring.close();
      binding().injectFault(FAULT_MAP, ENOMEM, 100);
      expect(() => new Ring({ backend: 'io_uring', ...options })).to.throw(/ENOMEM/);
      expect(Ring.groups()).to.deep.equal([]);
      await expectNoLeftovers(before);
    });
  }

  it('EPERM for an SQ-poll ring alone: a loop ring, with the reason', async () => {
    const profile = await degradedRing(EPERM, 1, { sqPoll: { group: 'refused' } });
    expect(profile.kind).to.equal('loop');
    expect(profile.degraded[0]?.what).to.equal('sqPoll');
    expect(Ring.groups()).to.deep.equal([]);
  });

  it('a file table beyond the limit of open files: ERR_OUT_OF_RANGE names the option', async function () {
    await using ring = new Ring({ backend: 'io_uring', registeredFds: 1 });
    needsOfRing(this, ring, 'registeredFds');
    const before = openDescriptors();
    binding().injectFault(FAULT_REGISTER, 0, 0);
    expect(() => new Ring({ backend: 'io_uring', registeredFds: 32_768 }))
      .to.throw(/options\.registeredFds/)
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(openDescriptors()).to.deep.equal(before);
  });

  for (const [name, errno] of Object.entries({ EAGAIN, EBUSY, EINTR, ENOMEM })) {
    for (const options of [{}, { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }]) {
      it(`${name} from enter, ${JSON.stringify(options)}: tried again until every read is done`, async () => {
        await using ring = new Ring({ backend: 'io_uring', ...options });
        const content = pattern(64 * 100, errno);
        await using file = await ring.fs.open(directory.file('content', content));
        binding().injectFault(FAULT_ENTER, errno, 25);
        const reads = Array.from({ length: 100 }, (_unused, index) =>
          file.read(Buffer.alloc(64), { position: index * 64 }),
        );
        const read = Buffer.concat(
          (await within('100 reads', Promise.all(reads))).map(({ buffer }) => buffer),
        );
        expect(read.equals(content)).to.equal(true);
      });
    }
  }

  it('EAGAIN from an enter for deferred work: tried again until the read is done', async () => {
    await using ring = new Ring({ backend: 'io_uring' });
    const path = directory.fifo('deferred');
    await using reader = await ring.fs.open(path, 'r+');
    const { submitted } = ring.stats();
    const reading = reader.read(Buffer.alloc(8));
    await eventually('the kernel has the read', () => ring.stats().submitted > submitted);
    binding().injectFault(FAULT_ENTER, EAGAIN, 3);
    writeFileSync(path, 'deferred');
    const { buffer } = await within('the read', reading);
    expect(buffer.toString()).to.equal('deferred');
  });

  it('EBADR, completions lost in the kernel: every pending promise rejects and the ring takes no more', async () => {
    const ring = new Ring({ backend: 'io_uring' });
    await using reader = await ring.fs.open(directory.fifo('fifo'), 'r+');
    const reads = Array.from({ length: 3 }, () => reader.read(Buffer.alloc(8)));
    binding().injectFault(FAULT_ENTER, EBADR, 1);
    const outcomes = await within('the pending reads', Promise.allSettled(reads));
    for (const outcome of outcomes) {
      expect(outcome.status).to.equal('rejected');
      expect((outcome as PromiseRejectedResult).reason).to.include({
        errno: -EBADR,
        syscall: 'io_uring_enter',
      });
    }
    const refused = await reader.read(Buffer.alloc(8)).catch((error: NodeJS.ErrnoException) => error);
    expect(refused).to.have.property('code', 'ERR_RINGLET_CLOSED');
    await within('ring.close', ring.close());
  });

  it('EMFILE at setup: says that there are too many open files', () => {
    binding().injectFault(FAULT_SETUP, EMFILE, 100);
    expect(() => new Ring({ backend: 'io_uring' })).to.throw(/too many open files/);
  });
});
