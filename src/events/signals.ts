/**
 * Process signals as async iterators, on Node's own dispatch.
 *
 * However many iterators there are, each signal has one listener on `process`; with the last of them it
 * goes, and the signal does again what it did before.
 */
import { constants } from 'node:os';
import { type Abortable, unwatchAbort, watchAbort } from '../base/abort.js';
import { checkString, mapArray } from '../base/validate.js';
import type { LoopRefs } from '../contract/polls.js';
import {
  abortError,
  invalidArgValue,
  tracedRejection,
  unknownSignal,
  workerUnsupportedError,
} from '../errors/index.js';
import { restoreSignal, saveSignal } from '../native/signal-actions.js';

/** A signal that has come, and how often since it was last reported. */
export interface SignalArrival {
  /** Its name, such as 'SIGTERM'. */
  signal: NodeJS.Signals;
  /** At least 1. The kernel merges signals of one kind that are pending, so there may have been more. */
  count: number;
}

type Step = IteratorResult<SignalArrival, undefined>;

const DONE: Step = { done: true, value: undefined };

/** Checks the names given to `ring.signals`; repeated ones count once. */
export function readSignalNames(names: unknown): readonly NodeJS.Signals[] {
  const signals = mapArray(names, 'signals', (name, index) => {
    const known = checkString(name, `signals[${index}]`);
    if (!Object.hasOwn(constants.signals, known)) throw unknownSignal(known);
    return known as NodeJS.Signals;
  });
  if (signals.length === 0) throw invalidArgValue('signals', names, 'must name at least one signal');
  return [...new Set(signals)];
}

/** One signal's listener on `process`, and the iterators that it tells. */
class Dispatch {
  readonly signal: NodeJS.Signals;
  readonly #streams = new Set<SignalStream>();
  readonly #listener = (): void => {
    for (const stream of this.#streams) stream.note(this.signal);
  };

  constructor(signal: NodeJS.Signals) {
    this.signal = signal;
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  /** @throws what Node throws for a signal that cannot be listened for, such as SIGKILL. */
  add(stream: SignalStream): void {
    if (this.isIdle) this.#listen();
    this.#streams.add(stream);
  }

  remove(stream: SignalStream): void {
    if (this.#streams.delete(stream) && this.isIdle) this.#unlisten();
  }

  #listen(): void {
    const number = constants.signals[this.signal];
    if (process.listenerCount(this.signal) === 0) saveSignal(number);
    process.on(this.signal, this.#listener);
  }

  #unlisten(): void {
    process.off(this.signal, this.#listener);
    // Another party's listener goes on; Node takes care of that one's end.
    if (process.listenerCount(this.signal) === 0) restoreSignal(constants.signals[this.signal]);
  }
}

const dispatches = new Map<NodeJS.Signals, Dispatch>();

function listen(signal: NodeJS.Signals, stream: SignalStream): void {
  const dispatch = dispatches.get(signal) ?? new Dispatch(signal);
  dispatch.add(stream);
  dispatches.set(signal, dispatch);
}

function unlisten(signal: NodeJS.Signals, stream: SignalStream): void {
  const dispatch = dispatches.get(signal);
  dispatch?.remove(stream);
  if (dispatch?.isIdle) dispatches.delete(signal);
}

export class SignalStream implements AsyncIterableIterator<SignalArrival>, Abortable {
  readonly #names: readonly NodeJS.Signals[];
  readonly #loopRefs: LoopRefs;
  readonly #abortSignal: AbortSignal | undefined;
  readonly #onEnd: (stream: SignalStream) => void;
  /** What has come and was not reported, in the order of first arrival. */
  readonly #counts = new Map<NodeJS.Signals, number>();
  #waiters: ((step: Step | Promise<never>) => void)[] = [];
  #failure: (() => Error) | undefined;
  #isDone = false;

  /**
   * Listens from now on.
   *
   * @param hold keeps the process alive while a reader waits.
   */
  constructor(
    names: readonly NodeJS.Signals[],
    loopRefs: LoopRefs,
    abortSignal: AbortSignal | undefined,
    onEnd: (stream: SignalStream) => void,
  ) {
    if (!process.getBuiltinModule('node:worker_threads').isMainThread)
      throw workerUnsupportedError('ring.signals()');
    this.#names = names;
    this.#loopRefs = loopRefs;
    this.#abortSignal = abortSignal;
    this.#onEnd = onEnd;
    if (abortSignal?.aborted) {
      this.onAbort(abortSignal);
      return;
    }
    try {
      for (const name of names) listen(name, this);
    } catch (error) {
      this.#end();
      throw error;
    }
    if (abortSignal) watchAbort(abortSignal, this);
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  note(signal: NodeJS.Signals): void {
    this.#counts.set(signal, (this.#counts.get(signal) ?? 0) + 1);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    if (this.#waiters.length === 0) this.#loopRefs.unref();
    waiter(this.#takeArrival() ?? DONE);
  }

  #takeArrival(): Step | undefined {
    const [first] = this.#counts;
    if (first === undefined) return undefined;
    const [signal, count] = first;
    this.#counts.delete(signal);
    return { done: false, value: { signal, count } };
  }

  next(): Promise<Step> {
    if (this.#failure !== undefined) {
      const create = this.#failure;
      this.#failure = undefined;
      return Promise.reject(create());
    }
    if (this.#isDone) return Promise.resolve(DONE);
    const arrival = this.#takeArrival();
    if (arrival !== undefined) return Promise.resolve(arrival);
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      if (this.#waiters.length === 1) this.#loopRefs.ref();
    });
  }

  /** Ends the iterator with an error: for the reader that waits now, or else for the next. */
  fail(create: () => Error): void {
    if (this.#isDone) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#failure = create;
    } else {
      if (this.#waiters.length === 0) this.#loopRefs.unref();
      waiter(tracedRejection(create));
    }
    this.#end();
  }

  onAbort(signal: AbortSignal): void {
    this.fail(() => abortError(signal));
  }

  #end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#counts.clear();
    if (this.#abortSignal) unwatchAbort(this.#abortSignal, this);
    for (const name of this.#names) unlisten(name, this);
    if (this.#waiters.length > 0) this.#loopRefs.unref();
    for (const waiter of this.#waiters.splice(0)) waiter(DONE);
    this.#onEnd(this);
  }

  return(): Promise<Step> {
    this.#failure = undefined;
    this.#end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
