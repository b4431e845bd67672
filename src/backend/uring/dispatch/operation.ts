/**
 * One operation in flight: its promise, what it shows the kernel, and what becomes of its result.
 *
 * An operation owns everything it points the kernel at (by referring to it from its fields) from the
 * moment it is submitted until its terminal completion, cancelled or not.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../../abort.js';
import { abortError, type AddressException, tracedRejection } from '../../../errors.js';
import type { OperationFacts } from '../../observation.js';
import type { Dispatcher } from './dispatcher.js';
import {
  SQE_ADDRESS_HIGH,
  SQE_ADDRESS_LOW,
  SQE_BUFFER,
  SQE_FD,
  SQE_FILE_INDEX,
  SQE_HEAD,
  SQE_LENGTH,
  SQE_OFFSET_HIGH,
  SQE_OFFSET_LOW,
  SQE_OP_FLAGS,
  WORD,
} from '../layout.js';

const ECANCELED = -125;
const EINTR = -4;
const EIO = -5;
/** The kernel's own code for an interrupted call; some operations let it through. */
const ERESTARTSYS = -512;

/** A slot that an operation does not hold: it waits for one, or has settled. */
export const NO_SLOT = -1;

type Resolve = (result: unknown) => void;

// An executor made once: `new Promise(closure)` would cost an allocation an operation.
let newestResolve: Resolve;
function rememberResolve(resolve: Resolve): void {
  newestResolve = resolve;
}

export abstract class Operation<Result> implements Abortable {
  readonly promise: Promise<Result>;
  /** The slot it holds, and that slot's generation. */
  slot = NO_SLOT;
  generation = 0;
  /** Whether it keeps the process alive while it is pending. */
  isHolding = true;
  isSettled = false;
  /** Why it is being cancelled; the error it rejects with if the kernel lets go of it. */
  cancelReason: (() => Error) | undefined;
  cancelAttempts = 0;
  /** Submission entries that have not completed; more than one are linked, and start together. */
  entriesLeft = 1;
  readonly #resolve: Resolve;
  #signal: AbortSignal | undefined;
  #dispatcher: Dispatcher | undefined;

  constructor() {
    this.promise = new Promise<unknown>(rememberResolve) as Promise<Result>;
    this.#resolve = newestResolve;
  }

  /** Has an abort of `signal`, which must not have happened yet, cancel the operation. */
  watch(signal: AbortSignal, dispatcher: Dispatcher): void {
    this.#signal = signal;
    this.#dispatcher = dispatcher;
    watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.#dispatcher?.cancel(this, () => abortError(signal));
  }

  /**
   * Writes the submission entry at `words[at]`. All of its words but slot and generation.
   *
   * @param index which of its entries, from 0.
   */
  abstract fill(words: Uint32Array, at: number, dispatcher: Dispatcher, index: number): void;

  /**
   * A completion: `result` is not negative, or a negated errno. Unless `flags` has CQE_MORE it is the
   * terminal one and the slot is already free again. Calls `fulfil` or `fail`.
   */
  abstract complete(result: number, flags: number): void;

  /** The error for a negated errno. */
  protected abstract errorFor(errno: number): Error;

  /** What it is about, for who watches; by default what an error of it would say. */
  describe(): OperationFacts {
    return factsOf(this.errorFor(EIO));
  }

  /** Called once when it is over in whichever way, before its promise settles. */
  protected onSettled(): void {}

  /** Whether its result, if not negative, is a new descriptor. */
  get yieldsFd(): boolean {
    return false;
  }

  /** Whether it names files by path, so that the kernel checks who asks. */
  get isByPath(): boolean {
    return false;
  }

  /** Whether it has a place of its own beyond the ring's in-flight limit. */
  get isExempt(): boolean {
    return false;
  }

  /** The open file or socket it works on, whose operations can be cancelled together. */
  get owner(): object | undefined {
    return undefined;
  }

  /** Whether it is a caller's own, and not one that serves several calls, such as a socket's receive. */
  get isCall(): boolean {
    return true;
  }

  /** Whether the kernel can find it once it has been submitted: not while it waits for others of a chain. */
  get isUnderWay(): boolean {
    return true;
  }

  /** How many operations, itself included, start together with it from the head of the queue. */
  get startCount(): number {
    return 1;
  }

  /** What a request to end it that names no reason makes of it. */
  canceledError(): Error {
    return this.errorFor(ECANCELED);
  }

  protected fulfil(result: Result): void {
    this.#end();
    this.#resolve(result);
  }

  /** As far as the kernel is concerned it is over; `promise` has the result. */
  protected fulfilLater(promise: Promise<Result>): void {
    this.#end();
    this.#resolve(promise);
  }

  #end(): void {
    this.isSettled = true;
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.onSettled();
  }

  protected fail(errno: number): void {
    const reason = this.cancelReason;
    if (reason !== undefined && (errno === ECANCELED || errno === EINTR || errno === ERESTARTSYS))
      this.failWith(reason);
    else this.failWith(() => this.errorFor(errno));
  }

  /** Settles it with an error, made when it is known who awaits it. */
  failWith(create: () => Error): void {
    this.#end();
    this.#resolve(tracedRejection(create));
  }
}

function factsOf(error: AddressException & { dest?: string }): OperationFacts {
  const { syscall = 'other', path, dest, address, port } = error;
  return {
    kind: syscall,
    ...(path === undefined ? {} : { path }),
    ...(dest === undefined ? {} : { dest }),
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  };
}

/** Writes a whole entry except its slot; what a kind of operation does not use is 0. */
export function fillEntry(
  words: Uint32Array,
  at: number,
  head: number,
  fd: number,
  address: number,
  length: number,
  opFlags: number,
): void {
  words[at + SQE_HEAD] = head;
  words[at + SQE_FD] = fd;
  words[at + SQE_OFFSET_LOW] = 0;
  words[at + SQE_OFFSET_HIGH] = 0;
  words[at + SQE_ADDRESS_LOW] = address;
  words[at + SQE_ADDRESS_HIGH] = address / WORD;
  words[at + SQE_LENGTH] = length;
  words[at + SQE_OP_FLAGS] = opFlags;
  words[at + SQE_BUFFER] = 0;
  words[at + SQE_FILE_INDEX] = 0;
  words[at + 12] = 0;
  words[at + 13] = 0;
  words[at + 14] = 0;
  words[at + 15] = 0;
}
