/**
 * Rows 3, 4 and 5: many small files by their paths, a fixed number at a time. `readFile` and `stat` of files
 * in the page cache, and `writeFile` of files that are not there yet.
 */
import nodeFs from 'node:fs/promises';
import { join } from 'node:path';
import { bun } from '../bun.js';
import { FILE_BASELINES, fileContenders } from '../file-contenders.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { warmUp } from '../warm-up.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

type Call = 'readFile' | 'stat' | 'writeFile';

interface Parameters {
  call: Call;
  directory: string;
  fileCount: number;
  inFlight: number;
  warmUpMsMax: number;
  /** All files are gone through again until so much time is over; once for `writeFile`, which takes long enough. */
  measuredMs: number;
  /** The same for the program in C. */
  passCount: number;
}

/** What Node's module and ringlet's have in common here. */
interface SmallFiles {
  readFile(path: string): Promise<Uint8Array>;
  stat(path: string): Promise<{ size: number }>;
  writeFile(path: string, content: Buffer): Promise<unknown>;
}

const FILE_COUNT = 10_000;
const BYTES_MIN = 1024;
const BYTES_MAX = 4096;
/** Files of a pass of the warm-up. */
const WARM_UP_COUNT = 2000;

/** As bench/native/small-files.c has it. */
function bytesOf(index: number): number {
  return BYTES_MIN + ((index * 7919) % (BYTES_MAX - BYTES_MIN + 1));
}

function pathOf(directory: string, index: number): string {
  return join(directory, `f${index}`);
}

async function inTurns(
  count: number,
  inFlight: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/**
 * Files that are written lie in a directory of each pass, and none is removed before the run is over: where there is
 * no journal, ext4 searches long before it gives away an inode that was in use a moment ago.
 */
async function writingOf(
  fs: SmallFiles,
  { directory }: Parameters,
): Promise<(index: number) => Promise<void>> {
  const fresh = await nodeFs.mkdtemp(join(directory, 'written-'));
  const content = Buffer.alloc(BYTES_MAX, 'x');
  return async (index) => {
    await fs.writeFile(pathOf(fresh, index), content.subarray(0, bytesOf(index)));
  };
}

/** Reads, or asks for the size of, the files that there are. */
function lookingAt(fs: SmallFiles, { call, directory }: Parameters): (index: number) => Promise<void> {
  return async (index) => {
    const path = pathOf(directory, index);
    const bytes = call === 'readFile' ? (await fs.readFile(path)).length : (await fs.stat(path)).size;
    if (bytes !== bytesOf(index)) throw new Error(`${path}: ${bytes} bytes`);
  };
}

async function measure(fs: SmallFiles, parameters: Parameters): Promise<Measurement> {
  const { call, fileCount, inFlight, warmUpMsMax, measuredMs } = parameters;
  const looking = lookingAt(fs, parameters);
  const stopwatch = new Stopwatch();
  const pass = async (count: number): Promise<number> => {
    const work = call === 'writeFile' ? await writingOf(fs, parameters) : looking;
    stopwatch.start();
    await inTurns(count, inFlight, work);
    stopwatch.stop();
    return count;
  };
  await warmUp(warmUpMsMax, () => pass(Math.min(fileCount, WARM_UP_COUNT)));
  stopwatch.reset();
  let count = 0;
  do count += await pass(fileCount);
  while (call !== 'writeFile' && stopwatch.elapsedMs < measuredMs);
  return stopwatch.measurement(count);
}

function onBun(parameters: Parameters): Promise<Measurement> {
  const { file, write } = bun();
  const fs: SmallFiles = {
    readFile: (path) => file(path).bytes(),
    stat: (path) => file(path).stat(),
    writeFile: (path, content) => write(path, content),
  };
  return measure(fs, parameters);
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const measurement = await measure(ring.fs, parameters);
    await ring.close();
    return measurement;
  };
}

async function prepare({ directory, isQuick, warmUpMsMax }: Setting): Promise<Variant<Parameters>[]> {
  const fileCount = isQuick ? 500 : FILE_COUNT;
  const files = join(directory, 'small-files');
  await nodeFs.mkdir(files);
  await inTurns(fileCount, 8, (index) =>
    nodeFs.writeFile(pathOf(files, index), Buffer.alloc(bytesOf(index), 'x')),
  );
  const rings = ['ringlet', 'ringlet sqPoll'];
  const variant = (
    row: string,
    call: Call,
    inFlight: number,
    passCount: number,
    ratios: Readonly<Record<string, number>>,
    onEpoll: number,
  ): Variant<Parameters> => ({
    row,
    title: `${call} of ${fileCount} files of 1 to 4 KB, ${inFlight} at a time`,
    parameters: {
      call,
      directory: files,
      fileCount,
      inFlight,
      warmUpMsMax,
      measuredMs: isQuick ? 20 : 1000,
      passCount: isQuick ? 1 : passCount,
    },
    goals: [
      { contenders: rings, ratios },
      { contenders: ['ringlet, epoll'], ratios: { Node: onEpoll } },
    ],
  });
  return [
    variant('row3', 'readFile', 1, 10, { Node: 15, C: 0.7, Bun: 4 }, 10),
    variant('row3', 'readFile', 32, 20, { Node: 5, C: 0.7, Bun: 1 }, 3),
    variant('row4', 'stat', 1, 10, { Node: 5, Bun: 1 }, 3),
    variant('row4', 'stat', 32, 40, { Node: 2.5, Bun: 1 }, 1.5),
    variant('row5', 'writeFile', 32, 1, { Node: 4, Bun: 1 }, 1),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'files',
  baselines: FILE_BASELINES,
  contenders: fileContenders(
    ['loop', 'sqPoll', 'epoll', 'node'],
    (parameters) => measure(nodeFs, parameters),
    onBun,
    onRing,
    {
      program: 'small-files',
      arguments: (p) => [p.call, p.directory, p.fileCount, p.inFlight, p.passCount],
    },
  ),
  prepare,
};
