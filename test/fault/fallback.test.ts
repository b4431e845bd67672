/** backend 'auto' where the kernel really refuses io_uring: by a seccomp filter, and by the sysctl. */
import { expect } from 'chai';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { Ring } from 'ringlet';
import { expectCleanExit, runScript } from '../support/child.js';
import { needsSeccomp, refusing } from '../support/refuser.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const SYSCTL = '/proc/sys/kernel/io_uring_disabled';

/** Uses every family of the API on an 'auto' ring, and says what it ran on. */
const SCRIPT = `
  import { DatagramSocket, Ring, fs } from 'ringlet';
  const directory = process.argv[1];
  const ring = new Ring();
  await useFiles(ring.fs, 'own');
  await useFiles(fs, 'default');
  const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
  await socket.send('datagram', socket.address);
  let received = '';
  for await (const message of socket) { received = message.data.toString(); break; }
  await socket.close();
  async function useFiles(fs, name) {
    await fs.writeFile(directory + '/' + name, 'text', { flush: true });
    const handle = await fs.open(directory + '/' + name);
    const { bytesRead } = await handle.read(Buffer.alloc(10));
    if (bytesRead !== 4) throw new Error('read ' + bytesRead);
    await handle.close();
    await fs.unlink(directory + '/' + name);
  }
  const attempt = (options) => {
    try {
      const { backend, backendReason: reason, profile } = new Ring(options);
      return backend === 'epoll' && options.backend === undefined
        ? { backend, degraded: profile.degraded.map(({ what }) => what) }
        : { backend, reason };
    } catch ({ name, code, message }) {
      return { name, code, message };
    }
  };
  console.log(JSON.stringify({
    backend: ring.backend,
    reason: ring.backendReason,
    kind: ring.profile.kind,
    received,
    required: attempt({ backend: 'io_uring' }),
    requiredSqPoll: attempt({ backend: 'io_uring', sqPoll: { group: 'g' } }),
    explicitEpoll: attempt({ backend: 'epoll' }),
    explicitNode: attempt({ backend: 'node' }),
    auto: attempt({ sqPoll: { group: 'h', threads: 2 } }),
    groups: Ring.groups(),
  }));
  await ring.close();
`;

interface Report {
  backend: string;
  reason: string;
  kind: string;
  received: string;
  required: { code?: string; message?: string; backend?: string };
  requiredSqPoll: { code?: string; message?: string; backend?: string };
  explicitEpoll: { backend?: string; reason?: string | null };
  explicitNode: { backend?: string };
  auto: { backend?: string; degraded?: string[] };
  groups: unknown[];
}

function expectFallback(report: Report, cause: RegExp): void {
  expect(report.backend).to.equal('epoll');
  expect(report.kind).to.equal('loop');
  expect(report.reason).to.match(cause);
  expect(report.received).to.equal('datagram');
  for (const required of [report.required, report.requiredSqPoll]) {
    expect(required.code).to.equal('ERR_RINGLET_UNAVAILABLE');
    expect(required.message).to.match(cause);
  }
  expect(report.explicitNode.backend).to.equal('node');
  expect(report.explicitEpoll).to.deep.equal({ backend: 'epoll', reason: null });
  expect(report.auto.backend).to.equal('epoll');
  expect(report.auto.degraded).to.include('sqPoll');
  expect(report.groups).to.deep.equal([]);
}

describe("Fallback of backend 'auto'", () => {
  const directory = temporaryDirectory();

  async function report(launcher: readonly string[] = []): Promise<Report> {
    const outcome = await runScript(SCRIPT, { args: [directory.path], launcher });
    expectCleanExit(outcome);
    expect(outcome.stderr).to.equal('');
    return JSON.parse(outcome.stdout) as Report;
  }

  it('EPERM by a seccomp filter: runs on epoll, says so and why, and io_uring by name is an error', async function () {
    needsSeccomp(this);
    expectFallback(await report(refusing('EPERM')), /seccomp/i);
  });

  it('ENOSYS, an old kernel or a sandbox: runs on epoll, says so and why', async function () {
    needsSeccomp(this);
    expectFallback(await report(refusing('ENOSYS')), /ENOSYS|kernel/i);
  });

  it('ENOMEM: runs on epoll, says so and why', async function () {
    needsSeccomp(this);
    expectFallback(await report(refusing('ENOMEM')), /ENOMEM|memory/i);
  });

  for (const refusal of ['EPERM', 'ENOSYS']) {
    it(`${refusal} for openat2 as well, by a filter or a kernel that knows neither: files open on epoll`, async function () {
      needsSeccomp(this);
      expectFallback(await report([...refusing('EPERM'), ...refusing(`openat2:${refusal}`)]), /seccomp/i);
    });
  }

  it('kernel.io_uring_disabled=2: runs on epoll, says so and names the sysctl', async function () {
    try {
      accessSync(SYSCTL, constants.W_OK);
    } catch (error) {
      skip(this, `the sysctl cannot be set here: ${(error as Error).message}`);
    }
    const before = readFileSync(SYSCTL, 'utf8').trim();
    if (before !== '0') skip(this, `kernel.io_uring_disabled is ${before} already`);
    // In one go and without an await: other processes of the machine see it for a millisecond at most.
    const attempts: (Ring | Error)[] = [];
    try {
      writeFileSync(SYSCTL, '2');
      for (const options of [{}, { backend: 'io_uring' }] as const) {
        try {
          attempts.push(new Ring(options));
        } catch (error) {
          attempts.push(error as Error);
        }
      }
    } finally {
      writeFileSync(SYSCTL, before);
    }
    expect(readFileSync(SYSCTL, 'utf8').trim()).to.equal(before);
    const [ring, required] = attempts;
    if (!(ring instanceof Ring)) throw new Error('no ring was made', { cause: ring });
    await using _closed = ring;
    expect(ring.backend).to.equal('epoll');
    expect(ring.backendReason).to.contain('kernel.io_uring_disabled is 2');
    expect(required).to.be.instanceOf(Error).with.property('code', 'ERR_RINGLET_UNAVAILABLE');
    expect((required as Error).message).to.contain('kernel.io_uring_disabled is 2');
    await ring.fs.writeFile(directory.at('a'), 'text', { flush: true });
    expect(await ring.fs.readFile(directory.at('a'), 'utf8')).to.equal('text');
  });

  it("without a refusal 'auto' is io_uring, with no reason to give", async function () {
    const outcome = await report();
    if (outcome.backend === 'node') skip(this, `this machine has no io_uring: ${outcome.reason}`);
    expect([outcome.backend, outcome.reason]).to.deep.equal(['io_uring', null]);
    expect([outcome.required.backend, outcome.auto.backend]).to.deep.equal(['io_uring', 'io_uring']);
  });
});
