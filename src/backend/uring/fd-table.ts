/**
 * The ring's registered-file table: which slot stands for which descriptor.
 *
 * A registered slot spares each operation the kernel's descriptor look-up, and keeps the file open until
 * it is cleared. When the table is full, or the kernel refuses a descriptor, the descriptor is simply used
 * as it is, and the next one tries again.
 */
import type { FdTableStats } from '../backend.js';
import type { NativeRing } from './binding.js';

export const NOT_REGISTERED = -1;

export class FdTable {
  readonly #native: NativeRing;
  readonly #slotCount: number;
  readonly #freeSlots: number[] = [];
  #slotsTouched = 0;
  #exhaustionCount = 0;
  #refusalCount = 0;
  readonly #entries = new Map<number, { index: number; users: number }>();

  /** @param slotCount 0 for a ring without a table. */
  constructor(native: NativeRing, slotCount: number) {
    this.#native = native;
    this.#slotCount = slotCount;
  }

  get usedCount(): number {
    return this.#entries.size;
  }

  get stats(): FdTableStats {
    return {
      slots: this.#slotCount,
      used: this.usedCount,
      free: this.#slotCount - this.usedCount,
      exhaustions: this.#exhaustionCount,
      refusals: this.#refusalCount,
    };
  }

  /** The descriptor's slot, shared by all its users, or NOT_REGISTERED. */
  acquire(fd: number): number {
    if (this.#slotCount === 0) return NOT_REGISTERED;
    const existing = this.#entries.get(fd);
    if (existing) {
      existing.users++;
      return existing.index;
    }
    const index = this.#freeSlots.pop() ?? (this.#slotsTouched < this.#slotCount ? this.#slotsTouched++ : -1);
    if (index < 0) {
      this.#exhaustionCount++;
      return NOT_REGISTERED;
    }
    if (this.#native.updateFile(index, fd) < 0) {
      this.#refusalCount++;
      this.#freeSlots.push(index);
      return NOT_REGISTERED;
    }
    this.#entries.set(fd, { index, users: 1 });
    return index;
  }

  /** Gives up one use; the last one clears the slot, so that the file can really close. */
  release(fd: number): void {
    const entry = this.#entries.get(fd);
    if (!entry || --entry.users > 0) return;
    this.#entries.delete(fd);
    this.#native.updateFile(entry.index, -1);
    this.#freeSlots.push(entry.index);
  }
}
