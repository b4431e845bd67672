/**
 * What waits for a receive buffer of a pool that has run dry, and what gets one first.
 *
 * A socket whose queue is long takes every buffer that there is the moment it is armed. So those that went
 * away empty come before those that did not, and none arms while others may still be on their way here;
 * and no more are called at once than there are buffers, or each of many sockets would ask for each of few.
 */

/** Told when buffers have come back to a pool that had run dry. */
export interface BufferWaiter {
  onBuffersAvailable(): void;
}

export class BufferLine {
  readonly #countAvailable: () => number;
  /** In the order of waiting: those whose last receive brought nothing, and the others. */
  readonly #starved = new Set<BufferWaiter>();
  readonly #served = new Set<BufferWaiter>();
  #isContended = false;
  #isCallPending = false;

  constructor(countAvailable: () => number) {
    this.#countAvailable = countAvailable;
  }

  /** A receive has found the pool dry. */
  noteExhausted(): void {
    this.#isContended = true;
  }

  /** Calls `waiter`, at once if none competes with it. */
  join(waiter: BufferWaiter, wasServed: boolean): void {
    if (!this.#isContended && this.#countAvailable() > 0) {
      waiter.onBuffersAvailable();
      return;
    }
    if (wasServed) {
      if (!this.#starved.has(waiter)) this.#served.add(waiter);
    } else {
      this.#served.delete(waiter);
      this.#starved.add(waiter);
    }
    this.callSoon();
  }

  leave(waiter: BufferWaiter): void {
    this.#starved.delete(waiter);
    this.#served.delete(waiter);
  }

  /** Calls those who wait, once all of the batch at hand are here. For when buffers have come back, too. */
  callSoon(): void {
    if (this.#isCallPending || this.#waitingCount === 0 || this.#countAvailable() === 0) return;
    this.#isCallPending = true;
    queueMicrotask(() => {
      this.#isCallPending = false;
      this.#call();
    });
  }

  get #waitingCount(): number {
    return this.#starved.size + this.#served.size;
  }

  #call(): void {
    const called = [...this.#starved, ...this.#served].slice(0, this.#countAvailable());
    for (const waiter of called) {
      this.leave(waiter);
      waiter.onBuffersAvailable();
    }
    // Those called may have nothing to receive: what they leave is for the next.
    if (this.#waitingCount > 0) setImmediate(() => this.callSoon());
    else this.#isContended = false;
  }
}
