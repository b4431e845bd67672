/**
 * A steady load for hours: `node --expose-gc build/bench/soak.js --hours=1`, or `--minutes=5`.
 *
 * One process keeps doing the same at the same pace: echoes on connections, reads of a file, datagrams to itself, and a
 * connection and a file that are opened and closed again. Says how many operations there were a second, what one cost,
 * and what the process holds, at the start, in between and at the end. Status 1 when at the end it costs, or holds, more
 * than at the start by a tenth, or has another number of descriptors.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DatagramSocket, type FileHandle, Listener, Ring, StreamSocket } from 'ringlet';

const HOSTNAME = '127.0.0.1';
const MESSAGE = Buffer.alloc(64, 'x');
const BLOCK_BYTES = 4096;
const FILE_BYTES = 1 << 20;
const CONNECTION_COUNT = 16;
/** Rounds a second; each has as many echoes, reads and datagrams as there are connections. */
const ROUNDS_PER_SECOND = 100;
const SAMPLE_COUNT = 20;
/** The part of the time that is over before the first sample counts: what is compiled and made once is no leak. */
const WARM_UP_PART = 0.1;
const GROWTH_MAX = 1.1;

/** What does one operation of its kind, again and again. */
type Step = (index: number) => Promise<unknown>;

interface Sample {
  operationsPerSecond: number;
  cpuUsPerOperation: number;
  residentMiB: number;
  heapMiB: number;
  descriptorCount: number;
}

async function answer(socket: StreamSocket): Promise<void> {
  for await (const chunk of socket) await socket.write(chunk);
  await socket.close();
}

async function echoing(ring: Ring): Promise<{ echo: Step; reconnect: Step }> {
  const listener = await Listener.listen({ host: HOSTNAME, port: 0, ring });
  let lastAnswer = Promise.resolve();
  void (async () => {
    for await (const socket of listener) {
      lastAnswer = answer(socket);
      lastAnswer.catch(() => {});
    }
  })();
  const connect = (): Promise<StreamSocket> =>
    StreamSocket.connect({ host: HOSTNAME, port: listener.address.port, ring });
  const echoOn = async (socket: StreamSocket): Promise<void> => {
    await socket.write(MESSAGE);
    const buffer = Buffer.alloc(MESSAGE.length);
    for (let bytes = 0; bytes < buffer.length; ) {
      bytes += (await socket.read(buffer, { offset: bytes })).bytesRead;
    }
  };
  const sockets = await Promise.all(Array.from({ length: CONNECTION_COUNT }, connect));
  return {
    echo: (index) => echoOn(sockets[index] as StreamSocket),
    async reconnect() {
      const socket = await connect();
      await echoOn(socket);
      // The other end is closed as well when its reader has seen this one's.
      await Promise.all([socket.close(), lastAnswer]);
    },
  };
}

async function reading(ring: Ring, path: string): Promise<{ read: Step; reopen: Step }> {
  writeFileSync(path, Buffer.alloc(FILE_BYTES));
  const file: FileHandle = await ring.fs.open(path);
  const positionOf = (index: number): number => index * BLOCK_BYTES;
  return {
    read: (index) => file.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, positionOf(index)),
    reopen: () => ring.fs.readFile(path),
  };
}

async function sending(ring: Ring): Promise<Step> {
  const socket = await DatagramSocket.bind({ address: HOSTNAME, ring });
  const messages = socket.messages();
  return async () => {
    await socket.send(MESSAGE, socket.address);
    await messages.next();
  };
}

class Sampler {
  #count = 0;
  #startedMs = performance.now();
  #cpuAtStart = process.cpuUsage();

  add(count: number): void {
    this.#count += count;
  }

  /** Of the time since the one before. */
  take(): Sample {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    const sample = {
      operationsPerSecond: (this.#count / (performance.now() - this.#startedMs)) * 1000,
      cpuUsPerOperation: (user + system) / this.#count,
      residentMiB: rss / 2 ** 20,
      heapMiB: heapUsed / 2 ** 20,
      descriptorCount: readdirSync('/proc/self/fd').length,
    };
    this.#count = 0;
    this.#startedMs = performance.now();
    this.#cpuAtStart = process.cpuUsage();
    return sample;
  }
}

/**
 * One round after the other at its time; those that could not be in time are left out.
 *
 * @param steps those of each connection, and those of each round.
 */
async function work(
  steps: { often: readonly Step[]; once: readonly Step[] },
  sampler: Sampler,
  endMs: number,
): Promise<void> {
  let nextMs = performance.now();
  while (performance.now() < endMs) {
    const round = Array.from({ length: CONNECTION_COUNT }, (_unused, index) =>
      steps.often.map((step) => step(index)),
    ).flat();
    round.push(...steps.once.map((step) => step(0)));
    await Promise.all(round);
    sampler.add(round.length);
    nextMs = Math.max(nextMs + 1000 / ROUNDS_PER_SECOND, performance.now());
    await delay(nextMs - performance.now());
  }
}

function format(label: string, sample: Sample): string {
  const { operationsPerSecond, cpuUsPerOperation, residentMiB, heapMiB, descriptorCount } = sample;
  const figures = [
    `${operationsPerSecond.toFixed(0)}/s`,
    `${cpuUsPerOperation.toFixed(2)} µs each`,
    `${residentMiB.toFixed(1)} MiB resident`,
    `${heapMiB.toFixed(1)} MiB heap`,
    `${descriptorCount} descriptors`,
  ];
  return `${label.padEnd(10)} ${figures.join(', ')}`;
}

/** What has grown, in words. */
function describeGrowth(first: Sample, last: Sample): string[] {
  const grown = (['cpuUsPerOperation', 'residentMiB', 'heapMiB'] as const)
    .filter((name) => last[name] > first[name] * GROWTH_MAX)
    .map((name) => `${name}: ${(last[name] / first[name]).toFixed(2)} times what it was`);
  const slower = first.operationsPerSecond > last.operationsPerSecond * GROWTH_MAX;
  if (slower) grown.push('fewer operations a second than at the start');
  if (last.descriptorCount !== first.descriptorCount) grown.push('another number of descriptors');
  return grown;
}

const { values } = parseArgs({ options: { hours: { type: 'string' }, minutes: { type: 'string' } } });
const minutes = Number(values.minutes ?? Number(values.hours ?? 1) * 60);
if (!(minutes > 0)) throw new Error('--hours or --minutes must be a number above 0');
const directory = mkdtempSync(join(tmpdir(), 'ringlet-soak-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const ring = new Ring();
const { echo, reconnect } = await echoing(ring);
const { read, reopen } = await reading(ring, join(directory, 'file'));
const steps = { often: [echo, read, await sending(ring)], once: [reconnect, reopen] };
const sampler = new Sampler();
const durationMs = minutes * 60_000;
await work(steps, sampler, performance.now() + durationMs * WARM_UP_PART);
sampler.take();
const samples: Sample[] = [];
for (let index = 0; index < SAMPLE_COUNT; index++) {
  await work(steps, sampler, performance.now() + (durationMs * (1 - WARM_UP_PART)) / SAMPLE_COUNT);
  const sample = sampler.take();
  const passedMinutes = minutes * (WARM_UP_PART + ((1 - WARM_UP_PART) * (index + 1)) / SAMPLE_COUNT);
  console.log(format(`${passedMinutes.toFixed(2)} min`, sample));
  samples.push(sample);
}
await ring.close();
const growth = describeGrowth(samples[0] as Sample, samples.at(-1) as Sample);
console.log(growth.length === 0 ? 'Nothing has grown.' : growth.join('\n'));
process.exitCode = growth.length === 0 ? 0 : 1;
