/**
 * The block of staged submission entries that TypeScript fills and native code empties, and the words of
 * the control block that belong to it. Native code takes what is staged once a turn of the loop; it is
 * called from here only when the block is full, when a batch is, or when nothing else wakes the loop.
 */
import type { NativeRing } from '../../native/binding.js';
import {
  CONTROL_REFS,
  CONTROL_IS_LOOP_REF,
  CONTROL_SUBMISSION_HEAD,
  CONTROL_SUBMISSION_TAIL,
  SLOT_UNTRACKED,
} from '../../native/layout.js';
import {
  CANCEL_FD_FIXED,
  prepCancel,
  prepCancelFd,
  prepCloseDirect,
  SQE_BYTES,
  SQE_CQE_SKIP_SUCCESS,
  SQE_GENERATION,
  SQE_SLOT,
  SQE_WORDS_SHIFT,
  type Sqe,
} from '../../native/sqe.js';
import type { SlotStorage } from './slot-storage.js';
import type { Ticket } from './ticket.js';

/** Portions in which an SQ thread gets what is in flight. */
const SQ_THREAD_SHARES = 4;

export class SubmissionBlock {
  readonly words: Uint32Array;
  /** The entry at hand. */
  readonly #sqe: Sqe;
  /** Entries that can be staged at once. */
  readonly capacity: number;
  readonly #mask: number;
  readonly #control: Uint32Array;
  readonly #native: NativeRing;
  readonly #batchMax: number;
  readonly #isPolled: boolean;

  /**
   * @param entriesMin of the ring as the kernel made it: any chain that fits there can be staged.
   * @param isPolled whether a kernel thread takes what is handed over, while we go on.
   */
  constructor(
    native: NativeRing,
    control: Uint32Array,
    batchMax: number,
    entriesMin: number,
    isPolled: boolean,
  ) {
    this.#native = native;
    this.#control = control;
    this.#batchMax = batchMax;
    this.#isPolled = isPolled;
    // Twice the batch, so that cancel requests find room behind a batch that has just been filled.
    this.capacity = 2 ** Math.ceil(Math.log2(Math.max(batchMax * 2, entriesMin)));
    this.words = new Uint32Array((this.capacity * SQE_BYTES) / 4);
    this.#sqe = { words: this.words, at: 0 };
    this.#mask = this.capacity - 1;
  }

  #stagedCount(): number {
    const control = this.#control;
    const tail = control[CONTROL_SUBMISSION_TAIL] as number;
    return (tail - (control[CONTROL_SUBMISSION_HEAD] as number)) >>> 0;
  }

  get isEmpty(): boolean {
    return this.#stagedCount() === 0;
  }

  /** Whether `count` entries fit, once what is staged has been handed over if need be. */
  hasRoom(count: number): boolean {
    if (this.#stagedCount() + count <= this.capacity) return true;
    this.#native.submit();
    return this.#stagedCount() + count <= this.capacity;
  }

  /** Where the next entry goes. */
  get tail(): number {
    return this.#control[CONTROL_SUBMISSION_TAIL] as number;
  }

  /** Takes back what has been staged since `tail` was the tail, and has not been handed over. */
  unstage(tail: number): void {
    this.#control[CONTROL_SUBMISSION_TAIL] = tail;
  }

  /** Stages an operation's entries. There must be room. Where filling one throws, nothing has been staged. */
  stage(ticket: Ticket<unknown>, storage: SlotStorage): void {
    const words = this.words;
    const sqe = this.#sqe;
    const control = this.#control;
    const tail = control[CONTROL_SUBMISSION_TAIL] as number;
    const { operation, entryCount, slot } = ticket;
    for (let index = 0; index < entryCount; index++) {
      const at = ((tail + index) & this.#mask) << SQE_WORDS_SHIFT;
      sqe.at = at;
      operation.fill(sqe, storage, index);
      words[at + SQE_SLOT] = slot;
      words[at + SQE_GENERATION] = ticket.markedGenerationOf(index);
    }
    control[CONTROL_SUBMISSION_TAIL] = tail + entryCount;
  }

  /**
   * Hands over what is staged if it makes a batch. For an SQ thread a quarter of what is in flight makes one:
   * it works on that while we stage the rest. With all of it at once, each side would wait for the other.
   */
  submitIfBatch(inFlightCount: number): void {
    const count = this.#stagedCount();
    const isShare = this.#isPolled && count * SQ_THREAD_SHARES >= inFlightCount;
    if (isShare || count >= this.#batchMax) this.#native.submit();
  }

  /** Hands over what is staged; whether the kernel has taken all of it. */
  submit(): boolean {
    return this.#native.submit();
  }

  /** Stages a request to end an entry; false when there is no room for it. */
  stageCancel({ slot }: Ticket<unknown>, markedGeneration: number): boolean {
    if (!this.hasRoom(1)) return false;
    prepCancel(this.#next(), SQE_CQE_SKIP_SUCCESS, slot, markedGeneration);
    this.#stageRequest(slot);
    return true;
  }

  /**
   * Stages a request to end all operations of a descriptor; false when there is no room for it.
   *
   * @param fixedIndex its place in the registered-file table, or a negative number.
   */
  stageFdCancel(fd: number, fixedIndex: number): boolean {
    if (!this.hasRoom(1)) return false;
    const isFixed = fixedIndex >= 0;
    const cancelFlags = isFixed ? CANCEL_FD_FIXED : 0;
    prepCancelFd(this.#next(), isFixed ? fixedIndex : fd, SQE_CQE_SKIP_SUCCESS, cancelFlags);
    this.#stageRequest(SLOT_UNTRACKED);
    return true;
  }

  /** Stages a request to close a direct descriptor; false when there is no room for it. */
  stageDirectClose(fixedIndex: number): boolean {
    if (!this.hasRoom(1)) return false;
    prepCloseDirect(this.#next(), fixedIndex, SQE_CQE_SKIP_SUCCESS);
    this.#stageRequest(SLOT_UNTRACKED);
    return true;
  }

  #next(): Sqe {
    this.#sqe.at = (this.tail & this.#mask) << SQE_WORDS_SHIFT;
    return this.#sqe;
  }

  /** What `#next` has, as a request that holds no slot; `target` comes back with its failure. */
  #stageRequest(target: number): void {
    const { words, at } = this.#sqe;
    words[at + SQE_SLOT] = SLOT_UNTRACKED;
    words[at + SQE_GENERATION] = target;
    const control = this.#control;
    control[CONTROL_SUBMISSION_TAIL] = this.tail + 1;
    // The loop must come round for a staged request that holds nothing by itself.
    if (control[CONTROL_IS_LOOP_REF] === 0) this.#native.refLoop();
  }

  /** Keeps the process alive for one more; `unref` must follow. */
  ref(): void {
    const control = this.#control;
    control[CONTROL_REFS] = (control[CONTROL_REFS] as number) + 1;
    if (control[CONTROL_IS_LOOP_REF] === 0) this.#native.refLoop();
  }

  /** The loop itself lets go at the ring's next turn. */
  unref(): void {
    this.#control[CONTROL_REFS] = (this.#control[CONTROL_REFS] as number) - 1;
  }
}
