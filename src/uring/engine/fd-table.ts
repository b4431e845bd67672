/**
 * The ring's registered-file table: which slot stands for which descriptor.
 *
 * A registered slot spares each operation the kernel's descriptor look-up, and keeps the file open until
 * it is cleared. When the table is full, or the kernel refuses a descriptor, the descriptor is simply used
 * as it is, and the next one tries again.
 */
import type { FdTableStats } from '../../contract/backend.js';
import type { NativeRing } from '../../native/binding.js';
import { SQE_FIXED_FILE } from '../../native/sqe.js';

const NOT_REGISTERED = -1;

/** How submission entries name an open file or socket. */
export interface FdReference {
  /** What stands where an entry has its descriptor: a slot of the table, or the descriptor itself. */
  readonly target: number;
  /** Says which. */
  readonly flags: number;
  /** The slot, or a negative number. */
  readonly fixedIndex: number;
}

/** One that makes no use of a table. */
export function unregistered(fd: number): FdReference {
  return { target: fd, flags: 0, fixedIndex: NOT_REGISTERED };
}

export class FdTable {
  readonly #native: NativeRing;
  readonly slotCount: number;
  readonly #freeSlots: number[] = [];
  #slotsTouched = 0;
  #exhaustionCount = 0;
  #refusalCount = 0;
  /** Slots of files without a descriptor. */
  #reservedCount = 0;
  readonly #entries = new Map<number, { index: number; users: number }>();

  /** @param slotCount 0 for a ring without a table. */
  constructor(native: NativeRing, slotCount: number) {
    this.#native = native;
    this.slotCount = slotCount;
  }

  get usedCount(): number {
    return this.#entries.size + this.#reservedCount;
  }

  get freeCount(): number {
    return this.slotCount - this.usedCount;
  }

  get stats(): FdTableStats {
    return {
      slots: this.slotCount,
      used: this.usedCount,
      free: this.freeCount,
      exhaustions: this.#exhaustionCount,
      refusals: this.#refusalCount,
    };
  }

  /** By a slot, shared by all users of the descriptor, if there is one to have. `release` must follow. */
  acquire(fd: number): FdReference {
    const index = this.slotCount === 0 ? NOT_REGISTERED : this.#acquireSlot(fd);
    if (index === NOT_REGISTERED) return unregistered(fd);
    return { target: index, flags: SQE_FIXED_FILE, fixedIndex: index };
  }

  #acquireSlot(fd: number): number {
    const existing = this.#entries.get(fd);
    if (existing) {
      existing.users++;
      return existing.index;
    }
    const index = this.#takeSlot();
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

  #takeSlot(): number {
    return this.#freeSlots.pop() ?? (this.#slotsTouched < this.slotCount ? this.#slotsTouched++ : -1);
  }

  /** A slot for a file that has no descriptor, or a negative number. `giveBack` must follow, when it is empty again. */
  reserve(): number {
    const index = this.#takeSlot();
    if (index >= 0) this.#reservedCount++;
    return index;
  }

  giveBack(index: number): void {
    this.#reservedCount--;
    this.#freeSlots.push(index);
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
