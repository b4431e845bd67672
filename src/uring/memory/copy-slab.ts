/**
 * Memory of the users' own for copied datagrams: cut from slabs, so that a small message does not cost an
 * allocation. A slab lives as long as any message cut from it.
 */

import type { Received } from '../datagrams/wide-message.js';
import type { BufferArea } from './buffer-area.js';
import type { ProvidedBuffers } from './provided-buffers.js';
import { ViewableMemory } from './viewable-memory.js';

const SLAB_BYTES = 65_536;
/** From so many bytes on a copy has memory of its own: of a slab it would leave much unused. */
const OWN_BYTES = 16_384;
/** Copies up to this many words go word by word; a call to `set` costs more than they do. */
const WORD_COPY_MAX = 96;

export class CopySlab {
  /** The slab of the last copy. */
  slab = new ViewableMemory(new ArrayBuffer(0), 0, 0);
  #offset = 0;

  /** Copies the first bytes of a provided buffer, prefix and all; returns where they lie in `slab`. */
  copy(buffers: ProvidedBuffers, bufferId: number, bytes: number): number {
    return this.copyFrom(buffers.areaOf(bufferId), buffers.offsetOf(bufferId), bytes);
  }

  /** Copies bytes of an area; returns where they lie in `slab`. */
  copyFrom(area: BufferArea, from: number, bytes: number): number {
    const offset = this.#reserve(bytes);
    const wordCount = (bytes + 3) >>> 2;
    // What lies behind a part of a buffer may not be there yet, and is copied along without harm.
    if (wordCount <= WORD_COPY_MAX && (from & 3) === 0) {
      const [source, words] = [area.words, this.slab.words];
      const [sourceWord, slabWord] = [from >>> 2, offset >>> 2];
      for (let i = 0; i < wordCount; i++) words[slabWord + i] = source[sourceWord + i] as number;
    } else {
      this.slab.bytes.set(area.bytes.subarray(from, from + bytes), offset);
    }
    return offset;
  }

  /** Copies bytes of an area into memory for a reader that gets nothing else. */
  take(area: BufferArea, from: number, bytes: number): Buffer {
    if (bytes < OWN_BYTES) {
      const offset = this.copyFrom(area, from, bytes);
      return this.slab.show(offset, bytes);
    }
    const own = Buffer.allocUnsafeSlow(bytes);
    own.set(area.bytes.subarray(from, from + bytes));
    return own;
  }

  /** Makes room for a copy; returns where in `slab`. */
  #reserve(bytes: number): number {
    const wholeBytes = (bytes + 3) & ~3;
    if (this.#offset + wholeBytes > this.slab.bytes.length) {
      const { buffer } = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, wholeBytes));
      this.slab = new ViewableMemory(buffer, 0, buffer.byteLength);
      this.#offset = 0;
    }
    const offset = this.#offset;
    // Copies begin on 8 bytes, as the payloads in the buffers do.
    this.#offset = offset + ((bytes + 7) & ~7);
    return offset;
  }

  /** The same as `copy`, for messages that are read where they lie. */
  receive(buffers: ProvidedBuffers, bufferId: number, bytes: number): Received {
    const offset = this.copy(buffers, bufferId, bytes);
    return { memory: this.slab, offset, lease: undefined };
  }
}
