/** Which ends of an environment give a ring's descriptor back, and which leave that to the kernel, by strace. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { needsIoUring } from '../support/backends.js';
import { runProgram } from '../support/child.js';
import { needs } from '../support/programs.js';
import { temporaryDirectory } from '../support/temporary.js';

const MADE =
  "const ring = new Ring({ backend: 'io_uring', submissionEntries: 64 }); await ring.fs.stat('/');";
const IN_MAIN = `import { Ring } from 'ringlet'; ${MADE}`;
const IN_WORKER = `
  import { once } from 'node:events';
  import { Worker } from 'node:worker_threads';
  const worker = new Worker(\`
    (async () => {
      const [{ parentPort }, { Ring }] = await Promise.all([import('node:worker_threads'), import('ringlet')]);
      ${MADE}
      parentPort.on('message', () => {}).postMessage('made');
    })();
  \`, { eval: true });
  await once(worker, 'message');
`;

/** How it ends, whether the ring is closed by the addon, and the process's status. */
const ENDS: readonly (readonly [title: string, script: string, isClosed: boolean, status: number])[] = [
  ['the main thread’s loop runs out', IN_MAIN, true, 0],
  ['process.exit() in the main thread', `${IN_MAIN} process.exit(0);`, false, 0],
  ['an uncaught error in the main thread', `${IN_MAIN} throw new Error('on purpose');`, false, 1],
  ['a worker is terminated', `${IN_WORKER} await worker.terminate(); process.exit(0);`, true, 0],
  ['process.exit() in the main thread, beside a worker', `${IN_WORKER} process.exit(0);`, true, 0],
];

describe('Cleanup hooks', () => {
  needsIoUring();
  const directory = temporaryDirectory();

  before(function () {
    needs(this, 'strace');
  });

  for (const [title, script, isClosed, status] of ENDS) {
    it(`${title}: ${isClosed ? 'the ring is closed' : 'none runs, and the kernel closes the ring'}`, async () => {
      const log = directory.at('calls');
      const launcher = ['strace', '-f', '-e', 'trace=io_uring_setup,close', '-o', log, process.execPath];
      const outcome = await runProgram(['--input-type=module', '-e', script], { launcher });
      expect(outcome.code, outcome.stderr).to.equal(status);
      // The descriptor that io_uring_setup returned, and all that was closed after it.
      const [, fd, after] = /io_uring_setup\(64,[^\n]* = (\d+)\n(.*)$/s.exec(readFileSync(log, 'utf8')) ?? [];
      expect(fd).to.be.a('string');
      expect(after?.includes(`close(${fd})`)).to.equal(isClosed);
    });
  }
});
