/** The fixed storage of each request slot: memory for what an operation shows the kernel beside its entry. */
import { addressOf } from '../../native/addresses.js';

/** Bytes of each slot: a msghdr, an iovec and a socket address, or a struct statx. */
export const SLOT_STORAGE_BYTES = 512;
const SLOTS_PER_CHUNK = 64;

interface Chunk {
  bytes: Buffer;
  words: Uint32Array;
  address: number;
}

/**
 * Address-stable memory of a slot for the structures that its operation shows to the kernel. It belongs
 * to the operation that has the slot, from its start to its terminal completion.
 */
export class SlotStorage {
  #chunks: Chunk[] = [];

  #chunk(slot: number): Chunk {
    const index = Math.floor(slot / SLOTS_PER_CHUNK);
    let chunk = this.#chunks[index];
    if (!chunk) {
      const bytes = Buffer.alloc(SLOTS_PER_CHUNK * SLOT_STORAGE_BYTES);
      chunk = { bytes, words: new Uint32Array(bytes.buffer), address: addressOf(bytes) };
      this.#chunks[index] = chunk;
    }
    return chunk;
  }

  address(slot: number): number {
    return this.#chunk(slot).address + (slot % SLOTS_PER_CHUNK) * SLOT_STORAGE_BYTES;
  }

  /** The words of the slot's chunk; the slot's own begin at `wordOffset`. */
  words(slot: number): Uint32Array {
    return this.#chunk(slot).words;
  }

  wordOffset(slot: number): number {
    return ((slot % SLOTS_PER_CHUNK) * SLOT_STORAGE_BYTES) / 4;
  }

  /** Puts text there, as UTF-8 that a NUL ends. It must fit. */
  writeText(slot: number, text: string): void {
    const { bytes } = this.#chunk(slot);
    const start = (slot % SLOTS_PER_CHUNK) * SLOT_STORAGE_BYTES;
    bytes[start + bytes.write(text, start)] = 0;
  }

  bytes(slot: number): Uint8Array {
    const start = (slot % SLOTS_PER_CHUNK) * SLOT_STORAGE_BYTES;
    return this.#chunk(slot).bytes.subarray(start, start + SLOT_STORAGE_BYTES);
  }
}
