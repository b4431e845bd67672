/**
 * One operation in flight: its promise, what it shows the kernel, and what becomes of its result.
 *
 * An operation owns everything it points the kernel at (by referring to it from its fields) from the
 * moment it is submitted until its terminal completion, cancelled or not.
 */

import { ECANCELED, EINTR, EIO, ERESTARTSYS } from '../../base/errno.js';
import type { OperationFacts } from '../../contract/observation.js';
import { type AddressException, tracedRejection } from '../../errors/index.js';
import type { Sqe } from '../../native/sqe.js';
import type { SlotStorage } from './slot-storage.js';
import { Ticket } from './ticket.js';

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

  get isRef(): boolean {
    return this.ticket.isRef;
  }

  set isRef(isRef: boolean) {
    this.ticket.isRef = isRef;
  }

  get isSettled(): boolean {
    return this.ticket.isSettled;
  }

  get cancelReason(): (() => Error) | undefined {
    return this.ticket.cancelReason;
  }

  /** Of its submission entries, those that have not completed. */
  get entriesLeft(): number {
    return this.ticket.entriesLeft;
  }

  /**
   * Writes a submission entry, with one of the functions of sqe.ts.
   *
   * @param storage of slots: this one's is the operation's until the terminal completion.
   * @param index which of its entries, from 0.
   */
  abstract fill(sqe: Sqe, storage: SlotStorage, index: number): void;

  /**
   * A completion: `result` is not negative, or a negated errno. Unless `flags` has CQE_MORE it is the last of its
   * entry; with no entry left the slot is already free again, and this calls `fulfil` or `fail`.
   *
   * @param index which of its entries.
   */
  abstract complete(result: number, flags: number, index: number): void;

  /** The error for a negated errno. */
  protected abstract errorFor(errno: number): Error;

  /** What it is about, for watchers; by default what an error of it would say. */
  describe(): OperationFacts {
    return factsOf(this.errorFor(EIO));
  }

  /** Called once when it is over in whichever way, before its promise settles. */
  protected onSettled(): void {}

  /** Whether it names files by path, so that the kernel checks the user. */
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

  /** Whether it gives a descriptor or a slot back, which happens whatever else is given up, also as the ring ends. */
  get isGivingBack(): boolean {
    return false;
  }

  /** Whether the kernel can find it once it has been submitted: not while it waits for others of a chain. */
  get isUnderWay(): boolean {
    return true;
  }

  /** Of several entries that are not linked, those that the kernel can find; the one under way where this is empty. */
  get entriesUnderWay(): readonly number[] {
    return [];
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
