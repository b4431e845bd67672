/**
 * Reads of what the page cache holds, made inline: one system call that never waits for a device
 * (preadv2(2) with RWF_NOWAIT, Linux 4.14), and no way through the ring and the event loop.
 *
 * A read alone pays for that whole way, and here saves a third of its time. Several in flight share the way,
 * and are the ring's. So are reads that the cache can't serve, which lose little: where attempts fail they
 * become rare.
 */
import { BackOff } from '../../base/back-off.js';
import type { View } from '../../base/views.js';
import type { Position } from '../../contract/backend.js';
import { addressWithin } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import type { BatchObserver } from '../engine/completion-block.js';

/** The event loop must have its turn after so many reads in a row, which are microtasks of each other. */
const READ_RUN_MAX = 16;
/** Copying is the event loop's time, too. */
const BYTES_MAX = 64 * 1024;
/** Completions of a batch up to which its reads count as alone. */
const LONE_BATCH_MAX = 4;

/** What a ring's reads may do inline until the ring has had its turn. */
export class InlineCredit implements BatchObserver {
  readonly #runMax: number;
  readonly #batchMax: number;
  #left: number;
  /** Reads made inline so far. */
  readCount = 0;

  /** @param batchMax operations in a turn up to which there is credit at all. */
  constructor(runMax = READ_RUN_MAX, batchMax = LONE_BATCH_MAX) {
    this.#runMax = runMax;
    this.#batchMax = batchMax;
    this.#left = runMax;
  }

  get isLeft(): boolean {
    return this.#left > 0;
  }

  take(): void {
    this.#left--;
    this.readCount++;
  }

  /** The ring has had its turn, with so many operations in it. */
  onBatch(operationCount: number): void {
    this.#left = operationCount <= this.#batchMax ? this.#runMax : 0;
  }
}

/** One file's attempts. */
export class InlineReader {
  readonly #fd: number;
  readonly #credit: InlineCredit;
  readonly #backOff = new BackOff();

  constructor(fd: number, credit: InlineCredit) {
    this.#fd = fd;
    this.#credit = credit;
  }

  /**
   * @returns the number of bytes, 0 at the end of the file; fewer than `length` when the rest is not in the
   * cache or not in the file. Negative: nothing has been read, and the ring must.
   */
  read(view: View, offset: number, length: number, position: Position): number {
    if (length > BYTES_MAX || typeof position !== 'number' || !this.#credit.isLeft) return -1;
    if (!this.#backOff.isDue()) return -1;
    const bytes = binding().readCached(this.#fd, addressWithin(view, offset, length), length, position);
    if (bytes < 0) {
      this.#backOff.noteFailure();
    } else {
      this.#backOff.noteSuccess();
      this.#credit.take();
    }
    return bytes;
  }
}
