/**
 * Random programs on simulated rings (cpp/user_ring/simulation.h), each kernel of kernels.ts in a process of its own:
 * what comes of them is as the models say, and nothing is left.
 *
 * `RINGLET_SIMULATION_OPERATIONS` takes another number of operations in all, `RINGLET_SIMULATION_SEED` another first
 * seed, or `random`, `RINGLET_SIMULATION_KERNEL` one kernel alone. A seed that fails is made small: the error names
 * the operations that it does not take.
 */
import { fileURLToPath } from 'node:url';
import { type ChildOutcome, runProgram } from '../support/child.js';
import { chosenSeed } from '../support/random.js';
import { KERNELS } from './kernels.js';

const SEED = chosenSeed('RINGLET_SIMULATION_SEED');
const OPERATIONS = Number(process.env.RINGLET_SIMULATION_OPERATIONS || 150_000);
const PROGRAM = fileURLToPath(new URL('./program.js', import.meta.url));
const EPISODE_OPERATIONS = 1000;
const EPISODE_MS = 60_000;
/** Attempts to make a failing seed small, and how long one may take: a seed that hangs does so in every one. */
const ATTEMPTS_MAX = 24;

const only = process.env.RINGLET_SIMULATION_KERNEL;
const kernels = Object.keys(KERNELS).filter((kernel) => !only || kernel === only);

function run(kernel: string, seed: number, operations: number, dropped = ''): Promise<ChildOutcome> {
  const args = [PROGRAM, kernel, String(seed), String(operations), dropped];
  const deadlineMs = EPISODE_MS + operations * 5;
  return runProgram([process.execPath, '--no-warnings', ...args], { deadlineMs });
}

/** Ranges of operations that a failing seed does without, by halves, quarters and so on. */
async function shrink(kernel: string, seed: number): Promise<string> {
  let dropped: string[] = [];
  let attempts = 0;
  for (
    let size = EPISODE_OPERATIONS / 2;
    size >= 10 && attempts < ATTEMPTS_MAX;
    size = Math.floor(size / 2)
  ) {
    for (let from = 0; from < EPISODE_OPERATIONS && attempts < ATTEMPTS_MAX; from += size) {
      const tried = [...dropped, `${from}-${from + size - 1}`];
      attempts++;
      const { code } = await run(kernel, seed, EPISODE_OPERATIONS, tried.join(','));
      if (code !== 0) dropped = tried;
    }
  }
  return dropped.join(',');
}

for (const kernel of kernels) {
  const operations = Math.ceil(OPERATIONS / kernels.length / EPISODE_OPERATIONS) * EPISODE_OPERATIONS;

  describe(`Simulated kernels [${kernel}]`, () => {
    it(`${operations} operations from seed ${SEED} on: all settle, and are as the models say`, async function () {
      this.timeout(EPISODE_MS * ATTEMPTS_MAX + operations * 10);
      const { code, signal, stdout, stderr } = await run(kernel, SEED, operations);
      if (code === 0) return;
      const seed = Number(/.*seed (\d+)/s.exec(stdout)?.[1] ?? SEED);
      const dropped = await shrink(kernel, seed);
      const replay = `node build/test/simulation/program.js ${kernel} ${seed} ${EPISODE_OPERATIONS} ${dropped}`;
      throw new Error(`seed ${seed} fails (${signal ?? code})\n${stderr}\nonce more: ${replay}`);
    });
  });
}
