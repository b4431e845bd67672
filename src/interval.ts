/** A steady beat as an async iterator, after the manner of timerfd_create(2). */
import { monotonicMs, type TimerQueue } from './timer-queue.js';

/**
 * Yields how many periods have passed since the last iteration, at least 1. The beat does not drift, and
 * periods that nobody waited for are counted, not queued.
 */
export class Interval implements AsyncIterableIterator<number> {
  readonly #timers: TimerQueue;
  readonly #periodMs: number;
  readonly #signal: AbortSignal | undefined;
  #nextMs: number;
  #isDone = false;

  constructor(timers: TimerQueue, periodMs: number, signal: AbortSignal | undefined) {
    this.#timers = timers;
    this.#periodMs = periodMs;
    this.#signal = signal;
    this.#nextMs = monotonicMs() + periodMs;
  }

  async next(): Promise<IteratorResult<number>> {
    if (this.#isDone) return { done: true, value: undefined };
    await this.#timers.waitUntil(this.#nextMs, this.#signal);
    const periods = Math.floor((monotonicMs() - this.#nextMs) / this.#periodMs) + 1;
    this.#nextMs += periods * this.#periodMs;
    return { done: false, value: Math.max(1, periods) };
  }

  async return(): Promise<IteratorResult<number>> {
    this.#isDone = true;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
