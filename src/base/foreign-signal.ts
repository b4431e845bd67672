/**
 * Signals that are not the engine's own: of another realm or library, wrapped, or with parts replaced.
 *
 * What they say is taken into a plain signal, which everything else goes by. So their code runs in two
 * places only: within the call that they are passed to, before it has begun anything, and on an empty stack.
 */
import { abortWith, isAborted } from './plain-signal.js';

/** What is asked of one. */
export interface ForeignSignal {
  readonly aborted: unknown;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener?(type: 'abort', listener: () => void): void;
}

const emptyStack = Promise.resolve();

/** Listens to a foreign signal while something depends on the plain one. */
export class Follower {
  readonly #source: ForeignSignal;
  readonly #controller = new AbortController();
  #userCount = 0;
  #isListening = false;

  constructor(source: ForeignSignal) {
    this.#source = source;
  }

  /** Aborted when the foreign one is. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Looks at the source, and listens to it until it turns out that nothing does depend on it. */
  begin(): void {
    this.#look();
    void emptyStack.then(() => this.#leaveIfUnused());
  }

  /** Something depends on it now; `release` must follow. */
  acquire(): void {
    this.#userCount++;
    if (!this.#isListening) void emptyStack.then(() => this.#lookAgain());
  }

  /** On an empty stack. */
  release(): void {
    this.#userCount--;
    this.#leaveIfUnused();
  }

  #look(): void {
    if (isAborted(this.signal)) return;
    if (this.#source.aborted) {
      this.#abort();
    } else if (!this.#isListening) {
      this.#source.addEventListener('abort', this.#abort, { once: true });
      this.#isListening = true;
    }
  }

  /** One that can't be heard any more must not be waited for. */
  #lookAgain(): void {
    if (this.#userCount === 0) return;
    try {
      this.#look();
    } catch (error) {
      this.#controller.abort(error);
    }
  }

  #leaveIfUnused(): void {
    if (this.#userCount > 0 || !this.#isListening) return;
    this.#isListening = false;
    try {
      this.#source.removeEventListener?.('abort', this.#abort);
    } catch (error) {
      // Nothing depends on it, so it is the signal's own failure.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  readonly #abort = (): void => {
    let reason: unknown;
    try {
      ({ reason } = this.#source);
    } catch (error) {
      reason = error;
    }
    abortWith(this.#controller, reason);
  };
}

/** By foreign signal, so that one is listened to once, and by what stands for it. */
const followers = new WeakMap<object, Follower>();

/**
 * The plain signal that stands for a foreign one.
 *
 * @throws what it throws when it is looked at or listened to.
 */
export function standIn(source: ForeignSignal): AbortSignal {
  let follower = followers.get(source);
  if (follower === undefined || isAborted(follower.signal)) {
    follower = new Follower(source);
    followers.set(source, follower);
    followers.set(follower.signal, follower);
  }
  follower.begin();
  return follower.signal;
}

/** What has to be kept going while a plain signal is watched, if it stands for a foreign one. */
export function followerOf(signal: AbortSignal): Follower | undefined {
  return followers.get(signal);
}

/** A signal that aborts with the first of these two. */
export function eitherSignal(first: AbortSignal, second: AbortSignal): AbortSignal {
  const either = AbortSignal.any([first, second]);
  const follower = followers.get(first) ?? followers.get(second);
  if (follower !== undefined) followers.set(either, follower);
  return either;
}
