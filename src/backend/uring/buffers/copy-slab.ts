/**
 * Memory of the users' own for copied datagrams: cut from slabs, so that a small message does not cost an
 * allocation. A slab lives as long as any message cut from it.
 */
import type { ProvidedBuffers } from './provided-buffers.js';
import type { Received } from '../datagrams/wide-message.js';

const SLAB_BYTES = 65536;
/** Copies up to this many words go word by word; a call to `set` costs more than they do. */
const WORD_COPY_MAX = 96;

export class CopySlab {
  /** The slab of the last copy. */
  slab: Buffer = Buffer.alloc(0);
  #words: Uint32Array = new Uint32Array(0);
  #offset = 0;

  /** Copies the first bytes of a provided buffer, prefix and all; returns where they lie in `slab`. */
  copy(buffers: ProvidedBuffers, bufferId: number, bytes: number): number {
    const wordCount = (bytes + 3) >>> 2;
    if (this.#offset + wordCount * 4 > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, wordCount * 4));
      this.#words = new Uint32Array(this.slab.buffer, 0, this.slab.length >>> 2);
      this.#offset = 0;
    }
    const offset = this.#offset;
    // Copies begin on 8 bytes, as the payloads in the buffers do.
    this.#offset = offset + ((wordCount * 4 + 7) & ~7);
    const area = buffers.areaOf(bufferId);
    const from = buffers.offsetOf(bufferId);
    if (wordCount <= WORD_COPY_MAX) {
      const [source, words] = [area.words, this.#words];
      const [sourceWord, slabWord] = [from >>> 2, offset >>> 2];
      for (let i = 0; i < wordCount; i++) words[slabWord + i] = source[sourceWord + i] as number;
    } else {
      this.slab.set(area.bytes.subarray(from, from + bytes), offset);
    }
    return offset;
  }

  /** The same, for messages that are read where they lie. */
  receive(buffers: ProvidedBuffers, bufferId: number, bytes: number): Received {
    const offset = this.copy(buffers, bufferId, bytes);
    return { words: this.#words, bytes: this.slab, buffer: this.slab, offset, lease: undefined };
  }
}
