/**
 * The TypeScript half of a ring: puts operations into the submission block, and settles them from the
 * completion block.
 *
 * An operation takes a slot when it starts and gives it back at its terminal completion; operations
 * beyond the slots wait in order. No call into native code is made for an operation, except to wake an
 * idle loop and to empty a full block.
 */
import { abortError, credentialsError, ringClosedError, systemError } from '../../errors.js';
import { Observation } from '../observation.js';
import type { Hold } from '../polls.js';
import type { NativeRing } from './binding.js';
import type { Identity } from './identity.js';
import {
  CANCEL_ALL,
  CANCEL_FD,
  CANCEL_FD_FIXED,
  CONTROL_COMPLETIONS,
  CONTROL_FAILURE,
  CONTROL_HOLDERS,
  CONTROL_IS_HELD,
  CONTROL_SUBMISSION_HEAD,
  CONTROL_SUBMISSION_TAIL,
  CONTROL_WORDS,
  CQE_BYTES,
  CQE_MORE,
  CQE_WORDS_SHIFT,
  GENERATION_YIELDS_FD,
  OP_ASYNC_CANCEL,
  SLOT_UNTRACKED,
  SQE_BYTES,
  SQE_CQE_SKIP_SUCCESS,
  SQE_GENERATION,
  SQE_SLOT,
  SQE_WORDS_SHIFT,
} from './layout.js';
import { SlotStorage } from './memory.js';
import { fillEntry, NO_SLOT, type Operation } from './operation.js';

const ENOENT = -2;
const GENERATION_MASK = 0x7fffffff;
/** A cancel request that finds nothing although its target is pending has met it between two states. */
const CANCEL_ATTEMPTS_MAX = 8;
const CANCEL_RETRY_MS = 1;
/** An SQ thread may need some time to look for a descriptor's operations among thousands. */
const CANCEL_PATIENCE_MS = 20;
/** Places beyond the in-flight limit: the alarm has two requests (alarm.ts). */
const EXEMPT_MAX = 2;

export interface DispatcherOptions {
  inFlightMax: number;
  submitBatchMax: number;
  drainBatchMax: number;
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
  readonly #inFlightMax: number;
  readonly #submitBatchMax: number;
  readonly #submissions: Uint32Array;
  readonly #submissionMask: number;
  readonly #completions: Int32Array;

  readonly #operations: (Operation<unknown> | undefined)[];
  readonly #generations: Uint32Array;
  /** Slots in use are below this, or on the free list. Slots are touched only when needed. */
  #slotsTouched = 0;
  readonly #freeSlots: number[] = [];
  #waiting: Operation<unknown>[] = [];
  #waitingHead = 0;
  /** Parts of chains whose turn has not come. */
  readonly #heldBack = new Set<Operation<unknown>>();
  #batchListeners: BatchListener[] = [];
  /** Cancel requests that found the block full. */
  #unsentCancels: Operation<unknown>[] = [];
  #unsentFdCancels: [fd: number, fixedIndex: number][] = [];
  #cancelTimer: NodeJS.Timeout | undefined;

  #pendingCount = 0;
  #exemptCount = 0;
  #inFlightPeak = 0;
  #staleCompletions = 0;
  #cancelCount = 0;
  #isClosing = false;
  #isClosed = false;
  readonly #supportedOps = new Map<number, boolean>();
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
    this.#inFlightMax = options.inFlightMax;
    this.#submitBatchMax = options.submitBatchMax;
    // Twice the batch, so that cancel requests find room behind a batch that has just been filled.
    // At least as many as the queue itself has, so that any chain that fits there can be staged.
    const wanted = Math.max(options.submitBatchMax * 2, submissionEntries);
    const capacity = 2 ** Math.ceil(Math.log2(wanted));
    this.#submissions = new Uint32Array((capacity * SQE_BYTES) / 4);
    this.#submissionMask = capacity - 1;
    this.#completions = new Int32Array((options.drainBatchMax * CQE_BYTES) / 4);
    const slotCount = options.inFlightMax + EXEMPT_MAX;
    this.#operations = new Array<Operation<unknown> | undefined>(slotCount).fill(undefined);
    this.#generations = new Uint32Array(slotCount);
  }

  /** False when the event loop refuses the ring's descriptor. */
  start(): boolean {
    return this.#native.start(this.control, this.#submissions, this.#completions, () => this.#settle());
  }

  /** Operations that have not settled, in the kernel or waiting. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  get waitingCount(): number {
    return this.#waiting.length - this.#waitingHead;
  }

  /** Operations in the kernel that count against the limit. */
  get inFlightCount(): number {
    return this.#slotsTouched - this.#freeSlots.length - this.#exemptCount;
  }

  get inFlightPeak(): number {
    return this.#inFlightPeak;
  }

  get staleCompletions(): number {
    return this.#staleCompletions;
  }

  get freeSlotCount(): number {
    return this.#inFlightMax - this.inFlightCount;
  }

  get cancelCount(): number {
    return this.#cancelCount;
  }

  /** Refuses new work; what was under way may still be. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** The ring itself is gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the kernel has an opcode, by its own probe (io_uring_register(2)). */
  supportsOp(opcode: number): boolean {
    let isSupported = this.#supportedOps.get(opcode);
    if (isSupported === undefined) {
      isSupported = this.#native.supportsOp(opcode);
      this.#supportedOps.set(opcode, isSupported);
    }
    return isSupported;
  }

  submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    if (!this.observation.isWanted) return this.#submit(operation, signal);
    return this.observation.observe(operation.describe(), () => this.#submit(operation, signal));
  }

  #submit<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    if (this.#isClosing) {
      operation.failWith(ringClosedError);
      return operation.promise;
    }
    if (this.#identity !== undefined && operation.isByPath) {
      const refusal = this.#refusalFor(this.#identity);
      if (refusal !== undefined) {
        operation.failWith(refusal);
        return operation.promise;
      }
    }
    if (signal !== undefined) {
      if (signal.aborted) {
        operation.failWith(() => abortError(signal));
        return operation.promise;
      }
      operation.watch(signal, this);
    }
    this.#enqueue(operation);
    return operation.promise;
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
      this.#enqueue(operation);
      return operation.promise;
    };
    return this.observation.isWanted ? this.observation.observe(operation.describe(), submit) : submit();
  }

  /** Counts operations as pending that will be submitted later, unless they are cancelled first. */
  holdBack(operations: readonly Operation<unknown>[]): void {
    for (const operation of operations) {
      this.#pendingCount++;
      if (operation.isHolding) this.#hold();
      this.#heldBack.add(operation);
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
    for (const operation of operations) this.#heldBack.delete(operation);
    const [first, ...others] = operations;
    if (first === undefined) return;
    if (this.waitingCount === 0 && this.#canStart(first, operations.length)) this.#startTogether(operations);
    else this.#waiting.push(first, ...others);
  }

  /** Native code hands over all of a link at once, or waits: it must see the whole of it. */
  #startTogether(operations: readonly Operation<unknown>[]): void {
    for (const operation of operations) this.#stage(operation);
    if (this.#stagedCount() >= this.#submitBatchMax) this.#native.submit();
  }

  #enqueue(operation: Operation<unknown>): void {
    this.#pendingCount++;
    if (operation.isHolding) this.#hold();
    const isNext = this.waitingCount === 0 || operation.isExempt;
    if (isNext && this.#canStart(operation, 1)) this.#start(operation);
    else this.#waiting.push(operation);
  }

  #hold(): void {
    const control = this.control;
    control[CONTROL_HOLDERS] = (control[CONTROL_HOLDERS] as number) + 1;
    if (control[CONTROL_IS_HELD] === 0) this.#native.hold();
  }

  /** Keeps the process alive for something that is no operation of this ring; `release` must follow. */
  retain(): void {
    this.#hold();
  }

  release(): void {
    this.#unhold();
  }

  /** Changes whether a pending operation keeps the process alive. */
  setHolding(operation: Operation<unknown>, isHolding: boolean): void {
    if (operation.isHolding === isHolding) return;
    operation.isHolding = isHolding;
    if (operation.isSettled) return;
    if (isHolding) this.#hold();
    else this.#unhold();
  }

  /** The loop itself lets go at the ring's next turn. */
  #unhold(): void {
    this.control[CONTROL_HOLDERS] = (this.control[CONTROL_HOLDERS] as number) - 1;
  }

  #stagedCount(): number {
    const control = this.control;
    return (
      ((control[CONTROL_SUBMISSION_TAIL] as number) - (control[CONTROL_SUBMISSION_HEAD] as number)) >>> 0
    );
  }

  #hasRoom(count: number): boolean {
    const capacity = this.#submissionMask + 1;
    if (this.#stagedCount() + count <= capacity) return true;
    this.#native.submit();
    return this.#stagedCount() + count <= capacity;
  }

  /** Whether there are places for the operation and those that start with it: `count` of one kind. */
  #canStart(operation: Operation<unknown>, count: number): boolean {
    const hasPlace = operation.isExempt
      ? this.#exemptCount < EXEMPT_MAX
      : this.inFlightCount + count <= this.#inFlightMax;
    return hasPlace && this.#hasRoom(count);
  }

  /** Starts an operation. Needs `#canStart(operation, 1)`. */
  #start(operation: Operation<unknown>): void {
    this.#stage(operation);
    if (this.#stagedCount() >= this.#submitBatchMax) this.#native.submit();
  }

  /** Takes a slot for the operation and stages its entry. */
  #stage(operation: Operation<unknown>): void {
    const slot = this.#freeSlots.pop() ?? this.#slotsTouched++;
    const generation = this.#generations[slot] as number;
    this.#operations[slot] = operation;
    operation.slot = slot;
    operation.generation = generation;
    if (operation.isExempt) this.#exemptCount++;
    const inFlight = this.inFlightCount;
    if (inFlight > this.#inFlightPeak) this.#inFlightPeak = inFlight;

    const words = this.#submissions;
    const tail = this.control[CONTROL_SUBMISSION_TAIL] as number;
    const at = (tail & this.#submissionMask) << SQE_WORDS_SHIFT;
    operation.fill(words, at, this);
    words[at + SQE_SLOT] = slot;
    words[at + SQE_GENERATION] = operation.yieldsFd ? generation | GENERATION_YIELDS_FD : generation;
    this.control[CONTROL_SUBMISSION_TAIL] = tail + 1;
  }

  /**
   * Asks for an operation's end. One that has not started rejects at once; for one in the kernel this
   * is a request, and the promise settles from the operation's own completion, whichever comes first.
   */
  cancel(operation: Operation<unknown>, reason: () => Error): void {
    if (operation.isSettled) return;
    operation.cancelReason = reason;
    if (operation.slot === NO_SLOT) {
      // It stays in the queue, settled, and is passed over when its turn comes.
      this.#heldBack.delete(operation);
      this.#finish(operation);
      operation.failWith(reason);
      return;
    }
    if (operation.isUnderWay) this.#sendCancel(operation);
  }

  /**
   * Asks every call for which `isWanted` holds to end, each with ECANCELED; returns how many there were.
   * What has not ended when this returns ends with its own completion.
   */
  cancelCalls(isWanted: (operation: Operation<unknown>) => boolean): number {
    const calls = this.#callsThat(isWanted);
    for (const call of calls) this.cancel(call, () => call.canceledError());
    return calls.length;
  }

  /**
   * The same for all calls of an open file, with one request to the kernel for however many it has.
   *
   * @param fixedIndex its place in the registered-file table, or a negative number.
   */
  cancelOwned(owner: object, fd: number, fixedIndex: number): number {
    const calls = this.#callsThat((operation) => operation.owner === owner);
    const inKernel: Operation<unknown>[] = [];
    for (const call of calls) {
      const reason = (): Error => call.canceledError();
      if (call.slot === NO_SLOT) {
        this.cancel(call, reason);
      } else {
        call.cancelReason ??= reason;
        inKernel.push(call);
      }
    }
    if (inKernel.length === 0) return calls.length;
    this.cancelFd(fd, fixedIndex);
    // So that the kernel has had it before what is left is counted.
    this.#native.submit();
    this.#cancelLeftovers(inKernel, inKernel.length, CANCEL_RETRY_MS);
    return calls.length;
  }

  /**
   * The kernel cancels none that is just on its way between two places, nor one that has no file yet: once
   * no others end any more, each of these is asked for by itself. Asking too early costs a request each.
   */
  #cancelLeftovers(calls: readonly Operation<unknown>[], countBefore: number, delayMs: number): void {
    const look = (): void => {
      const left = calls.filter(({ isSettled, slot }) => !isSettled && slot !== NO_SLOT);
      if (left.length === 0) return;
      const isEnding = left.length < countBefore;
      if (isEnding) this.#cancelLeftovers(left, left.length, delayMs);
      else if (delayMs < CANCEL_PATIENCE_MS) this.#cancelLeftovers(left, left.length, CANCEL_PATIENCE_MS);
      else for (const call of left) if (call.isUnderWay) this.#sendCancel(call);
    };
    // A timer comes before the ring's turn in the loop's round, and an immediate after it.
    setTimeout(() => setImmediate(look), delayMs);
  }

  #callsThat(isWanted: (operation: Operation<unknown>) => boolean): Operation<unknown>[] {
    const isPendingCall = (operation: Operation<unknown> | undefined): operation is Operation<unknown> =>
      operation !== undefined && !operation.isSettled && operation.isCall && isWanted(operation);
    const inKernel = this.#operations.slice(0, this.#slotsTouched);
    return [...inKernel, ...this.#waiting.slice(this.#waitingHead), ...this.#heldBack].filter(isPendingCall);
  }

  #sendCancel(operation: Operation<unknown>): void {
    if (!this.#hasRoom(1)) {
      this.#unsentCancels.push(operation);
      this.#sendCancelsSoon();
      return;
    }
    this.#cancelCount++;
    const { slot, generation } = operation;
    const words = this.#submissions;
    const tail = this.control[CONTROL_SUBMISSION_TAIL] as number;
    const at = (tail & this.#submissionMask) << SQE_WORDS_SHIFT;
    fillEntry(words, at, OP_ASYNC_CANCEL | SQE_CQE_SKIP_SUCCESS, -1, 0, 0, 0);
    // The target is named by its user_data, in the address words.
    words[at + 4] = slot;
    words[at + 5] = operation.yieldsFd ? generation | GENERATION_YIELDS_FD : generation;
    words[at + SQE_SLOT] = SLOT_UNTRACKED;
    words[at + SQE_GENERATION] = slot;
    this.control[CONTROL_SUBMISSION_TAIL] = tail + 1;
    this.#wake();
  }

  /** Cancels every operation of a descriptor that is in the kernel. */
  cancelFd(fd: number, fixedIndex: number): void {
    if (!this.#hasRoom(1)) {
      this.#unsentFdCancels.push([fd, fixedIndex]);
      this.#sendCancelsSoon();
      return;
    }
    this.#cancelCount++;
    const words = this.#submissions;
    const tail = this.control[CONTROL_SUBMISSION_TAIL] as number;
    const at = (tail & this.#submissionMask) << SQE_WORDS_SHIFT;
    const isFixed = fixedIndex >= 0;
    const flags = CANCEL_FD | CANCEL_ALL | (isFixed ? CANCEL_FD_FIXED : 0);
    fillEntry(words, at, OP_ASYNC_CANCEL | SQE_CQE_SKIP_SUCCESS, isFixed ? fixedIndex : fd, 0, 0, flags);
    words[at + SQE_SLOT] = SLOT_UNTRACKED;
    words[at + SQE_GENERATION] = SLOT_UNTRACKED;
    this.control[CONTROL_SUBMISSION_TAIL] = tail + 1;
    this.#wake();
  }

  /** The loop must come round for a staged request that holds nothing by itself. */
  #wake(): void {
    if (this.control[CONTROL_IS_HELD] === 0) this.#native.hold();
  }

  /** Has `listener.afterBatch` called once, when the completions at hand have been handed out. */
  listenForBatchEnd(listener: BatchListener): void {
    this.#batchListeners.push(listener);
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
      const operation = this.#operations[slot];
      if (operation === undefined || operation.generation !== generation) {
        this.#completeUntracked(slot, (completions[at + 1] as number) >>> 0, result);
        continue;
      }
      if ((flags & CQE_MORE) === 0) this.#release(operation);
      try {
        operation.complete(result, flags);
      } catch (error) {
        // Our own fault; the others of the batch must settle all the same.
        process.nextTick(() => {
          throw error;
        });
      }
    }
    if (this.#batchListeners.length > 0) {
      const listeners = this.#batchListeners;
      this.#batchListeners = [];
      for (const listener of listeners) listener.afterBatch();
    }
    if (this.#unsentCancels.length > 0 || this.#unsentFdCancels.length > 0) this.#sendWaitingCancels();
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
    const operation = result === ENOENT ? this.#operations[target] : undefined;
    if (operation?.cancelReason === undefined || operation.cancelAttempts >= CANCEL_ATTEMPTS_MAX) return;
    operation.cancelAttempts++;
    setTimeout(() => {
      if (!operation.isSettled && operation.slot === target) this.#sendCancel(operation);
    }, CANCEL_RETRY_MS);
  }

  /** No completion may come that would give the occasion. */
  #sendCancelsSoon(): void {
    this.#cancelTimer ??= setTimeout(() => {
      this.#cancelTimer = undefined;
      if (!this.#isClosed) this.#sendWaitingCancels();
    }, CANCEL_RETRY_MS);
  }

  #sendWaitingCancels(): void {
    for (const operation of this.#unsentCancels.splice(0)) {
      if (!operation.isSettled && operation.slot !== NO_SLOT) this.#sendCancel(operation);
    }
    for (const [fd, fixedIndex] of this.#unsentFdCancels.splice(0)) this.cancelFd(fd, fixedIndex);
  }

  #startWaiting(): void {
    while (this.#waitingHead < this.#waiting.length) {
      const operation = this.#waiting[this.#waitingHead] as Operation<unknown>;
      if (operation.isSettled) {
        this.#waitingHead++;
        continue;
      }
      const count = operation.startCount;
      if (!this.#canStart(operation, count)) break;
      if (count === 1) this.#start(operation);
      else this.#startTogether(this.#waiting.slice(this.#waitingHead, this.#waitingHead + count));
      this.#waitingHead += count;
    }
    if (this.#waitingHead === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingHead = 0;
    } else if (this.#waitingHead > 1024 && this.#waitingHead * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
  }

  /** Gives the slot back; the generation it had never comes again within 2^31 uses. */
  #release(operation: Operation<unknown>): void {
    const slot = operation.slot;
    this.#operations[slot] = undefined;
    this.#generations[slot] = ((this.#generations[slot] as number) + 1) & GENERATION_MASK;
    this.#freeSlots.push(slot);
    if (operation.isExempt) this.#exemptCount--;
    this.#finish(operation);
  }

  #finish(operation: Operation<unknown>): void {
    operation.slot = NO_SLOT;
    this.#pendingCount--;
    if (operation.isHolding) this.#unhold();
  }

  /** The kernel has dropped completions: nothing that is pending can be trusted to end. */
  #abandon(errno: number): void {
    this.#isClosing = true;
    const lost = this.#operations.filter((operation) => operation !== undefined);
    // SAFETY: the kernel may still write into what they point at, so they are never let go.
    abandoned.push(...lost);
    for (const operation of [...lost, ...this.#waiting.slice(this.#waitingHead), ...this.#heldBack]) {
      if (operation.isSettled) continue;
      this.#finish(operation);
      operation.failWith(() => systemError(errno, 'io_uring_enter'));
    }
    this.#waiting = [];
    this.#waitingHead = 0;
    this.#heldBack.clear();
    this.#onIdle?.();
  }

  /**
   * Refuses new work, cancels what is pending, and resolves when the last terminal completion is in.
   * Requests that the kernel cannot give up, such as a write that a disk is working on, finish first.
   */
  async drain(): Promise<void> {
    this.#isClosing = true;
    const notStarted = [...this.#waiting.slice(this.#waitingHead), ...this.#heldBack];
    for (const operation of notStarted) this.cancel(operation, ringClosedError);
    for (const operation of this.#operations) {
      if (operation === undefined) continue;
      // Whoever awaits the close must not be left alone by a process that exits.
      this.setHolding(operation, true);
      this.cancel(operation, ringClosedError);
    }
    if (this.#pendingCount === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends the ring after `drain`. */
  close(): void {
    this.#isClosed = true;
    this.#native.close();
  }
}

/** Operations of broken rings; see `#abandon`. */
const abandoned: Operation<unknown>[] = [];
