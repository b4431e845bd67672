/**
 * The figures of docs/sq-poll.md: `node build/bench/sq-poll.js [--rounds=5] [figure…]`.
 *
 * What SQ polling costs and gains away from its best case. Contenders take turns, each trial in a process of
 * its own; prints the median and the spread of each.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { FileHandle, Ring, RingOptions } from 'ringlet';

/** What one trial found, by the name of the column. */
type Figures = Record<string, number>;

interface Trial {
  /** Confined to the first CPU of the machine, as a quota of one CPU would. */
  isOnOneCpu?: boolean;
  run(path: string): Promise<Figures>;
}

const BLOCK_BYTES = 4096;
const BLOCK_COUNT = 256;
const WARM_UP_MS = 200;
const MEASURED_MS = 500;
const IDLE_MS = 1000;
const LATENCY_ROUNDS = 40;

const PLAIN: RingOptions = {};
const POLLED: RingOptions = { sqPoll: true };
const SPINNING: RingOptions = { sqPoll: true, busyPollUs: 50 };

async function makeRing(options: RingOptions): Promise<Ring> {
  const { Ring } = await import('ringlet');
  return new Ring({ backend: 'io_uring', ...options });
}

/** Reads on each file, so many in flight, until the time is up. Returns the reads of each file. */
async function readFor(files: readonly FileHandle[], inFlight: number, ms: number): Promise<number[]> {
  const deadline = performance.now() + ms;
  const counts = files.map(() => 0);
  let isOver = false;
  const readInTurn = async (file: FileHandle, index: number): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    while (!isOver) {
      const count = (counts[index] as number) + 1;
      counts[index] = count;
      await file.read(buffer, 0, BLOCK_BYTES, (count % BLOCK_COUNT) * BLOCK_BYTES);
      if (count % 16 === 0 && performance.now() >= deadline) isOver = true;
    }
  };
  await Promise.all(
    files.flatMap((file, index) => Array.from({ length: inFlight }, () => readInTurn(file, index))),
  );
  return counts;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Reads a second, and processor time of each, over all rings. The first `idleCount` rings do nothing. */
function reads(rings: readonly RingOptions[], inFlight: number, idleCount = 0): Trial['run'] {
  return async (path) => {
    const made = await Promise.all(rings.map(makeRing));
    const files = await Promise.all(made.map(({ fs }) => fs.open(path)));
    const busy = files.slice(idleCount);
    await readFor(busy, inFlight, WARM_UP_MS);
    const cpuBefore = cpuUs();
    const started = performance.now();
    const count = (await readFor(busy, inFlight, MEASURED_MS)).reduce((sum, each) => sum + each);
    const figures = {
      'reads/s': (count / (performance.now() - started)) * 1000,
      'CPU µs each': (cpuUs() - cpuBefore) / count,
    };
    await Promise.all(files.map((file) => file.close()));
    await Promise.all(made.map((ring) => ring.close()));
    return figures;
  };
}

/** Processor time of a ring that does one read in so many milliseconds, or none at all, in % of a CPU. */
function drip(options: RingOptions, everyMs: number): Trial['run'] {
  return async (path) => {
    const ring = await makeRing(options);
    const file = await ring.fs.open(path);
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    await file.read(buffer, 0, BLOCK_BYTES, 0);
    await delay(50);
    const cpuBefore = cpuUs();
    const started = performance.now();
    while (performance.now() - started < 1000) {
      await delay(everyMs > 0 ? everyMs : 1000);
      if (everyMs > 0) await file.read(buffer, 0, BLOCK_BYTES, 0);
    }
    const share = (cpuUs() - cpuBefore) / 10 / (performance.now() - started);
    await file.close();
    await ring.close();
    return { '% of a CPU': share };
  };
}

/** How long a lone read takes after 20 ms without any, by its median. */
function latency(options: RingOptions): Trial['run'] {
  return async (path) => {
    const ring = await makeRing(options);
    const file = await ring.fs.open(path);
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const taken: number[] = [];
    for (let round = 0; round < LATENCY_ROUNDS; round++) {
      await delay(20);
      const started = performance.now();
      await file.read(buffer, 0, BLOCK_BYTES, 0);
      taken.push((performance.now() - started) * 1000);
    }
    const wakeUps = ring.stats().sqThreadWakeups;
    await file.close();
    await ring.close();
    return { 'µs a read': median(taken), 'wake-ups': wakeUps };
  };
}

function grouped(threads: number): RingOptions {
  return { sqPoll: { group: 'figures', threads, idleMs: IDLE_MS } };
}

const FIGURES: Record<string, { title: string; trials: Record<string, Trial> }> = {
  serial: {
    title: 'one read at a time',
    trials: {
      loop: { run: reads([PLAIN], 1) },
      sqPoll: { run: reads([POLLED], 1) },
      'sqPoll, busyPollUs 50': { run: reads([SPINNING], 1) },
    },
  },
  many: {
    title: '32 reads in flight',
    trials: {
      loop: { run: reads([PLAIN], 32) },
      sqPoll: { run: reads([POLLED], 32) },
      'sqPoll, busyPollUs 50': { run: reads([SPINNING], 32) },
    },
  },
  rings: {
    title: 'rings and threads, 32 reads in flight on each busy ring',
    trials: {
      'one ring, one thread': { run: reads([grouped(1)], 32) },
      'one busy and one idle ring, one thread': { run: reads([grouped(1), grouped(1)], 32, 1) },
      'two busy rings, one thread': { run: reads([grouped(1), grouped(1)], 32) },
      'two busy rings, two threads': { run: reads([grouped(2), grouped(2)], 32) },
      'two busy rings, none polled': { run: reads([PLAIN, PLAIN], 32) },
    },
  },
  idle: {
    title: 'a ring with little to do',
    trials: {
      'loop, nothing': { run: drip(PLAIN, 0) },
      'sqPoll, nothing': { run: drip(POLLED, 0) },
      'loop, a read each 50 ms': { run: drip(PLAIN, 50) },
      'sqPoll idleMs 1, a read each 50 ms': { run: drip({ sqPoll: { idleMs: 1 } }, 50) },
      'sqPoll idleMs 10, a read each 50 ms': { run: drip(POLLED, 50) },
      'loop, a read each 5 ms': { run: drip(PLAIN, 5) },
      'sqPoll idleMs 1, a read each 5 ms': { run: drip({ sqPoll: { idleMs: 1 } }, 5) },
      'sqPoll idleMs 10, a read each 5 ms': { run: drip(POLLED, 5) },
    },
  },
  wake: {
    title: 'a lone read after 20 ms of nothing',
    trials: {
      loop: { run: latency(PLAIN) },
      'sqPoll, thread asleep (idleMs 1)': { run: latency({ sqPoll: { idleMs: 1 } }) },
      'sqPoll, thread awake (idleMs 1000)': { run: latency({ sqPoll: { idleMs: IDLE_MS } }) },
    },
  },
  'one-cpu': {
    title: 'program and SQ thread on one CPU (taskset)',
    trials: {
      'loop, 1 in flight': { isOnOneCpu: true, run: reads([PLAIN], 1) },
      'sqPoll, 1 in flight': { isOnOneCpu: true, run: reads([POLLED], 1) },
      'sqPoll, busyPollUs 50, 1 in flight': { isOnOneCpu: true, run: reads([SPINNING], 1) },
      'loop, 32 in flight': { isOnOneCpu: true, run: reads([PLAIN], 32) },
      'sqPoll, 32 in flight': { isOnOneCpu: true, run: reads([POLLED], 32) },
      'sqPoll, busyPollUs 50, 32 in flight': { isOnOneCpu: true, run: reads([SPINNING], 32) },
    },
  },
};

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function runInProcess(figure: string, name: string, trial: Trial, path: string): Figures {
  const own = [process.execPath, import.meta.filename, '--trial', figure, name, path];
  const [program = '', ...args] = trial.isOnOneCpu ? ['taskset', '-c', '0', ...own] : own;
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${figure}, ${name}: ${error?.message ?? stderr}`);
  return JSON.parse(stdout) as Figures;
}

function show(values: readonly number[]): string {
  const format = (value: number): string =>
    value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value.toFixed(value >= 100 ? 0 : 1);
  return `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))})`;
}

function report(title: string, found: Record<string, Figures[]>): void {
  console.log(`\n${title}\n`);
  const columns = Object.keys(Object.values(found)[0]?.[0] ?? {});
  console.log(`| | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`);
  for (const [name, trials] of Object.entries(found)) {
    const cells = columns.map((column) => show(trials.map((each) => each[column] as number)));
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

function compare(figure: string, roundCount: number, path: string): void {
  const { title, trials } = FIGURES[figure] ?? { title: figure, trials: {} };
  const found: Record<string, Figures[]> = {};
  for (let round = 0; round < roundCount; round++) {
    for (const [name, trial] of Object.entries(trials)) {
      found[name] = [...(found[name] ?? []), runInProcess(figure, name, trial, path)];
    }
  }
  report(title, found);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { trial: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
});
if (values.trial) {
  const [figure = '', name = '', path = ''] = positionals;
  readFileSync(path);
  console.log(JSON.stringify(await FIGURES[figure]?.trials[name]?.run(path)));
} else {
  const unknown = positionals.filter((figure) => !(figure in FIGURES));
  if (unknown.length > 0) {
    throw new Error(`no such figure: ${unknown.join(', ')}; there are ${Object.keys(FIGURES).join(', ')}`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-bench-'));
  try {
    const path = join(directory, 'figures.bin');
    writeFileSync(path, Buffer.alloc(BLOCK_BYTES * BLOCK_COUNT, 1));
    for (const figure of positionals.length > 0 ? positionals : Object.keys(FIGURES)) {
      compare(figure, Number(values.rounds), path);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
