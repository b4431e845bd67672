/** Waiting in the kernel, as `coalesce` does: real signals meanwhile, and what the kernel counts it as. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const KINDS = [
  ['loop', '{}'],
  ['sqPoll', '{ sqPoll: true }'],
  ['sqPoll in a group', "{ sqPoll: { group: 'waits' } }"],
] as const;

/** A ring that waits in the kernel for 100 ms after each message, and a socket to send one. */
const PRELUDE = `
  import { createSocket } from 'node:dgram';
  import { readFileSync, writeFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { DatagramSocket, Ring } from 'ringlet';
  const makeRing = (options) => new Ring({
    backend: 'io_uring', coalesce: { minCompletions: 64, timeoutUs: 100_000 }, ...options,
  });
  async function makePeers(ring) {
    const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    const peer = createSocket('udp4');
    const send = (text) => new Promise((resolve, reject) => {
      peer.send(text, socket.address.port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
    return { socket, peer, send };
  }
  // Signals to the main thread about every millisecond, until the worker is terminated.
  let signalCount = 0;
  process.on('SIGUSR2', () => { signalCount += 1; });
  const beginSignals = () => new Worker(
    'const wait = new Int32Array(new SharedArrayBuffer(4)); for (;;) { process.kill(process.pid, "SIGUSR2"); Atomics.wait(wait, 0, 0, 1); }',
    { eval: true },
  );
`;

describe('Signals during a wait in the kernel (EINTR)', () => {
  needsIoUring();
  const directory = temporaryDirectory();

  for (const [name, options] of KINDS) {
    it(`${name}: the wait ends in its time, no message and no read is lost, and no sleep ends early`, async () => {
      const outcome = await runScript(
        `
        ${PRELUDE}
        const ring = makeRing(${options});
        const { socket, peer, send } = await makePeers(ring);
        const messages = socket[Symbol.asyncIterator]();
        const [, directory] = process.argv;
        const content = Buffer.from(Array.from({ length: 4096 }, (_unused, index) => index % 251));
        writeFileSync(directory + '/file', content);
        const file = await ring.fs.open(directory + '/file');
        const report = { lost: 0, wrongReads: 0, earlySleeps: 0 };
        // How often the kernel is entered for one wait of 100 ms.
        const entersOfWait = async (text) => {
          const next = messages.next();
          await send(text);
          if ((await next).value.data.toString() !== text) report.lost += 1;
          // Behind this message the ring waits for 64 more, of which none comes, and the loop with it.
          const { enters } = ring.stats();
          await new Promise((resolve) => setTimeout(resolve, 1));
          return ring.stats().enters - enters;
        };
        let undisturbed = 0;
        for (let round = 0; round < 5; round += 1) undisturbed += await entersOfWait('quiet ' + round);
        const worker = beginSignals();
        while (signalCount < 3) await new Promise((resolve) => setTimeout(resolve, 1));
        let cutShort = 0;
        for (let round = 0; round < 5 || (cutShort < 10 && round < 50); round += 1) {
          cutShort += (await entersOfWait('message ' + round)) - undisturbed / 5;
          const begin = performance.now();
          await ring.sleep(20);
          if (performance.now() - begin < 20) report.earlySleeps += 1;
          const reads = await Promise.all(Array.from({ length: 200 }, (_unused, index) => {
            return file.read(Buffer.alloc(16), 0, 16, index * 16);
          }));
          reads.forEach(({ buffer }, index) => {
            if (!buffer.equals(content.subarray(index * 16, index * 16 + 16))) report.wrongReads += 1;
          });
        }
        await worker.terminate();
        await file.close();
        peer.close();
        await ring.close();
        console.log(JSON.stringify({ ...report, cutShort }));
      `,
        { args: [directory.path] },
      );
      expectCleanExit(outcome);
      const { cutShort, ...report } = JSON.parse(outcome.stdout) as Record<string, unknown>;
      expect(report).to.deep.equal({ lost: 0, wrongReads: 0, earlySleeps: 0 });
      expect(cutShort).to.be.at.least(10);
    });

    it(`${name}: the end of a process waits for what is in the kernel all the same`, async () => {
      directory.fifo('fifo');
      const outcome = await runScript(
        `
        ${PRELUDE}
        const [, directory] = process.argv;
        const ring = makeRing(${options});
        const fifo = await ring.fs.open(directory + '/fifo', 'r+');
        for (let index = 0; index < 50; index += 1) fifo.read(Buffer.alloc(1)).catch(() => {});
        beginSignals();
        while (signalCount < 3) await new Promise((resolve) => setTimeout(resolve, 1));
        process.exit(0);
      `,
        { args: [directory.path] },
      );
      expectCleanExit(outcome);
    });
  }
});

describe('Waiting in the kernel is no waiting for a disk (NO_IOWAIT)', () => {
  needsIoUring();
  const SYSCTL = '/proc/sys/kernel/task_delayacct';
  let setting: string | undefined;

  before(function () {
    const ring = new Ring({ backend: 'io_uring' });
    const { features } = ring;
    void ring.close();
    if (!features.includes('NO_IOWAIT')) skip(this, 'the kernel has no IORING_ENTER_NO_IOWAIT (Linux 6.15)');
    try {
      setting = readFileSync(SYSCTL, 'utf8').trim();
      execFileSync('sysctl', ['-q', '-w', 'kernel.task_delayacct=1']);
    } catch {
      skip(this, 'no delay accounting here, or not for this user');
    }
  });

  after(() => {
    if (setting !== undefined) execFileSync('sysctl', ['-q', '-w', `kernel.task_delayacct=${setting}`]);
  });

  for (const [name, options] of KINDS) {
    it(`${name}: half a second of waiting adds nothing to the process’s time in iowait`, async () => {
      const outcome = await runScript(`
        ${PRELUDE}
        // Field 42 of proc_pid_stat(5): aggregated block I/O delays, in clock ticks.
        const ticks = () => {
          const stat = readFileSync('/proc/self/stat', 'utf8');
          return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[39]);
        };
        const ring = makeRing(${options});
        const { socket, peer, send } = await makePeers(ring);
        const messages = socket[Symbol.asyncIterator]();
        const before = ticks();
        for (let round = 0; round < 5; round += 1) {
          const next = messages.next();
          await send('message');
          await next;
          // The ring waits for more, and the event loop with it.
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        const grown = ticks() - before;
        peer.close();
        await ring.close();
        console.log(JSON.stringify({ grown }));
      `);
      expectCleanExit(outcome);
      expect(JSON.parse(outcome.stdout)).to.deep.equal({ grown: 0 });
    });
  }
});
