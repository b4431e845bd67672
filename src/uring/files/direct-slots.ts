/**
 * Slots of the ring's file table in which whole-file operations open files without a descriptor: direct
 * descriptors. They lie behind the slots that `registeredFds` asks for, and a ring without these gets its
 * table at the first use.
 *
 * One keeps its file open until it is closed. The close is staged before it is free again, and the
 * kernel takes entries in order and closes one at once: so no later open can find it occupied.
 */
import type { NativeRing } from '../../native/binding.js';
import type { BatchListener } from '../engine/completion-block.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { closeOfSlot } from '../engine/slot-close.js';
import type { Trials } from '../trials.js';

/** As many whole-file operations at once are worth having; each holds a slab of memory, too. */
export const DIRECT_SLOTS_MAX = 512;
/** For a process that may open only a few files: a table counts against that limit (io_uring_register(2)). */
const DIRECT_SLOTS_FEW = 32;
const RETRY_MS = 1;

export const NO_DIRECT_SLOT = -1;

export class DirectSlots implements BatchListener {
  readonly #native: NativeRing;
  readonly #dispatcher: Dispatcher;
  /** Where they begin in the table. */
  readonly #start: number;
  readonly #isAwaited: boolean;
  #slotCount: number | undefined;
  #touchedCount = 0;
  readonly #free: number[] = [];
  /** To be closed as soon as there is room for the request. */
  #unclosed: number[] = [];
  isListening = false;

  /**
   * @param start how many slots the table has before them.
   * @param slotCount how many there are, or undefined for a ring that has no table yet.
   * @param isAwaited whether an SQ thread takes the requests, in its own time.
   */
  constructor(
    native: NativeRing,
    dispatcher: Dispatcher,
    start: number,
    slotCount: number | undefined,
    isAwaited: boolean,
  ) {
    this.#native = native;
    this.#dispatcher = dispatcher;
    this.#start = start;
    this.#slotCount = slotCount;
    this.#isAwaited = isAwaited;
  }

  /** A place in the file table, or NO_DIRECT_SLOT when there is none: then a descriptor has to do. */
  acquire(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#slotCount ??= registerSlots(this.#native, this.#dispatcher.trials);
    if (this.#touchedCount >= this.#slotCount) return NO_DIRECT_SLOT;
    return this.#start + this.#touchedCount++;
  }

  /** Gives back a direct descriptor with which nothing is open. */
  release(index: number): void {
    this.#free.push(index);
  }

  /**
   * Closes what is open with one: before the code runs that awaits this batch of completions, or, where an
   * SQ thread does it in its own time, by the time the promise is fulfilled.
   */
  close(index: number): Promise<void> | undefined {
    if (this.#dispatcher.isClosed) return undefined;
    if (this.#isAwaited) {
      return this.#dispatcher.submitAnyway(closeOfSlot(index)).finally(() => this.release(index));
    }
    if (this.#dispatcher.closeDirect(index)) {
      this.#free.push(index);
      this.#dispatcher.completions.listen(this);
    } else {
      this.#unclosed.push(index);
      if (this.#unclosed.length === 1) setTimeout(() => this.#closeUnclosed(), RETRY_MS);
    }
    return undefined;
  }

  #closeUnclosed(): void {
    const unclosed = this.#unclosed;
    this.#unclosed = [];
    for (const index of unclosed) void this.close(index);
  }

  afterBatch(): void {
    this.#dispatcher.submitStaged();
  }
}

/** Makes the table of a ring that has none. Returns how many slots it has. */
function registerSlots(native: NativeRing, trials: Trials): number {
  if (trials.keepsClosedFiles) return 0;
  for (const count of [DIRECT_SLOTS_MAX, DIRECT_SLOTS_FEW]) {
    if (native.registerFiles(count) >= 0) return count;
  }
  return 0;
}
