/**
 * Addresses of JavaScript memory, for the kernel, and the fixed storage of each slot.
 *
 * An ArrayBuffer's address is asked for once and remembered. That is sound because its bytes never move:
 * a detached buffer shows no bytes, so nothing of it passes a bounds check, and a resizable one keeps
 * the range that was reserved for it.
 */
import { bufferOf, byteLengthOf, byteOffsetOf, checkStillThere, type View } from '../../base/views.js';
import { binding } from '../../native/binding.js';
import { WORD } from '../../native/layout.js';

/** Where the bytes of an ArrayBuffer lie. Its number is its own: the address is another's when it is gone. */
interface Base {
  readonly address: number;
  readonly number: number;
}

const bases = new WeakMap<ArrayBufferLike, Base>();
let baseCount = 0;

/**
 * Where views begin that have come before. Asking a view for its buffer costs several times what this does,
 * and an entry costs several times that, so a view gets one when a view of its memory comes again soon.
 */
const repeated = new WeakMap<View, number>();
const RECENT_BITS = 12;
const recentAddresses = new Float64Array(1 << RECENT_BITS);
const recentBases = new Float64Array(1 << RECENT_BITS);

/** Where a view's first byte lies; 0 for an empty one. Exact: user addresses have 47 bits. */
export function addressOf(view: View): number {
  return repeated.get(view) ?? lookUpAddress(view);
}

/**
 * The same of bytes of a caller's that an entry is going to name. To be asked for when the entry is filled, and
 * nothing of the caller's runs between the two.
 *
 * @throws ERR_BUFFER_OUT_OF_BOUNDS when the view no longer has them all.
 */
export function addressWithin(view: View, offset: number, length: number): number {
  checkStillThere(view, offset + length);
  return addressOf(view) + offset;
}

function lookUpAddress(view: View): number {
  // Nothing is read or written there. Its buffer may have no memory, and may get some when it is resized.
  if (byteLengthOf(view) === 0) return 0;
  const buffer = bufferOf(view);
  const byteOffset = byteOffsetOf(view);
  let base = bases.get(buffer);
  if (base === undefined) {
    base = { address: binding().addressOf(view) - byteOffset, number: ++baseCount };
    bases.set(buffer, base);
  }
  const address = base.address + byteOffset;
  const place = Math.imul(address, 0x9e3779b1) >>> (32 - RECENT_BITS);
  if (recentAddresses[place] === address && recentBases[place] === base.number) {
    repeated.set(view, address);
  } else {
    recentAddresses[place] = address;
    recentBases[place] = base.number;
  }
  return address;
}

/** The same of memory of ours that is asked for once: to remember it would cost the garbage collector more. */
export function addressOfOnce(view: View): number {
  return binding().addressOf(view);
}

/** Writes a 64-bit number below 2^53, such as an address, into two words. */
export function writeWide(words: Uint32Array, at: number, value: number): void {
  words[at] = value;
  words[at + 1] = value / WORD;
}

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
 * to whichever operation holds the slot, from its start to its terminal completion.
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

  /** Its first words become 0, one by one: a call of `fill` costs more than so few. */
  clear(slot: number, wordCount: number): void {
    const words = this.words(slot);
    const start = this.wordOffset(slot);
    for (let i = 0; i < wordCount; i++) words[start + i] = 0;
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
