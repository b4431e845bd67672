/**
 * The TypeScript half of a ring: puts operations into the submission block, and settles them from the
 * completion block.
 *
 * An operation takes a slot when it starts and gives it back at its terminal completion; operations
 * beyond the slots wait in order. No call into native code is made for an operation, except to wake an
 * idle loop and to empty a full block.
 */

import { EAGAIN, ENOENT } from '../../base/errno.js';
import { Line } from '../../base/line.js';
import { isAborted } from '../../base/plain-signal.js';
import { Observation } from '../../contract/observation.js';
import type { Hold } from '../../contract/polls.js';
import { abortError, credentialsError, ringClosedError, systemError } from '../../errors/index.js';
import type { NativeRing } from '../../native/binding.js';
import {
  CONTROL_COMPLETIONS,
  CONTROL_FAILURE,
  CONTROL_RECEIVED,
  CONTROL_WORDS,
  CQE_BYTES,
  CQE_MORE,
  CQE_WORDS_SHIFT,
  GENERATION_MASK,
  SLOT_UNTRACKED,
} from '../../native/layout.js';
import type { CachedPaths } from '../files/cached-paths.js';
import type { InlineCredit } from '../files/inline-reads.js';
import type { Identity } from '../identity.js';
import type { RegisteredBuffers } from '../memory/registered-buffers.js';
import { CancelRequests } from './cancel-requests.js';
import { NopOperation } from './nop-operation.js';
import type { Operation } from './operation.js';
import { noteClosed, SettleLink } from './settle-link.js';
import { SlotStorage } from './slot-storage.js';
import { SlotTable } from './slot-table.js';
import { SubmissionBlock } from './submission-block.js';
import { NO_SLOT, type Ticket } from './ticket.js';

interface DispatcherOptions {
  inFlightMax: number;
  submitBatchMax: number;
  drainBatchMax: number;
  /** Of a ring whose reads may be made on the spot. */
  inlineCredit: InlineCredit | undefined;
  cachedPaths?: CachedPaths | undefined;
}

/** Something that gathers completions and acts on them once a batch is through. */
export interface BatchListener {
  afterBatch(): void;
}

export class Dispatcher implements Hold {
  readonly storage = new SlotStorage();
  readonly observation = new Observation('io_uring');
  readonly control = new Uint32Array(CONTROL_WORDS);
  readonly #native: NativeRing;
  /** Of a ring whose requests a kernel thread makes. */
  readonly #identity: Identity | undefined;
  readonly #block: SubmissionBlock;
  readonly #completions: Int32Array;
  readonly #slots: SlotTable;
  readonly inlineCredit: InlineCredit | undefined;
  readonly cachedPaths: CachedPaths | undefined;
  /** While the ring has buffer pools. */
  pools: RegisteredBuffers | undefined;
  readonly #cancels: CancelRequests;
  readonly #waiting = new Line<Ticket<unknown>>();
  /** Those that the in-flight limit is not for, and that wait for room in the block. */
  readonly #waitingExempt = new Line<Ticket<unknown>>();
  /** Parts of chains whose turn has not come. */
  readonly #heldBack = new Set<Ticket<unknown>>();
  #batchListeners: BatchListener[] = [];

  readonly #link = new SettleLink<Dispatcher>(this);
  #pendingCount = 0;
  #staleCompletions = 0;
  #isClosing = false;
  #isClosed = false;
  #opcodes: readonly boolean[] | undefined;
  #onIdle: (() => void) | undefined;

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
    this.#native = native;
    this.#identity = identity;
    this.#block = new SubmissionBlock(
      native,
      this.control,
      options.submitBatchMax,
      submissionEntries,
      identity !== undefined,
    );
    this.#completions = new Int32Array((options.drainBatchMax * CQE_BYTES) / 4);
    this.#slots = new SlotTable(options.inFlightMax);
    this.inlineCredit = options.inlineCredit;
    this.cachedPaths = options.cachedPaths;
    this.#cancels = new CancelRequests(this.#block);
  }

  /** False when the event loop refuses the ring's descriptor. */
  start(): boolean {
    const link = this.#link;
    return this.#native.start(this.control, this.#block.words, this.#completions, () => {
      const { target } = link;
      if (target !== undefined) target.#settle();
    });
  }

  /** Operations that have not settled, in the kernel or waiting. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  get waitingCount(): number {
    return this.#waiting.length + this.#waitingExempt.length;
  }

  /** Operations in the kernel that count against the limit. */
  get inFlightCount(): number {
    return this.#slots.inFlightCount;
  }

  /** Operations in the kernel beyond it. */
  get armedCount(): number {
    return this.#slots.exemptCount;
  }

  get inFlightPeak(): number {
    return this.#slots.inFlightPeak;
  }

  get staleCompletions(): number {
    return this.#staleCompletions;
  }

  get freeSlotCount(): number {
    return this.#slots.inFlightMax - this.inFlightCount;
  }

  get cancelCount(): number {
    return this.#cancels.sentCount;
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

  /** Whether an operation made on the spot would overtake none, and escape nobody who watches. */
  get canGoInline(): boolean {
    return this.#block.isEmpty && this.waitingCount === 0 && !this.#isClosing && !this.observation.isWanted;
  }

  submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    if (!this.observation.isWanted) return this.#submit(operation, signal);
    return this.observation.observe(operation.describe(), () => this.#submit(operation, signal));
  }

  /** The same for an operation that tells its owner what has become of it, and that nobody awaits. */
  begin(operation: Operation<unknown>): void {
    if (this.observation.isWanted) void this.submit(operation, undefined);
    else this.#launch(operation, undefined);
  }

  #submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    this.#launch(operation, signal);
    return operation.promise;
  }

  #launch(operation: Operation<unknown>, signal: AbortSignal | undefined): void {
    const refusal = this.#refusal(operation, signal);
    if (refusal !== undefined) {
      operation.failWith(refusal);
      return;
    }
    const { ticket } = operation;
    if (signal !== undefined) ticket.watch(signal, this);
    this.#enqueue(ticket);
  }

  /** Why an operation must not begin, if there is anything. */
  #refusal(operation: Operation<unknown>, signal: AbortSignal | undefined): (() => Error) | undefined {
    if (this.#isClosing) return ringClosedError;
    if (signal !== undefined && isAborted(signal)) return () => abortError(signal);
    if (this.#identity !== undefined && operation.isByPath) return this.#refusalFor(this.#identity);
    return undefined;
  }

  /** Why the kernel must not be asked for a path: it would look at whom the ring was made by. */
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
      this.#countPending();
      if (ticket.isHolding) this.#block.hold();
      this.#heldBack.add(ticket);
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
      // Whoever held it back takes care of the others.
      this.cancel(byPath, refusal);
      return;
    }
    const tickets = operations.map(({ ticket }) => ticket);
    for (const ticket of tickets) this.#heldBack.delete(ticket);
    const [first] = tickets;
    if (first === undefined) return;
    if (this.waitingCount === 0 && this.#canStart(first, tickets.length)) this.#startTogether(tickets);
    else for (const ticket of tickets) this.#wait(ticket);
  }

  #wait(ticket: Ticket<unknown>): void {
    ticket.place = this.#lineOf(ticket).push(ticket);
  }

  #lineOf({ isExempt }: Ticket<unknown>): Line<Ticket<unknown>> {
    return isExempt ? this.#waitingExempt : this.#waiting;
  }

  /** Native code hands over all of a link at once, or waits: it must see the whole of it. */
  #startTogether(tickets: readonly Ticket<unknown>[]): void {
    const refused = this.#stageAll(tickets);
    if (refused === undefined) this.#block.submitIfBatch(this.#slots.inFlightCount);
    // Whoever held them back takes care of the others.
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
        for (const staged of tickets.slice(0, index)) this.#slots.release(staged);
        return { ticket, error };
      }
    }
    return undefined;
  }

  #countPending(): void {
    if (this.#pendingCount++ === 0) this.#link.hold(this);
  }

  #enqueue(ticket: Ticket<unknown>): void {
    this.#countPending();
    if (ticket.isHolding) this.#block.hold();
    const isNext = this.#waitingExempt.length === 0 && (ticket.isExempt || this.#waiting.length === 0);
    if (isNext && this.#canStart(ticket, 1)) this.#start(ticket);
    else this.#wait(ticket);
  }

  /** Keeps the process alive for something that is no operation of this ring; `release` must follow. */
  retain(): void {
    this.#block.hold();
  }

  release(): void {
    this.#block.unhold();
  }

  /** Changes whether a pending operation keeps the process alive. */
  setHolding(operation: Operation<unknown>, isHolding: boolean): void {
    const { ticket } = operation;
    if (ticket.isHolding === isHolding) return;
    ticket.isHolding = isHolding;
    if (ticket.isSettled) return;
    if (isHolding) this.#block.hold();
    else this.#block.unhold();
  }

  /** Whether there are places for an operation and those that start with it: `count` of one kind. */
  #canStart(ticket: Ticket<unknown>, count: number): boolean {
    return this.#slots.hasPlaces(ticket, count) && this.#block.hasRoom(count * ticket.entriesLeft);
  }

  /** Starts an operation. Needs `#canStart(ticket, 1)`. */
  #start(ticket: Ticket<unknown>): void {
    try {
      this.#stage(ticket);
    } catch (error) {
      this.#refuse(ticket, error);
      return;
    }
    this.#block.submitIfBatch(this.#slots.inFlightCount);
  }

  /**
   * Takes a slot for an operation and stages its entries.
   *
   * @throws what filling them throws: memory that a caller has given away. Then it has no slot, as before.
   */
  #stage(ticket: Ticket<unknown>): void {
    this.#slots.acquire(ticket);
    try {
      this.#block.stage(ticket, this.storage);
    } catch (error) {
      this.#slots.release(ticket);
      throw error;
    }
  }

  /** Settles what counts as pending and does not begin. */
  #refuse(ticket: Ticket<unknown>, error: unknown): void {
    this.#finish(ticket);
    ticket.operation.failWith(() => error as Error);
  }

  /**
   * Asks for an operation's end. One that has not started rejects at once; for one in the kernel this
   * is a request, and the promise settles from the operation's own completion, whichever comes first. Asked for twice,
   * it ends for the first reason.
   */
  cancel(operation: Operation<unknown>, reason: () => Error): void {
    const { ticket } = operation;
    if (ticket.isSettled) return;
    ticket.cancelReason ??= reason;
    if (ticket.slot === NO_SLOT) {
      this.#heldBack.delete(ticket);
      if (ticket.place !== undefined) this.#lineOf(ticket).remove(ticket.place);
      this.#finish(ticket);
      operation.failWith(reason);
      return;
    }
    if (operation.isUnderWay) this.#cancels.send(ticket);
  }

  /**
   * Asks every call for which `isWanted` holds to end, each with ECANCELED; returns how many there were.
   * What has not ended when this returns ends with its own completion.
   */
  cancelCalls(isWanted: (operation: Operation<unknown>) => boolean): number {
    const calls = this.#pendingThat((operation) => operation.isCall && isWanted(operation));
    for (const { operation } of calls) this.cancel(operation, () => operation.canceledError());
    return calls.length;
  }

  /**
   * The same for all that an open file or socket has pending, which it returns, with one request to the kernel for however many it has.
   *
   * @param fixedIndex its place in the registered-file table, or a negative number.
   */
  cancelOwned(owner: object, fd: number, fixedIndex: number): Operation<unknown>[] {
    const calls = this.#pendingThat((operation) => operation.owner === owner);
    const inKernel: Ticket<unknown>[] = [];
    for (const call of calls) {
      const { operation } = call;
      const reason = (): Error => operation.canceledError();
      if (call.slot === NO_SLOT) {
        this.cancel(operation, reason);
      } else {
        call.cancelReason ??= reason;
        inKernel.push(call);
      }
    }
    if (inKernel.length > 0) this.#cancels.sendForAll(inKernel, fd, fixedIndex);
    return calls.map(({ operation }) => operation);
  }

  #pendingThat(isWanted: (operation: Operation<unknown>) => boolean): Ticket<unknown>[] {
    return [...this.#slots.holders(), ...this.#notStarted].filter(
      ({ isSettled, operation }) => !isSettled && isWanted(operation),
    );
  }

  get #notStarted(): Ticket<unknown>[] {
    return [...this.#waitingExempt.toArray(), ...this.#waiting.toArray(), ...this.#heldBack];
  }

  /** Stages the close of a slot of the file table; false when there is no room for it now. */
  closeDirect(fixedIndex: number): boolean {
    return this.#block.stageDirectClose(fixedIndex);
  }

  /** Hands over what is staged, instead of at the end of the turn. */
  submitStaged(): void {
    this.#block.submit();
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

  /**
   * Hands over what is staged, and tells whether the kernel has let go of operations that have been cancelled: their
   * descriptors may be closed. False where that can't be told.
   *
   * @param msMax as of `resultNow`.
   */
  hasLetGo(operations: readonly Operation<unknown>[], msMax: number): boolean {
    if (operations.every(({ isSettled }) => isSettled)) return true;
    // One that is sent later must not meet another file by the same number.
    if (this.#cancels.hasUnsent) return false;
    // Without a thread cancels are carried out as they are handed over, but for work that the next call runs.
    if (!this.isPolled) return this.#block.submit() && this.#block.submit();
    return (
      operations.every((each) => each.isSettled || this.resultNow(each, msMax) !== undefined) &&
      this.#hasPassed(msMax)
    );
  }

  /**
   * Whether an SQ thread has come to what is submitted now. It drops what an operation has held, an address with it,
   * once it has posted the completion, and before it takes what is submitted after that.
   */
  #hasPassed(msMax: number): boolean {
    const next = new NopOperation();
    void this.submitAnyway(next);
    return this.resultNow(next, msMax) !== undefined;
  }

  /** Cancels every operation of a descriptor that is in the kernel. */
  cancelFd(fd: number, fixedIndex: number): void {
    this.#cancels.sendForFd(fd, fixedIndex);
  }

  /** Has `listener.afterBatch` called once, when the completions at hand have been handed out. */
  listenForBatchEnd(listener: BatchListener): void {
    this.#batchListeners.push(listener);
  }

  /** Datagrams of the batch at hand, of which those that nobody answers are worth waiting for; see `coalesce`. */
  noteReceived(count: number): void {
    this.control[CONTROL_RECEIVED] = (this.control[CONTROL_RECEIVED] as number) + count;
  }

  /** Something was sent that is no operation, maybe to whom we have just received from. */
  noteAnswered(): void {
    this.control[CONTROL_RECEIVED] = 0;
  }

  #settle(): void {
    const failure = this.control[CONTROL_FAILURE] as number;
    if (failure !== 0) {
      this.#abandon(-failure);
      return;
    }
    const completions = this.#completions;
    const count = this.control[CONTROL_COMPLETIONS] as number;
    for (let i = 0; i < count; i++) {
      const at = i << CQE_WORDS_SHIFT;
      const slot = (completions[at] as number) >>> 0;
      const generation = (completions[at + 1] as number) & GENERATION_MASK;
      const result = completions[at + 2] as number;
      const flags = completions[at + 3] as number;
      const ticket = this.#slots.at(slot);
      if (ticket === undefined || ticket.generation !== generation) {
        this.#completeUntracked(slot, (completions[at + 1] as number) >>> 0, result);
        continue;
      }
      if ((flags & CQE_MORE) === 0) {
        this.#slots.release(ticket);
        this.#finish(ticket);
      }
      try {
        ticket.operation.complete(result, flags);
      } catch (error) {
        // Our own fault; the others of the batch must settle all the same.
        process.nextTick(() => {
          throw error;
        });
      }
    }
    this.inlineCredit?.renew(count);
    this.cachedPaths?.renew();
    if (this.#batchListeners.length > 0) {
      const listeners = this.#batchListeners;
      this.#batchListeners = [];
      for (const listener of listeners) listener.afterBatch();
    }
    if (this.#cancels.hasUnsent) this.#cancels.sendUnsent();
    if (this.waitingCount > 0) this.#startWaiting();
    if (this.#onIdle !== undefined && this.#pendingCount === 0) this.#onIdle();
  }

  #completeUntracked(slot: number, target: number, result: number): void {
    if (slot !== SLOT_UNTRACKED) {
      this.#staleCompletions++;
      return;
    }
    // A failed cancel request. ENOENT for a target that is still pending: it was on its way between
    // two places where the kernel looks, so ask again.
    const ticket = result === ENOENT ? this.#slots.at(target) : undefined;
    if (ticket !== undefined) this.#cancels.retry(ticket, target);
  }

  #startWaiting(): void {
    for (const waiting of [this.#waitingExempt, this.#waiting]) {
      for (let ticket = waiting.first; ticket !== undefined; ticket = waiting.first) {
        const count = ticket.operation.startCount;
        if (!this.#canStart(ticket, count)) return;
        this.#startTogether(waiting.take(count));
      }
    }
  }

  #finish({ isHolding }: Ticket<unknown>): void {
    if (--this.#pendingCount === 0) this.#link.letGo();
    if (isHolding) this.#block.unhold();
  }

  /** The kernel has dropped completions: nothing that is pending can be trusted to end. */
  #abandon(errno: number): void {
    this.#isClosing = true;
    const lost = this.#slots.holders();
    // SAFETY: the kernel may still write into what they point at, so they are never let go.
    abandoned.push(...lost);
    for (const ticket of [...lost, ...this.#notStarted]) {
      if (ticket.isSettled) continue;
      this.#finish(ticket);
      ticket.operation.failWith(() => systemError(errno, 'io_uring_enter'));
    }
    this.#waitingExempt.take();
    this.#waiting.take();
    this.#heldBack.clear();
    this.#onIdle?.();
  }

  /**
   * Refuses new work, cancels what is pending, and resolves when the last terminal completion is in.
   * Requests that the kernel cannot give up, such as a write that a disk is working on, finish first.
   */
  async drain(): Promise<void> {
    this.#isClosing = true;
    for (const { operation } of this.#notStarted) this.cancel(operation, ringClosedError);
    for (const { operation } of this.#slots.holders()) {
      // Whoever awaits the close must not be left alone by a process that exits.
      this.setHolding(operation, true);
      this.cancel(operation, ringClosedError);
    }
    await this.whenIdle();
  }

  /** For the one who closes, when no call can begin any more: what ends may still have something closed. */
  async whenIdle(): Promise<void> {
    if (this.#pendingCount === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends the ring after `drain`, while nothing is pending. */
  close(): void {
    this.#isClosed = true;
    this.#cancels.close();
    noteClosed(this.#native);
    this.#native.close();
  }
}

/** Operations of broken rings; see `#abandon`. */
const abandoned: Ticket<unknown>[] = [];
