/**
 * Requests to the kernel to end operations: sent, sent later when there was no room, and sent again when the
 * kernel has met a target on its way between two places where it looks. None is ever dropped.
 */
import type { SubmissionBlock } from './submission-block.js';
import { NO_SLOT, type Ticket } from './ticket.js';

/** A cancel request that finds nothing although its target is pending has met it between two states. */
const CANCEL_ATTEMPTS_MAX = 8;
const RETRY_MS = 1;
/** An SQ thread may need some time to look for a descriptor's operations among thousands. */
const PATIENCE_MS = 20;

export class CancelRequests {
  readonly #block: SubmissionBlock;
  readonly #unsent: Ticket<unknown>[] = [];
  /** Of those that have been asked for again. */
  readonly #attempts = new WeakMap<Ticket<unknown>, number>();
  readonly #retrying = new WeakSet<Ticket<unknown>>();
  readonly #unsentFds: [fd: number, fixedIndex: number][] = [];
  #timer: NodeJS.Timeout | undefined;
  sentCount = 0;
  #isClosed = false;

  constructor(block: SubmissionBlock) {
    this.#block = block;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0 || this.#unsentFds.length > 0;
  }

  /** Asks for the end of an operation that is in the kernel. */
  send(ticket: Ticket<unknown>): void {
    if (this.#stage(ticket)) return;
    this.#unsent.push(ticket);
    this.#sendUnsentSoon();
  }

  /** False when there was no room for all of it: then it is sent later for what is left. */
  #stage(ticket: Ticket<unknown>): boolean {
    const { entriesUnderWay } = ticket.operation;
    if (entriesUnderWay.length === 0) return this.#stageOne(ticket, ticket.markedGeneration);
    return entriesUnderWay.every((entry) => this.#stageOne(ticket, ticket.markedGenerationOf(entry)));
  }

  #stageOne(ticket: Ticket<unknown>, markedGeneration: number): boolean {
    const isStaged = this.#block.stageCancel(ticket, markedGeneration);
    if (isStaged) this.sentCount++;
    return isStaged;
  }

  /** Asks for the end of everything that a descriptor has in the kernel. */
  sendForFd(fd: number, fixedIndex: number): void {
    if (this.#block.stageFdCancel(fd, fixedIndex)) {
      this.sentCount++;
    } else {
      this.#unsentFds.push([fd, fixedIndex]);
      this.#sendUnsentSoon();
    }
  }

  /** The same for these operations of it, until none of them is left. */
  sendForAll(tickets: readonly Ticket<unknown>[], fd: number, fixedIndex: number): void {
    this.sendForFd(fd, fixedIndex);
    // So that the kernel has had it before what is left is counted.
    this.#block.submit();
    this.#pursue(tickets, tickets.length, RETRY_MS);
  }

  /**
   * The kernel cancels none that is just on its way between two places, nor one that has no file yet: once
   * no others end any more, each of these is asked for by itself. Asking too early costs a request each.
   */
  #pursue(tickets: readonly Ticket<unknown>[], countBefore: number, delayMs: number): void {
    const look = (): void => {
      const left = tickets.filter(({ isSettled, slot }) => !isSettled && slot !== NO_SLOT);
      if (left.length === 0) return;
      const isEnding = left.length < countBefore;
      if (isEnding) this.#pursue(left, left.length, delayMs);
      else if (delayMs < PATIENCE_MS) this.#pursue(left, left.length, PATIENCE_MS);
      else for (const ticket of left) if (ticket.operation.isUnderWay) this.send(ticket);
    };
    // A timer comes before the ring's turn in the loop's round, and an immediate after it.
    setTimeout(() => setImmediate(look), delayMs);
  }

  /** A request has found nothing at `slot`, whose operation is this: asks again. */
  retry(ticket: Ticket<unknown>, slot: number): void {
    const attempts = this.#attempts.get(ticket) ?? 0;
    if (ticket.cancelReason === undefined || attempts >= CANCEL_ATTEMPTS_MAX) return;
    // Many entries may have been missed at once.
    if (this.#retrying.has(ticket)) return;
    this.#retrying.add(ticket);
    this.#attempts.set(ticket, attempts + 1);
    setTimeout(() => {
      this.#retrying.delete(ticket);
      if (!ticket.isSettled && ticket.slot === slot) this.send(ticket);
    }, RETRY_MS);
  }

  /** No completion may come that would give the occasion to send it. */
  #sendUnsentSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isClosed) this.sendUnsent();
    }, RETRY_MS);
  }

  sendUnsent(): void {
    for (const ticket of this.#unsent.splice(0)) {
      if (!ticket.isSettled && ticket.slot !== NO_SLOT) this.send(ticket);
    }
    for (const [fd, fixedIndex] of this.#unsentFds.splice(0)) this.sendForFd(fd, fixedIndex);
  }

  close(): void {
    this.#isClosed = true;
  }
}
