/**
 * What is the same of all operations: the promise, the place in the ring, who may end it.
 *
 * It is an object of its own, apart from what is particular to a kind (operation.ts), because V8 is quick with
 * objects of one shape. Of a class that others derive from, it meets as many shapes as there are such classes;
 * with the fifth each access became a search, each field defined a call into V8's runtime, and an operation
 * seven times as dear.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../base/abort.js';
import type { Place } from '../../base/line.js';
import { abortError } from '../../errors/index.js';
import { GENERATION_ENTRY_SHIFT, GENERATION_YIELDS_FD } from '../../native/layout.js';
import type { Operation } from './operation.js';

/** In place of a request slot: the operation waits for one, or has settled. */
export const NO_SLOT = -1;

/** Who can ask for an operation's end. */
export interface Canceller {
  cancel(operation: Operation<unknown>, reason: () => Error): void;
}

export class Ticket<Result> implements Abortable {
  readonly operation: Operation<Result>;
  /** Made when it is asked for: what serves a connection or a socket tells its owner by itself. */
  #promise: Promise<Result> | undefined;
  #resolve: ((result: unknown) => void) | undefined;
  /** It has not been asked for yet. */
  #outcome: { result: unknown } | undefined;
  /** Its request slot, and that slot's generation. */
  slot = NO_SLOT;
  generation = 0;
  /** Whether it has a place of its own beyond the ring's in-flight limit. */
  isExempt = false;
  /** Whether its result, if not negative, is a new descriptor. */
  yieldsFd = false;
  /** Whether it keeps the process alive while it is pending. */
  isRef = true;
  isSettled = false;
  /** Why it is being cancelled; the error it rejects with if the kernel lets go of it. */
  cancelReason: (() => Error) | undefined;
  /** Submission entries, which start together: linked, each after the one before, unless they are many calls. */
  entryCount = 1;
  /** Those that have not completed. */
  entriesLeft = 1;
  /** Places that it takes of the ring's in-flight limit. */
  placeCount = 1;
  /** Where it waits, or has waited, for a slot. */
  place: Place<Ticket<unknown>> | undefined;
  #signal: AbortSignal | undefined;
  #canceller: Canceller | undefined;

  constructor(operation: Operation<Result>) {
    this.operation = operation;
  }

  /** For an operation of more entries than one, as it is made. */
  setEntryCount(count: number): void {
    this.entryCount = count;
    this.entriesLeft = count;
  }

  get promise(): Promise<Result> {
    if (this.#promise !== undefined) return this.#promise;
    let resolvePromise!: (result: unknown) => void;
    // V8 makes no closure of an executor that it sees.
    this.#promise = new Promise<unknown>((resolve) => {
      resolvePromise = resolve;
    }) as Promise<Result>;
    this.#resolve = resolvePromise;
    if (this.#outcome !== undefined) resolvePromise(this.#outcome.result);
    return this.#promise;
  }

  /** Has an abort of `signal`, which must not have happened yet, cancel the operation. */
  watch(signal: AbortSignal, canceller: Canceller): void {
    this.#signal = signal;
    this.#canceller = canceller;
    watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.#canceller?.cancel(this.operation, () => abortError(signal));
  }

  /** The generation as the kernel has it, of the entry that is under way or the first. */
  get markedGeneration(): number {
    return this.markedGenerationOf(this.entryCount - this.entriesLeft);
  }

  markedGenerationOf(entry: number): number {
    const mark = entry << GENERATION_ENTRY_SHIFT;
    return this.yieldsFd ? this.generation | mark | GENERATION_YIELDS_FD : this.generation | mark;
  }

  /** It is over, in whichever way. */
  end(): void {
    this.isSettled = true;
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
  }

  /** Settles the promise. */
  resolve(result: Result | PromiseLike<Result>): void {
    if (this.#resolve !== undefined) this.#resolve(result);
    else this.#outcome = { result };
  }
}
