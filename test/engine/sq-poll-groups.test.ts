/** SQ-poll groups: which rings share a thread, how long it lives, where it runs, what conflicts. */
import { isDeepStrictEqual } from 'node:util';
import { release } from 'node:os';
import { expect } from 'chai';
import { Ring, type RingOptions } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { type ChildOutcome, expectCleanExit, runProgram, runScript, startWorker } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { ringDescriptors, sqPollThreads } from '../support/leftovers.js';
import { skip } from '../support/skip.js';
import { absentCpu, cpusAllowed, sqThreadOf, untilAsleep, withDescriptor } from '../support/sq-poll.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const group = 'engine test';
/** At a thread that works. */
const LOOKS = 1000;
const grouped = (more: Exclude<RingOptions['sqPoll'], boolean | undefined> = {}): RingOptions => ({
  sqPoll: { group, idleMs: 10, ...more },
});

describe('SQ-poll groups', () => {
  const makeRing = frameRings(grouped());
  const directory = temporaryDirectory();

  /** That the ring still does what rings do. */
  async function expectWorking(ring: Ring): Promise<void> {
    const path = directory.file('probe', pattern(100));
    expect((await ring.fs.readFile(path)).equals(pattern(100))).to.equal(true);
  }

  it('two rings of a group share one thread', async () => {
    const [first, second] = [withDescriptor(makeRing), withDescriptor(makeRing)];
    const thread = await sqThreadOf(first.fd);
    expect(await sqThreadOf(second.fd)).to.equal(thread);
    // One of a ring that an earlier test has closed may still be ending.
    await eventually('the thread, and no other', () => isDeepStrictEqual(sqPollThreads(), [thread]));
    await Promise.all([expectWorking(first.ring), expectWorking(second.ring)]);
    expect(first.ring.profile.sqPoll).to.deep.include({ group, threadIndex: 0 });
  });

  it('a ring of another group, and one without a group, have threads of their own', async () => {
    const descriptors = [
      withDescriptor(makeRing),
      withDescriptor(() => makeRing(grouped({ group: 'another' }))),
      withDescriptor(() => makeRing({ sqPoll: true })),
      withDescriptor(() => makeRing({ sqPoll: true })),
    ];
    const threads = await Promise.all(descriptors.map(({ fd }) => sqThreadOf(fd)));
    expect(new Set(threads).size).to.equal(4);
    for (const { ring } of descriptors) await expectWorking(ring);
  });

  it('threads: 2 gives the first two rings a thread each, and later rings one of the two', async () => {
    const made = Array.from({ length: 4 }, () => withDescriptor(() => makeRing(grouped({ threads: 2 }))));
    const threads = await Promise.all(made.map(({ fd }) => sqThreadOf(fd)));
    expect(threads[0]).not.to.equal(threads[1]);
    expect(new Set(threads).size).to.equal(2);
    // Which of the two is a matter of their load, and so of the machine.
    made.forEach(({ ring }, index) => {
      expect(ring.profile.sqPoll?.threadIndex).to.equal(threads[index] === threads[0] ? 0 : 1);
    });
    for (const { ring } of made) await expectWorking(ring);
  });

  it('Ring.groups: tells each group, its threads and how many rings each serves', async () => {
    expect(Ring.groups().filter(({ name }) => name === group)).to.deep.equal([]);
    const { ring, fd } = withDescriptor(makeRing);
    makeRing();
    await expectWorking(ring);
    const threadId = await sqThreadOf(fd);
    await eventually('Ring.groups telling the thread', () => {
      const entry = Ring.groups().find(({ name }) => name === group);
      return entry?.threads[0]?.threadId === threadId;
    });
    const entry = Ring.groups().find(({ name }) => name === group);
    expect(entry?.idleMs).to.equal(10);
    expect(entry?.threads).to.have.length(1);
    expect(entry?.threads[0]).to.include({ index: 0, ringCount: 2 });
  });

  it('Ring.groups tells of a thread while it is at work, too', async () => {
    const ring = makeRing();
    const file = await ring.fs.open(directory.file('data', pattern(1 << 20)));
    let isBusy = true;
    const reading = Array.from({ length: 16 }, async () => {
      const buffer = Buffer.alloc(1 << 18);
      while (isBusy) await file.read(buffer, { position: 0 });
    });
    const threadIds = new Set<number | undefined>();
    try {
      const toldThread = () => Ring.groups().find(({ name }) => name === group)?.threads[0]?.threadId;
      await eventually('the thread to have run', () => toldThread() !== 0);
      for (let look = 0; look < LOOKS; look += 1) {
        threadIds.add(toldThread());
        await new Promise(setImmediate);
      }
    } finally {
      isBusy = false;
      await Promise.all(reading);
      await file.close();
    }
    expect(threadIds.size).to.equal(1);
    expect([...threadIds][0]).to.be.greaterThan(0);
  });

  it('a worker’s ring joins the thread of the main thread’s', async () => {
    const { ring, fd } = withDescriptor(makeRing);
    const thread = await sqThreadOf(fd);
    await expectWorking(ring);
    const before = new Set(ringDescriptors());
    const body = `
      const ring = new ringlet.Ring(workerData);
      await ring.fs.stat('/');
      parentPort.postMessage(ringlet.Ring.groups().map(({ name, threads }) => [name, threads.map((t) => t.ringCount)]));
      await receive();
      await ring.close();
      parentPort.postMessage('closed');
      parentPort.unref();
    `;
    const worker = startWorker(body, { backend: 'io_uring', ...grouped() });
    expect(await worker.next()).to.deep.equal([[group, [2]]]);
    const joined = ringDescriptors().filter((each) => !before.has(each));
    expect(joined).to.have.length(1);
    expect(await sqThreadOf(joined[0] as number)).to.equal(thread);
    expect(sqPollThreads()).to.deep.equal([thread]);
    worker.post('close');
    expect(await worker.next()).to.equal('closed');
    expect(await worker.ended).to.equal(0);
    expect(Ring.groups().find(({ name }) => name === group)?.threads[0]?.ringCount).to.equal(1);
    await expectWorking(ring);
  });

  it('a group founded by a worker outlives it while the main thread has a ring of it', async () => {
    const body = `
      globalThis.ring = new ringlet.Ring(workerData);
      await ring.fs.stat('/');
      parentPort.postMessage('ready');
      await receive();
    `;
    const worker = startWorker(body, { backend: 'io_uring', ...grouped() });
    expect(await worker.next()).to.equal('ready');
    const { ring, fd } = withDescriptor(makeRing);
    const thread = await sqThreadOf(fd);
    await worker.terminate();
    expect(await sqThreadOf(fd)).to.equal(thread);
    await expectWorking(ring);
    await eventually('the worker’s ring leaving the group', () => {
      return Ring.groups().find(({ name }) => name === group)?.threads[0]?.ringCount === 1;
    });
  });

  it('cpus: the thread may run there and nowhere else, whichever ring came first', async () => {
    const cpu = cpusAllowed('self').at(-1) as number;
    const options = grouped({ cpus: [cpu] });
    const [first, second] = [
      withDescriptor(() => makeRing(options)),
      withDescriptor(() => makeRing(options)),
    ];
    const thread = await sqThreadOf(first.fd);
    await eventually('the thread on its CPU', () => cpusAllowed(thread).join() === String(cpu));
    expect(second.ring.profile.sqPoll?.cpu).to.equal(cpu);
    await first.ring.close();
    await expectWorking(second.ring);
    expect(cpusAllowed(thread)).to.deep.equal([cpu]);
  });

  it('Ring.groups: where a thread may run now, after it has been moved as well', async function () {
    const [first, ...others] = cpusAllowed('self');
    const last = others.at(-1);
    if (first === undefined || last === undefined) skip(this, 'it takes two CPUs');
    const { fd } = withDescriptor(() => makeRing(grouped({ cpus: [first] })));
    const threadId = await sqThreadOf(fd);
    const told = (): unknown => {
      const [thread] = Ring.groups().find(({ name }) => name === group)?.threads ?? [];
      return [thread?.cpu, thread?.cpus];
    };
    await eventually('the thread on its CPU', () => isDeepStrictEqual(told(), [first, [first]]));
    const move = (cpus: readonly number[]): Promise<ChildOutcome> => {
      return runProgram(['-pc', cpus.join(), String(threadId)], { launcher: ['taskset'] });
    };
    const { code, stderr } = await move([last]);
    if (code !== 0) skip(this, `the kernel lets nobody move the thread: ${stderr.trim()}`);
    expect(told()).to.deep.equal([last, [last]]);
    expectCleanExit(await move([first, last]));
    expect(told()).to.deep.equal([null, [first, last]]);
  });

  it('the thread outlives its first ring, and ends with its last', async () => {
    const [first, second] = [withDescriptor(makeRing), withDescriptor(makeRing)];
    const thread = await sqThreadOf(first.fd);
    await first.ring.close();
    expect(await sqThreadOf(second.fd)).to.equal(thread);
    await expectWorking(second.ring);
    const third = withDescriptor(makeRing);
    expect(await sqThreadOf(third.fd)).to.equal(thread);
    await second.ring.close();
    await expectWorking(third.ring);
    await third.ring.close();
    await eventually('the thread ending', () => sqPollThreads().length === 0);
    expect(Ring.groups().filter(({ name }) => name === group)).to.deep.equal([]);
  });

  it('once the last ring is closed the name is free for other options', async () => {
    await makeRing(grouped({ idleMs: 7 })).close();
    const ring = makeRing(grouped({ idleMs: 9, threads: 2 }));
    expect(ring.profile.sqPoll?.idleMs).to.equal(9);
    await expectWorking(ring);
  });

  for (const [name, conflicting, inForce] of [
    ['idleMs', { idleMs: 500 }, /idleMs.*10/],
    ['threads', { threads: 3 }, /threads.*1/],
    ['cpus', { cpus: cpusAllowed('self').slice(0, 1) }, /cpus/],
  ] as const) {
    it(`other ${name} than the group's: an error that says what is in force, and nothing changes`, async () => {
      const ring = makeRing();
      const before = [ringDescriptors().length, Ring.groups()[0]?.threads[0]?.ringCount];
      const make = (): Ring => makeRing(grouped(conflicting));
      expect(make).to.throw(Error, inForce).with.property('code', 'ERR_INVALID_ARG_VALUE');
      expect(make).to.throw(group);
      expect([ringDescriptors().length, Ring.groups()[0]?.threads[0]?.ringCount]).to.deep.equal(before);
      await expectWorking(ring);
    });
  }

  it('options left out take what is in force in the group', async () => {
    const founder = makeRing(grouped({ idleMs: 33 }));
    const joiner = makeRing({ sqPoll: { group } });
    expect(joiner.profile.sqPoll?.idleMs).to.equal(33);
    await Promise.all([expectWorking(founder), expectWorking(joiner)]);
  });

  for (const [name, options] of [
    ['a CPU that is not there', { cpus: [absentCpu()] }],
    [
      'a CPU that is not there, beside one that is',
      { threads: 2, cpus: [cpusAllowed('self')[0] ?? 0, absentCpu()] },
    ],
    ['a CPU that is no number', { cpus: ['0'] }],
    ['a CPU below 0', { cpus: [-1] }],
  ] as const) {
    it(`${name}: an error that names cpus, and no trace is left`, () => {
      const before = ringDescriptors();
      expect(() => makeRing(grouped(options as object))).to.throw(Error, /cpu/i);
      expect(ringDescriptors()).to.deep.equal(before);
      expect(Ring.groups().filter((entry) => entry.name === group)).to.deep.equal([]);
      expect(sqPollThreads()).to.deep.equal([]);
    });
  }

  it('a CPU that exists and is outside the process’s affinity: an error that names cpus', async function () {
    const [here, elsewhere] = cpusAllowed('self');
    if (here === undefined || elsewhere === undefined) skip(this, 'this process may use one CPU only');
    const source = `
      import { Ring } from 'ringlet';
      try {
        new Ring({ backend: 'io_uring', sqPoll: { group: 'g', cpus: [${elsewhere}] } });
      } catch ({ code, message }) {
        console.log(code, /cpu/i.test(message), Ring.groups().length);
      }
    `;
    const outcome = await runScript(source, { launcher: ['taskset', '-c', String(here)] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.match(/^ERR_\w+ true 0\n$/);
  });

  it('a thread that is not pinned keeps to the CPUs that the program was started on', async function () {
    const [major = 0, minor = 0] = release().split('.').map(Number);
    if (major * 1000 + minor < 6012) skip(this, 'needs Linux 6.12, or a stable series with the same change');
    const here = cpusAllowed('self').at(-1);
    const source = `
      import { readFileSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring({ backend: 'io_uring', sqPoll: true });
      await ring.fs.stat('.');
      const { threadId } = ring.profile.sqPoll;
      console.log(readFileSync('/proc/self/task/' + threadId + '/status', 'utf8').match(/Cpus_allowed_list:.*/)[0]);
      await ring.close();
    `;
    const outcome = await runScript(source, { launcher: ['taskset', '-c', String(here)] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal(`Cpus_allowed_list:\t${here}\n`);
  });

  it('a thread that has gone to sleep is woken by the next operation, 20 times', async () => {
    const { ring, fd } = withDescriptor(() => makeRing(grouped({ idleMs: 1 })));
    const thread = await sqThreadOf(fd);
    await using handle = await ring.fs.open(directory.file('a', pattern(100)));
    for (let round = 0; round < 20; round += 1) {
      await untilAsleep(thread);
      const { bytesRead } = await handle.read(Buffer.alloc(10), 0, 10, round);
      expect(bytesRead).to.equal(10);
    }
  });
});
