/** A steady beat as an async iterator, after the manner of timerfd_create(2). */
import { monotonicMs, type Timer, type TimerQueue } from '../contract/timer-queue.js';

/**
 * Yields how many periods have passed since the last iteration, at least 1. The beat does not drift, and
 * periods that passed without a waiting reader are counted, not queued.
 */
export class Interval implements AsyncIterableIterator<number> {
  readonly #timers: TimerQueue;
  readonly #periodMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #waits = new Set<Timer>();
  #nextMs: number;
  #isDone = false;

  constructor(timers: TimerQueue, periodMs: number, signal: AbortSignal | undefined) {
    this.#timers = timers;
    this.#periodMs = periodMs;
    this.#signal = signal;
    this.#nextMs = monotonicMs() + periodMs;
  }

  async next(): Promise<IteratorResult<number, undefined>> {
    try {
      return await this.#nextBeat();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #nextBeat(): Promise<IteratorResult<number, undefined>> {
    while (!this.#isDone) {
      this.#timers.throwIfOver(this.#signal);
      const lateMs = monotonicMs() - this.#nextMs;
      if (lateMs >= 0) {
        const periods = Math.floor(lateMs / this.#periodMs) + 1;
        this.#nextMs += periods * this.#periodMs;
        return { done: false, value: periods };
      }
      const wait = this.#timers.start(this.#nextMs, this.#signal);
      this.#waits.add(wait);
      await wait.promise.finally(() => this.#waits.delete(wait));
    }
    return { done: true, value: undefined };
  }

  #end(): void {
    this.#isDone = true;
    for (const wait of this.#waits) wait.end();
  }

  async return(): Promise<IteratorResult<number, undefined>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
