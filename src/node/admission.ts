/**
 * The in-flight limit of the node backend, and what an abort means where Node cannot cancel.
 *
 * Node's thread pool runs what it has begun. So an abort, or the ring's close, rejects at once, while
 * the call keeps its place, its buffer and its descriptor until it really ends; what a late success
 * has made is undone.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../base/abort.js';
import { ECANCELED } from '../base/errno.js';
import { Line, type Place } from '../base/line.js';
import { isAborted } from '../base/plain-signal.js';
import type { PoolCallback } from '../contract/files.js';
import type { Observation, OperationFacts } from '../contract/observation.js';
import { abortError, addressError, ringClosedError, systemError, tracedRejection } from '../errors/index.js';

/** A call as the work it does sees it. */
export interface Running {
  /** Aborted once the caller has been rejected: what is left of the work can be spared. */
  readonly givenUp: AbortSignal;
  readonly isGivenUp: boolean;
}

/** Begins the work, which calls `done` when it is over; or throws, and has begun nothing. */
export type Begin<Result> = (done: PoolCallback<Result | PromiseLike<Result>>, running: Running) => void;

interface CallOptions<Result> {
  signal?: AbortSignal | undefined;
  /** For a result that came after the caller had been rejected. */
  undo?: ((late: Result) => void) | undefined;
  /** What it is about, for observers and for `cancel`. */
  facts?: OperationFacts | undefined;
  /** Called once, when the work is over, or will never begin. */
  onOver?: (() => void) | undefined;
}

/** One call: waiting, then running, then over. */
class Call<Result> implements Abortable, Running {
  readonly promise: Promise<Result>;
  #resolve!: (result: Result | PromiseLike<Result>) => void;
  #reject!: (reason: unknown) => void;
  readonly #admission: Admission;
  readonly #begin: Begin<Result>;
  readonly #options: CallOptions<Result>;
  /** Where it waits for its turn. */
  place: Place<Call<unknown>> | undefined;
  #hasBegun = false;
  #givenUp: AbortController | undefined;
  /** Whether the caller has been answered; the work may still go on. */
  #isSettled = false;

  constructor(admission: Admission, begin: Begin<Result>, options: CallOptions<Result>) {
    this.#admission = admission;
    this.#begin = begin;
    this.#options = options;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.signal) watchAbort(options.signal, this);
  }

  get facts(): OperationFacts {
    return this.#options.facts ?? UNDESCRIBED;
  }

  onAbort(signal: AbortSignal): void {
    this.reject(abortError(signal));
  }

  get isGivenUp(): boolean {
    return this.#isSettled;
  }

  get givenUp(): AbortSignal {
    this.#givenUp ??= new AbortController();
    if (this.#isSettled) this.#givenUp.abort();
    return this.#givenUp.signal;
  }

  /** Answers the caller, whatever becomes of the work. */
  reject(reason: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    if (!this.#hasBegun) this.#options.onOver?.();
    this.#reject(reason);
    this.#givenUp?.abort();
  }

  // Not by a `then` on the promise: with two reactions V8 could not tell who awaits it.
  #settle(): void {
    this.#isSettled = true;
    this.#admission.forget(this as Call<unknown>);
    if (this.#options.signal) unwatchAbort(this.#options.signal, this);
  }

  begin(): void {
    this.#hasBegun = true;
    try {
      this.#begin((error, result) => this.#done(error, result), this);
    } catch (error) {
      this.#done(error as Error);
    }
  }

  #done(error: Error | null, result?: Result | PromiseLike<Result>): void {
    this.#options.onOver?.();
    if (!this.#isSettled) {
      this.#settle();
      // Node's callbacks come on an empty stack; the error gets its awaiters'.
      this.#resolve(error ? tracedRejection(() => error) : (result as Result));
    } else if (!error) {
      this.#options.undo?.(result as Result);
    }
    this.#admission.noteEnd();
  }
}

function canceledError({ kind, path, dest, address, port }: OperationFacts): Error {
  if (address !== undefined) return addressError(ECANCELED, kind, address, port);
  // An error of a vectored call names the plain one.
  return systemError(ECANCELED, kind === 'readv' || kind === 'writev' ? kind.slice(0, -1) : kind, path, dest);
}

const UNDESCRIBED: OperationFacts = { kind: 'other' };

export class Admission {
  readonly #inFlightMax: number;
  readonly #observation: Observation;
  readonly #calls = new Set<Call<unknown>>();
  readonly #waiting = new Line<Call<unknown>>();
  #runningCount = 0;
  #runningPeak = 0;
  #startedCount = 0;
  #endedCount = 0;
  #isBeginning = false;
  #isClosed = false;

  constructor(inFlightMax: number, observation: Observation) {
    this.#inFlightMax = inFlightMax;
    this.#observation = observation;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get pendingCount(): number {
    return this.#calls.size;
  }

  get counts(): { started: number; ended: number; running: number; waiting: number; runningPeak: number } {
    return {
      started: this.#startedCount,
      ended: this.#endedCount,
      running: this.#runningCount,
      waiting: this.#waiting.length,
      runningPeak: this.#runningPeak,
    };
  }

  /** Begins a call when its turn comes. */
  call<Result>(begin: Begin<Result>, options: CallOptions<Result>): Promise<Result> {
    if (!this.#observation.isWanted) return this.#call(begin, options);
    return this.#observation.observe(options.facts ?? UNDESCRIBED, () => this.#call(begin, options));
  }

  /** The same for work that is a promise. */
  run<Result>(
    start: (running: Running) => Promise<Result>,
    signal: AbortSignal | undefined,
    undo?: (late: Result) => void,
    facts?: OperationFacts,
  ): Promise<Result> {
    return this.call<Result>(
      (done, running) => {
        start(running).then((result) => done(null, result), done);
      },
      { signal, undo, facts },
    );
  }

  /** Runs `start` at once, outside the limit and even when closed: for giving a descriptor back. */
  runAnyway<Result>(start: () => Promise<Result>, facts: OperationFacts): Promise<Result> {
    return this.#observation.isWanted ? this.#observation.observe(facts, start) : start();
  }

  #call<Result>(begin: Begin<Result>, options: CallOptions<Result>): Promise<Result> {
    const { signal } = options;
    const refusal = this.#isClosed
      ? ringClosedError()
      : signal !== undefined && isAborted(signal)
        ? abortError(signal)
        : undefined;
    if (refusal !== undefined) {
      options.onOver?.();
      return Promise.reject(refusal);
    }
    const call = new Call(this, begin, options);
    const counted = call as Call<unknown>;
    this.#calls.add(counted);
    if (this.#runningCount < this.#inFlightMax && this.#waiting.length === 0) this.#begin(counted);
    else counted.place = this.#waiting.push(counted);
    return call.promise;
  }

  /**
   * Rejects the calls that have not ended, of one descriptor or all there are, with ECANCELED; returns how
   * many there were.
   */
  cancel(fd?: number): number {
    const calls = [...this.#calls].filter((call) => fd === undefined || call.facts.fd === fd);
    for (const call of calls) call.reject(canceledError(call.facts));
    return calls.length;
  }

  /** A call has settled, though it may still be running. */
  forget(call: Call<unknown>): void {
    this.#calls.delete(call);
    if (call.place !== undefined) this.#waiting.remove(call.place);
  }

  #begin(call: Call<unknown>): void {
    this.#startedCount++;
    this.#runningCount++;
    if (this.#runningCount > this.#runningPeak) this.#runningPeak = this.#runningCount;
    call.begin();
  }

  /** The work of a call that had begun is over. */
  noteEnd(): void {
    this.#runningCount--;
    this.#endedCount++;
    // One that ends as it begins comes back in here, and the loop goes on below.
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    while (this.#runningCount < this.#inFlightMax) {
      const call = this.#waiting.shift();
      if (call === undefined) break;
      this.#begin(call);
    }
    this.#isBeginning = false;
  }

  /** Refuses new calls and rejects those that have not ended. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.reject(ringClosedError());
  }
}
