/**
 * Polling through epoll and the event loop: all of it on the node backend, and on a ring what the ring
 * refuses. Needs the addon, though no io_uring, and says so where there is none.
 */

import { ECANCELED, EPERM } from '../base/errno.js';
import { Waiter } from '../base/waiter.js';
import type { Observation } from '../contract/observation.js';
import type { BackendWatch, LoopRefs, PollBackend, WatchListener } from '../contract/polls.js';
import { abortError, featureUnavailableError, ringClosedError, systemError } from '../errors/index.js';
import { type Binding, binding, type NativeWatch } from './binding.js';

/** POLLIN of poll(2). */
const READABLE = 1;

function loadedBinding(): Binding {
  try {
    return binding();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n', 1);
    throw featureUnavailableError('polling a descriptor', `the native addon could not be loaded: ${reason}`);
  }
}

function pollNowOf(): Binding['pollNow'] | undefined {
  try {
    return binding().pollNow;
  } catch {
    return undefined;
  }
}

export class EpollPolls implements PollBackend {
  readonly loopRefs: LoopRefs;
  readonly #observation: Observation | undefined;
  readonly #watches = new Set<EpollWatch>();
  readonly #calls = new Set<EpollPoll>();
  #isClosed = false;

  /** @param observation is told of calls of `poll`; not where a ring is told of them already. */
  constructor(loopRefs: LoopRefs, observation?: Observation) {
    this.loopRefs = loopRefs;
    this.#observation = observation;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls of `poll` that have not settled. */
  get pendingCount(): number {
    return this.#calls.size;
  }

  poll(fd: number, events: number, signal: AbortSignal | undefined): Promise<number> {
    if (!this.#observation?.isWanted) return this.#poll(fd, events, signal);
    return this.#observation.observe({ kind: 'poll', fd }, () => this.#poll(fd, events, signal));
  }

  async #poll(fd: number, events: number, signal: AbortSignal | undefined): Promise<number> {
    if (signal?.aborted) throw abortError(signal);
    const call = new EpollPoll(this, fd, events, signal);
    this.#calls.add(call);
    try {
      return await call.promise;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Whether a read would not have to wait; true where that can't be found out. */
  isReadable(fd: number): boolean {
    return pollNowOf()?.(fd, READABLE) !== 0;
  }

  /**
   * Resolves when a read would not have to wait, or at once where that can't be found out: for what is to
   * read in a thread that can't be called back. Rejects with AbortError.
   */
  async untilReadable(fd: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortError(signal);
    const pollNow = pollNowOf();
    // Another reader may have been faster when a poll ends.
    while (pollNow?.(fd, READABLE) === 0) await this.#poll(fd, READABLE, signal);
  }

  /** Rejects calls of `poll` with ECANCELED, as a ring does; returns how many there were. */
  cancelAll(): number {
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const call of calls) call.onFailed(() => systemError(ECANCELED, 'poll'));
    return calls.length;
  }

  watch(fd: number, events: number, listener: WatchListener): EpollWatch {
    return new EpollWatch(this, fd, events, listener);
  }

  add(watch: EpollWatch): void {
    this.#watches.add(watch);
  }

  remove(watch: EpollWatch): void {
    this.#watches.delete(watch);
  }

  /** Fails what is left, and everything from now on. */
  close(): void {
    this.#isClosed = true;
    for (const watch of this.#watches) watch.fail(ringClosedError);
  }
}

class EpollWatch implements BackendWatch {
  readonly #polls: EpollPolls;
  readonly #fd: number;
  readonly #events: number;
  readonly #listener: WatchListener;
  #native: NativeWatch | undefined;
  /** A report that is on its way without the kernel's help. */
  #report: NodeJS.Immediate | undefined;
  #isRef = false;
  #isOver = false;

  constructor(polls: EpollPolls, fd: number, events: number, listener: WatchListener) {
    this.#polls = polls;
    this.#fd = fd;
    this.#events = events;
    this.#listener = listener;
    polls.add(this);
  }

  arm(): void {
    if (this.#native !== undefined || this.#report !== undefined || this.#isOver) return;
    if (this.#polls.isClosed) {
      this.#failSoon(ringClosedError);
      return;
    }
    this.#polls.add(this);
    try {
      this.#start(loadedBinding());
    } catch (error) {
      this.#failSoon(() => error as Error);
    }
  }

  #start({ NativeWatch, pollNow }: Binding): void {
    const native = new NativeWatch(this.#fd, this.#events, (events) => this.#listener.onEvents(events));
    const { errno } = native;
    if (errno === 0) {
      this.#native = native;
      return;
    }
    // epoll refuses what has no readiness to wait for, such as a file; what poll(2) says of that is final.
    const ready = errno === EPERM ? pollNow(this.#fd, this.#events) : errno;
    if (ready > 0) this.#soon(() => this.#listener.onEvents(ready));
    else this.#failSoon(() => systemError(ready < 0 ? ready : errno, 'poll'));
  }

  #failSoon(create: () => Error): void {
    this.#soon(() => this.fail(create));
  }

  /** A turn of the loop later, as if the kernel had called. */
  #soon(report: () => void): void {
    this.#report = setImmediate(() => {
      this.#report = undefined;
      report();
    });
  }

  fail(create: () => Error): void {
    if (this.#isOver) return;
    void this.close();
    this.#listener.onFailed(create);
  }

  setRef(isRef: boolean): void {
    if (this.#isRef === isRef || this.#isOver) return;
    this.#isRef = isRef;
    if (isRef) this.#polls.loopRefs.ref();
    else this.#polls.loopRefs.unref();
  }

  close(): Promise<void> {
    this.setRef(false);
    this.#isOver = true;
    this.#polls.remove(this);
    clearImmediate(this.#report);
    this.#native?.close();
    this.#native = undefined;
    return Promise.resolve();
  }
}

/** A watch for one report. */
class EpollPoll implements WatchListener {
  readonly #waiter: Waiter<number>;
  readonly #watch: EpollWatch;

  constructor(polls: EpollPolls, fd: number, events: number, signal: AbortSignal | undefined) {
    this.#waiter = new Waiter(signal, () => void this.#watch.close());
    this.#watch = polls.watch(fd, events, this);
    this.#watch.setRef(true);
    this.#watch.arm();
  }

  get promise(): Promise<number> {
    return this.#waiter.promise;
  }

  onEvents(events: number): void {
    void this.#watch.close();
    this.#waiter.fulfil(events);
  }

  /** May come again before the promise's own reactions have run. */
  onFailed(create: () => Error): void {
    void this.#watch.close();
    this.#waiter.reject(create);
  }
}
