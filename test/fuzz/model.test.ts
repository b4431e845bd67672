/**
 * Random interleavings against a model, on rings of several kinds: what is read is what was written, whatever is
 * aborted, cancelled or closed meanwhile, and nothing is left.
 *
 * `RINGLET_FUZZ_SEED` takes another seed, or `random`; `RINGLET_MODEL_STEPS` another number of steps an actor takes.
 */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { DatagramSocket, type Ring, type StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered } from '../support/datagrams.js';
import { type CallError, turns, within } from '../support/eventually.js';
import { chosenSeed, createRandom, type Random, seedFor } from '../support/random.js';
import { connectPair } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const SEED = chosenSeed('RINGLET_FUZZ_SEED');
const STEPS = Number(process.env.RINGLET_MODEL_STEPS || 300);
const ACTOR_MS = 60_000 + STEPS * 20;
const FILE_BYTES = 20_000;
const ENDED = /^(ABORT_ERR|ECANCELED|ETIMEDOUT|EBADF|ERR_RINGLET_CLOSED)$/;

const RANGES = 20;
const RANGE_BYTES = FILE_BYTES / RANGES;

/** What is in a range of a file: the bytes of a write that was done, or nothing that is known. */
class FileModel {
  readonly #known: (Buffer | undefined)[] = Array.from({ length: RANGES }, () => Buffer.alloc(RANGE_BYTES));
  /** Ranges that an operation is under way on. */
  readonly #busy = new Set<number>();

  /** A range that nothing is under way on, if the draw is lucky. */
  take(random: Random): number | undefined {
    const range = random.integer(RANGES);
    if (this.#busy.has(range)) return undefined;
    this.#busy.add(range);
    return range;
  }

  /** Nothing is under way on it, and it has `content` now, if that is given. */
  release(range: number, content?: Buffer): void {
    this.#busy.delete(range);
    if (content !== undefined) this.#known[range] = content;
  }

  /** A write was not done, or not all of it. */
  spoil(range: number, mayGoOn: boolean): void {
    this.#known[range] = undefined;
    if (!mayGoOn) this.#busy.delete(range);
  }

  expect(range: number, bytes: Buffer, what: string): void {
    const known = this.#known[range];
    if (known !== undefined) expect(bytes.equals(known), `${what} of range ${range}`).to.equal(true);
  }

  expectAll(content: Buffer): void {
    for (let range = 0; range < RANGES; range++) {
      this.expect(
        range,
        content.subarray(range * RANGE_BYTES, (range + 1) * RANGE_BYTES),
        'in the end, the bytes',
      );
    }
  }
}

/** Undefined for a call that was ended, as some are meant to be; any other failure is one of the test. */
async function unlessEnded<Value>(call: Promise<Value>): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    expect((error as CallError).code).to.match(ENDED);
    return undefined;
  }
}

/** A signal that is aborted some time soon, for some calls. */
function perhapsAborted(random: Random): { signal?: AbortSignal } {
  if (!random.chance(20)) return {};
  const controller = new AbortController();
  if (random.chance(50)) queueMicrotask(() => controller.abort());
  else setTimeout(() => controller.abort(), random.integer(3));
  return { signal: controller.signal };
}

async function fileActor(ring: Ring, path: string, random: Random): Promise<void> {
  const file = await ring.fs.open(path, 'w+');
  await file.truncate(FILE_BYTES);
  const model = new FileModel();
  // What is aborted there goes on in Node's pool.
  const mayGoOn = ring.backend === 'node';
  const jobs = new Set<Promise<void>>();

  const write = async (range: number, seed: number): Promise<void> => {
    const content = pattern(RANGE_BYTES, seed);
    const position = range * RANGE_BYTES;
    const options = perhapsAborted(random);
    const half = content.subarray(0, RANGE_BYTES / 2);
    const call: Promise<{ bytesWritten: number }> = random.chance(30)
      ? file.writev([half, content.subarray(RANGE_BYTES / 2)], position, options)
      : file.write(content, { position, ...options });
    const written = await unlessEnded(call);
    if (written?.bytesWritten === RANGE_BYTES) model.release(range, content);
    else model.spoil(range, mayGoOn);
  };
  const read = async (range: number): Promise<void> => {
    const bytes = Buffer.alloc(RANGE_BYTES);
    const result = await unlessEnded(
      file.read(bytes, { position: range * RANGE_BYTES, ...perhapsAborted(random) }),
    );
    if (result?.bytesRead === RANGE_BYTES) model.expect(range, bytes, 'a read');
    model.release(range);
  };
  const chain = async (range: number, seed: number): Promise<void> => {
    const content = pattern(RANGE_BYTES, seed);
    const bytes = Buffer.alloc(RANGE_BYTES);
    const position = range * RANGE_BYTES;
    const results = await unlessEnded(
      ring.chain((steps) => [
        steps.write(file, content, { position }),
        steps.read(file, bytes, { position }),
      ]),
    );
    const isDone = results?.every(({ status }) => status === 'fulfilled') === true;
    if (isDone) expect(bytes.equals(content), 'what a chain reads back').to.equal(true);
    if (isDone) model.release(range, content);
    else model.spoil(range, mayGoOn);
  };

  for (let step = 0; step < STEPS; step++) {
    const range = model.take(random);
    if (range !== undefined) {
      const job = random.pick([write, write, read, read, read, chain])(range, step);
      jobs.add(job);
      void job.finally(() => jobs.delete(job)).catch(() => {});
    }
    if (random.chance(3)) await file.cancel();
    if (random.chance(30)) await turns(1);
    if (jobs.size > 12) await Promise.race(jobs);
  }
  await Promise.all(jobs);
  await file.close();
  model.expectAll(readFileSync(path));
}

async function readStream(socket: StreamSocket, expected: Buffer, random: Random): Promise<void> {
  let at = 0;
  const take = (bytes: Uint8Array): void => {
    expect(
      Buffer.from(bytes).equals(expected.subarray(at, at + bytes.length)),
      `bytes from ${at} on`,
    ).to.equal(true);
    at += bytes.length;
  };
  for (let isOver = false; !isOver; ) {
    let left = random.integer(4);
    if (random.chance(40)) {
      const buffer = Buffer.alloc(1 + random.integer(9000));
      const result = await unlessEnded(
        socket.read(buffer, { fill: random.chance(30), ...perhapsAborted(random) }),
      );
      if (result !== undefined) take(buffer.subarray(0, result.bytesRead));
      isOver = result?.bytesRead === 0;
    } else if (random.chance(50)) {
      isOver = true;
      for await (const chunk of socket) {
        take(chunk);
        isOver = left-- > 0;
        if (!isOver) break;
      }
    } else {
      isOver = true;
      for await (const chunk of socket.chunks({ lease: true })) {
        take(chunk.data);
        chunk.release();
        isOver = left-- > 0;
        if (!isOver) break;
      }
    }
  }
  expect(at, 'bytes of the stream').to.equal(expected.length);
}

async function streamActor(ring: Ring, random: Random): Promise<void> {
  for (let round = 0; round < STEPS / 60; round++) {
    await using pair = await connectPair(ring);
    const content = pattern(random.integer(60_000), round + 1);
    const reading = readStream(pair.far, content, random);
    for (let at = 0; at < content.length; ) {
      const piece = content.subarray(at, at + 1 + random.integer(8000));
      at += piece.length;
      const half = piece.length >> 1;
      const writing = random.chance(30)
        ? pair.near.writev([piece.subarray(0, half), piece.subarray(half)])
        : pair.near.write(piece);
      if (random.chance(50)) await writing;
      else writing.catch(() => {});
    }
    await pair.near.end();
    await reading;
  }
}

async function datagramActor(ring: Ring, random: Random): Promise<void> {
  await using receiver = await DatagramSocket.bind({
    address: '127.0.0.1',
    ring,
    receiveBufferBytes: 1 << 20,
  });
  await using sender = await DatagramSocket.bind({ address: '127.0.0.1', ring });
  const seen = new Set<number>();
  const take = (data: Buffer): void => {
    const index = data.readUInt32LE(0);
    expect(seen.has(index), `datagram ${index} for the second time`).to.equal(false);
    expect(data.equals(numbered(index, data.length)), `datagram ${index}`).to.equal(true);
    seen.add(index);
  };
  for (let sent = 0; sent < STEPS; ) {
    const sending: Promise<number>[] = [];
    for (let left = 1 + random.integer(20); left > 0; left--, sent++) {
      const data = numbered(sent, 8 + random.integer(1000));
      const pieces = [data.subarray(0, 5), data.subarray(5)];
      sending.push(sender.send(random.chance(30) ? pieces : data, receiver.address));
    }
    await Promise.all(sending);
    while (seen.size < sent) {
      if (random.chance(40)) {
        const message = await unlessEnded(receiver.receive(perhapsAborted(random)));
        if (message !== undefined) take(message.data);
      } else {
        for await (const message of receiver.messages({ lease: random.chance(50) })) {
          take(message.data);
          message.release();
          if (random.chance(30) || seen.size === sent) break;
        }
      }
    }
  }
}

describeOnEachBackend('Random interleavings', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  for (let round = 0; round < 2; round++) {
    it(`seed ${SEED}, round ${round}: files, streams and datagrams are as a model says`, async function () {
      this.timeout(ACTOR_MS + 10_000);
      const ring = makeRing(options.backend === 'node' ? {} : { inlineReads: round === 0 });
      const randomOf = (name: string): Random => createRandom(seedFor(SEED + round, name));
      const actors = [
        ...['a', 'b'].map((name) => fileActor(ring, directory.at(name), randomOf(name))),
        ...['c', 'd'].map((name) => streamActor(ring, randomOf(name))),
        datagramActor(ring, randomOf('e')),
      ];
      await within('the actors', Promise.all(actors), ACTOR_MS);
      const { inFlight, waiting, staleCompletions } = ring.stats();
      expect([waiting, staleCompletions]).to.deep.equal([0, 0]);
      if (options.backend !== 'node') expect(inFlight).to.be.at.most(2);
    });
  }
});
