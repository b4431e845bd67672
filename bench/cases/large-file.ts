/** Row 6: a file of 512 MiB in the page cache, read whole, streamed, and copied. What is counted are MiB. */
import { createReadStream } from 'node:fs';
import nodeFs from 'node:fs/promises';
import { join } from 'node:path';
import { bun } from '../bun.js';
import { FILE_BASELINES, fileContenders } from '../file-contenders.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

type Call = 'readFile' | 'createReadStream' | 'copyFile';

interface Parameters {
  call: Call;
  path: string;
  fileBytes: number;
  /** How often in the measured part; before it once. */
  passCount: number;
}

/** What Node's module and ringlet's have in common here. */
interface LargeFiles {
  readFile(path: string): Promise<Uint8Array>;
  copyFile(from: string, to: string): Promise<unknown>;
}

const MIB = 1024 * 1024;
const FILE_BYTES = 512 * MIB;

type Chunks = AsyncIterable<Uint8Array>;

async function countBytes(chunks: Chunks): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

async function measure(
  fs: LargeFiles,
  stream: (path: string) => Promise<Chunks>,
  { call, path, fileBytes, passCount }: Parameters,
): Promise<Measurement> {
  const copy = `${path}.copy`;
  const work: Readonly<Record<Call, () => Promise<number>>> = {
    readFile: async () => (await fs.readFile(path)).length,
    createReadStream: async () => await countBytes(await stream(path)),
    copyFile: async () => {
      await fs.copyFile(path, copy);
      return (await nodeFs.stat(copy)).size;
    },
  };
  const stopwatch = new Stopwatch();
  for (let pass = 0; pass <= passCount; pass++) {
    await nodeFs.rm(copy, { force: true });
    if (pass > 0) stopwatch.start();
    const bytes = await work[call]();
    if (pass > 0) stopwatch.stop();
    if (bytes !== fileBytes) throw new Error(`${path}: ${bytes} bytes`);
  }
  await nodeFs.rm(copy, { force: true });
  return stopwatch.measurement((fileBytes / MIB) * passCount);
}

async function builtIn(parameters: Parameters): Promise<Measurement> {
  return measure(nodeFs, async (path) => createReadStream(path), parameters);
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const { file, write } = bun();
  const fs: LargeFiles = {
    readFile: (path) => file(path).bytes(),
    copyFile: (from, to) => write(file(to), file(from)),
  };
  return measure(fs, async (path) => file(path).stream(), parameters);
}

/** In the style of ringlet's contenders: a stream of an open file. */
async function byHandle(parameters: Parameters): Promise<Measurement> {
  if (parameters.call !== 'createReadStream') throw new Unavailable('the same as node:fs/promises');
  const stream = async (path: string): Promise<Chunks> => (await nodeFs.open(path)).createReadStream();
  return measure(nodeFs, stream, parameters);
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const ring = await makeRing(name);
    const stream = async (path: string): Promise<Chunks> => (await ring.fs.open(path)).createReadStream();
    const measurement = await measure(ring.fs, stream, parameters);
    await ring.close();
    return measurement;
  };
}

async function prepare({ directory, isQuick }: Setting): Promise<Variant<Parameters>[]> {
  const path = join(directory, 'large-file.bin');
  const fileBytes = isQuick ? FILE_BYTES / 16 : FILE_BYTES;
  const block = Buffer.alloc(MIB, 'x');
  {
    await using file = await nodeFs.open(path, 'w');
    for (let bytes = 0; bytes < fileBytes; bytes += MIB) await file.writeFile(block);
    await file.sync();
  }
  const rings = ['ringlet', 'ringlet sqPoll'];
  const variant = (
    call: Call,
    ratios: Readonly<Record<string, number>>,
    onEpoll: number,
  ): Variant<Parameters> => ({
    row: 'row6',
    title: `${call} of a file of ${fileBytes / MIB} MiB`,
    parameters: { call, path, fileBytes, passCount: isQuick ? 1 : 3 },
    goals: [
      { contenders: rings, ratios },
      { contenders: ['ringlet, epoll'], ratios: { Node: onEpoll } },
    ],
  });
  return [
    variant('readFile', { Node: 1.8, C: 0.9, Bun: 1 }, 1.8),
    variant('createReadStream', { Node: 1.2, Bun: 1 }, 2.5),
    variant('copyFile', { Node: 1, Bun: 1 }, 1),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'MiB',
  baselines: FILE_BASELINES,
  contenders: [
    ...fileContenders(['loop', 'sqPoll', 'epoll', 'node'], builtIn, onBun, onRing, {
      program: 'large-file',
      arguments: (p) => [p.call, p.path, p.fileBytes, p.passCount],
    }),
    { name: 'node:fs/promises, awaited', run: byHandle },
  ],
  prepare,
};
