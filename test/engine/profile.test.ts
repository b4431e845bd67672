/** Ring.profile: what was asked for is in force, or an error, or told as degraded. */
import { expect } from 'chai';
import type { RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describe('Ring.profile', () => {
  const makeRing = frameRings({});
  const directory = temporaryDirectory();

  it('the defaults: a loop ring of 256 and 4,096 entries, with the flags of a single issuer', () => {
    const { profile } = makeRing();
    expect(profile).to.deep.include({
      kind: 'loop',
      submissionEntries: 256,
      completionEntries: 4096,
      inFlightMax: 4096,
      registeredFds: 0,
    });
    // Anything the kernel lacks must be told instead.
    const told = profile.degraded.map(({ what }) => what).join();
    for (const flag of ['SINGLE_ISSUER', 'DEFER_TASKRUN', 'CQSIZE']) {
      expect(profile.flags.includes(flag) || told.includes(flag), flag).to.equal(true);
    }
    expect(profile.flags).not.to.include('SQPOLL');
    expect(profile.sqPoll).to.equal(undefined);
  });

  it('sizes: rounded up to powers of two, as the kernel does', () => {
    const { profile } = makeRing({ submissionEntries: 5, completionEntries: 100, completionEntriesMin: 16 });
    expect([profile.submissionEntries, profile.completionEntries]).to.deep.equal([8, 128]);
  });

  it('sqPoll: SQPOLL, its own idle time, and none of the flags that exclude it', () => {
    const { profile } = makeRing({ sqPoll: { idleMs: 25 } });
    expect(profile.kind).to.equal('sqPoll');
    expect(profile.flags).to.include('SQPOLL');
    expect(profile.flags).not.to.include.oneOf(['DEFER_TASKRUN', 'COOP_TASKRUN', 'TASKRUN_FLAG']);
    expect(profile.sqPoll).to.deep.include({ group: null, threadIndex: 0, cpu: null, idleMs: 25 });
  });

  it('sqPoll: true means one thread of its own, unpinned, idle after 10 ms', () => {
    expect(makeRing({ sqPoll: true }).profile.sqPoll).to.deep.include({ group: null, cpu: null, idleMs: 10 });
  });

  it('taskRun: defer, cooperative and interrupt show in the flags', () => {
    const flags = (taskRun: RingOptions['taskRun']): readonly string[] =>
      makeRing(taskRun ? { taskRun } : {}).profile.flags;
    expect(flags('defer')).to.include('DEFER_TASKRUN');
    expect(flags('cooperative')).to.include('COOP_TASKRUN').and.not.include('DEFER_TASKRUN');
    expect(flags('interrupt')).to.not.include.oneOf(['COOP_TASKRUN', 'DEFER_TASKRUN']);
  });

  for (const [name, options] of [
    ['taskRun defer', { taskRun: 'defer' }],
    ['taskRun cooperative', { taskRun: 'cooperative' }],
    ['taskRun interrupt', { taskRun: 'interrupt' }],
    ['registeredFds 4', { registeredFds: 4 }],
    ['registeredFds 4 with sqPoll', { registeredFds: 4, sqPoll: true }],
    ['registerRingFd false', { registerRingFd: false }],
    ['busyPollUs 50', { busyPollUs: 50 }],
    ['busyPollUs 50 with sqPoll', { busyPollUs: 50, sqPoll: true }],
    ['submitBatchMax 1, drainBatchMax 1', { submitBatchMax: 1, drainBatchMax: 1 }],
    ['submitBatchMax 1, drainBatchMax 1 with sqPoll', { submitBatchMax: 1, drainBatchMax: 1, sqPoll: true }],
    ['submissionEntries 1', { submissionEntries: 1, completionEntries: 2, completionEntriesMin: 1 }],
    ['submissionEntries 32768', { submissionEntries: 32_768 }],
    ['inFlightMax 32768', { inFlightMax: 32_768 }],
  ] as const) {
    it(`${name}: 500 reads at once over 10 files fulfil with their own bytes`, async () => {
      const { fs } = makeRing(options);
      const paths = Array.from({ length: 10 }, (_unused, index) =>
        directory.file(`f${index}`, pattern(500, index + 1)),
      );
      const handles = await Promise.all(paths.map((path) => fs.open(path)));
      const reads = Array.from({ length: 500 }, async (_unused, index) => {
        const { buffer } = await (handles[index % 10] as (typeof handles)[0]).read(
          Buffer.alloc(10),
          0,
          10,
          index - (index % 10),
        );
        const wanted = pattern(500, (index % 10) + 1).subarray(
          index - (index % 10),
          index - (index % 10) + 10,
        );
        expect(buffer.equals(wanted), `read ${index}`).to.equal(true);
      });
      await Promise.all(reads);
      await Promise.all(handles.map((handle) => handle.close()));
    });
  }

  it('degraded: each entry says what was given up and why', () => {
    for (const options of [{}, { sqPoll: true }, { submissionEntries: 1 }] as const) {
      for (const { what, reason } of makeRing(options).profile.degraded) {
        expect(what).to.be.a('string').with.length.greaterThan(0);
        expect(reason).to.be.a('string').with.length.greaterThan(0);
      }
    }
  });

  it('200 rings made and closed one after the other leave nothing', async () => {
    for (let round = 0; round < 200; round += 1) {
      const ring = makeRing(round % 4 === 0 ? { sqPoll: { group: 'churn' } } : {});
      if (round % 2) await ring.fs.stat('/');
      await ring.close();
    }
  });

  it('20 rings at once each do their own work', async () => {
    const path = directory.file('a', pattern(100));
    const rings = Array.from({ length: 20 }, () => makeRing());
    const contents = await Promise.all(rings.map(({ fs }) => fs.readFile(path)));
    expect(contents.every((content) => content.equals(pattern(100)))).to.equal(true);
  });
});
