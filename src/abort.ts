/**
 * Watching an AbortSignal on behalf of many operations at once.
 *
 * However many operations share a signal, it carries one listener: Node warns from the eleventh
 * on, and removes one in time proportional to how many there are. The listener goes with the last
 * operation, so a signal that outlives its operations is left as it was found.
 * Shared by both backends and the public classes; depends only on the errors.
 */
import { abortError } from './errors.js';

/** What is to be told of an abort, once. It is no longer watched when it is told. */
export interface Abortable {
  onAbort(signal: AbortSignal): void;
}

interface Watch {
  watched: Set<Abortable>;
  listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/** Tells `target` when `signal` is aborted. A signal that already is tells nobody: look first. */
export function watchAbort(signal: AbortSignal, target: Abortable): void {
  const watch = watches.get(signal);
  if (watch) watch.watched.add(target);
  else startWatch(signal, target);
}

/** Stops telling `target`. Does nothing when it was not watched, or has been told. */
export function unwatchAbort(signal: AbortSignal, target: Abortable): void {
  const watch = watches.get(signal);
  if (watch?.watched.delete(target) && watch.watched.size === 0) stopWatch(signal, watch);
}

/** `promise`, or a rejection with AbortError as soon as `signal` is aborted; what comes later is dropped. */
export function orAborted<Value>(promise: Value | PromiseLike<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      // By the very call that has made the promise: nobody would tell.
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

function startWatch(signal: AbortSignal, target: Abortable): void {
  const watched = new Set([target]);
  const watch = {
    watched,
    listener: () => {
      stopWatch(signal, watch);
      for (const each of watched) {
        // One of those told before may have settled this one too.
        if (watched.delete(each)) each.onAbort(signal);
      }
    },
  };
  watches.set(signal, watch);
  signal.addEventListener('abort', watch.listener, { once: true });
}

function stopWatch(signal: AbortSignal, watch: Watch): void {
  watches.delete(signal);
  signal.removeEventListener('abort', watch.listener);
}
