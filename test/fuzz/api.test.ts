/**
 * The public API with wild arguments, in processes of their own (api-program.ts): they live, and nothing is written
 * where it must not be, left pending or open.
 *
 * `RINGLET_FUZZ_SEED` takes another seed, or `random`; `RINGLET_FUZZ_CALLS` another number of calls, such as 1000000, for
 * each of them.
 */
import { expect } from 'chai';
import type { RingOptions } from 'ringlet';
import { fileURLToPath } from 'node:url';
import { needsIoUring } from '../support/backends.js';
import { runProgram } from '../support/child.js';
import { chosenSeed } from '../support/random.js';
import { temporaryDirectory } from '../support/temporary.js';

const SEED = chosenSeed('RINGLET_FUZZ_SEED');
const CALLS_WANTED = Number(process.env.RINGLET_FUZZ_CALLS || 0);
const CALLS = 100_000;
/** Of a process: the next one goes on with another seed. */
const PROCESS_CALLS = 25_000;
const PROGRAM = fileURLToPath(new URL('./api-program.js', import.meta.url));
/** Some calls make files as long as they are told: 16 MiB, in blocks of 1 KiB or half of that. */
const LIMITED = ['sh', '-c', 'ulimit -f 16384; exec "$@"', 'sh'];

const KINDS: readonly (readonly [title: string, options: RingOptions, calls: number])[] = [
  ['node', { backend: 'node' }, CALLS],
  ['loop', { backend: 'io_uring' }, CALLS],
  ['epoll', { backend: 'epoll' }, CALLS],
  // The same code, once more and slower.
  ['sqPoll', { backend: 'io_uring', sqPoll: { group: 'fuzz', threads: 1 } }, CALLS / 10],
];

for (const [title, options, usualCalls] of KINDS) {
  describe(`Wild calls [${title}]`, () => {
    if (options.backend === 'io_uring') needsIoUring(options);
    const directory = temporaryDirectory();

    const callsInAll = CALLS_WANTED || usualCalls;

    for (let done = 0; done < callsInAll; done += PROCESS_CALLS) {
      const calls = Math.min(PROCESS_CALLS, callsInAll - done);
      const seed = (SEED + done) >>> 0;
      const repeats = `RINGLET_FUZZ_SEED=${seed} RINGLET_FUZZ_CALLS=${calls} repeats the arguments`;

      it(`${calls} from seed ${seed} on: every call settles, and the process is well`, async function () {
        const deadlineMs = 60_000 + calls * 10;
        this.timeout(deadlineMs + 10_000);
        const args = [JSON.stringify(options), String(seed), String(calls)];
        const program = [process.execPath, '--no-warnings', PROGRAM, ...args];
        const outcome = await runProgram(program, { cwd: directory.path, launcher: LIMITED, deadlineMs });
        const { code, signal, hasTimedOut, stdout, stderr } = outcome;
        expect([code, signal, hasTimedOut], `${stdout}${stderr}\n${repeats}`).to.deep.equal([0, null, false]);
      });
    }
  });
}
