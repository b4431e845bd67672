/**
 * Rows 3, 4 and 5: many small files by their paths, a fixed number at a time. `readFile` and `stat` of files
 * in the page cache, and `writeFile` of files that are not there yet.
 */
import nodeFs from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_BASELINES, fileContenders } from '../file-contenders.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

type Call = 'readFile' | 'stat' | 'writeFile';

interface Parameters {
  call: Call;
  directory: string;
  fileCount: number;
  inFlight: number;
  /** How often all files are gone through in the measured part; before it once. */
  passCount: number;
}

/** What Node's module and ringlet's have in common here. */
interface SmallFiles {
  readFile(path: string): Promise<Buffer>;
  stat(path: string): Promise<{ size: number }>;
  writeFile(path: string, content: Buffer): Promise<void>;
}

const FILE_COUNT = 10_000;
const BYTES_MIN = 1024;
const BYTES_MAX = 4096;

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

async function measure(fs: SmallFiles, parameters: Parameters): Promise<Measurement> {
  const { call, directory, fileCount, inFlight, passCount } = parameters;
  const stopwatch = new Stopwatch();
  if (call === 'writeFile') {
    const contents = Array.from({ length: fileCount }, (_unused, index) => Buffer.alloc(bytesOf(index), 'x'));
    for (let pass = 0; pass <= passCount; pass++) {
      const fresh = await nodeFs.mkdtemp(join(directory, 'written-'));
      if (pass > 0) stopwatch.start();
      await inTurns(fileCount, inFlight, (index) =>
        fs.writeFile(pathOf(fresh, index), contents[index] as Buffer),
      );
      if (pass > 0) stopwatch.stop();
      await nodeFs.rm(fresh, { recursive: true });
    }
    return stopwatch.measurement(fileCount * passCount);
  }
  const paths = Array.from({ length: fileCount }, (_unused, index) => pathOf(directory, index));
  const work = async (index: number): Promise<void> => {
    const path = paths[index] as string;
    const bytes = call === 'readFile' ? (await fs.readFile(path)).length : (await fs.stat(path)).size;
    if (bytes !== bytesOf(index)) throw new Error(`${path}: ${bytes} bytes`);
  };
  await inTurns(fileCount, inFlight, work);
  stopwatch.start();
  for (let pass = 0; pass < passCount; pass++) await inTurns(fileCount, inFlight, work);
  stopwatch.stop();
  return stopwatch.measurement(fileCount * passCount);
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const measurement = await measure(ring.fs, parameters);
    await ring.close();
    return measurement;
  };
}

async function prepare({ directory, isQuick }: Setting): Promise<Variant<Parameters>[]> {
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
    parameters: { call, directory: files, fileCount, inFlight, passCount },
    goals: [
      { contenders: rings, ratios },
      { contenders: ['ringlet, epoll'], ratios: { Node: onEpoll } },
    ],
  });
  return [
    variant('row3', 'readFile', 1, 2, { Node: 15, C: 0.7, Bun: 4 }, 10),
    variant('row3', 'readFile', 32, 3, { Node: 5, C: 0.7, Bun: 1 }, 3),
    variant('row4', 'stat', 1, 3, { Node: 5, Bun: 1 }, 3),
    variant('row4', 'stat', 32, 3, { Node: 2.5, Bun: 1 }, 1.5),
    variant('row5', 'writeFile', 32, 1, { Node: 4, Bun: 1 }, 1),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'files',
  baselines: FILE_BASELINES,
  contenders: fileContenders(
    ['loop', 'sqPoll', 'epoll', 'node'],
    (parameters) => measure(nodeFs, parameters),
    onRing,
    {
      program: 'small-files',
      arguments: (p) => [p.call, p.directory, p.fileCount, p.inFlight, p.passCount],
    },
  ),
  prepare,
};
