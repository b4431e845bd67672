/**
 * How many composite operations run at once: each holds a descriptor of its own, and a process
 * has only so many. The rest wait in a PQueue, in the order in which they came.
 *
 * Single operations never come by here. As long as there is room the queue is not touched either:
 * passing through it costs as much as reading a small file does.
 */
import { readFileSync } from 'node:fs';
import PQueue from 'p-queue';
import { onAbortOf } from '../base/abort.js';
import { abortError } from '../errors/index.js';

const RUNNING_MAX = 512;
const RUNNING_LEAST = 2;

let knownMax: number | undefined;

export class Concurrency {
  /** Running without having been queued. */
  #directCount = 0;
  #queue: PQueue | undefined;

  /** Runs `task` now or in its turn. An abort while it waits rejects at once, and it never starts. */
  run<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    return this.tryEnter() ? this.#runDirectly(task) : this.#runQueued(task, signal);
  }

  /** Whether something may begin now that `leave` will be called for; otherwise it has to go by `run`. */
  tryEnter(): boolean {
    const queue = this.#queue;
    const isIdle = queue === undefined || (queue.size === 0 && queue.pending === 0);
    // One place is the queue's: its own limit can't be zero.
    if (!isIdle || this.#directCount >= runningMax() - 1) return false;
    this.#directCount++;
    return true;
  }

  readonly leave = (): void => {
    this.#directCount--;
    const queue = this.#queue;
    if (queue !== undefined && queue.size > 0) queue.concurrency = this.#queuedMax;
  };

  async #runDirectly<Value>(task: () => Promise<Value>): Promise<Value> {
    try {
      return await task();
    } finally {
      this.leave();
    }
  }

  get #queuedMax(): number {
    return Math.max(1, runningMax() - this.#directCount);
  }

  /**
   * PQueue's own `signal` would free the place of a running task at once, though its descriptor is
   * still open, and reject with the bare reason. Here an abort is heard only while the task waits.
   */
  async #runQueued<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal?.aborted) throw abortError(signal);
    const concurrency = this.#queuedMax;
    this.#queue ??= new PQueue({ concurrency });
    const queue = this.#queue;
    queue.concurrency = concurrency;
    return await new Promise<Value>((resolve, reject) => {
      let isGivenUp = false;
      const stopWatching = onAbortOf(signal, (aborted) => {
        isGivenUp = true;
        reject(abortError(aborted));
      });
      const start = async (): Promise<void> => {
        if (isGivenUp) return;
        stopWatching();
        await task().then(resolve, reject);
      };
      void queue.add(start);
    });
  }
}

/** Half of what the process may open; few while that can't be found out, as when all of that is open. */
function runningMax(): number {
  knownMax ??= descriptorsMax();
  return knownMax === undefined
    ? RUNNING_LEAST
    : Math.max(RUNNING_LEAST, Math.min(RUNNING_MAX, knownMax >>> 1));
}

/** The soft limit of open files (RLIMIT_NOFILE), as Linux tells it. */
function descriptorsMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found ? Number(found[1]) : RUNNING_MAX;
  } catch {
    return undefined;
  }
}
