/**
 * Watching an AbortSignal on behalf of many operations at once.
 *
 * However many operations share a signal, it carries one listener: Node warns from the eleventh
 * on, and removes one in time proportional to how many there are. The listener goes once the last
 * operation has ended, so a signal that outlives its operations is left as it was found.
 *
 * All signals in here are plain ones (plain-signal.ts), as `checkSignal` hands them out: none fires while it
 * is being watched, and nothing here throws. What is taken off a signal is taken off on an empty stack, not
 * where operations settle.
 * Shared by both backends and the public classes; depends only on the errors.
 */
import { abortError } from '../errors/index.js';
import { type Follower, followerOf } from './foreign-signal.js';
import { isAborted, listenForAbort, stopListening } from './plain-signal.js';

/** What is to be told of an abort, once. It is no longer watched when it is told. */
export interface Abortable {
  onAbort(signal: AbortSignal): void;
}

const emptyStack = Promise.resolve();

class Watch {
  readonly watched = new Set<Abortable>();
  readonly #signal: AbortSignal;
  readonly #follower: Follower | undefined;
  #isOver = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    listenForAbort(signal, this.#tell);
    this.#follower = followerOf(signal);
    this.#follower?.acquire();
  }

  readonly #tell = (): void => {
    this.#end();
    for (const each of this.watched) {
      // One of those told before may have settled this one too.
      if (this.watched.delete(each)) each.onAbort(this.#signal);
    }
  };

  endIfIdle(): void {
    if (this.watched.size > 0 || this.#isOver) return;
    stopListening(this.#signal, this.#tell);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    watches.delete(this.#signal);
    this.#follower?.release();
  }
}

const watches = new WeakMap<AbortSignal, Watch>();

let idle: Watch[] = [];

/** Tells `target` when `signal` is aborted. A signal that already is does not tell: look first. */
export function watchAbort(signal: AbortSignal, target: Abortable): void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new Watch(signal);
    watches.set(signal, watch);
  }
  watch.watched.add(target);
}

/** Stops telling `target`. Does nothing when it was not watched, or has been told. */
export function unwatchAbort(signal: AbortSignal, target: Abortable): void {
  const watch = watches.get(signal);
  if (watch?.watched.delete(target) && watch.watched.size === 0 && idle.push(watch) === 1) {
    void emptyStack.then(endIdle);
  }
}

function endIdle(): void {
  const watchesToEnd = idle;
  idle = [];
  for (const watch of watchesToEnd) watch.endIfIdle();
}

/** Has `act` called when `signal`, which must not be aborted, is; returns what ends that. */
export function onAbortOf(signal: AbortSignal | undefined, act: (signal: AbortSignal) => void): () => void {
  if (signal === undefined) return () => {};
  const target = { onAbort: act };
  watchAbort(signal, target);
  return () => unwatchAbort(signal, target);
}

/** `promise`, or a rejection with AbortError as soon as `signal` is aborted; what comes later is dropped. */
export function orAborted<Value>(promise: Value | PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (isAborted(signal)) {
      // By the very call that has made the promise: no event would tell.
      Promise.resolve(promise).catch(() => {});
      reject(abortError(signal));
      return;
    }
    const target = { onAbort: () => reject(abortError(signal)) };
    watchAbort(signal, target);
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => unwatchAbort(signal, target));
  });
}
