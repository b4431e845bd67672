/**
 * A provided-buffer ring: memory from which the kernel picks a buffer for each datagram it receives.
 *
 * What streams receive comes in parts. A part is the whole of a buffer, or of several that lie one behind
 * the other in the ring (a bundle); in an incremental ring (Linux 6.12) the kernel puts one part behind the
 * other into the same buffer. Such a buffer comes back when the kernel is done with it and all of its parts
 * have been given back.
 *
 * TypeScript gives buffers back by writing entries and then the tail, which the kernel reads; that takes
 * no call into native code. Buffers come in areas of equal size: one to begin with, another each time the
 * kernel has run dry, and the last one is let go again when it has long been more than enough. Since the
 * kernel takes buffers in the order in which it got them, an area is let go by not giving its buffers back.
 */
import type { ReceiveBufferSettings } from '../../contract/ring-settings.js';
import { addressOf, writeWide } from '../../native/addresses.js';
import { BufferArea } from './buffer-area.js';
import { BufferLine, type BufferWaiter } from './buffer-line.js';

export type { BufferWaiter } from './buffer-line.js';

import type { NativeRing } from '../../native/binding.js';

export const ENTRY_WORDS = 4;
/** Of an entry: the word whose first half is the buffer's number. */
const ID_WORD = 3;
const PAGE_BYTES = 4096;
/** Where the tail lies: over the last two bytes of the first entry (io_uring_register(2)). */
const TAIL_HALFWORD = 7;
const CACHE_LINE_BYTES = 64;
/** Buffers taken between two looks at whether an area can go: this many rounds through all of them. */
const SHRINK_AFTER_ROUNDS = 16;

function roundUp(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/** How many entries a ring of buffers has: room for as many as there may ever be. */
export function bufferRingEntries({ count, countMax }: ReceiveBufferSettings): number {
  return 2 ** Math.ceil(Math.log2(Math.max(Math.floor(countMax / count) * count, 2)));
}

/** Memory for so many entries. The kernel wants whole pages; an ArrayBuffer of ours begins anywhere. */
export function bufferRingMemory(entries: number): Uint32Array {
  const ringBytes = entries * ENTRY_WORDS * 4;
  const unaligned = new Uint8Array(ringBytes + PAGE_BYTES);
  const start = roundUp(addressOf(unaligned), PAGE_BYTES) - addressOf(unaligned);
  return new Uint32Array(unaligned.buffer, start, ringBytes / 4);
}

export class ProvidedBuffers {
  readonly groupId: number;
  /** Bytes that the kernel may fill of each buffer, and those of them that are not the prefix. */
  readonly bufferBytes: number;
  readonly payloadBytes: number;
  readonly #native: NativeRing;
  /** Whether the kernel fills buffers in parts. */
  readonly isIncremental: boolean;
  readonly #strideBytes: number;
  /** Buffers of an area; buffer `id` is the `id % areaCount`-th of area `id / areaCount`. */
  readonly #areaCount: number;
  readonly #areasMax: number;
  readonly #hasHugePages: boolean;
  readonly #areas: BufferArea[] = [];
  readonly #ring: Uint32Array;
  readonly #ringTail: Uint16Array;
  readonly #mask: number;
  /** Of each buffer: its place in the ring; how much of it is filled; its parts, and one for the kernel. */
  readonly #places: Uint16Array;
  readonly #filledBytes: Uint32Array;
  readonly #holders: Uint32Array;
  #tail = 0;
  #isTailUnpublished = false;
  #availableCount = 0;
  /** The fewest available, and the buffers taken, since the last look. */
  #availableLeast = 0;
  #takenCount = 0;
  /** Times the kernel found no buffer. */
  exhaustions = 0;
  growths = 0;
  shrinks = 0;
  readonly #line = new BufferLine(() => this.#availableCount);
  #isRegistered = false;

  /** @param prefixBytes what the kernel writes before the payload. */
  constructor(
    native: NativeRing,
    groupId: number,
    settings: ReceiveBufferSettings,
    prefixBytes: number,
    isIncremental = false,
  ) {
    this.#native = native;
    this.isIncremental = isIncremental;
    this.groupId = groupId;
    this.bufferBytes = prefixBytes + settings.bytes;
    this.payloadBytes = settings.bytes;
    this.#strideBytes = roundUp(this.bufferBytes, CACHE_LINE_BYTES);
    this.#areaCount = settings.count;
    this.#areasMax = Math.floor(settings.countMax / settings.count);
    this.#hasHugePages = settings.hugePages;

    const entries = bufferRingEntries(settings);
    this.#mask = entries - 1;
    this.#places = new Uint16Array(entries);
    this.#filledBytes = new Uint32Array(entries);
    this.#holders = new Uint32Array(entries);
    this.#ring = bufferRingMemory(entries);
    this.#ringTail = new Uint16Array(this.#ring.buffer, this.#ring.byteOffset, this.#ring.length * 2);
    this.#addArea();
    this.publish();
  }

  /** Makes the buffers known to the kernel: 0, or a negative errno. */
  register(): number {
    const { groupId, isIncremental } = this;
    const entries = this.#mask + 1;
    const result = this.#native.registerBufferRing(groupId, addressOf(this.#ring), entries, isIncremental);
    this.#isRegistered = result >= 0;
    return result;
  }

  unregister(): void {
    if (!this.#isRegistered) return;
    this.#isRegistered = false;
    this.#native.unregisterBufferRing(this.groupId);
  }

  /** Buffers there are, in the kernel's hands or ours. */
  get count(): number {
    return this.#areas.length * this.#areaCount;
  }

  /** Buffers that the kernel has not handed out, as far as its completions have told. */
  get availableCount(): number {
    return this.#availableCount;
  }

  /** The first area is nearly always the only one, and a division costs more than all else here. */
  #areaIndex(id: number): number {
    return id < this.#areaCount ? 0 : Math.floor(id / this.#areaCount);
  }

  /** The memory that a buffer lies in, at `offsetOf(id)`. */
  areaOf(id: number): BufferArea {
    return this.#areas[this.#areaIndex(id)] as BufferArea;
  }

  offsetOf(id: number): number {
    return this.#indexInArea(id) * this.#strideBytes;
  }

  #indexInArea(id: number): number {
    return id < this.#areaCount ? id : id % this.#areaCount;
  }

  /**
   * Notes that a completion has put a part of `bytes` into a buffer of an incremental ring, and whether the
   * kernel goes on filling it. Completions come in the order in which the kernel filled buffers.
   *
   * @returns where the part begins in the buffer's area. It is given back by itself.
   */
  takePart(id: number, bytes: number, isKept: boolean): number {
    const filled = this.#filledBytes[id] as number;
    this.#filledBytes[id] = filled + bytes;
    if (isKept) this.#holders[id] = (this.#holders[id] as number) + 1;
    else this.noteTaken();
    return this.offsetOf(id) + filled;
  }

  /** The buffer that the kernel has filled after this one, in the same bundle. */
  next(id: number): number {
    const place = ((this.#places[id] as number) + 1) & this.#mask;
    return this.#ringTail[(place * ENTRY_WORDS + ID_WORD) * 2] as number;
  }

  /** Notes that a completion has handed out a buffer. */
  noteTaken(): void {
    this.#availableCount--;
    if (this.#availableCount < this.#availableLeast) this.#availableLeast = this.#availableCount;
    if (++this.#takenCount >= SHRINK_AFTER_ROUNDS * this.count) this.#considerShrinking();
  }

  /** Gives a buffer, or a part of one, back. The kernel sees it after `publish`. */
  giveBack(id: number): void {
    const holders = (this.#holders[id] as number) - 1;
    this.#holders[id] = holders;
    if (holders > 0) return;
    const area = this.areaOf(id);
    if (area.isLeaving) this.#keepOut(area, id);
    else this.#append(id, area);
  }

  #append(id: number, area: BufferArea): void {
    const place = this.#tail & this.#mask;
    const at = place * ENTRY_WORDS;
    this.#places[id] = place;
    this.#filledBytes[id] = 0;
    this.#holders[id] = 1;
    writeWide(this.#ring, at, area.address + this.offsetOf(id));
    this.#ring[at + 2] = this.bufferBytes;
    // Only the identifier's half of the word: the other half of the first entry is the tail.
    this.#ringTail[(at + ID_WORD) * 2] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.#availableCount++;
    this.#isTailUnpublished = true;
  }

  #addArea(): void {
    const first = this.#areas.length * this.#areaCount;
    const area = new BufferArea(this.#strideBytes * this.#areaCount, this.#hasHugePages);
    this.#areas.push(area);
    for (let i = 0; i < this.#areaCount; i++) this.#append(first + i, area);
  }

  /** The kernel has found no buffer: another area if that is allowed, or the one that is leaving. */
  grow(): void {
    this.exhaustions++;
    this.#line.noteExhausted();
    this.#availableLeast = 0;
    this.#takenCount = 0;
    const last = this.#areas.at(-1) as BufferArea;
    if (last.isLeaving) {
      last.isLeaving = false;
      const first = (this.#areas.length - 1) * this.#areaCount;
      for (const index of last.takeKeptOut()) this.#append(first + index, last);
    } else if (this.#areas.length < this.#areasMax) {
      this.growths++;
      this.#addArea();
    }
    this.publish();
  }

  #considerShrinking(): void {
    const last = this.#areas.at(-1) as BufferArea;
    const hasSpareArea = this.#areas.length > 1 && this.#availableLeast >= this.#areaCount;
    if (hasSpareArea && !last.isLeaving) last.isLeaving = true;
    this.#availableLeast = this.#availableCount;
    this.#takenCount = 0;
  }

  #keepOut(area: BufferArea, id: number): void {
    area.keepOut(this.#indexInArea(id));
    if (area.keptOutCount < this.#areaCount) return;
    // Nothing here refers to the last area any more; leased messages keep its memory by themselves.
    this.#areas.pop();
    this.shrinks++;
  }

  /** Whether buffers have been given back that the kernel does not see yet. */
  get hasUnpublished(): boolean {
    return this.#isTailUnpublished;
  }

  /** Lets the kernel have what was given back, and tells those that wait for it. */
  publish(): void {
    if (!this.#isTailUnpublished) return;
    this.#isTailUnpublished = false;
    // Atomics: the kernel must see the entries before it sees the tail that covers them.
    Atomics.store(this.#ringTail, TAIL_HALFWORD, this.#tail);
    this.#line.callSoon();
  }

  /**
   * Calls `waiter` when there is a buffer and its turn has come. One buffer is enough, because the others
   * may be held for good; those given back in the same turn still come before the receive is submitted.
   *
   * @param wasServed whether its last receive brought anything.
   */
  whenAvailable(waiter: BufferWaiter, wasServed = true): void {
    this.#line.join(waiter, wasServed);
  }

  forget(waiter: BufferWaiter): void {
    this.#line.leave(waiter);
  }
}
