/**
 * The in-flight limit of the node backend, and what an abort means where Node cannot cancel.
 *
 * Node's thread pool runs what it has begun. So an abort, or the ring's close, rejects at once, while
 * the call keeps its place, its buffer and its descriptor until it really ends; what a late success
 * has made is undone.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../abort.js';
import { abortError, ringClosedError, tracedRejection } from '../../errors.js';
import type { Observation, OperationFacts } from '../observation.js';

/** One call: waiting, then running, then over. */
class Call<Result> implements Abortable {
  readonly promise: Promise<Result>;
  #resolve!: (result: Result | PromiseLike<Result>) => void;
  #reject!: (reason: unknown) => void;
  readonly #admission: Admission;
  readonly #start: () => Promise<Result>;
  readonly #undo: ((late: Result) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  isSettled = false;

  constructor(
    admission: Admission,
    start: () => Promise<Result>,
    undo: ((late: Result) => void) | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#admission = admission;
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

  reject(reason: unknown): void {
    if (this.isSettled) return;
    this.#end();
    this.#reject(reason);
  }

  // Not by a `then` on the promise: with two reactions V8 could not tell who awaits it.
  #end(): void {
    this.isSettled = true;
    this.#admission.forget(this as Call<unknown>);
    if (this.#signal) unwatchAbort(this.#signal, this);
  }

  async run(): Promise<void> {
    try {
      const result = await this.#start();
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

const UNDESCRIBED: OperationFacts = { kind: 'other' };

export class Admission {
  readonly #inFlightMax: number;
  readonly #observation: Observation;
  readonly #calls = new Set<Call<unknown>>();
  #waiting: Call<unknown>[] = [];
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
      waiting: this.#waiting.filter((call) => !call.isSettled).length,
      runningPeak: this.#runningPeak,
    };
  }

  /**
   * Runs `start` when its turn comes.
   *
   * @param undo for a result that came after the caller had been rejected.
   * @param facts what it is about, for who watches.
   */
  run<Result>(
    start: () => Promise<Result>,
    signal: AbortSignal | undefined,
    undo?: (late: Result) => void,
    facts = UNDESCRIBED,
  ): Promise<Result> {
    if (!this.#observation.isWanted) return this.#run(start, signal, undo);
    return this.#observation.observe(facts, () => this.#run(start, signal, undo));
  }

  #run<Result>(
    start: () => Promise<Result>,
    signal: AbortSignal | undefined,
    undo: ((late: Result) => void) | undefined,
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(ringClosedError());
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const call = new Call(this, start, undo, signal);
    const counted = call as Call<unknown>;
    this.#calls.add(counted);
    if (this.#runningCount < this.#inFlightMax && this.#waiting.length === 0) void this.#begin(counted);
    else this.#waiting.push(counted);
    return call.promise;
  }

  /** A call has settled, though it may still be running. */
  forget(call: Call<unknown>): void {
    this.#calls.delete(call);
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
      if (!call.isSettled) void this.#begin(call);
    }
  }

  /** Refuses new calls and rejects those that have not ended. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    for (const call of this.#calls) call.reject(ringClosedError());
  }
}
