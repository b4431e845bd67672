/**
 * The iterators over a stream's chunks, by hand: an async generator costs three promises a chunk where one
 * will do.
 *
 * A stream has one reader at a time. One that leaves stops the receiving; what has come stays for the next.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../base/abort.js';
import type { ChunkWaiter, QueuedChunk } from '../../contract/chunk-queue.js';
import { StreamChunk } from '../../contract/stream-chunk.js';
import { abortError, readerBusyError, tracedRejection } from '../../errors/index.js';
import { StepsAhead } from '../steps-ahead.js';
import type { Readership } from './stream-access.js';

type Step<Item> = IteratorResult<Item, undefined>;
type Resolve<Item> = (step: Step<Item> | PromiseLike<Step<Item>>) => void;

abstract class ChunkReader<Item> implements AsyncIterableIterator<Item, undefined>, Abortable, ChunkWaiter {
  readonly #readership: Readership;
  readonly #isLeasing: boolean;
  readonly #signal: AbortSignal | undefined;
  #isReading = false;
  #isDone = false;
  #failure: (() => Error) | undefined;
  #pending: Promise<Step<Item>> | undefined;
  #resolve: Resolve<Item> | undefined;
  #ahead: StepsAhead<Step<Item>> | undefined;

  constructor(readership: Readership, isLeasing: boolean, signal: AbortSignal | undefined) {
    this.#readership = readership;
    this.#isLeasing = isLeasing;
    this.#signal = signal;
  }

  protected abstract toItem(chunk: QueuedChunk): Item;

  next(): Promise<Step<Item>> {
    const before = this.#ahead?.last ?? (this.#resolve === undefined ? undefined : this.#pending);
    if (before === undefined) return this.#step();
    this.#ahead ??= new StepsAhead(() => this.#step());
    return this.#ahead.ask(before);
  }

  #step(): Promise<Step<Item>> {
    if (!this.#isReading && !this.#begin()) return this.#afterDone();
    const { incoming } = this.#readership.stream;
    const chunk = incoming.take();
    if (chunk !== undefined) return Promise.resolve({ done: false, value: this.toItem(chunk) });
    if (incoming.isEnded) {
      this.#finish(incoming.failure);
      return this.#afterDone();
    }
    // V8 makes no closure of an executor that it sees.
    const promise = new Promise<Step<Item>>((resolve) => {
      this.#resolve = resolve;
    });
    this.#pending = promise;
    incoming.wait(this);
    return promise;
  }

  onChunks(): void {
    const resolve = this.#resolve as Resolve<Item>;
    this.#resolve = undefined;
    const { incoming } = this.#readership.stream;
    const chunk = incoming.take();
    if (chunk !== undefined) {
      resolve({ done: false, value: this.toItem(chunk) });
      return;
    }
    this.#finish(incoming.failure);
    resolve(this.#afterDone());
  }

  onAbort(signal: AbortSignal): void {
    const resolve = this.#resolve;
    this.#finish(() => abortError(signal));
    if (resolve !== undefined) resolve(this.#afterDone());
  }

  return(): Promise<Step<Item>> {
    const resolve = this.#resolve;
    this.#finish(undefined);
    resolve?.({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** False when there is nothing to begin. */
  #begin(): boolean {
    if (this.#isDone) return false;
    const readership = this.#readership;
    const signal = this.#signal;
    if (signal?.aborted || readership.reader !== undefined || readership.stream.isReading) {
      this.#isDone = true;
      this.#failure = signal?.aborted ? () => abortError(signal) : readerBusyError;
      return false;
    }
    readership.reader = this;
    this.#isReading = true;
    if (signal !== undefined) watchAbort(signal, this);
    readership.stream.receive(this.#isLeasing);
    return true;
  }

  #finish(failure: (() => Error) | undefined): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#failure = failure;
    this.#resolve = undefined;
    if (!this.#isReading) return;
    this.#isReading = false;
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    const readership = this.#readership;
    readership.reader = undefined;
    readership.stream.incoming.forget(this);
    void readership.stream.pause();
  }

  #afterDone(): Promise<Step<Item>> {
    const failure = this.#failure;
    if (failure === undefined) return Promise.resolve({ done: true, value: undefined });
    this.#failure = undefined;
    return tracedRejection(failure);
  }
}

/** Chunks as buffers of the reader's own. */
export class BufferIterator extends ChunkReader<Buffer> {
  constructor(readership: Readership, signal: AbortSignal | undefined) {
    super(readership, false, signal);
  }

  protected toItem(chunk: QueuedChunk): Buffer {
    return toOwned(chunk);
  }
}

/** A reader of copies may find leases that a reader before it asked for; it would never release them. */
export function toOwned(chunk: QueuedChunk): Buffer {
  if (chunk instanceof Uint8Array) return chunk;
  const data = Buffer.from(chunk.data);
  chunk.release();
  return data;
}

/** Chunks in the ring's receive buffers. */
export class LeaseIterator extends ChunkReader<StreamChunk> {
  constructor(readership: Readership, signal: AbortSignal | undefined) {
    super(readership, true, signal);
  }

  protected toItem(chunk: QueuedChunk): StreamChunk {
    return chunk instanceof Uint8Array ? new StreamChunk(chunk) : chunk;
  }
}
