/**
 * A handle's writer, as Node's `stream/iter` wants one: writes one after another from one place on, and a total at
 * the end. The handle is the writer's alone meanwhile.
 *
 * The methods that end in `Sync` make system calls that wait on the event loop's time, and say that they haven't
 * where they would have to wait for a write that is under way.
 */
import { writeSync, writevSync } from 'node:fs';
import { checkObject } from '../base/validate.js';
import { byteCountOf, Span } from '../base/views.js';
import { type BackendFile, CURRENT_POSITION } from '../contract/backend.js';
import { invalidState, invalidStateType, outOfRange, writeStalledError } from '../errors/index.js';
import type { HandleLifetime, HeldFile } from './handle-lifetime.js';
import {
  IS_LATER_DRAFT,
  type RangeSettings,
  readRangeSettings,
  readWriterSignal,
  toChunk,
  toChunks,
} from './stream-iter.js';

/** What `FileHandle.writer` can be asked for. */
export interface WriterOptions {
  /** Whether the handle is closed when the writer has ended, or failed. Default false. */
  autoClose?: boolean | undefined;
  /** Where to write the first byte, from 0. Default: where the file's cursor is, which then moves. */
  start?: number | undefined;
  /** How many bytes may be written, from 1; what would be more is refused as a whole. Default: any number. */
  limit?: number | undefined;
  /** The most that a call ending in `Sync` writes, in bytes from 1; it does not take more. Default 131072. */
  chunkSize?: number | undefined;
}

/** What the calls of a `HandleWriter` can be asked for. */
export interface WriterCallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A writer over a handle. Chunks are text, as UTF-8, or bytes, which are the writer's until the call settles. */
export interface HandleWriter {
  /** Writes all of a chunk, after all that was to be written before. */
  write(chunk: string | Uint8Array, options?: WriterCallOptions): Promise<void>;
  /** The same of several chunks, in one operation where that is possible. */
  writev(chunks: readonly (string | Uint8Array)[], options?: WriterCallOptions): Promise<void>;
  /**
   * Writes all of a chunk before it returns; false where it has not: the chunk is longer than `chunkSize` or the
   * limit, a write is under way, the writer has ended, or the system has refused.
   */
  writeSync(chunk: string | Uint8Array): boolean;
  /** The same of several chunks: all of them, or none. */
  writevSync(chunks: readonly (string | Uint8Array)[]): boolean;
  /** Waits for the last write and gives the handle free; the count of bytes that were written. */
  end(options?: WriterCallOptions): Promise<number>;
  /** The same at once, or -1 where a write is under way or the writer has failed. */
  endSync(): number;
  /** Gives up: what waits, and all later calls, reject with `reason`. */
  fail(reason?: unknown): void;
  /** Fails a writer that has not been ended. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Fails a writer that has not been ended, without waiting for a write that is under way. */
  [Symbol.dispose](): void;
}

interface Deferred<Value> {
  promise: Promise<Value>;
  resolve(value: Value): void;
  reject(reason: unknown): void;
}

/** Attempts that take nothing, one after another, before a write is given up. */
const STALLS_MAX = 5;

function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((onFulfilled, onRejected) => {
    resolve = onFulfilled;
    reject = onRejected;
  });
  return { promise, resolve, reject };
}

/** Where the next byte goes, how many more there may be, and how many have been written. */
class WriteRange {
  /** Negative for the cursor. */
  #position: number;
  #remaining: number;
  writtenBytes = 0;

  constructor({ start, limit }: RangeSettings) {
    this.#position = start;
    this.#remaining = limit;
  }

  get remaining(): number {
    return this.#remaining;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#remaining < 0 || bytes <= this.#remaining;
  }

  /** The place of so many bytes, which are no longer free for others. */
  reserve(bytes: number): number {
    const position = this.#position;
    if (position >= 0) this.#position += bytes;
    if (this.#remaining > 0) this.#remaining -= bytes;
    return position;
  }

  get position(): number {
    return this.#position;
  }
}

class WriterState {
  readonly #lifetime: HandleLifetime;
  readonly #held: HeldFile;
  readonly #file: BackendFile;
  readonly #autoClose: boolean;
  readonly #syncBytesMax: number;
  readonly #range: WriteRange;
  /** Writes that wait or are under way, until they have settled or the writer has failed. */
  readonly #writes = new Set<Deferred<void>>();
  #last: Promise<unknown> = Promise.resolve();
  #pendingCount = 0;
  #end: Deferred<number> | undefined;
  #isClosed = false;
  #isReleased = false;
  #failure: { reason: unknown } | undefined;

  constructor(lifetime: HandleLifetime, settings: RangeSettings) {
    this.#autoClose = settings.autoClose;
    this.#syncBytesMax = settings.chunkBytes;
    this.#range = new WriteRange(settings);
    this.#lifetime = lifetime;
    this.#held = lifetime.holdAlone();
    this.#file = this.#held.file;
  }

  /** Rejects a call that makes no sense any more. */
  #refusal(signal: AbortSignal | undefined): { reason: unknown } | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#isClosed) return { reason: invalidStateType('The writer is closed') };
    if (this.#end !== undefined) return { reason: invalidStateType('The writer is closing') };
    return signal?.aborted ? { reason: signal.reason } : undefined;
  }

  write(name: 'write' | 'writev', given: unknown, options: unknown): Promise<void> {
    let chunks: Span[] | undefined;
    let refusal: { reason: unknown } | undefined;
    const convert = (): Span[] => (name === 'write' ? [toChunk(given)] : toChunks(given));
    if (IS_LATER_DRAFT) chunks = convert();
    else refusal = this.#refusal(undefined);
    if (refusal !== undefined) return Promise.reject(refusal.reason);
    const signal = readWriterSignal(options);
    refusal = this.#refusal(signal);
    if (refusal !== undefined) return Promise.reject(refusal.reason);
    chunks ??= convert();
    const bytes = byteCountOf(chunks);
    if (!this.#range.hasRoomFor(bytes)) {
      return Promise.reject(outOfRange(name, `<= ${this.#range.remaining} bytes`, bytes));
    }
    const position = this.#range.reserve(bytes);
    return this.#inTurn(() => this.#writeAll(name, chunks, position, signal), signal);
  }

  /** Begins a write when those before it are over: at the cursor they would race, and a short one has a second part. */
  #inTurn(start: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const write = deferred<void>();
    this.#writes.add(write);
    this.#pendingCount++;
    const running = this.#last.then(() => {
      if (this.#failure !== undefined) throw this.#failure.reason;
      signal?.throwIfAborted();
      return start();
    });
    const settled = (settle: () => void): void => {
      const isWanted = this.#writes.delete(write);
      this.#pendingCount--;
      this.#releaseIfFailed();
      if (isWanted) settle();
      this.#finishEnd();
    };
    this.#last = running.then(
      () => settled(() => write.resolve()),
      (error: unknown) => settled(() => write.reject(error)),
    );
    return write.promise;
  }

  async #writeAll(
    name: 'write' | 'writev',
    chunks: readonly Span[],
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let rest = chunks;
    let at = position;
    let restBytes = byteCountOf(chunks);
    let stallCount = 0;
    while (restBytes > 0) {
      const bytesWritten = await this.#writeSome(rest, at, signal);
      signal?.throwIfAborted();
      this.#range.writtenBytes += bytesWritten;
      stallCount = bytesWritten === 0 ? stallCount + 1 : 0;
      if (stallCount > STALLS_MAX) throw writeStalledError(name);
      restBytes -= bytesWritten;
      if (at >= 0) at += bytesWritten;
      if (restBytes > 0) rest = withoutHead(rest, bytesWritten);
    }
  }

  async #writeSome(
    chunks: readonly Span[],
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const at = position < 0 ? CURRENT_POSITION : position;
    // A write that ends by itself is faster without.
    const abort = this.#file.mayWait ? signal : undefined;
    try {
      const [only] = chunks;
      if (chunks.length > 1 || only === undefined) {
        return await this.#file.writev(chunks, at, abort);
      }
      return (await this.#file.write(only.view, 0, only.bytes, at, abort)).bytesWritten;
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  }

  writeSync(name: 'write' | 'writev', given: unknown): boolean {
    const convert = (): Span[] => (name === 'write' ? [toChunk(given)] : toChunks(given));
    let chunks = IS_LATER_DRAFT ? convert() : undefined;
    if (this.#failure !== undefined || this.#isClosed || this.#end !== undefined || this.#pendingCount > 0) {
      return false;
    }
    chunks ??= convert();
    const bytes = byteCountOf(chunks);
    if (bytes > this.#syncBytesMax) return false;
    if (bytes === 0) return true;
    if (!this.#range.hasRoomFor(bytes)) return false;
    return this.#writeAllSync(chunks, bytes);
  }

  /** Nothing taken is left to another call; once the file has a part, the rest must follow, or it would come twice. */
  #writeAllSync(chunks: readonly Span[], bytes: number): boolean {
    let at = this.#range.position;
    let rest = chunks;
    let restBytes = bytes;
    let stallCount = 0;
    while (restBytes > 0) {
      let bytesWritten: number;
      try {
        bytesWritten = writeSomeSync(this.#file.fd, rest, at);
      } catch (error) {
        if (restBytes === bytes) return false;
        throw error;
      }
      this.#range.writtenBytes += bytesWritten;
      stallCount = bytesWritten === 0 ? stallCount + 1 : 0;
      if (stallCount > STALLS_MAX) throw writeStalledError('write');
      restBytes -= bytesWritten;
      if (at >= 0) at += bytesWritten;
      if (restBytes > 0) rest = withoutHead(rest, bytesWritten);
    }
    this.#range.reserve(bytes);
    return true;
  }

  end(options: unknown): Promise<number> {
    let signal = IS_LATER_DRAFT ? readWriterSignal(options) : undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.#isClosed) return Promise.resolve(this.#range.writtenBytes);
    if (this.#end !== undefined) return this.#end.promise;
    if (!IS_LATER_DRAFT) signal = readWriterSignal(options);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const end = deferred<number>();
    this.#end = end;
    this.#finishEnd();
    return end.promise;
  }

  /** Once the last write is over. */
  #finishEnd(): void {
    const end = this.#end;
    if (end === undefined || this.#failure !== undefined || this.#pendingCount > 0 || this.#isReleased)
      return;
    this.#release();
    if (!IS_LATER_DRAFT) this.#isClosed = true;
    const closing = this.#autoClose ? this.#lifetime.close() : Promise.resolve();
    const settled = (settle: () => void): void => {
      if (this.#failure !== undefined) return;
      this.#isClosed = true;
      this.#end = undefined;
      settle();
    };
    closing.then(
      () => settled(() => end.resolve(this.#range.writtenBytes)),
      (error: unknown) => settled(() => end.reject(error)),
    );
  }

  endSync(): number {
    if (this.#failure !== undefined) return -1;
    if (this.#isClosed) return this.#range.writtenBytes;
    if (this.#end !== undefined || this.#pendingCount > 0) return -1;
    this.#isClosed = true;
    this.#release();
    if (this.#autoClose) this.#lifetime.closeAtOnce();
    return this.#range.writtenBytes;
  }

  fail(given: unknown): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    const reason = IS_LATER_DRAFT ? given : (given ?? invalidState('Failed'));
    this.#failure = { reason };
    this.#isClosed = true;
    this.#end?.reject(reason);
    this.#end = undefined;
    for (const write of this.#writes) write.reject(reason);
    this.#writes.clear();
    this.#releaseIfFailed();
  }

  /** A write that is under way keeps the descriptor. */
  #releaseIfFailed(): void {
    if (this.#failure === undefined || this.#pendingCount > 0 || this.#isReleased) return;
    this.#release();
    if (this.#autoClose) this.#lifetime.closeAtOnce();
  }

  #release(): void {
    this.#isReleased = true;
    this.#lifetime.isLocked = false;
    this.#held.release();
  }

  /** What waits for an `end` that has been asked for, or fails. */
  async dispose(): Promise<void> {
    if (this.#end !== undefined) await this.#end.promise;
    else this.fail(undefined);
  }
}

function writeSomeSync(fd: number, chunks: readonly Span[], position: number): number {
  const pieces = chunks.map((chunk) => chunk.toBytes());
  const [only] = pieces;
  const at = position < 0 ? null : position;
  if (pieces.length > 1 || only === undefined) return writevSync(fd, pieces, at as number);
  return writeSync(fd, only, 0, only.length, at);
}

/** What a short write has left over. */
function withoutHead(chunks: readonly Span[], bytes: number): Span[] {
  let skip = bytes;
  const rest: Span[] = [];
  for (const chunk of chunks) {
    if (chunk.bytes > skip) rest.push(skip === 0 ? chunk : new Span(chunk.toBytes().subarray(skip)));
    skip = Math.max(skip - chunk.bytes, 0);
  }
  return rest;
}

/** Functions that need no `this`, as Node's writers have. */
export function writerOver(lifetime: HandleLifetime, options: unknown): HandleWriter {
  lifetime.checkFree();
  const settings = readRangeSettings(checkObject(options, 'options') as WriterOptions);
  const state = new WriterState(lifetime, settings);
  return {
    write: (chunk, options) => state.write('write', chunk, options),
    writev: (chunks, options) => state.write('writev', chunks, options),
    writeSync: (chunk) => state.writeSync('write', chunk),
    writevSync: (chunks) => state.writeSync('writev', chunks),
    end: (options) => state.end(options),
    endSync: () => state.endSync(),
    fail: (reason) => state.fail(reason),
    [Symbol.asyncDispose]: () => state.dispose(),
    [Symbol.dispose]: () => state.fail(undefined),
  };
}
