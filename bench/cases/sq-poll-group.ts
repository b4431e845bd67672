/**
 * Row 12: four rings of one SQ-poll group, steady reads. What counts is not the rate but how often the
 * process enters the kernel for an operation: `ringlet` says what the ring itself has counted, and
 * `under strace` what strace(1) has, attached before a second warm-up, which it counts too. Plain rings under
 * strace are there to show that it would see the calls.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileHandle, Ring } from 'ringlet';
import { Stopwatch } from '../measure.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

interface Parameters {
  path: string;
  directory: string;
  ringCount: number;
  inFlight: number;
  warmUpMs: number;
  measuredMs: number;
}

const BLOCK_BYTES = 4096;
const BLOCK_COUNT = 256;
/** The clock is read once in so many operations. */
const CLOCK_INTERVAL = 16;
/** The SQ thread must not fall asleep when the machine takes the CPU from the process for a while. */
const IDLE_MS = 1000;

interface Reader {
  ring: Ring;
  file: FileHandle;
}

async function openReaders({ path, ringCount }: Parameters, isSqPoll: boolean): Promise<Reader[]> {
  const { Ring } = await import('ringlet');
  const readers: Reader[] = [];
  for (let index = 0; index < ringCount; index++) {
    const ring = new Ring({ sqPoll: isSqPoll && { group: 'bench', idleMs: IDLE_MS } });
    if (ring.profile.kind !== (isSqPoll ? 'sqPoll' : 'loop')) {
      await ring.close();
      throw new Unavailable(ring.backendReason ?? 'the kernel refuses such a ring');
    }
    readers.push({ ring, file: await ring.fs.open(path) });
  }
  return readers;
}

async function closeReaders(readers: readonly Reader[]): Promise<void> {
  for (const { ring, file } of readers) {
    await file.close();
    await ring.close();
  }
}

/** Keeps `inFlight` reads going on every ring until the time is up. Returns how many reads there were. */
async function readFor(readers: readonly Reader[], ms: number, inFlight: number): Promise<number> {
  const deadline = performance.now() + ms;
  let count = 0;
  let isOver = false;
  const readInTurn = async ({ file }: Reader): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    while (!isOver) {
      const { bytesRead } = await file.read(buffer, 0, BLOCK_BYTES, (count % BLOCK_COUNT) * BLOCK_BYTES);
      if (bytesRead !== BLOCK_BYTES) throw new Error(`${bytesRead} bytes`);
      count += 1;
      if (count % CLOCK_INTERVAL === 0 && performance.now() >= deadline) isOver = true;
    }
  };
  await Promise.all(readers.flatMap((reader) => Array.from({ length: inFlight }, () => readInTurn(reader))));
  return count;
}

function entersOf(readers: readonly Reader[]): number {
  return readers.reduce((sum, { ring }) => sum + ring.stats().enters, 0);
}

async function measure(
  parameters: Parameters,
  isSqPoll: boolean,
  counter: () => Promise<EnterCounter>,
): Promise<Measurement> {
  const readers = await openReaders(parameters, isSqPoll);
  await readFor(readers, parameters.warmUpMs, parameters.inFlight);
  // The start of a counter may take longer than the SQ thread stays awake.
  const enters = await counter();
  await readFor(readers, parameters.warmUpMs, parameters.inFlight);
  const before = enters.read(readers);
  const stopwatch = new Stopwatch();
  stopwatch.start();
  const count = await readFor(readers, parameters.measuredMs, parameters.inFlight);
  stopwatch.stop();
  const enterCount = (await enters.stop(readers)) - before;
  await closeReaders(readers);
  return { ...stopwatch.measurement(count), enterCount };
}

interface EnterCounter {
  /** What is to be subtracted from the final count. */
  read(readers: readonly Reader[]): number;
  /** The calls of io_uring_enter counted in all. */
  stop(readers: readonly Reader[]): Promise<number>;
}

const ownCounter: EnterCounter = { read: entersOf, stop: async (readers) => entersOf(readers) };

/** strace on this very process, all its threads. */
async function straceCounter(directory: string): Promise<EnterCounter> {
  const path = join(directory, `strace-${process.pid}.txt`);
  const args = ['-f', '-c', '-e', 'trace=io_uring_enter', '-o', path, '-p', String(process.pid)];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await attached(child);
  return {
    read: () => 0,
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGINT');
      await closed;
      const table = readFileSync(path, 'utf8');
      rmSync(path);
      // "% time, seconds, usecs/call, calls, syscall"; no line for a call that was never made.
      const line = table.split('\n').find((each) => each.trimEnd().endsWith(' io_uring_enter'));
      return Number(line?.trim().split(/\s+/)[3] ?? 0);
    },
  };
}

async function attached(child: ChildProcess): Promise<void> {
  let complaint = '';
  await new Promise<void>((resolve, reject) => {
    child.on('error', (error) => reject(new Unavailable(`strace cannot be run: ${error.message}`)));
    child.on('close', () => reject(new Unavailable(`strace cannot attach: ${complaint.trim()}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
      if (/attached/.test(complaint)) resolve();
    });
  });
}

async function prepare({ directory, isQuick }: Setting): Promise<Variant<Parameters>[]> {
  const path = join(directory, 'sq-poll-group.bin');
  writeFileSync(path, Buffer.alloc(BLOCK_BYTES * BLOCK_COUNT, 1));
  const ringCount = 4;
  const inFlight = 32;
  return [
    {
      row: 'row12',
      title: `${ringCount} rings of one SQ-poll group, 4 KiB FileHandle.read, ${inFlight} in flight each`,
      parameters: {
        path,
        directory,
        ringCount,
        inFlight,
        warmUpMs: isQuick ? 50 : 300,
        measuredMs: isQuick ? 100 : 1500,
      },
      goals: [],
    },
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'reads',
  baselines: [],
  contenders: [
    { name: 'ringlet', run: (parameters) => measure(parameters, true, async () => ownCounter) },
    {
      name: 'ringlet under strace',
      run: (parameters) => measure(parameters, true, () => straceCounter(parameters.directory)),
    },
    {
      name: 'plain rings under strace',
      run: (parameters) => measure(parameters, false, () => straceCounter(parameters.directory)),
    },
  ],
  prepare,
};
