/**
 * How many operations of a ring have not settled, in the kernel or waiting. While there are any, the addon reaches
 * the ring; while one has a ref, the process stays alive.
 */
import { IdleWait } from '../../base/idle-wait.js';
import type { SettleLink } from './settle-link.js';
import type { SubmissionBlock } from './submission-block.js';
import type { Ticket } from './ticket.js';

export class PendingOperations<Ring extends object> {
  readonly #ring: Ring;
  readonly #link: SettleLink<Ring>;
  readonly #block: SubmissionBlock;
  #count = 0;
  readonly #idle = new IdleWait();

  constructor(ring: Ring, link: SettleLink<Ring>, block: SubmissionBlock) {
    this.#ring = ring;
    this.#link = link;
    this.#block = block;
  }

  get count(): number {
    return this.#count;
  }

  /** One has begun, or waits; `leave` must follow. */
  enter({ isRef }: Ticket<unknown>): void {
    if (this.#count++ === 0) this.#link.strengthen(this.#ring);
    if (isRef) this.#block.ref();
  }

  leave({ isRef }: Ticket<unknown>): void {
    if (--this.#count === 0) this.#link.weaken();
    if (isRef) this.#block.unref();
  }

  /** Changes whether a pending operation keeps the process alive. */
  setRef(ticket: Ticket<unknown>, isRef: boolean): void {
    if (ticket.isRef === isRef) return;
    ticket.isRef = isRef;
    if (ticket.isSettled) return;
    if (isRef) this.#block.ref();
    else this.#block.unref();
  }

  /** For the one who closes, when no call can begin any more: what ends may still have something closed. */
  whenIdle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : this.#idle.promise;
  }

  /** A batch of completions is through, and what it gave rise to has begun. */
  noteBatchEnd(): void {
    if (this.#count === 0) this.#idle.end();
  }

  /** Nothing that is pending can be trusted to end. */
  noteBroken(): void {
    this.#idle.end();
  }
}
