/**
 * The memory of a buffer pool, the same on both backends: one ArrayBuffer, cut into buffers that begin on
 * pages.
 */

import { PendingCount } from '../base/pending-count.js';
import { byteLengthOf, byteOffsetOf, type View } from '../base/views.js';
import { PoolBuffer } from '../contract/buffer-pools.js';
import { binding } from './binding.js';

/** What every buffer of a pool begins at a multiple of: a page, and more than nearly every device's block. */
const ALIGNMENT_BYTES = 4096;

/** What the kernel registers in one piece (io_uring_register(2)). */
export const POOL_BYTES_MAX = 2 ** 30;

/** Bytes from the start of one buffer to that of the next. */
export function strideOf(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

export class PoolMemory {
  readonly bytes: ArrayBuffer;
  readonly buffers: readonly PoolBuffer[];
  /** Where the first buffer begins, if there is an addon to ask; otherwise its alignment is unknown. */
  readonly address: number | undefined;
  readonly strideBytes: number;
  /** Operations on any of the buffers. */
  readonly pending = new PendingCount();
  readonly #startBytes: number;

  /** @throws RangeError when there is not so much memory. */
  constructor(count: number, bytes: number) {
    this.strideBytes = strideOf(bytes);
    this.bytes = new ArrayBuffer(count * this.strideBytes + ALIGNMENT_BYTES);
    const base = addressOf(this.bytes);
    this.#startBytes = base === undefined ? 0 : -base & (ALIGNMENT_BYTES - 1);
    this.address = base === undefined ? undefined : base + this.#startBytes;
    this.buffers = Array.from({ length: count }, (_unused, index) => {
      const start = this.#startBytes + index * this.strideBytes;
      return new PoolBuffer(this.pending, Buffer.from(this.bytes, start, bytes));
    });
  }

  get byteLength(): number {
    return this.buffers.length * this.strideBytes;
  }

  get alignment(): number {
    return this.address === undefined ? 1 : ALIGNMENT_BYTES;
  }

  /** Of the buffer that a range lies in as a whole; -1 for none. `start` is counted from the first buffer. */
  indexAt(start: number, length: number): number {
    const index = Math.floor(start / this.strideBytes);
    const isWithin = start >= 0 && index < this.buffers.length;
    return isWithin && start + length <= (index + 1) * this.strideBytes ? index : -1;
  }

  /** The buffer that a view of this memory lies in as a whole. */
  poolBufferOf(view: View): PoolBuffer | undefined {
    return this.buffers[this.indexAt(byteOffsetOf(view) - this.#startBytes, byteLengthOf(view))];
  }
}

function addressOf(memory: ArrayBuffer): number | undefined {
  try {
    return binding().addressOf(new Uint8Array(memory));
  } catch {
    return undefined;
  }
}
