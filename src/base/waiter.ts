/** A wait for something that comes later, and that an AbortSignal can end. */
import { abortError, tracedRejection } from '../errors/index.js';
import { type Abortable, unwatchAbort, watchAbort } from './abort.js';

export class Waiter<Result> implements Abortable {
  readonly promise: Promise<Result>;
  readonly #signal: AbortSignal | undefined;
  readonly #onGivenUp: (() => void) | undefined;
  #resolve!: (result: Result | PromiseLike<Result>) => void;
  #isOver = false;

  /**
   * @param signal that is not aborted yet.
   * @param onGivenUp called when it is, before the promise rejects: for a place in a line, which is free then.
   */
  constructor(signal: AbortSignal | undefined, onGivenUp?: () => void) {
    this.#signal = signal;
    this.#onGivenUp = onGivenUp;
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (signal !== undefined) watchAbort(signal, this);
  }

  /** Does nothing when the wait is over, as `reject` does. */
  fulfil(result: Result): void {
    if (this.#end()) this.#resolve(result);
  }

  reject(create: () => Error): void {
    if (this.#end()) this.#resolve(tracedRejection(create));
  }

  onAbort(signal: AbortSignal): void {
    this.#onGivenUp?.();
    this.reject(() => abortError(signal));
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    return true;
  }
}
