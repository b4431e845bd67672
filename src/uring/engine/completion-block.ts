/** The block of completions that native code fills, a batch at a time: hands them out, and tells when a batch is through. */
import { ENOENT } from '../../base/errno.js';
import {
  CONTROL_COMPLETIONS,
  CONTROL_RECEIVED,
  CQE_BYTES,
  CQE_MORE,
  CQE_WORDS_SHIFT,
  GENERATION_ENTRY_SHIFT,
  GENERATION_MASK,
  OPERATION_ENTRIES_MAX,
  SLOT_UNTRACKED,
} from '../../native/layout.js';
import type { CancelRequests } from './cancel-requests.js';
import type { PendingOperations } from './pending-operations.js';
import type { SlotTable } from './slot-table.js';

const ENTRY_MASK = OPERATION_ENTRIES_MAX - 1;

/** Something that acts on completions once their batch is through. */
export interface BatchListener {
  /** Whether it waits for the end of the batch at hand. The block's own. */
  isListening: boolean;
  afterBatch(): void;
}

/** Something that is told of every batch, once it has been handed out. */
export interface BatchObserver {
  onBatch(completionCount: number): void;
}

export class CompletionBlock {
  readonly words: Int32Array;
  readonly #control: Uint32Array;
  readonly #slots: SlotTable;
  readonly #pending: PendingOperations<object>;
  readonly #cancels: CancelRequests;
  readonly #observers: BatchObserver[] = [];
  #listeners: BatchListener[] = [];
  /** Completions of what the ring knows nothing of. */
  staleCount = 0;

  constructor(
    control: Uint32Array,
    batchMax: number,
    slots: SlotTable,
    pending: PendingOperations<object>,
    cancels: CancelRequests,
  ) {
    this.words = new Int32Array((batchMax * CQE_BYTES) / 4);
    this.#control = control;
    this.#slots = slots;
    this.#pending = pending;
    this.#cancels = cancels;
  }

  /** Has `observer.onBatch` called after every batch from now on. */
  observe(observer: BatchObserver): void {
    this.#observers.push(observer);
  }

  /** Has `listener.afterBatch` called once, when the completions at hand have been handed out. */
  listen(listener: BatchListener): void {
    if (listener.isListening) return;
    listener.isListening = true;
    this.#listeners.push(listener);
  }

  /** Datagrams of the batch at hand, of which those that are not answered are worth waiting for; see `coalesce`. */
  noteReceived(count: number): void {
    this.#control[CONTROL_RECEIVED] = (this.#control[CONTROL_RECEIVED] as number) + count;
  }

  /** Something was sent that is no operation, maybe to the peer that we have just received from. */
  noteAnswered(): void {
    this.#control[CONTROL_RECEIVED] = 0;
  }

  /** Settles operations from the batch at hand. */
  handOut(): void {
    const { words } = this;
    const count = this.#control[CONTROL_COMPLETIONS] as number;
    for (let i = 0; i < count; i++) {
      const at = i << CQE_WORDS_SHIFT;
      const slot = (words[at] as number) >>> 0;
      const marked = words[at + 1] as number;
      const generation = marked & GENERATION_MASK;
      const result = words[at + 2] as number;
      const flags = words[at + 3] as number;
      const ticket = this.#slots.at(slot);
      if (ticket === undefined || ticket.generation !== generation) {
        this.#completeUntracked(slot, marked >>> 0, result);
        continue;
      }
      if ((flags & CQE_MORE) === 0 && --ticket.entriesLeft === 0) {
        this.#slots.release(ticket);
        this.#pending.leave(ticket);
      }
      try {
        ticket.operation.complete(result, flags, (marked >>> GENERATION_ENTRY_SHIFT) & ENTRY_MASK);
      } catch (error) {
        // Our own fault; the others of the batch must settle all the same.
        process.nextTick(() => {
          throw error;
        });
      }
    }
    for (const observer of this.#observers) observer.onBatch(count);
    if (this.#listeners.length === 0) return;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) {
      listener.isListening = false;
      listener.afterBatch();
    }
  }

  #completeUntracked(slot: number, target: number, result: number): void {
    if (slot !== SLOT_UNTRACKED) {
      this.staleCount++;
      return;
    }
    // A failed cancel request. ENOENT for a target that is still pending: it was on its way between
    // two places where the kernel looks, so ask again.
    const ticket = result === ENOENT ? this.#slots.at(target) : undefined;
    if (ticket !== undefined) this.#cancels.retry(ticket, target);
  }
}
