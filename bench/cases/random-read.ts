/**
 * Rows 1 and 2: random reads of 4 KiB from a warm file through a `FileHandle`, a fixed number in flight.
 * Every contender runs the same loop on the same random numbers; only `open` differs.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { bun } from '../bun.js';
import { FILE_BASELINES, fileContenders } from '../file-contenders.js';
import { GROWTH_COUNTS } from '../idle.js';
import { LatencySamples } from '../latency.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { warmUp } from '../warm-up.js';
import type { FileHandle } from 'ringlet';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

interface Parameters {
  path: string;
  fileBytes: number;
  blockBytes: number;
  inFlight: number;
  warmUpMsMax: number;
  measuredMs: number;
}

const FILE_BYTES = 32 * 1024 * 1024;
const BLOCK_BYTES = 4096;
/** The clock is read once in so many operations. */
const CLOCK_INTERVAL = 16;
const WARM_UP_PASS_MS = 100;
const C_WARM_UP_MS = 300;
/** Part of the measured time that is spent once more on latencies: to read the clock twice a read costs something. */
const LATENCY_PART = 0.25;

/** What Node's `FileHandle` and ringlet's have in common here. */
interface Readable {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

async function readThrough(path: string): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) void chunk;
}

/** Block numbers by xorshift, as bench/native/random-read.c makes them. */
function blockNumbers(blockCount: number): () => number {
  let state = 0x9e3779b9 | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % blockCount;
  };
}

/** What is looked at beside the rate. */
interface Look {
  isChecking?: boolean;
  samples?: LatencySamples;
}

/** Reads until the time is up. Returns how many reads there were. */
async function readFor(
  file: Readable,
  ms: number,
  parameters: Parameters,
  { isChecking = false, samples }: Look = {},
): Promise<number> {
  const { blockBytes, fileBytes, inFlight } = parameters;
  const nextBlock = blockNumbers(fileBytes / blockBytes);
  const deadline = performance.now() + ms;
  let count = 0;
  let isOver = false;
  const readInTurn = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(blockBytes);
    while (!isOver) {
      const block = nextBlock();
      const startedMs = samples === undefined ? 0 : performance.now();
      const { bytesRead } = await file.read(buffer, 0, blockBytes, block * blockBytes);
      samples?.add((performance.now() - startedMs) * 1000);
      if (bytesRead !== blockBytes) throw new Error(`block ${block}: ${bytesRead} bytes`);
      if (isChecking && buffer.readUInt32LE(0) !== block) throw new Error(`block ${block}: not its bytes`);
      count += 1;
      if (count % CLOCK_INTERVAL === 0 && performance.now() >= deadline) isOver = true;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, readInTurn));
  return count;
}

/** The same in batches, each with a promise for all, and so a latency for all. */
async function readManyFor(
  file: FileHandle,
  ms: number,
  parameters: Parameters,
  { isChecking = false, samples }: Look = {},
): Promise<number> {
  const { blockBytes, fileBytes, inFlight } = parameters;
  const nextBlock = blockNumbers(fileBytes / blockBytes);
  const deadline = performance.now() + ms;
  const reads = Array.from({ length: inFlight }, () => ({
    buffer: Buffer.allocUnsafeSlow(blockBytes),
    position: 0,
  }));
  let count = 0;
  do {
    for (const read of reads) read.position = nextBlock() * blockBytes;
    const startedMs = samples === undefined ? 0 : performance.now();
    const results = await file.readMany(reads);
    samples?.add((performance.now() - startedMs) * 1000);
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      const { bytesRead, buffer } = result.value;
      const { position } = reads[count % inFlight] as { position: number };
      if (bytesRead !== blockBytes) throw new Error(`at ${position}: ${bytesRead} bytes`);
      if (isChecking && buffer.readUInt32LE(0) !== position / blockBytes) {
        throw new Error(`at ${position}: not its bytes`);
      }
      count += 1;
    }
  } while (performance.now() < deadline);
  return count;
}

async function measureReads<File extends Readable>(
  file: File,
  parameters: Parameters,
  read: (file: File, ms: number, parameters: Parameters, look?: Look) => Promise<number> = readFor,
): Promise<Measurement> {
  const { path, warmUpMsMax, measuredMs } = parameters;
  await readThrough(path);
  const passMs = Math.min(WARM_UP_PASS_MS, warmUpMsMax / 4);
  await read(file, passMs, parameters, { isChecking: true });
  await warmUp(warmUpMsMax, () => read(file, passMs, parameters));
  const stopwatch = new Stopwatch();
  stopwatch.start();
  const count = await read(file, measuredMs, parameters);
  stopwatch.stop();
  const samples = new LatencySamples();
  await read(file, measuredMs * LATENCY_PART, parameters, { samples });
  await file.close();
  return { ...stopwatch.measurement(count), latencyUs: samples.percentiles() };
}

async function builtIn(parameters: Parameters): Promise<Measurement> {
  return measureReads(await open(parameters.path), parameters);
}

/** A part of a file as Bun has it: in memory of its own. */
async function onBun(parameters: Parameters): Promise<Measurement> {
  const file = bun().file(parameters.path);
  const readable: Readable = {
    async read(buffer, offset, length, position) {
      const bytes = await file.slice(position, position + length).bytes();
      buffer.set(bytes, offset);
      return { bytesRead: bytes.length };
    },
    async close() {},
  };
  return measureReads(readable, parameters);
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const measurement = await measureReads(await ring.fs.open(parameters.path), parameters);
    await ring.close();
    return measurement;
  };
}

function manyOnRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const measurement = await measureReads(await ring.fs.open(parameters.path), parameters, readManyFor);
    await ring.close();
    return measurement;
  };
}

/** A file whose blocks each begin with their own number. */
async function writeNumberedFile(path: string): Promise<void> {
  const content = Buffer.alloc(FILE_BYTES);
  for (let block = 0; block < FILE_BYTES / BLOCK_BYTES; block++)
    content.writeUInt32LE(block, block * BLOCK_BYTES);
  await using file = await open(path, 'w');
  await file.writeFile(content);
  await file.sync();
}

async function prepare({ directory, isQuick, warmUpMsMax }: Setting): Promise<Variant<Parameters>[]> {
  const path = join(directory, 'random-read.bin');
  await writeNumberedFile(path);
  const parameters = {
    path,
    fileBytes: FILE_BYTES,
    blockBytes: BLOCK_BYTES,
    warmUpMsMax,
    measuredMs: isQuick ? 100 : 1000,
  };
  const rings = ['ringlet', 'ringlet sqPoll'];
  const title = '4 KiB random FileHandle.read, warm 32 MiB file';
  return [
    {
      row: 'row1',
      title: `${title}, 1 in flight`,
      parameters: { ...parameters, inFlight: 1 },
      goals: [
        { contenders: rings, ratios: { Node: 18, C: 0.6, Bun: 15 } },
        { contenders: ['ringlet, epoll'], ratios: { Node: 12 } },
      ],
    },
    ...[32, 128].map((inFlight) => ({
      row: 'row2',
      title: `${title}, ${inFlight} in flight`,
      parameters: { ...parameters, inFlight },
      goals: [
        { contenders: rings, ratios: { Node: 6.5, C: 0.85, Bun: 1.7 } },
        { contenders: ['ringlet, epoll'], ratios: { Node: 4 } },
        { contenders: ['ringlet readMany'], ratios: { C: 0.9 } },
      ],
    })),
    // A read should cost the same, however many there are.
    ...(isQuick ? [1000] : GROWTH_COUNTS).map((inFlight) => ({
      row: 'row14',
      title: `${title}, ${inFlight} in flight`,
      parameters: { ...parameters, inFlight },
      goals: [],
      growth: { of: 'reads in flight', count: inFlight },
    })),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'reads',
  baselines: FILE_BASELINES,
  contenders: [
    ...fileContenders(['loop', 'ringOnly', 'sqPoll', 'epoll', 'node'], builtIn, onBun, onRing, {
      program: 'random-read',
      arguments: (p: Parameters) => [p.path, p.blockBytes, p.inFlight, C_WARM_UP_MS, p.measuredMs],
    }),
    { name: 'ringlet readMany', run: manyOnRing('loop') },
    { name: 'ringlet readMany, file table', run: manyOnRing('fileTable') },
  ],
  prepare,
};
