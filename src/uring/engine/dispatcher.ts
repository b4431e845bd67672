/**
 * The TypeScript half of a ring: puts operations into the submission block in order, and has the completion
 * block settle them.
 *
 * An operation takes a request slot when it starts and gives it back at its terminal completion; operations
 * beyond the slots wait in order. No call into native code is made for an operation, except to wake an
 * idle loop and to empty a full block.
 */

import { EAGAIN } from '../../base/errno.js';
import { isAborted } from '../../base/plain-signal.js';
import { Observation } from '../../contract/observation.js';
import type { LoopRefs } from '../../contract/polls.js';
import { abortError, credentialsError, ringClosedError, systemError } from '../../errors/index.js';
import type { NativeRing } from '../../native/binding.js';
import { CONTROL_FAILURE, CONTROL_WORDS, OPERATION_ENTRIES_MAX } from '../../native/layout.js';
import type { Identity } from '../identity.js';
import type { Trials } from '../trials.js';
import { CancelRequests } from './cancel-requests.js';
import { Cancels } from './cancels.js';
import { CompletionBlock } from './completion-block.js';
import type { Operation } from './operation.js';
import { PendingOperations } from './pending-operations.js';
import { noteClosed, SettleLink } from './settle-link.js';
import { SlotStorage } from './slot-storage.js';
import { SlotTable } from './slot-table.js';
import { SubmissionBlock } from './submission-block.js';
import { NO_SLOT, type Ticket } from './ticket.js';
import { WaitingOperations } from './waiting-operations.js';

interface DispatcherOptions {
  trials: Trials;
  inFlightMax: number;
  submitBatchMax: number;
  drainBatchMax: number;
}

export class Dispatcher implements LoopRefs {
  readonly storage = new SlotStorage();
  readonly observation: Observation;
  /** What the ring's kernel gets right. */
  readonly trials: Trials;
  readonly control = new Uint32Array(CONTROL_WORDS);
  readonly #native: NativeRing;
  /** Of a ring whose requests a kernel thread makes. */
  readonly #identity: Identity | undefined;
  readonly #block: SubmissionBlock;
  readonly slots: SlotTable;
  readonly #waiting = new WaitingOperations();
  readonly cancelRequests: CancelRequests;
  readonly #link = new SettleLink<Dispatcher>(this);
  readonly #pending: PendingOperations<Dispatcher>;
  readonly completions: CompletionBlock;
  readonly cancels: Cancels;
  #isClosing = false;
  #isClosed = false;
  #opcodes: readonly boolean[] | undefined;

  /**
   * @param submissionEntries of the ring as the kernel made it.
   * @param identity of a ring whose requests a kernel thread makes.
   */
  constructor(
    native: NativeRing,
    options: DispatcherOptions,
    submissionEntries: number,
    identity?: Identity,
  ) {
    this.trials = options.trials;
    this.observation = new Observation(options.trials.kernel);
    this.#native = native;
    this.#identity = identity;
    this.#block = new SubmissionBlock(
      native,
      this.control,
      options.submitBatchMax,
      submissionEntries,
      identity !== undefined,
    );
    this.slots = new SlotTable(options.inFlightMax);
    this.cancelRequests = new CancelRequests(this.#block);
    this.#pending = new PendingOperations(this, this.#link, this.#block);
    this.completions = new CompletionBlock(
      this.control,
      options.drainBatchMax,
      this.slots,
      this.#pending,
      this.cancelRequests,
    );
    this.cancels = new Cancels(this.cancelRequests, this.slots, this.#waiting, this.#pending);
  }

  /** False when the event loop refuses the ring's descriptor. */
  start(): boolean {
    const link = this.#link;
    return this.#native.start(this.control, this.#block.words, this.completions.words, () => {
      const { target } = link;
      if (target !== undefined) target.#settle();
    });
  }

  /** Operations that have not settled, in the kernel or waiting. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  get waitingCount(): number {
    return this.#waiting.count;
  }

  /** Refuses new work; what was under way may still be. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Whether a kernel thread takes what is handed over, in its own time. */
  get isPolled(): boolean {
    return this.#identity !== undefined;
  }

  /** The ring itself is gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the kernel has an opcode, by its own probe (io_uring_register(2)). */
  supportsOp(opcode: number): boolean {
    this.#opcodes ??= this.#native.opcodes();
    return this.#opcodes[opcode] === true;
  }

  /**
   * Entries that an operation may have now, which all start together: no more than there are places free, because what
   * has the others may wait for a peer, and for what stands behind this operation in the line.
   */
  get entriesMax(): number {
    const freeCount = this.#waiting.count > 0 ? 1 : this.slots.freeCount;
    return Math.max(1, Math.min(OPERATION_ENTRIES_MAX, freeCount, this.#block.capacity));
  }

  /** Whether an operation made inline would overtake none, and escape no watcher. */
  get canGoInline(): boolean {
    return this.#block.isEmpty && this.waitingCount === 0 && !this.#isClosing && !this.observation.isWanted;
  }

  submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    if (!this.observation.isWanted) return this.#submit(operation, signal);
    return this.observation.observe(operation.describe(), () => this.#submit(operation, signal));
  }

  /** The same for an operation that tells its owner what has become of it, and that is not awaited. */
  begin(operation: Operation<unknown>): void {
    if (this.observation.isWanted) void this.submit(operation, undefined);
    else this.launch(operation, undefined);
  }

  #submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    this.launch(operation, signal);
    return operation.promise;
  }

  /** The same, unwatched: for a part of a call that is watched as a whole. */
  launch(operation: Operation<unknown>, signal: AbortSignal | undefined): void {
    const refusal = this.#refusal(operation, signal);
    if (refusal !== undefined) {
      operation.failWith(refusal);
      return;
    }
    const { ticket } = operation;
    if (signal !== undefined) ticket.watch(signal, this.cancels);
    this.#enqueue(ticket);
  }

  /** Why an operation must not begin, if there is anything. */
  #refusal(operation: Operation<unknown>, signal: AbortSignal | undefined): (() => Error) | undefined {
    if (this.#isClosing) return ringClosedError;
    if (signal !== undefined && isAborted(signal)) return () => abortError(signal);
    if (this.#identity !== undefined && operation.isByPath) return this.#refusalFor(this.#identity);
    return undefined;
  }

  /** Why the kernel must not be asked for a path: it would look at the user that the ring was made by. */
  #refusalFor(identity: Identity): (() => Error) | undefined {
    if (!identity.hasChanged) return undefined;
    const change = identity.describeChange();
    return () => credentialsError(change);
  }

  /** For what must happen even while the ring is closing, such as giving back a descriptor. */
  submitAnyway<Result>(operation: Operation<Result>): Promise<Result> {
    const submit = (): Promise<Result> => {
      this.#enqueue(operation.ticket);
      return operation.promise;
    };
    return this.observation.isWanted ? this.observation.observe(operation.describe(), submit) : submit();
  }

  /** Counts operations as pending that will be submitted later, unless they are cancelled first. */
  holdBack(operations: readonly Operation<unknown>[]): void {
    for (const { ticket } of operations) {
      this.#pending.enter(ticket);
      this.#waiting.holdBack(ticket);
    }
  }

  /**
   * Submits operations that were held back, as one link of a chain: they start together or wait together,
   * and nothing comes between them. There may be no more of them than the ring has entries and places.
   */
  submitLink(operations: readonly Operation<unknown>[]): void {
    const byPath = this.#identity && operations.find(({ isByPath }) => isByPath);
    const refusal = byPath && this.#identity && this.#refusalFor(this.#identity);
    if (byPath && refusal) {
      // What held it back takes care of the others.
      this.cancel(byPath, refusal);
      return;
    }
    const tickets = operations.map(({ ticket }) => ticket);
    for (const ticket of tickets) this.#waiting.remove(ticket);
    const [first] = tickets;
    if (first === undefined) return;
    if (this.#waiting.count === 0 && this.#canStart(first, tickets.length)) this.#startTogether(tickets);
    else for (const ticket of tickets) this.#waiting.push(ticket);
  }

  /** Native code hands over all of a link at once, or waits: it must see the whole of it. */
  #startTogether(tickets: readonly Ticket<unknown>[]): void {
    const refused = this.#stageAll(tickets);
    if (refused === undefined) this.#block.submitIfBatch(this.slots.inFlightCount);
    // What held them back takes care of the others.
    else this.#refuse(refused.ticket, refused.error);
  }

  /** All of them, or none: then which one has no memory any more. */
  #stageAll(tickets: readonly Ticket<unknown>[]): { ticket: Ticket<unknown>; error: unknown } | undefined {
    const { tail } = this.#block;
    for (const [index, ticket] of tickets.entries()) {
      try {
        this.#stage(ticket);
      } catch (error) {
        this.#block.unstage(tail);
        for (const staged of tickets.slice(0, index)) this.slots.release(staged);
        return { ticket, error };
      }
    }
    return undefined;
  }

  #enqueue(ticket: Ticket<unknown>): void {
    this.#pending.enter(ticket);
    if (this.#waiting.isNext(ticket) && this.#canStart(ticket, 1)) this.#start(ticket);
    else this.#waiting.push(ticket);
  }

  /** Keeps the process alive for something that is no operation of this ring; `unref` must follow. */
  ref(): void {
    this.#block.ref();
  }

  unref(): void {
    this.#block.unref();
  }

  /** Changes whether a pending operation keeps the process alive. */
  setRef(operation: Operation<unknown>, isRef: boolean): void {
    this.#pending.setRef(operation.ticket, isRef);
  }

  /** Whether there are places for an operation and those that start with it: `count` of one kind. */
  #canStart(ticket: Ticket<unknown>, count: number): boolean {
    return this.slots.hasPlaces(ticket, count) && this.#block.hasRoom(count * ticket.entryCount);
  }

  /** Starts an operation. Needs `#canStart(ticket, 1)`. */
  #start(ticket: Ticket<unknown>): void {
    try {
      this.#stage(ticket);
    } catch (error) {
      this.#refuse(ticket, error);
      return;
    }
    this.#block.submitIfBatch(this.slots.inFlightCount);
  }

  /**
   * Takes a slot for an operation and stages its entries.
   *
   * @throws what filling them throws: memory that a caller has given away. Then it has no slot, as before.
   */
  #stage(ticket: Ticket<unknown>): void {
    this.slots.acquire(ticket);
    try {
      this.#block.stage(ticket, this.storage);
    } catch (error) {
      this.slots.release(ticket);
      throw error;
    }
  }

  /** Settles what counts as pending and does not begin. */
  #refuse(ticket: Ticket<unknown>, error: unknown): void {
    this.#pending.leave(ticket);
    ticket.operation.failWith(() => error as Error);
  }

  /** Asks for an operation's end (cancels.ts). */
  cancel(operation: Operation<unknown>, reason: () => Error): void {
    this.cancels.cancel(operation, reason);
  }

  /** Stages the close of a direct descriptor; false when there is no room for it now. */
  closeDirect(fixedIndex: number): boolean {
    return this.#block.stageDirectClose(fixedIndex);
  }

  /** Hands over what is staged, instead of at the end of the turn; whether the kernel has taken all of it. */
  submitStaged(): boolean {
    return this.#block.submit();
  }

  /**
   * Hands over what is staged, and tells what an operation has come to ahead of its terminal completion, which
   * comes all the same.
   *
   * @param msMax how long to wait for a kernel thread that takes entries in its own time.
   * @returns undefined where that can't be told, or it goes on.
   */
  resultNow({ ticket }: Operation<unknown>, msMax: number): number | undefined {
    this.submitStaged();
    const { slot, markedGeneration } = ticket;
    const result = slot === NO_SLOT ? EAGAIN : this.#native.resultOf(slot, markedGeneration, msMax);
    return result === EAGAIN ? undefined : result;
  }

  #settle(): void {
    const failure = this.control[CONTROL_FAILURE] as number;
    if (failure !== 0) {
      this.#abandon(-failure);
      return;
    }
    this.completions.handOut();
    if (this.cancelRequests.hasUnsent) this.cancelRequests.sendUnsent();
    if (this.#waiting.count > 0) this.#startWaiting();
    this.#pending.noteBatchEnd();
  }

  #startWaiting(): void {
    for (const line of this.#waiting.lines) {
      for (let ticket = line.first; ticket !== undefined; ticket = line.first) {
        const count = ticket.operation.startCount;
        if (!this.#canStart(ticket, count)) return;
        this.#startTogether(line.take(count));
      }
    }
  }

  /** The kernel has dropped completions: nothing that is pending can be trusted to end. */
  #abandon(errno: number): void {
    this.#isClosing = true;
    const lost = this.slots.holders();
    // SAFETY: the kernel may still write into what they point at, so they are never let go.
    abandoned.push(...lost);
    for (const ticket of [...lost, ...this.#waiting.toArray()]) {
      if (ticket.isSettled) continue;
      this.#pending.leave(ticket);
      ticket.operation.failWith(() => systemError(errno, 'io_uring_enter'));
    }
    this.#waiting.clear();
    this.#pending.noteBroken();
  }

  /**
   * Refuses new work, cancels what is pending, and resolves when the last terminal completion is in.
   * Requests that the kernel cannot give up, such as a write that a disk is working on, finish first, and so do
   * closes: one that is cancelled before a kernel thread has begun with it leaves its descriptor open.
   */
  async drain(): Promise<void> {
    this.#isClosing = true;
    for (const { operation } of [...this.#waiting.toArray(), ...this.slots.holders()]) {
      // The one who awaits the close must not be left alone by a process that exits.
      this.setRef(operation, true);
      if (!operation.isGivingBack) this.cancel(operation, ringClosedError);
    }
    await this.#pending.whenIdle();
  }

  /** For the closer, when no call can begin any more: what ends may still have something closed. */
  whenIdle(): Promise<void> {
    return this.#pending.whenIdle();
  }

  /** Ends the ring after `drain`, while nothing is pending. */
  close(): void {
    this.#isClosed = true;
    this.cancelRequests.close();
    noteClosed(this.#native);
    this.#native.close();
  }
}

/** Operations of broken rings; see `#abandon`. */
const abandoned: Ticket<unknown>[] = [];
