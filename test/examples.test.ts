/** Every example, run as a user runs it: in a process of its own, from what was compiled. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { DatagramSocket, Ring } from 'ringlet';
import { needsIoUring } from './support/backends.js';
import {
  type ChildOptions,
  type ChildOutcome,
  expectCleanExit,
  PACKAGE_ROOT,
  runProgram,
} from './support/child.js';
import { findProgram } from './support/programs.js';
import { skip } from './support/skip.js';
import { temporaryDirectory } from './support/temporary.js';
import { python } from './support/python.js';

const REFUSER = join(PACKAGE_ROOT, 'test/support/refuse-io-uring.py');
/** Longer than the demo's own. */
const CHILD_DEADLINE_MS = 20_000;
const ALL_THERE = 'All 20,000 messages are in the file, each exactly once.';

describe('Examples', () => {
  // Before the directory's own hooks, one of which removes it.
  afterEach('nothing is left in the temporary directory', () => {
    expect(readdirSync(directory.path).filter((name) => name.startsWith('ringlet-'))).to.deep.equal([]);
  });
  const directory = temporaryDirectory();

  function run(
    name: string,
    args: readonly string[] = [],
    options: ChildOptions = {},
  ): Promise<ChildOutcome> {
    const argv = [process.execPath, join(PACKAGE_ROOT, 'build/examples', `${name}.js`), ...args];
    return runProgram(argv, { ...options, env: { TMPDIR: directory.path, ...options.env } });
  }

  /**
   * Puts a script before the real logger. An address sanitizer that is loaded in front of everything
   * would keep logger from ever starting, so it always takes that away.
   */
  function placeLogger(command: string): ChildOptions & { env: Record<string, string> } {
    const script = `#!/bin/sh\nunset LD_PRELOAD\n${command}\n`;
    chmodSync(directory.file('logger', script), 0o755);
    return { env: { PATH: directory.path + delimiter + process.env.PATH }, deadlineMs: CHILD_DEADLINE_MS };
  }

  async function linesOf(name: string, env: Record<string, string> = {}): Promise<string[]> {
    const outcome = await run(name, [], { env });
    expectCleanExit(outcome);
    expect(outcome.stderr).to.equal('');
    return outcome.stdout.trimEnd().split('\n');
  }

  it('read-file: results, an abort and an error', async () => {
    expect(await linesOf('read-file')).to.deep.equal([
      '14 bytes, 3 lines',
      'from byte 4: "two\\nthree\\n"',
      'the endless write ended with AbortError because of TimeoutError',
      'a missing file is ENOENT',
    ]);
  });

  it('echo-server: every message comes back', async () => {
    const lines = await linesOf('echo-server');
    expect(lines.slice(0, -1)).to.deep.equal(
      ['one', 'two', 'three'].map((text) => `sent ${text}, received ${text}`),
    );
    expect(lines.at(-1)).to.match(/^served on (io_uring|Node: .+)$/);
  });

  it('tcp-echo-server: every line comes back', async () => {
    expect(await linesOf('tcp-echo-server')).to.deep.equal(
      ['one', 'two', 'three'].map((text) => `sent ${text}, received ${text}`),
    );
  });

  it('dns-responder: an address, texts that are too long for UDP, a name that is not there', async () => {
    expect(await linesOf('dns-responder')).to.deep.equal([
      'host.example is 192.0.2.1',
      'long.example has 20 texts',
      'none.example: ENOTFOUND',
    ]);
  });

  describe('Unix datagram sockets', () => {
    needsIoUring();

    it('sd-notify: both sides, and to a service manager', async () => {
      expect(await linesOf('sd-notify')).to.deep.equal(['READY=1, STATUS=Serving from this process']);
      const ring = new Ring({ backend: 'io_uring' });
      for (const path of [directory.at('notify'), `\0ringlet-notify-${process.pid}`]) {
        await using manager = await DatagramSocket.bind({ path, ring });
        const env = { NOTIFY_SOCKET: path.replace('\0', '@') };
        const [message, outcome] = await Promise.all([manager.receive(), run('sd-notify', [], { env })]);
        expectCleanExit(outcome);
        expect(message.data.toString()).to.match(/^READY=1\nMAINPID=\d+$/);
      }
      await ring.close();
    });

    it('dev-log: what logger writes', async function () {
      const logger = findProgram('logger');
      if (!logger) skip(this, 'there is no logger here (bsdutils)');
      const { env } = placeLogger(`exec ${logger} "$@"`);
      const uid = process.getuid?.();
      const texts = ['one', 'two', 'three'].map((text) => `info: example: ${text} (uid ${uid})`);
      expect(await linesOf('dev-log', env)).to.deep.equal(texts);
    });
  });

  describe('syslog-collector', function () {
    this.timeout(CHILD_DEADLINE_MS + 5000);
    let logger = '';

    before('finding logger', function () {
      logger = findProgram('logger');
      if (!logger) skip(this, 'there is no logger here (bsdutils)');
    });

    function realLogger(): ChildOptions {
      return process.env.LD_PRELOAD ? placeLogger(`exec ${logger} "$@"`) : { deadlineMs: CHILD_DEADLINE_MS };
    }

    it('collects every message and says how, or why it fell back', async () => {
      const outcome = await run('syslog-collector', [], realLogger());
      expectCleanExit(outcome);
      expect(outcome.stderr).to.equal('');
      expect(outcome.stdout.trimEnd().split('\n').at(-1)).to.equal(ALL_THERE);
      expect(outcome.stdout).to.match(/^ {2}rate +[\d,]+ a second/m);
      if (/^ {2}why /m.test(outcome.stdout)) return;
      expect(outcome.stdout).to.match(
        /^ {2}ring +io_uring, sqPoll profile, 256 submission and 4096 completion/m,
      );
      expect(outcome.stdout).to.match(/^ {2}SQ thread +group 'syslog', thread [1-9]\d*, .*CPU \d+/m);
      expect(outcome.stdout).to.match(
        /^ {2}system calls +\d+ io_uring_enter for 20,\d+ completions: 20,\d+ avoided/m,
      );
    });

    it('collects every message on the node backend', async () => {
      const outcome = await run('syslog-collector', ['--backend=node'], realLogger());
      expectCleanExit(outcome);
      expect(outcome.stdout.trimEnd().split('\n').at(-1)).to.equal(ALL_THERE);
      expect(outcome.stdout).to.match(/^ {2}why +it was asked for$/m);
    });

    it('collects every message where the kernel refuses io_uring, and says why it fell back', async function () {
      try {
        execFileSync(python(), [REFUSER, 'EPERM', 'true'], { stdio: 'pipe' });
      } catch (error) {
        skip(this, `no seccomp filter can be installed here: ${(error as Error).message}`);
      }
      const outcome = await run('syslog-collector', [], {
        ...realLogger(),
        launcher: [python(), REFUSER, 'EPERM'],
      });
      expectCleanExit(outcome);
      expect(outcome.stdout.trimEnd().split('\n').at(-1)).to.equal(ALL_THERE);
      expect(outcome.stdout).to.match(/^ {2}ring +in user space, on epoll, loop profile/m);
      expect(outcome.stdout).to.match(/^ {2}why +io_uring_setup failed with EPERM: a seccomp filter/m);
    });

    it('ends with status 1 and says which messages are missing', async () => {
      const swallowing = placeLogger(`sed -u 7d | ${logger} "$@"`);
      const outcome = await run('syslog-collector', [], swallowing);
      expect([outcome.code, outcome.stderr]).to.deep.equal([1, '']);
      expect(outcome.stdout).to.include('The file does NOT hold all 20,000 messages exactly once:');
      expect(outcome.stdout).to.include('0 were dropped by the kernel, 4 were not sent in time or lost');
      expect(outcome.stdout).to.match(/^ {2}1 of sender-3 missing: 6$/m);
    });

    it('gives up on a logger that does not end, and leaves none running', async () => {
      const pids = directory.at('pids');
      const outcome = await run(
        'syslog-collector',
        ['--deadline=1'],
        placeLogger(`echo $$ >> ${pids}; exec sleep 60`),
      );
      expect([outcome.code, outcome.stderr]).to.deep.equal([1, '']);
      expect(outcome.stdout).to.include('0 were dropped by the kernel, 20,000 were not sent in time or lost');
      const left = readFileSync(pids, 'utf8')
        .split('\n')
        .filter((pid) => pid && existsSync(`/proc/${pid}`));
      expect(left).to.deep.equal([]);
    });

    it('ends with status 1 and says how to get logger where there is none', async () => {
      const outcome = await run('syslog-collector', [], { env: { PATH: directory.path } });
      expect([outcome.code, outcome.stdout]).to.deep.equal([1, '']);
      expect(outcome.stderr).to.match(/logger was not found.*apt-get install bsdutils/s);
    });
  });
});
