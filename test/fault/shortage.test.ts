/** Too little memory or too few descriptors for the ring that was asked for. */
import { expect } from 'chai';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { needsSeccomp, refusing } from '../support/refuser.js';
import { skip } from '../support/skip.js';

/** Makes a ring of 4,096 and 8,192 entries with `options` on top, and tells how it went. */
const scriptOf = (options: string): string => `
  import { Ring } from 'ringlet';
  const sizes = { submissionEntries: 4096, completionEntries: 8192, completionEntriesMin: 256 };
  let report;
  try {
    const ring = new Ring({ backend: 'io_uring', ...sizes, ...${options} });
    // As it was made: the reads may make the completion queue larger again.
    const profile = { ...ring.profile };
    const names = await Promise.all(Array.from({ length: 2000 }, () => ring.fs.readFile('/proc/self/comm', 'utf8')));
    report = { profile, reason: ring.backendReason, readCount: names.length };
    await ring.close();
  } catch ({ code, message }) {
    report = { code, message };
  }
  console.log(JSON.stringify(report));
`;

interface Report {
  profile?: {
    kind: string;
    submissionEntries: number;
    completionEntries: number;
    degraded: { what: string; reason: string }[];
  };
  reason?: string | null;
  readCount?: number;
  code?: string;
  message?: string;
}

const KINDS = [
  ['loop', '{}'],
  ['sqPoll', '{ sqPoll: true }'],
  ['sqPoll in a group', "{ sqPoll: { group: 'g' } }"],
] as const;

describe('A ring for which memory is short', () => {
  needsIoUring();
  before(function () {
    needsSeccomp(this);
  });

  async function report(options: string): Promise<Report> {
    const outcome = await runScript(scriptOf(options), { launcher: refusing('ENOMEM>512') });
    expectCleanExit(outcome);
    return JSON.parse(outcome.stdout) as Report;
  }

  for (const [name, options] of KINDS) {
    it(`${name}: the entries are halved until it fits, which is told as degraded, and 2,000 files are read`, async () => {
      const { profile, readCount } = await report(options);
      expect(readCount).to.equal(2000);
      expect(profile?.submissionEntries).to.equal(512);
      expect(profile?.completionEntries).to.be.within(512, 1024);
      const halving = profile?.degraded.find(({ what }) => what === 'completionEntries');
      expect(halving?.reason).to.contain('ENOMEM');
    });
  }

  it('completionEntriesMin: the halving stops there, and io_uring by name is an error about memory', async () => {
    const { code, message } = await report('{ completionEntriesMin: 2048 }');
    expect(code).to.equal('ERR_RINGLET_UNAVAILABLE');
    expect(message).to.match(/ENOMEM.*memory/);
  });

  it("completionEntriesMin: with backend 'auto' it runs on epoll and gives that reason", async () => {
    const { profile, reason, readCount } = await report("{ completionEntriesMin: 2048, backend: 'auto' }");
    expect(profile).to.deep.include({ kind: 'loop', completionEntries: 8192 });
    expect(reason).to.match(/ENOMEM.*memory/);
    expect(readCount).to.equal(2000);
  });
});

/** Enough for rings of half the size that `scriptOf` asks for, and not for those. */
const LOCKED_BYTES = 256 * 1024;
/** Enough for one small ring, and not for its receive buffers. */
const SMALL_BYTES = 64 * 1024;
const NOT_COUNTED = 'this kernel does not count the memory of rings against RLIMIT_MEMLOCK';

/** Has the kernel count a ring's memory, as a user of its own for whom nothing else counts. */
function lockedMemoryLimited(bytes: number): readonly string[] {
  const limit = ['prlimit', `--memlock=${bytes}:${bytes}`];
  if (process.getuid?.() !== 0) return limit;
  const user = 100_000 + process.pid;
  // Without CAP_IPC_LOCK; reading our own files is all that is needed of root.
  const capabilities = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return ['setpriv', `--reuid=${user}`, '--clear-groups', ...capabilities, '--', ...limit];
}

describe('A ring whose memory the kernel itself refuses', () => {
  needsIoUring();

  for (const [name, options] of KINDS) {
    it(`RLIMIT_MEMLOCK, ${name}: halved until it fits, and 2,000 files are read`, async function () {
      const outcome = await runScript(scriptOf(options), { launcher: lockedMemoryLimited(LOCKED_BYTES) });
      expectCleanExit(outcome);
      const { profile, readCount, message } = JSON.parse(outcome.stdout) as Report;
      expect(message).to.equal(undefined);
      expect(readCount).to.equal(2000);
      const halving = profile?.degraded.find(({ what }) => what === 'completionEntries');
      if (halving === undefined) skip(this, NOT_COUNTED);
      expect(profile?.completionEntries).to.be.within(256, 4096);
      expect(halving.reason).to.match(/^halved from 8192 .*ENOMEM by io_uring_setup$/);
    });

    it(`RLIMIT_MEMLOCK, ${name}: what is chosen where the choice is open can receive`, async function () {
      const source = `
        import { DatagramSocket, Ring } from 'ringlet';
        const rings = [];
        for (let number = 1; number <= 3; number++) {
          const ring = new Ring(${options});
          const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
          await socket.send('received', socket.address);
          rings.push([ring.backend, ring.backendReason, String((await socket.receive()).data)]);
        }
        console.log(JSON.stringify(rings));
        process.exit();`;
      const outcome = await runScript(source, { launcher: lockedMemoryLimited(SMALL_BYTES) });
      expectCleanExit(outcome);
      const rings = JSON.parse(outcome.stdout) as [string, string | null, string][];
      expect(rings.map(([, , data]) => data)).to.deep.equal(['received', 'received', 'received']);
      const others = rings.filter(([backend]) => backend !== 'io_uring');
      if (others.length === 0) skip(this, NOT_COUNTED);
      for (const [, reason] of others) {
        expect(reason).to.match(/ENOMEM.*memory.* 65536 bytes, RLIMIT_MEMLOCK/);
      }
    });

    it(`RLIMIT_AS, ${name}: no room to map the queues, which are halved until there is`, async function () {
      if (process.env.LD_PRELOAD?.includes('libasan')) {
        skip(this, 'the address sanitizer maps terabytes for its own use, and ends where it cannot');
      }
      const source = `
        import { spawnSync } from 'node:child_process';
        import { readdirSync, readFileSync } from 'node:fs';
        import { Ring } from 'ringlet';
        const sizes = { submissionEntries: 32768, completionEntries: 65536, completionEntriesMin: 256 };
        const options = { backend: 'io_uring', ...sizes, ...${options} };
        const limit = (bytes) => spawnSync('prlimit', ['--pid=' + process.pid, '--as=' + bytes + ':unlimited']);
        const rings = () => readFileSync('/proc/self/maps', 'utf8').split('[io_uring]').length - 1;
        // Once without a limit, so that code and heap are there.
        const first = new Ring(options);
        await first.fs.readFile('/proc/self/comm');
        await first.close();
        limit('unlimited');
        globalThis.gc();
        const kib = Number(/VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
        limit((kib + 1000) * 1024);
        let ring;
        let message;
        try {
          ring = new Ring(options);
        } catch (error) {
          ({ message } = error);
        }
        limit('unlimited');
        const mapped = rings();
        const names = await Promise.all(Array.from({ length: 500 }, () => ring?.fs.readFile('/proc/self/comm')));
        const { profile } = ring;
        await ring.close();
        console.log(JSON.stringify({ profile, message, readCount: names.length, mapped, left: rings() }));
      `;
      const outcome = await runScript(source, { execArgv: ['--expose-gc'] });
      expectCleanExit(outcome);
      const report = JSON.parse(outcome.stdout) as Report & { mapped: number; left: number };
      expect(report).to.include({ readCount: 500, mapped: 2, left: 0 });
      expect(report.profile?.completionEntries).to.be.within(256, 32_768);
      const halving = report.profile?.degraded.find(({ what }) => what === 'completionEntries');
      expect(halving?.reason).to.match(/^halved from 65536 .*ENOMEM by mmap$/);
    });
  }
});

describe('A ring for which descriptors are short', () => {
  needsIoUring();

  it('the addon, too, is loaded at the next try', async () => {
    const source = `
      import { closeSync, openSync } from 'node:fs';
      import { Ring } from 'ringlet';
      // It loads everything else.
      await new Ring({ backend: 'node' }).close();
      const taken = [];
      try {
        for (;;) taken.push(openSync('/dev/null'));
      } catch {}
      const messages = [];
      let isMade = false;
      while (!isMade && taken.length > 0) {
        try {
          await new Ring({ backend: 'io_uring' }).close();
          isMade = true;
        } catch ({ message }) {
          messages.push(message);
          closeSync(taken.pop());
        }
      }
      console.log(isMade, messages[0]);
    `;
    const launcher = ['bash', '-c', 'ulimit -n 64; exec "$0" "$@"'];
    const outcome = await runScript(source, { launcher });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.match(/^true .*Too many open files/);
  });

  for (const [name, options] of [...KINDS, ['epoll', "{ backend: 'epoll' }"]] as const) {
    it(`${name}: EMFILE is an error that says so, each failure leaves nothing, and the next try may succeed`, async () => {
      const source = `
        import { closeSync, openSync } from 'node:fs';
        import { Ring } from 'ringlet';
        const options = { backend: 'io_uring', ...${options} };
        await new Ring(options).close();
        const taken = [];
        try {
          for (;;) taken.push(openSync('/dev/null'));
        } catch {}
        const messages = [];
        for (let free = 0; free < 10; free += 1) {
          let ring;
          try {
            ring = new Ring(options);
          } catch ({ code, message }) {
            messages.push(code + ' ' + message);
            // That many are free still: the failed attempt kept none.
            const probes = Array.from({ length: free }, () => openSync('/dev/null'));
            for (const probe of probes) closeSync(probe);
            closeSync(taken.pop());
            continue;
          }
          console.log(JSON.stringify({ messages, groups: Ring.groups().length }));
          await ring.fs.stat('/');
          await ring.close();
          break;
        }
      `;
      const launcher = ['bash', '-c', 'ulimit -n 64; exec "$0" "$@"'];
      const outcome = await runScript(source, { launcher });
      expectCleanExit(outcome);
      const { messages } = JSON.parse(outcome.stdout) as { messages: string[] };
      expect(messages.length).to.be.greaterThan(0);
      for (const message of messages) expect(message).to.match(/^ERR_RINGLET_UNAVAILABLE .*EMFILE/);
    });
  }
});
