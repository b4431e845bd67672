/** probe(): its answers against the kernel's real behaviour, and against a process with less allowed. */
import { expect } from 'chai';
import { constants, cpus } from 'node:os';
import { join } from 'node:path';
import { binding, FAULT_SETUP } from '#ringlet/native/binding.js';
import { OPCODE_NAMES } from '#ringlet/native/kernel-names.js';
import { DatagramSocket, type Probe, probe, Ring, type RingOptions } from 'ringlet';
import { frameRings, needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runScript, startWorker } from '../support/child.js';
import { addressOf, takeMessage } from '../support/datagrams.js';
import { makeQuotaGroup } from '../support/cpu-quota.js';
import { expectNoLeftovers, takeBaseline } from '../support/leftovers.js';
import { skip } from '../support/skip.js';
import { cpusAllowed } from '../support/sq-poll.js';
import { python } from '../support/python.js';

const { EBADF, EFAULT } = constants.errno;

const REFUSER = join(PACKAGE_ROOT, 'test/support/refuse-io-uring.py');
const SCRIPT = `
  import { probe, Ring } from 'ringlet';
  const ring = new Ring();
  console.log(JSON.stringify({ probe: probe(), backend: ring.backend, reason: ring.backendReason }));
  await ring.close();
`;

interface Report {
  probe: Probe;
  backend: string;
  reason: string | null;
}

/** What a process of its own finds, started by `launcher`. */
async function probedBy(launcher: readonly string[], env: Record<string, string> = {}): Promise<Report> {
  const outcome = await runScript(SCRIPT, { launcher, env });
  expectCleanExit(outcome);
  return JSON.parse(outcome.stdout) as Report;
}

/** A shell that does something first and then becomes the program. */
function afterShell(commands: string): readonly string[] {
  return ['sh', '-c', `${commands}; exec "$@"`, 'sh'];
}

describe('probe', () => {
  needsIoUring();
  const makeRing = frameRings({});

  it('isAvailable here, with no reason, and the whole of it survives JSON', () => {
    const found = probe();
    expect([found.isAvailable, found.reason, found.refusal]).to.deep.equal([true, null, null]);
    expect([found.platform, found.nodeVersion, found.isAddonLoaded]).to.deep.equal([
      'linux',
      process.version,
      true,
    ]);
    expect(JSON.parse(JSON.stringify(found))).to.deep.equal(found);
  });

  it('50 times leaves no descriptor and no SQ-poll thread behind', async () => {
    const baseline = takeBaseline();
    for (let round = 0; round < 50; round += 1) probe();
    await expectNoLeftovers(baseline);
    expect(Ring.groups()).to.deep.equal([]);
  });

  it('degraded: what a ring of this kernel does without', () => {
    const flags = ['NO_SQARRAY', 'DEFER_TASKRUN', 'SINGLE_ISSUER', 'TASKRUN_FLAG'];
    const ofRing = makeRing().profile.degraded.filter(({ what }) => !flags.includes(what));
    expect(probe().degraded).to.deep.equal(ofRing);
  });

  it('features: those of a ring', () => {
    expect(probe().features).to.deep.equal(makeRing().features);
  });

  it('opcodes: as the kernel’s own probe has them, and as many as its own query says', () => {
    const { opcodes, query } = probe();
    expect(Object.keys(opcodes).slice(0, OPCODE_NAMES.length)).to.deep.equal(OPCODE_NAMES);
    for (const name of [
      'READ',
      'WRITE',
      'OPENAT',
      'STATX',
      'RECVMSG',
      'SENDMSG',
      'ASYNC_CANCEL',
      'SEND_ZC',
    ]) {
      expect(opcodes[name], name).to.equal(true);
    }
    if (query) expect(Object.values(opcodes).filter(Boolean)).to.have.length(query.requestOpcodes);
  });

  for (const [name, options] of [
    ['defer', { taskRun: 'defer' }],
    ['cooperative', { taskRun: 'cooperative' }],
    ['interrupt', { taskRun: 'interrupt' }],
    ['sqPoll', { sqPoll: true }],
    ['sqPollPinned', { sqPoll: { cpus: [cpusAllowed('self')[0] ?? 0] } }],
  ] as const satisfies readonly (readonly [string, RingOptions])[]) {
    it(`profiles.${name}: as a ring of those options comes out`, () => {
      const { isSupported, answer, flags } = probe().profiles[name];
      const ring = makeRing(options);
      expect([isSupported, answer]).to.deep.equal([true, 'ok']);
      expect(flags).to.have.members(ring.profile.flags);
    });
  }

  it('profiles.sqPollShared: the second ring of a group is attached to the first', () => {
    const { flags } = probe().profiles.sqPollShared;
    expect(flags).to.include.members(['SQPOLL', 'ATTACH_WQ']);
  });

  it('trials.multishotReceive: ENOTSOCK of what is no socket, and a socket does receive', async () => {
    const { isSupported, answer } = probe().trials.multishotReceive;
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    await socket.send('text', addressOf(socket));
    const message = await takeMessage(socket);
    expect(message.data.toString()).to.equal('text');
    expect([isSupported, answer]).to.deep.equal([true, 'ENOTSOCK']);
  });

  it('trials.zeroCopySend: a valid header gets EBADF and a notification, where none at all may get EFAULT', () => {
    const { isSupported, answer } = probe().trials.zeroCopySend;
    expect([isSupported, answer]).to.deep.equal([true, 'EBADF']);
    const native = binding().probeKernel(false);
    expect(native.hasNotified).to.equal(true);
    // Whoever asks without a header, and takes anything but EBADF for a no, is told no wrongly.
    // Linux 6.1 has not looked at the header by then.
    expect(native.zeroCopySendWithoutHeader).to.be.oneOf([-EFAULT, -EBADF]);
    expect(probe().opcodes.SENDMSG_ZC).to.equal(true);
  });

  it('trials: buffer rings, registered files and ring descriptors, as rings use them', () => {
    const { bufferRing, sparseFileTable, registeredRingFd } = probe().trials;
    expect(
      [bufferRing, sparseFileTable, registeredRingFd].map(({ isSupported }) => isSupported),
    ).to.deep.equal([true, true, true]);
  });

  it('in a worker it finds the same', async () => {
    const script = startWorker('parentPort.postMessage(JSON.stringify(ringlet.probe()));');
    const found = JSON.parse((await script.next()) as string) as Probe;
    await script.ended;
    expect(found).to.deep.equal({ ...probe(), busyCpus: found.busyCpus });
  });

  it('limits: open files, locked memory and CPUs as the system gives them', async () => {
    const { limits } = probe();
    expect(limits.cpus).to.deep.equal(cpusAllowed('self'));
    expect(limits.openFiles?.soft).to.be.a('number');
    const { probe: found } = await probedBy(afterShell('ulimit -n 300; ulimit -l 64; ulimit -c 0'));
    expect(found.limits.openFiles).to.deep.equal({ soft: 300, hard: 300 });
    expect(found.limits.lockedMemoryBytes).to.deep.equal({ soft: 64 * 1024, hard: 64 * 1024 });
    expect(found.isAvailable).to.equal(true);
  });

  it('host: runtime, C library, processor and who started it', async () => {
    const { host } = probe();
    expect(host.runtime).to.equal(`Node.js ${process.versions.node}`);
    expect(host.libc).to.match(/^(?:glibc \d+\.\d+|musl)$/);
    expect(host.processor).to.equal(cpus()[0]?.model.trim());
    const userAgent = 'pnpm/12.0.1 npm/? node/v24.1.0 linux x64';
    const { probe: found } = await probedBy([], { npm_config_user_agent: userAgent });
    expect(found.host.packageManager).to.equal('pnpm 12.0.1');
  });

  it('RINGLET_BACKEND=node: the kernel is not asked, and a wrong word is the reason', async () => {
    const { probe: found } = await probedBy([], { RINGLET_BACKEND: 'node' });
    expect([found.isAvailable, found.ruledOutBy, found.isAddonLoaded]).to.deep.equal([
      false,
      'environment',
      false,
    ]);
    expect(found.reason).to.contain('RINGLET_BACKEND');
    const script = "import { probe } from 'ringlet'; console.log(probe().reason);";
    const outcome = await runScript(script, { env: { RINGLET_BACKEND: 'off' } });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.contain("must be one of: 'auto', 'io_uring', 'epoll', 'node'. Received 'off'");
  });

  it('two CPUs: SQ polling is allowed and not advised, as docs/sq-poll.md says', async function () {
    const two = cpusAllowed('self').slice(0, 2);
    if (two.length < 2) skip(this, 'it takes two CPUs');
    const { probe: found } = await probedBy(['taskset', '-c', two.join()]);
    expect(found.sqPoll).to.deep.equal({ isAllowed: true, isAdvised: false });
  });

  it('one CPU: SQ polling is allowed and not advised', async () => {
    const [cpu = 0] = cpusAllowed('self');
    const { probe: found } = await probedBy(['taskset', '-c', String(cpu)]);
    expect(found.limits.cpus).to.deep.equal([cpu]);
    expect(found.sqPoll).to.deep.equal({ isAllowed: true, isAdvised: false });
  });

  it('a control group’s CPU quota shows, and one below two CPUs advises against SQ polling', async function () {
    const quota = makeQuotaGroup(150_000);
    if (typeof quota === 'string') skip(this, quota);
    try {
      const { probe: found } = await probedBy(afterShell(`echo $$ > ${quota.directory}/cgroup.procs`));
      expect(found.limits.cpuQuota).to.equal(1.5);
      expect(found.sqPoll).to.deep.equal({ isAllowed: true, isAdvised: false });
    } finally {
      quota.remove();
    }
  });

  it('without root: it still works, and says that there is no privilege', async () => {
    const outcome = await runScript(`
      import { Ring, probe } from 'ringlet';
      await new Ring().close();
      if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
      console.log(JSON.stringify(probe()));
    `);
    expectCleanExit(outcome);
    const found = JSON.parse(outcome.stdout) as Probe;
    expect([found.isAvailable, found.security.isAdministrator]).to.deep.equal([true, false]);
  });

  it('a refused io_uring_setup: no ring of any kind, the errno, and the reason that a ring has too', async function () {
    const {
      probe: found,
      backend,
      reason,
    } = await probedBy([python(), REFUSER, 'EPERM']).catch((error) => {
      if (!String(error).includes('PR_SET_SECCOMP')) throw error;
      return skip(this, 'no seccomp filter can be installed here');
    });
    expect([backend, found.fallback]).to.deep.equal(['epoll', 'epoll']);
    expect([found.isAvailable, found.refusal, found.reason]).to.deep.equal([false, 'EPERM', reason]);
    expect(found.security.hasSeccompFilter).to.equal(true);
    for (const each of [...Object.values(found.profiles), ...Object.values(found.trials)]) {
      expect(each).to.deep.include({ isSupported: false, answer: 'EPERM' });
    }
    expect([found.features, Object.values(found.opcodes).some(Boolean)]).to.deep.equal([[], false]);
    expect(found.sqPoll).to.deep.equal({ isAllowed: false, isAdvised: false });
  });

  it('ENOMEM for every ring: said by name, and nothing is left behind', async () => {
    const baseline = takeBaseline();
    binding().injectFault(FAULT_SETUP, 12, 1000);
    try {
      const found = probe();
      expect([found.isAvailable, found.refusal]).to.deep.equal([false, 'ENOMEM']);
      expect(found.reason).to.contain('memory');
    } finally {
      binding().injectFault(FAULT_SETUP, 0, 0);
    }
    await expectNoLeftovers(baseline);
    expect(probe().isAvailable).to.equal(true);
  });
});

describe('probe where there is no addon', () => {
  it('says so, tries nothing, and still reads the limits', async () => {
    const { probe: found, backend } = await probedBy([], { RINGLET_ADDON: '/nonexistent/ringlet.node' });
    expect([backend, found.fallback]).to.deep.equal(['node', 'node']);
    expect([found.isAvailable, found.isAddonLoaded, found.refusal]).to.deep.equal([false, false, null]);
    expect(found.reason).to.contain('addon');
    expect(found.profiles.defer).to.deep.equal({ isSupported: false, answer: 'not tried', flags: [] });
    expect(found.limits.openFiles?.soft).to.be.a('number');
  });
});
