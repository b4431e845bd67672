/**
 * The in-flight limit of the node backend, and what an abort means where Node cannot cancel.
 *
 * Node's thread pool runs what it has begun. So an abort, or the ring's close, rejects at once, while
 * the call keeps its place, its buffer and its descriptor until it really ends; what a late success
 * has made is undone.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../base/abort.js';
import { Line, type Place } from '../base/line.js';
import { isAborted } from '../base/plain-signal.js';
import type { Observation, OperationFacts } from '../contract/observation.js';
import { abortError, addressError, ringClosedError, systemError, tracedRejection } from '../errors/index.js';

const ECANCELED = -125;

/** A call as the work it does sees it. */
export interface Running {
  /** Aborted once the caller has been rejected: nobody waits for the result any more. */
  readonly givenUp: AbortSignal;
}

/** One call: waiting, then running, then over. */
class Call<Result> implements Abortable, Running {
  readonly promise: Promise<Result>;
  #resolve!: (result: Result | PromiseLike<Result>) => void;
  #reject!: (reason: unknown) => void;
  readonly #admission: Admission;
  readonly #start: (running: Running) => Promise<Result>;
  readonly #undo: ((late: Result) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onDropped: (() => void) | undefined;
  readonly facts: OperationFacts;
  /** Where it waits for its turn. */
  place: Place<Call<unknown>> | undefined;
  #hasStarted = false;
  #givenUp: AbortController | undefined;
  isSettled = false;

  constructor(
    admission: Admission,
    start: (running: Running) => Promise<Result>,
    undo: ((late: Result) => void) | undefined,
    facts: OperationFacts,
    onDropped: (() => void) | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#admission = admission;
    this.facts = facts;
    this.#onDropped = onDropped;
    this.#start = start;
    this.#undo = undo;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal) watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.reject(abortError(signal));
  }

  get givenUp(): AbortSignal {
    this.#givenUp ??= new AbortController();
    if (this.isSettled) this.#givenUp.abort();
    return this.#givenUp.signal;
  }

  reject(reason: unknown): void {
    if (this.isSettled) return;
    this.#end();
    if (!this.#hasStarted) this.#onDropped?.();
    this.#reject(reason);
    this.#givenUp?.abort();
  }

  // Not by a `then` on the promise: with two reactions V8 could not tell who awaits it.
  #end(): void {
    this.isSettled = true;
    this.#admission.forget(this as Call<unknown>);
    if (this.#signal) unwatchAbort(this.#signal, this);
  }

  async run(): Promise<void> {
    this.#hasStarted = true;
    try {
      const result = await this.#start(this);
      if (this.isSettled) {
        this.#undo?.(result);
      } else {
        this.#end();
        this.#resolve(result);
      }
    } catch (error) {
      if (this.isSettled) return;
      this.#end();
      // Node's callbacks come on an empty stack; the error gets its awaiters'.
      this.#resolve(tracedRejection(() => error as Error));
    }
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

  /**
   * Runs `start` when its turn comes. It ends what it can when its call is given up; what it can't goes on.
   *
   * @param undo for a result that came after the caller had been rejected.
   * @param facts what it is about, for who watches.
   * @param onDropped called instead of `start` when the call is given up before its turn.
   */
  run<Result>(
    start: (running: Running) => Promise<Result>,
    signal: AbortSignal | undefined,
    undo?: (late: Result) => void,
    facts = UNDESCRIBED,
    onDropped?: () => void,
  ): Promise<Result> {
    if (!this.#observation.isWanted) return this.#run(start, signal, undo, facts, onDropped);
    return this.#observation.observe(facts, () => this.#run(start, signal, undo, facts, onDropped));
  }

  /** Runs `start` at once, outside the limit and even when closed: for giving a descriptor back. */
  runAnyway<Result>(start: () => Promise<Result>, facts: OperationFacts): Promise<Result> {
    return this.#observation.isWanted ? this.#observation.observe(facts, start) : start();
  }

  #run<Result>(
    start: (running: Running) => Promise<Result>,
    signal: AbortSignal | undefined,
    undo: ((late: Result) => void) | undefined,
    facts: OperationFacts,
    onDropped: (() => void) | undefined,
  ): Promise<Result> {
    const refusal = this.#isClosed
      ? ringClosedError()
      : signal !== undefined && isAborted(signal)
        ? abortError(signal)
        : undefined;
    if (refusal !== undefined) {
      onDropped?.();
      return Promise.reject(refusal);
    }
    const call = new Call(this, start, undo, facts, onDropped, signal);
    const counted = call as Call<unknown>;
    this.#calls.add(counted);
    if (this.#runningCount < this.#inFlightMax && this.#waiting.length === 0) void this.#begin(counted);
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

  async #begin(call: Call<unknown>): Promise<void> {
    this.#startedCount++;
    this.#runningCount++;
    if (this.#runningCount > this.#runningPeak) this.#runningPeak = this.#runningCount;
    await call.run();
    this.#runningCount--;
    this.#endedCount++;
    this.#beginNext();
  }

  #beginNext(): void {
    while (this.#runningCount < this.#inFlightMax) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      void this.#begin(call);
    }
  }

  /** Refuses new calls and rejects those that have not ended. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.reject(ringClosedError());
  }
}
