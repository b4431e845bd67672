/**
 * What a stream has received and no reader has taken yet, bounded by bytes.
 *
 * Single-threaded and order-keeping. The queue does not drop: its producer looks at `isFull`, and is told
 * through its `onDrained` when it may go on. At most one reader waits; the stream's owner sees to that.
 */
import type { StreamChunk } from './stream-chunk.js';

/** Bytes of the reader's own, or in a receive buffer until they are released. */
export type QueuedChunk = Buffer | StreamChunk;

/** Told once, when there is a chunk, the end or a failure. */
export interface ChunkWaiter {
  onChunks(): void;
}

/** Who fills the queue. An object, and no function, because each of many idle connections has one. */
export interface ChunkProducer {
  onDrained(): void;
}

function dataOf(chunk: QueuedChunk): Buffer {
  return chunk instanceof Uint8Array ? chunk : chunk.data;
}

export class ChunkQueue {
  readonly #bytesMax: number;
  readonly #producer: ChunkProducer;
  /** Undefined while empty: most streams are idle most of the time. */
  #chunks: QueuedChunk[] | undefined;
  #head = 0;
  #byteLength = 0;
  #hasBeenFull = false;
  #isEnded = false;
  #failure: (() => Error) | undefined;
  #waiter: ChunkWaiter | undefined;

  /**
   * @param bytesMax from how many waiting bytes on the queue counts as full.
   * @param producer told when a queue that was full has been taken empty.
   */
  constructor(bytesMax: number, producer: ChunkProducer) {
    this.#bytesMax = bytesMax;
    this.#producer = producer;
  }

  /** Bytes that wait. */
  get byteLength(): number {
    return this.#byteLength;
  }

  get isFull(): boolean {
    return this.#byteLength >= this.#bytesMax;
  }

  /** Whether nothing more will come. What is there can still be taken. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  push(chunk: QueuedChunk): void {
    this.#byteLength += dataOf(chunk).length;
    if (this.isFull) this.#hasBeenFull = true;
    if (this.#chunks === undefined) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
    this.#wake();
  }

  /** Puts back what is left of the chunk that was taken last. */
  unshift(chunk: QueuedChunk): void {
    this.#byteLength += dataOf(chunk).length;
    if (this.#chunks === undefined) this.#chunks = [chunk];
    else if (this.#head > 0) this.#chunks[--this.#head] = chunk;
    else this.#chunks.unshift(chunk);
  }

  /** The next chunk, if there is one. */
  take(): QueuedChunk | undefined {
    const chunks = this.#chunks;
    if (chunks === undefined) return undefined;
    const chunk = chunks[this.#head] as QueuedChunk;
    if (++this.#head === chunks.length) {
      this.#chunks = undefined;
      this.#head = 0;
    }
    this.#byteLength -= dataOf(chunk).length;
    if (this.#chunks === undefined && this.#hasBeenFull) {
      this.#hasBeenFull = false;
      this.#producer.onDrained();
    }
    return chunk;
  }

  /** The failure for a reader that asks after all chunks have been taken: each gets an error of its own. */
  get failure(): (() => Error) | undefined {
    return this.#failure;
  }

  /** Has `waiter` told of the next thing that happens. */
  wait(waiter: ChunkWaiter): void {
    this.#waiter = waiter;
  }

  forget(waiter: ChunkWaiter): void {
    if (this.#waiter === waiter) this.#waiter = undefined;
  }

  /** No more will come. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#wake();
  }

  /** No more will come, because of an error. */
  fail(create: () => Error): void {
    if (this.#isEnded) return;
    this.#failure = create;
    this.end();
  }

  /** Drops what waits, giving leased bytes back. */
  clear(): void {
    for (const chunk of this.#chunks?.slice(this.#head) ?? []) {
      if (!(chunk instanceof Uint8Array)) chunk.release();
    }
    this.#chunks = undefined;
    this.#head = 0;
    this.#byteLength = 0;
  }

  #wake(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    waiter.onChunks();
  }
}

/** Moves as many waiting bytes as the view holds; what is left of a chunk stays. */
export function takeInto(incoming: ChunkQueue, view: Uint8Array): number {
  let count = 0;
  while (count < view.length) {
    const chunk = incoming.take();
    if (chunk === undefined) break;
    const data = dataOf(chunk);
    const bytes = Math.min(data.length, view.length - count);
    view.set(data.subarray(0, bytes), count);
    count += bytes;
    if (bytes < data.length) {
      incoming.unshift(
        chunk instanceof Uint8Array ? chunk.subarray(bytes) : Buffer.from(data.subarray(bytes)),
      );
    }
    if (!(chunk instanceof Uint8Array)) chunk.release();
  }
  return count;
}
