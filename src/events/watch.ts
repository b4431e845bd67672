/** The async iterator of `ring.watch`: the events of a descriptor, those that came without a waiting reader merged. */
import { type Abortable, unwatchAbort, watchAbort } from '../base/abort.js';
import type { BackendWatch, PollBackend, WatchListener } from '../contract/polls.js';
import { abortError, tracedRejection } from '../errors/index.js';
import { type PollEvent, toPollEvents } from './poll-events.js';

type Step = IteratorResult<PollEvent[], undefined>;

const DONE: Step = { done: true, value: undefined };

export class Watch implements AsyncIterableIterator<PollEvent[]>, WatchListener, Abortable {
  readonly #signal: AbortSignal | undefined;
  readonly #backend: BackendWatch;
  /** What has come since the last iteration. */
  #coalesced = 0;
  #waiters: ((step: Step | Promise<never>) => void)[] = [];
  #failure: (() => Error) | undefined;
  #isStarted = false;
  #closing: Promise<void> | undefined;

  constructor(polls: PollBackend, fd: number, events: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#backend = polls.watch(fd, events, this);
  }

  next(): Promise<Step> {
    if (!this.#isStarted) this.#start();
    if (this.#failure !== undefined) {
      const create = this.#failure;
      this.#failure = undefined;
      return Promise.reject(create());
    }
    if (this.#closing !== undefined) return Promise.resolve(DONE);
    if (this.#coalesced !== 0) return Promise.resolve(this.#takeCoalesced());
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#backend.setRef(true);
      this.#backend.arm();
    });
  }

  #start(): void {
    this.#isStarted = true;
    if (this.#signal === undefined || this.#closing !== undefined) return;
    if (this.#signal.aborted) this.onAbort(this.#signal);
    else watchAbort(this.#signal, this);
  }

  #takeCoalesced(): Step {
    const value = toPollEvents(this.#coalesced);
    this.#coalesced = 0;
    return { done: false, value };
  }

  onEvents(events: number): void {
    this.#coalesced |= events;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    if (this.#waiters.length === 0) this.#backend.setRef(false);
    waiter(this.#takeCoalesced());
  }

  onFailed(create: () => Error): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#failure = create;
    else waiter(tracedRejection(create));
    void this.#close();
  }

  onAbort(signal: AbortSignal): void {
    this.onFailed(() => abortError(signal));
  }

  #close(): Promise<void> {
    if (this.#closing === undefined) {
      if (this.#signal) unwatchAbort(this.#signal, this);
      this.#coalesced = 0;
      this.#closing = this.#backend.close();
      for (const waiter of this.#waiters.splice(0)) waiter(DONE);
    }
    return this.#closing;
  }

  async return(): Promise<Step> {
    this.#failure = undefined;
    await this.#close();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
