/**
 * Addresses of JavaScript memory, for the kernel.
 *
 * An ArrayBuffer's address is asked for once and remembered. That is sound because its bytes never move:
 * a detached buffer shows no bytes, so nothing of it passes a bounds check, and a resizable one keeps
 * the range that was reserved for it.
 */
import { bufferOf, byteLengthOf, byteOffsetOf, checkStillThere, type View } from '../base/views.js';
import { binding } from './binding.js';
import { WORD } from './layout.js';

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
