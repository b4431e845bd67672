/**
 * A provided-buffer ring: memory from which the kernel picks a buffer for each datagram it receives.
 *
 * TypeScript gives buffers back by writing entries and then the tail, which the kernel reads; that takes
 * no call into native code. The memory is a SharedArrayBuffer because leased messages show it to users,
 * and nobody can detach one: no transfer, in this thread or another, can pull it from under the kernel.
 */
import type { NativeRing } from './binding.js';
import { addressOf, writeWide } from './memory.js';

const ENTRY_WORDS = 4;
const PAGE_BYTES = 4096;
/** Where the tail lies: over the last two bytes of the first entry (io_uring_register(2)). */
const TAIL_HALFWORD = 7;
const ALIGNMENT_BYTES = 64;

function roundUp(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/** Told when buffers have come back to a pool that had run dry. */
export interface BufferWaiter {
  onBuffersAvailable(): void;
}

export class ProvidedBuffers {
  readonly groupId: number;
  readonly count: number;
  /** Bytes that the kernel may fill of each buffer. */
  readonly bufferBytes: number;
  /** All buffers; buffer `id` begins at `offsetOf(id)`. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #native: NativeRing;
  readonly #strideBytes: number;
  readonly #address: number;
  readonly #ring: Uint32Array;
  readonly #ringTail: Uint16Array;
  readonly #mask: number;
  #tail = 0;
  #isTailUnpublished = false;
  #availableCount = 0;
  #waiters: BufferWaiter[] = [];
  #isRegistered = false;

  /** @param count 1 to 32768. */
  constructor(native: NativeRing, groupId: number, count: number, bufferBytes: number) {
    this.#native = native;
    this.groupId = groupId;
    this.count = count;
    this.bufferBytes = bufferBytes;
    this.#strideBytes = roundUp(bufferBytes, ALIGNMENT_BYTES);
    const memory = new SharedArrayBuffer(this.#strideBytes * count);
    this.bytes = new Uint8Array(memory);
    this.words = new Uint32Array(memory);
    this.#address = addressOf(this.bytes);

    const entries = 2 ** Math.ceil(Math.log2(Math.max(count, 2)));
    this.#mask = entries - 1;
    const ringBytes = entries * ENTRY_WORDS * 4;
    // The kernel wants whole pages; an ArrayBuffer of ours begins anywhere.
    const unaligned = new Uint8Array(ringBytes + PAGE_BYTES);
    const start = roundUp(addressOf(unaligned), PAGE_BYTES) - addressOf(unaligned);
    this.#ring = new Uint32Array(unaligned.buffer, start, ringBytes / 4);
    this.#ringTail = new Uint16Array(unaligned.buffer, start, ringBytes / 2);
    for (let id = 0; id < count; id++) this.#append(id);
    this.publish();
  }

  /** Makes the buffers known to the kernel: 0, or a negative errno. */
  register(): number {
    const result = this.#native.registerBufferRing(this.groupId, addressOf(this.#ring), this.#mask + 1);
    this.#isRegistered = result >= 0;
    return result;
  }

  unregister(): void {
    if (!this.#isRegistered) return;
    this.#isRegistered = false;
    this.#native.unregisterBufferRing(this.groupId);
  }

  /** Buffers that the kernel has not handed out, as far as its completions have told. */
  get availableCount(): number {
    return this.#availableCount;
  }

  offsetOf(id: number): number {
    return id * this.#strideBytes;
  }

  /** Notes that a completion has handed out a buffer. */
  noteTaken(): void {
    this.#availableCount--;
  }

  /** Gives a buffer back. The kernel sees it after `publish`. */
  giveBack(id: number): void {
    this.#append(id);
    this.#isTailUnpublished = true;
  }

  #append(id: number): void {
    const at = (this.#tail & this.#mask) * ENTRY_WORDS;
    writeWide(this.#ring, at, this.#address + this.offsetOf(id));
    this.#ring[at + 2] = this.bufferBytes;
    // Only the identifier's half of the word: the other half of the first entry is the tail.
    this.#ringTail[(at + 3) * 2] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.#availableCount++;
    this.#isTailUnpublished = true;
  }

  /** Lets the kernel have what was given back, and tells who waits for it. */
  publish(): void {
    if (!this.#isTailUnpublished) return;
    this.#isTailUnpublished = false;
    // Atomics: the kernel must see the entries before it sees the tail that covers them.
    Atomics.store(this.#ringTail, TAIL_HALFWORD, this.#tail);
    if (this.#waiters.length === 0 || this.#availableCount === 0) return;
    for (const waiter of this.#waiters.splice(0)) waiter.onBuffersAvailable();
  }

  /**
   * Calls `waiter` when there is a buffer again: at once if there is one now. One is enough, because
   * a reader may hold all the others for as long as it likes, and wait for the next message meanwhile.
   */
  whenAvailable(waiter: BufferWaiter): void {
    if (this.#availableCount > 0) waiter.onBuffersAvailable();
    else if (!this.#waiters.includes(waiter)) this.#waiters.push(waiter);
  }

  forget(waiter: BufferWaiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }
}
