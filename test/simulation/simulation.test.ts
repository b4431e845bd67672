/**
 * Random programs on simulated rings (cpp/user_ring/simulation.h), each kernel of kernels.ts in a process of its own:
 * what comes of them is as the models say, nothing is left, and every kind of mischief has been done.
 *
 * `RINGLET_SIMULATION_OPERATIONS` takes another number of operations in all, `RINGLET_SIMULATION_SEED` another first
 * seed, or `random`, `RINGLET_SIMULATION_KERNEL` one kernel alone. A seed that fails is made small: the error has
 * the line that plays it once more without the operations that it does not take.
 */
import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { type ChildOutcome, runProgram } from '../support/child.js';
import { PATIENCE } from '../support/eventually.js';
import { chosenSeed } from '../support/random.js';
import { KERNELS } from './kernels.js';
import { SEEDS } from './seeds.js';
import { formatRanges, type Range, shrink } from './shrink.js';

const SEED = chosenSeed('RINGLET_SIMULATION_SEED');
const OPERATIONS = Number(process.env.RINGLET_SIMULATION_OPERATIONS || 1_000_000);
const PROGRAM = fileURLToPath(new URL('./program.js', import.meta.url));
const EPISODE_OPERATIONS = 1000;
const EPISODE_MS = 60_000 * PATIENCE;
/** How long a failing seed is made small, and how long an attempt at that waits for what hangs. */
const SHRINK_MS = 300_000;
const SHRINK_SETTLE_MS = 3000 * PATIENCE;
const SEEDS_APART = 10_000_000;
/** Enough of them that everything that can happen does. */
const OPERATIONS_FOR_ALL = 20_000;

const only = process.env.RINGLET_SIMULATION_KERNEL;
const kernels = only ? [only] : KERNELS;

function run(kernel: string, seed: number, operations: number, dropped?: string): Promise<ChildOutcome> {
  const env = dropped === undefined ? {} : { RINGLET_SIMULATION_SETTLE_MS: String(SHRINK_SETTLE_MS) };
  const args = [
    PROGRAM,
    kernel,
    String(seed),
    String(operations),
    ...(dropped === undefined ? [] : [dropped]),
  ];
  const deadlineMs = EPISODE_MS + operations * 5 * PATIENCE;
  return runProgram([process.execPath, '--no-warnings', ...args], { deadlineMs, env });
}

async function explain(kernel: string, { stdout, stderr, signal, code }: ChildOutcome): Promise<Error> {
  const seed = Number(/.*seed (\d+)/s.exec(stdout)?.[1] ?? SEED);
  const fails = async (dropped: readonly Range[]): Promise<boolean> => {
    return (await run(kernel, seed, EPISODE_OPERATIONS, formatRanges(dropped))).code !== 0;
  };
  const untilMs = performance.now() + SHRINK_MS;
  const mayGoOn = (): boolean => performance.now() < untilMs;
  const dropped = formatRanges(await shrink(EPISODE_OPERATIONS, mayGoOn, fails));
  const replay = `node build/test/simulation/program.js ${kernel} ${seed} ${EPISODE_OPERATIONS} '${dropped}'`;
  return new Error(`seed ${seed} fails (${signal ?? code})\n${stderr}\nonce more: ${replay}`);
}

interface Report {
  readonly made: number;
  readonly mischief: Readonly<Record<string, number>>;
}

describe('Simulated kernels', () => {
  const operations = Math.ceil(OPERATIONS / kernels.length);
  const happened: Record<string, number> = {};

  kernels.forEach((kernel, index) => {
    // Each with programs of its own.
    const first = SEED + index * SEEDS_APART;
    it(`[${kernel}] ${operations} operations from seed ${first} on: all settle, and are as the models say`, async function () {
      this.timeout(SHRINK_MS + 2 * EPISODE_MS + operations * 5 * PATIENCE);
      const outcome = await run(kernel, first, operations);
      if (outcome.code !== 0) throw await explain(kernel, outcome);
      const { made, mischief } = JSON.parse(outcome.stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
      expect(made).to.be.at.least(operations);
      for (const [kind, count] of Object.entries(mischief)) happened[kind] = (happened[kind] ?? 0) + count;
    });
  });

  for (const { kernel, seed, found } of SEEDS) {
    it(`[${kernel}] seed ${seed}: ${found}`, async function () {
      this.timeout(SHRINK_MS + 2 * EPISODE_MS);
      const outcome = await run(kernel, seed, 1);
      if (outcome.code !== 0) throw await explain(kernel, outcome);
    });
  }

  if (operations >= OPERATIONS_FOR_ALL) {
    it('does all that a kernel may do and seldom does', () => {
      const missing = Object.keys(happened).filter((kind) => happened[kind] === 0);
      expect(missing, JSON.stringify(happened)).to.deep.equal([]);
      expect(happened).to.not.deep.equal({});
    });
  }
});
