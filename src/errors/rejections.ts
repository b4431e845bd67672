/** Aborts, and errors that say who awaited what failed. */
import { reasonOf } from '../base/plain-signal.js';

/** What an abort rejects with; `cause` is the signal's reason. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR';

  constructor(message = 'The operation was aborted', options?: ErrorOptions) {
    super(message, options);
    this.name = 'AbortError';
  }
}

/** What a call rejects with whose `signal` was or has been aborted. */
export function abortError(signal: AbortSignal): AbortError {
  return new AbortError(undefined, { cause: reasonOf(signal) });
}

/**
 * A promise that rejects with the error `create` makes, for a backend to resolve a caller's promise
 * with: `resolve(tracedRejection(() => systemError(…)))`.
 *
 * A completion arrives on an empty stack, and an error made there would name no caller. V8 can tell
 * who awaits the promise, but only from inside a promise reaction that is already chained to it,
 * hence the two turns of the microtask queue before `create` runs. Successes pay nothing for it.
 */
export function tracedRejection(create: () => Error): Promise<never> {
  return Promise.resolve()
    .then(() => {})
    .then(function reject(): never {
      const error = create();
      Error.captureStackTrace(error, reject);
      throw error;
    });
}
