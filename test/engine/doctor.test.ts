/** `ringlet doctor`: exit status, page, JSON, and the advice for each cause. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Advice, advise } from '#ringlet/observe/cli/advice.js';
import { renderDoctor } from '#ringlet/observe/cli/doctor.js';
import { type Probe, probe } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { type ChildOptions, type ChildOutcome, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { skip } from '../support/skip.js';
import { python } from '../support/python.js';

const REFUSER = join(PACKAGE_ROOT, 'test/support/refuse-io-uring.py');

interface Manifest {
  version: string;
  bin: { ringlet: string };
}

const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as Manifest;
const program = join(PACKAGE_ROOT, manifest.bin.ringlet);

function ringlet(args: readonly string[], options: ChildOptions = {}): Promise<ChildOutcome> {
  return runProgram([process.execPath, program, ...args], options);
}

describe('ringlet doctor', () => {
  needsIoUring();

  it('where io_uring works: status 0, and a page that says so with kinds of ring, limits and opcodes', async () => {
    const { code, stdout, stderr } = await ringlet(['doctor']);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout.split('\n', 1)[0]).to.equal('io_uring works here.');
    for (const title of [
      'Surroundings',
      'Limits',
      'Kinds of ring',
      'By trial',
      'Features',
      'Opcodes',
      'Advice',
    ]) {
      expect(stdout).to.match(new RegExp(`^${title}$`, 'm'));
    }
    expect(stdout).to.match(/^ {2}loop, defer +yes .*DEFER_TASKRUN/m);
    expect(stdout).to.match(/^ {2}SQ polling, shared thread +yes .*ATTACH_WQ/m);
    // Neither a terminal nor asked for: no colours.
    expect(stdout).not.to.contain('\u001b');
    for (const line of stdout.split('\n')) expect(line.length, line).to.be.at.most(120);
  });

  it('what rings do without on this kernel, each in words', () => {
    const plain = (text: string): string => text;
    const reason = `the kernel has no such thing: ${'word '.repeat(40)}end`;
    const degraded = [{ what: 'registeredFds', reason }];
    const page = renderDoctor({ ...probe(), degraded }, { good: plain, bad: plain, title: plain });
    expect(page.replaceAll(/\s+/g, ' ')).to.contain(`Without, on this kernel registeredFds ${reason}`);
    for (const line of page.split('\n')) expect(line.length, line).to.be.at.most(120);
  });

  it('verdicts stand under each other, however long their labels are', () => {
    const plain = (text: string): string => text;
    const lines = renderDoctor(probe(), { good: plain, bad: plain, title: plain }).split('\n');
    const verdicts = lines.slice(lines.indexOf('Kinds of ring'), lines.indexOf('Features'));
    const columns = verdicts.flatMap((line) => {
      const [label] = /^ {2}\S.*? (?=(yes|no)\b)/.exec(line) ?? [];
      return label === undefined ? [] : [label.length];
    });
    expect(columns.length).to.be.greaterThan(10);
    expect(new Set(columns).size).to.equal(1);
  });

  it('--json: what probe() finds, and the advice', async () => {
    const { code, stdout } = await ringlet(['doctor', '--json']);
    expect(code).to.equal(0);
    const { advice, ...found } = JSON.parse(stdout) as Probe & { advice: Advice[] };
    // The load changes from one look to the next.
    const busyCpus = { busyCpus: found.busyCpus };
    expect(found).to.deep.equal({ ...probe(), ...busyCpus });
    expect(advice).to.deep.equal(advise({ ...probe(), ...busyCpus }));
  });

  it('where a seccomp filter refuses it: status 1, the reason, and what to allow', async function () {
    const launcher = [python(), REFUSER, 'EPERM'];
    const { code, stdout, stderr } = await ringlet(['doctor'], { launcher });
    if (stderr.includes('PR_SET_SECCOMP')) skip(this, 'no seccomp filter can be installed here');
    expect(code).to.equal(1);
    expect(stdout).to.match(/^io_uring does not work here: .*seccomp/);
    expect(stdout).to.match(/problem: A seccomp filter refuses the calls/);
    expect(stdout).to.contain('npx ringlet seccomp-profile');
    const json = await ringlet(['doctor', '--json'], { launcher });
    expect(json.code).to.equal(1);
    expect((JSON.parse(json.stdout) as Probe).isAvailable).to.equal(false);
  });

  it('without the addon: status 1, and how to build it', async () => {
    const env = { RINGLET_ADDON: '/nonexistent/ringlet.node' };
    const { code, stdout } = await ringlet(['doctor'], { env });
    expect(code).to.equal(1);
    expect(stdout).to.contain('npx ringlet build');
  });

  it('--help and --version: status 0', async () => {
    expect(await ringlet(['--help'])).to.deep.include({ code: 0, stderr: '' });
    expect(await ringlet(['--version'])).to.deep.include({ code: 0, stdout: `${manifest.version}\n` });
  });

  for (const args of [
    [],
    ['surgeon'],
    ['constructor'],
    ['doctor', 'again'],
    ['doctor', '--jsno'],
    ['doctor', '--json=yes'],
    ['doctor', '--once'],
    ['doctor', '--directory=.'],
    ['top', 'none'],
    ['top', '1', '2'],
    ['bench', '--once'],
    ['build', '--json'],
    ['seccomp-profile', 'one', 'two'],
  ]) {
    it(`ringlet ${args.join(' ')}: status 2, and the usage on standard error`, async () => {
      const { code, stdout, stderr } = await ringlet(args);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.contain('Usage: ringlet doctor [--json]');
      expect(stderr).not.to.match(/^\s+at /m);
    });
  }

  it('is a program: it begins with the line that names Node', () => {
    expect(readFileSync(program, 'utf8')).to.match(/^#!\/usr\/bin\/env node\n/);
  });
});

describe('Advice', () => {
  const sound: Probe = {
    ...probe(),
    isAvailable: true,
    reason: null,
    refusal: null,
    isAddonLoaded: true,
    container: null,
    security: { ioUringDisabled: 0, ioUringGroup: -1, hasSeccompFilter: false, isAdministrator: false },
    limits: {
      openFiles: { soft: 20_000, hard: 20_000 },
      lockedMemoryBytes: null,
      cpus: [0, 1],
      cpuQuota: null,
    },
    ruledOutBy: null,
    busyCpus: 0,
    sqPoll: { isAllowed: true, isAdvised: true },
  };
  const yes = { isSupported: true, answer: 'ok' };
  const no = { isSupported: false, answer: 'EINVAL' };
  sound.profiles = { ...sound.profiles, defer: { ...yes, flags: [] }, sqPoll: { ...yes, flags: [] } };
  sound.trials = { ...sound.trials, registeredRingFd: yes, receivingRing: yes };

  const refused = (refusal: string, change: Partial<Probe> = {}): Probe => ({
    ...sound,
    isAvailable: false,
    refusal,
    reason: refusal,
    ...change,
  });

  it('none where everything is as it should be', () => {
    expect(advise(sound)).to.deep.equal([]);
  });

  for (const [title, found, kind, remedy] of [
    [
      'the sysctl says nobody',
      refused('EPERM', { security: { ...sound.security, ioUringDisabled: 2 } }),
      'problem',
      /sysctl -w kernel\.io_uring_disabled=0/,
    ],
    [
      'the sysctl says the privileged',
      refused('EPERM', { security: { ...sound.security, ioUringDisabled: 1, ioUringGroup: 27 } }),
      'problem',
      /kernel\.io_uring_group, which is 27/,
    ],
    [
      'a seccomp filter in Docker',
      refused('EPERM', { container: 'docker', security: { ...sound.security, hasSeccompFilter: true } }),
      'problem',
      /npx ringlet seccomp-profile.*docker run --security-opt seccomp=/s,
    ],
    [
      'a seccomp filter in Kubernetes',
      refused('EPERM', { container: 'kubernetes', security: { ...sound.security, hasSeccompFilter: true } }),
      'problem',
      /seccompProfile: \{ type: Localhost/,
    ],
    [
      'a seccomp filter in Podman, which says ENOSYS',
      refused('ENOSYS', { container: 'podman', security: { ...sound.security, hasSeccompFilter: true } }),
      'problem',
      /podman run --security-opt seccomp=/,
    ],
    ['a security module', refused('EACCES'), 'problem', /audit log/],
    ['no io_uring in the kernel', refused('ENOSYS'), 'problem', /CONFIG_IO_URING/],
    ['no memory', refused('ENOMEM'), 'problem', /memory/],
    [
      'no memory to receive into',
      {
        ...sound,
        limits: { ...sound.limits, lockedMemoryBytes: { soft: 65_536, hard: 65_536 } },
        trials: { ...sound.trials, receivingRing: { isSupported: false, answer: 'ENOMEM' } },
      },
      'hint',
      /LimitMEMLOCK=infinity/,
    ],
    ['no descriptor left', refused('EMFILE'), 'problem', /ulimit -n/],
    [
      'an old kernel',
      { ...sound, isAvailable: false, reason: 'it needs Linux 6.0' },
      'problem',
      /newer kernel/,
    ],
    [
      'no addon',
      { ...sound, isAvailable: false, isAddonLoaded: false, reason: 'the native addon could not be loaded' },
      'problem',
      /npx ringlet build/,
    ],
    [
      'no addon, under pnpm',
      {
        ...sound,
        isAvailable: false,
        isAddonLoaded: false,
        reason: 'no prebuilt addon for linux-riscv64',
        host: { ...sound.host, packageManager: 'pnpm 12.0.1' },
      },
      'problem',
      /^pnpm exec ringlet build$/m,
    ],
    [
      'another system',
      refused('ENOSYS', { platform: 'darwin', refusal: null, isAddonLoaded: false }),
      'problem',
      /same/,
    ],
    [
      'a kernel without DEFER_TASKRUN',
      { ...sound, profiles: { ...sound.profiles, defer: { ...no, flags: [] } } },
      'hint',
      /6\.1/,
    ],
    [
      'SQ polling refused',
      { ...sound, sqPoll: { isAllowed: false, isAdvised: false } },
      'hint',
      /CAP_SYS_NICE/,
    ],
    [
      'a quota below two CPUs',
      { ...sound, sqPoll: { isAllowed: true, isAdvised: false }, limits: { ...sound.limits, cpuQuota: 0.5 } },
      'hint',
      /Leave sqPoll off/,
    ],
    [
      'two CPUs, as docs/sq-poll.md has it',
      { ...sound, sqPoll: { isAllowed: true, isAdvised: false } },
      'hint',
      /Leave sqPoll off/,
    ],
    [
      'busy CPUs',
      {
        ...sound,
        sqPoll: { isAllowed: true, isAdvised: false },
        busyCpus: 3.6,
        limits: { ...sound.limits, cpus: [0, 1, 2, 3] },
      },
      'hint',
      /Leave sqPoll off/,
    ],
    [
      'another runtime',
      refused('', { refusal: null, isAddonLoaded: false, ruledOutBy: 'runtime' }),
      'problem',
      /Run the program with node/,
    ],
    [
      'RINGLET_BACKEND',
      refused('', { refusal: null, isAddonLoaded: false, ruledOutBy: 'environment' }),
      'problem',
      /env -u RINGLET_BACKEND/,
    ],
    [
      'the permission model',
      refused('', { refusal: null, isAddonLoaded: false, ruledOutBy: 'permission' }),
      'problem',
      /--allow-addons/,
    ],
    [
      'few open files',
      { ...sound, limits: { ...sound.limits, openFiles: { soft: 256, hard: 256 } } },
      'hint',
      /LimitNOFILE/,
    ],
    [
      'no registered ring descriptors',
      { ...sound, trials: { ...sound.trials, registeredRingFd: no } },
      'hint',
      /nothing else/,
    ],
  ] as const satisfies readonly (readonly [string, Probe, Advice['kind'], RegExp])[]) {
    it(`${title}: one ${kind}, with its remedy`, () => {
      const advice = advise(found);
      expect(advice).to.have.length(1);
      expect(advice[0]?.kind).to.equal(kind);
      expect(advice[0]?.remedy).to.match(remedy);
      expect(advice[0]?.finding).to.match(/\.$/);
    });
  }
});
