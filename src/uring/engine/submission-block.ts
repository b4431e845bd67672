/**
 * The block of staged submission entries that TypeScript fills and native code empties, and the words of
 * the control block that belong to it. Native code takes what is staged once a turn of the loop; it is
 * called from here only when the block is full, when a batch is, or when nothing else wakes the loop.
 */
import type { NativeRing } from '../../native/binding.js';
import {
  CANCEL_ALL,
  CANCEL_FD,
  CANCEL_FD_FIXED,
  CONTROL_HOLDERS,
  CONTROL_IS_HELD,
  CONTROL_SUBMISSION_HEAD,
  CONTROL_SUBMISSION_TAIL,
  GENERATION_FOLLOWED,
  OP_ASYNC_CANCEL,
  OP_CLOSE,
  SLOT_UNTRACKED,
  SQE_BYTES,
  SQE_CQE_SKIP_SUCCESS,
  SQE_FILE_INDEX,
  SQE_GENERATION,
  SQE_SLOT,
  SQE_WORDS_SHIFT,
} from '../../native/layout.js';
import type { Dispatcher } from './dispatcher.js';
import { fillEntry } from './operation.js';
import type { Ticket } from './ticket.js';

/** Portions in which an SQ thread gets what is in flight. */
const SQ_THREAD_SHARES = 4;

export class SubmissionBlock {
  readonly words: Uint32Array;
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
  stage(ticket: Ticket<unknown>, dispatcher: Dispatcher): void {
    const words = this.words;
    const control = this.#control;
    const tail = control[CONTROL_SUBMISSION_TAIL] as number;
    const { operation, entriesLeft, slot, markedGeneration } = ticket;
    for (let index = 0; index < entriesLeft; index++) {
      const at = ((tail + index) & this.#mask) << SQE_WORDS_SHIFT;
      operation.fill(words, at, dispatcher, index);
      words[at + SQE_SLOT] = slot;
      words[at + SQE_GENERATION] =
        index < entriesLeft - 1 ? markedGeneration : markedGeneration & ~GENERATION_FOLLOWED;
    }
    control[CONTROL_SUBMISSION_TAIL] = tail + entriesLeft;
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

  /** Stages a request to end one operation; false when there is no room for it. */
  stageCancel({ slot, markedGeneration }: Ticket<unknown>): boolean {
    if (!this.hasRoom(1)) return false;
    const at = this.#stageRequest(OP_ASYNC_CANCEL, -1, 0, slot);
    // The target is named by its user_data, in the address words.
    this.words[at + 4] = slot;
    this.words[at + 5] = markedGeneration;
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
    const flags = CANCEL_FD | CANCEL_ALL | (isFixed ? CANCEL_FD_FIXED : 0);
    this.#stageRequest(OP_ASYNC_CANCEL, isFixed ? fixedIndex : fd, flags, SLOT_UNTRACKED);
    return true;
  }

  /** Stages a request to close what a slot of the file table holds; false when there is no room for it. */
  stageDirectClose(fixedIndex: number): boolean {
    if (!this.hasRoom(1)) return false;
    const at = this.#stageRequest(OP_CLOSE, 0, 0, SLOT_UNTRACKED);
    this.words[at + SQE_FILE_INDEX] = fixedIndex + 1;
    return true;
  }

  /** Where the words of a new request are. It holds no slot; `target` comes back with its failure. */
  #stageRequest(opcode: number, fd: number, flags: number, target: number): number {
    const control = this.#control;
    const tail = control[CONTROL_SUBMISSION_TAIL] as number;
    const at = (tail & this.#mask) << SQE_WORDS_SHIFT;
    fillEntry(this.words, at, opcode | SQE_CQE_SKIP_SUCCESS, fd, 0, 0, flags);
    this.words[at + SQE_SLOT] = SLOT_UNTRACKED;
    this.words[at + SQE_GENERATION] = target;
    control[CONTROL_SUBMISSION_TAIL] = tail + 1;
    // The loop must come round for a staged request that holds nothing by itself.
    if (control[CONTROL_IS_HELD] === 0) this.#native.hold();
    return at;
  }

  /** Keeps the process alive for one more; `unhold` must follow. */
  hold(): void {
    const control = this.#control;
    control[CONTROL_HOLDERS] = (control[CONTROL_HOLDERS] as number) + 1;
    if (control[CONTROL_IS_HELD] === 0) this.#native.hold();
  }

  /** The loop itself lets go at the ring's next turn. */
  unhold(): void {
    this.#control[CONTROL_HOLDERS] = (this.#control[CONTROL_HOLDERS] as number) - 1;
  }
}
