/**
 * How many composite operations run at once: each holds a descriptor of its own, and a process
 * has only so many. The rest wait in line, in the order in which they came.
 *
 * Single operations never come by here.
 */
import { readFileSync } from 'node:fs';
import { onAbortOf } from '../abort.js';
import { abortError } from '../errors.js';
import { Line } from '../line.js';

const RUNNING_MAX = 512;
const RUNNING_LEAST = 2;

let knownMax: number | undefined;

export class Concurrency {
  #runningCount = 0;
  /** What lets each of them begin. */
  readonly #waiting = new Line<() => void>();

  /** Runs `task` now or in its turn. An abort while it waits rejects at once, and it never starts. */
  run<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (this.#waiting.length > 0 || this.#runningCount >= runningMax()) return this.#runInTurn(task, signal);
    this.#runningCount++;
    return this.#runInPlace(task);
  }

  async #runInTurn<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal?.aborted) throw abortError(signal);
    await new Promise<void>((resolve, reject) => {
      const place = this.#waiting.push(() => {
        stopWatching();
        resolve();
      });
      const stopWatching = onAbortOf(signal, (aborted) => {
        this.#waiting.remove(place);
        reject(abortError(aborted));
      });
    });
    return await this.#runInPlace(task);
  }

  /** Its place is counted already, and goes to the next in line afterwards. */
  async #runInPlace<Value>(task: () => Promise<Value>): Promise<Value> {
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#runningCount--;
      else next();
    }
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
