/**
 * A handle's content piece by piece, as Node's `stream/iter` wants it: batches of Uint8Arrays, read as they are
 * asked for. The handle is the reader's alone meanwhile.
 */
import { readSync } from 'node:fs';
import { checkSignal } from '../base/validate.js';
import { type BackendFile, CURRENT_POSITION } from '../contract/backend.js';
import { fileClosedError } from '../errors/index.js';
import type { HandleLifetime, HeldFile } from './handle-lifetime.js';
import {
  IS_LATER_DRAFT,
  type PullOptions,
  type PullSyncOptions,
  type RangeSettings,
  readRangeSettings,
  splitTransforms,
  streamIter,
} from './stream-iter.js';

/** What is still to be read of a file; the same for all iterations of one `pull`. */
class Range {
  readonly #chunkBytes: number;
  #position: number;
  #remaining: number;

  constructor({ start, limit, chunkBytes }: RangeSettings) {
    this.#chunkBytes = chunkBytes;
    this.#position = start;
    this.#remaining = limit;
  }

  get isOver(): boolean {
    return this.#remaining === 0;
  }

  /** Negative for the cursor. */
  get position(): number {
    return this.#position;
  }

  createBuffer(): Buffer {
    const hasLimit = this.#remaining > 0;
    return Buffer.allocUnsafe(hasLimit ? Math.min(this.#chunkBytes, this.#remaining) : this.#chunkBytes);
  }

  /** `bytes` of the buffer have been read. */
  take(buffer: Buffer, bytes: number): Uint8Array[] {
    if (this.#position >= 0) this.#position += bytes;
    if (this.#remaining > 0) this.#remaining -= bytes;
    return [bytes < buffer.length ? buffer.subarray(0, bytes) : buffer];
  }
}

/** @param args transforms, and options after them. */
export function pullFrom(lifetime: HandleLifetime, args: readonly unknown[]): AsyncIterable<Uint8Array[]> {
  lifetime.checkFree();
  const { transforms, options } = splitTransforms(args);
  const settings = readRangeSettings(options as PullOptions);
  const signal = checkSignal((options as PullOptions).signal);
  const range = new Range(settings);
  if (!IS_LATER_DRAFT) lifetime.isLocked = true;
  const source = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array[], void, undefined> {
      const held = holdAlone(lifetime);
      try {
        while (!range.isOver) {
          if (signal?.aborted) throw signal.reason;
          const buffer = range.createBuffer();
          const bytesRead = await readUnlessAborted(held.file, buffer, range.position, signal);
          if (bytesRead === 0) return;
          yield range.take(buffer, bytesRead);
        }
      } finally {
        lifetime.isLocked = false;
        held.release();
        if (settings.autoClose) await lifetime.close();
      }
    },
  };
  return transforms.length === 0 ? source : streamIter().pull(source, ...transforms, options);
}

/** In the earlier draft the lock is older than the iteration. */
function holdAlone(lifetime: HandleLifetime): HeldFile {
  if (IS_LATER_DRAFT) return lifetime.holdAlone();
  const held = lifetime.hold();
  if (held === undefined) throw fileClosedError('read');
  return held;
}

async function readUnlessAborted(
  file: BackendFile,
  buffer: Buffer,
  position: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  try {
    // A read that ends by itself is faster without.
    const abort = file.mayWait ? signal : undefined;
    const at = position < 0 ? CURRENT_POSITION : position;
    return (await file.read(buffer, 0, buffer.length, at, abort)).bytesRead;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** Reads by system calls that wait on the event loop's time: an iterator that is no async one can't do otherwise. */
class SyncReads implements Iterator<Uint8Array[], undefined> {
  readonly #lifetime: HandleLifetime;
  readonly #range: Range;
  readonly #autoClose: boolean;
  #held: HeldFile | undefined;
  #isDone = false;

  constructor(lifetime: HandleLifetime, range: Range, autoClose: boolean, held: HeldFile | undefined) {
    this.#lifetime = lifetime;
    this.#range = range;
    this.#autoClose = autoClose;
    this.#held = held;
  }

  next(): IteratorResult<Uint8Array[], undefined> {
    if (this.#isDone) return { done: true, value: undefined };
    this.#held ??= this.#lifetime.holdAlone();
    if (this.#range.isOver) return this.return();
    const buffer = this.#range.createBuffer();
    const bytesRead = this.#read(this.#held.file.fd, buffer);
    return bytesRead === 0 ? this.return() : { done: false, value: this.#range.take(buffer, bytesRead) };
  }

  #read(fd: number, buffer: Buffer): number {
    const { position } = this.#range;
    try {
      return readSync(fd, buffer, 0, buffer.length, position < 0 ? null : position);
    } catch (error) {
      this.return();
      throw error;
    }
  }

  return(): IteratorReturnResult<undefined> {
    if (!this.#isDone) {
      this.#isDone = true;
      if (this.#held !== undefined) this.#end(this.#held);
    }
    return { done: true, value: undefined };
  }

  #end(held: HeldFile): void {
    this.#lifetime.isLocked = false;
    held.release();
    if (this.#autoClose) this.#lifetime.closeAtOnce();
  }
}

export function pullSyncFrom(lifetime: HandleLifetime, args: readonly unknown[]): Iterable<Uint8Array[]> {
  lifetime.checkFree();
  const { transforms, options } = splitTransforms(args);
  const settings = readRangeSettings(options as PullSyncOptions);
  const range = new Range(settings);
  const early = IS_LATER_DRAFT ? undefined : lifetime.holdAlone();
  const source = {
    [Symbol.iterator]: () => new SyncReads(lifetime, range, settings.autoClose, early),
  };
  return transforms.length === 0 ? source : streamIter().pullSync(source, ...transforms);
}
