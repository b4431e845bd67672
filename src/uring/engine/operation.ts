/**
 * One operation in flight: its promise, what it shows the kernel, and what becomes of its result.
 *
 * An operation owns everything it points the kernel at (by referring to it from its fields) from the
 * moment it is submitted until its terminal completion, cancelled or not.
 */

import type { OperationFacts } from '../../contract/observation.js';
import { type AddressException, tracedRejection } from '../../errors/index.js';
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
} from '../../native/layout.js';
import type { Dispatcher } from './dispatcher.js';
import { Ticket } from './ticket.js';

const ECANCELED = -125;
const EINTR = -4;
const EIO = -5;
/** The kernel's own code for an interrupted call; some operations let it through. */
const ERESTARTSYS = -512;

export abstract class Operation<Result> {
  /** Assigned here, and nothing is `#private`: what a class with many subclasses defines is slow (ticket.ts). */
  declare readonly ticket: Ticket<Result>;

  constructor() {
    this.ticket = new Ticket(this);
  }

  get promise(): Promise<Result> {
    return this.ticket.promise;
  }

  get slot(): number {
    return this.ticket.slot;
  }

  set slot(slot: number) {
    this.ticket.slot = slot;
  }

  get isHolding(): boolean {
    return this.ticket.isHolding;
  }

  set isHolding(isHolding: boolean) {
    this.ticket.isHolding = isHolding;
  }

  get isSettled(): boolean {
    return this.ticket.isSettled;
  }

  get cancelReason(): (() => Error) | undefined {
    return this.ticket.cancelReason;
  }

  get entriesLeft(): number {
    return this.ticket.entriesLeft;
  }

  set entriesLeft(count: number) {
    this.ticket.entriesLeft = count;
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

  /** Whether it names files by path, so that the kernel checks who asks. */
  get isByPath(): boolean {
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
    this.settle(result);
  }

  /** As far as the kernel is concerned it is over; `promise` has the result. */
  protected fulfilLater(promise: Promise<Result>): void {
    this.settle(promise);
  }

  private settle(result: Result | Promise<Result>): void {
    const { ticket } = this;
    ticket.end();
    this.onSettled();
    ticket.resolve(result);
  }

  protected fail(errno: number): void {
    const reason = this.cancelReason;
    if (reason !== undefined && (errno === ECANCELED || errno === EINTR || errno === ERESTARTSYS))
      this.failWith(reason);
    else this.failWith(() => this.errorFor(errno));
  }

  /** Settles it with an error, made when it is known who awaits it. */
  failWith(create: () => Error): void {
    this.settle(tracedRejection(create));
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
