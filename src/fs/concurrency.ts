/**
 * How many composite operations run at once: each holds a descriptor of its own, and a process
 * has only so many. The rest wait in a PQueue, in the order in which they came.
 *
 * Single operations never come by here. As long as there is room the queue is not touched either:
 * passing through it costs as much as reading a small file does.
 */
import { readFileSync } from 'node:fs';
import PQueue from 'p-queue';
import { type Abortable, unwatchAbort, watchAbort } from '../abort.js';
import { abortError } from '../errors.js';

const RUNNING_MAX = 512;
const RUNNING_LEAST = 2;

export class Concurrency {
  #runningMax = 0;
  /** Running without having been queued. */
  #directCount = 0;
  #queue: PQueue | undefined;

  /** Runs `task` now or in its turn. An abort while it waits rejects at once, and it never starts. */
  run<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (this.#runningMax === 0)
      this.#runningMax = Math.min(RUNNING_MAX, descriptorsMax() >>> 1) || RUNNING_LEAST;
    const queue = this.#queue;
    const isIdle = queue === undefined || (queue.size === 0 && queue.pending === 0);
    // One place is the queue's: its own limit can't be zero.
    if (isIdle && this.#directCount < this.#runningMax - 1) return this.#runDirectly(task);
    return this.#runQueued(task, signal);
  }

  async #runDirectly<Value>(task: () => Promise<Value>): Promise<Value> {
    this.#directCount++;
    try {
      return await task();
    } finally {
      this.#directCount--;
      const queue = this.#queue;
      if (queue !== undefined && queue.size > 0) queue.concurrency = this.#runningMax - this.#directCount;
    }
  }

  async #runQueued<Value>(task: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    const concurrency = this.#runningMax - this.#directCount;
    this.#queue ??= new PQueue({ concurrency });
    this.#queue.concurrency = concurrency;
    if (signal === undefined) return await this.#queue.add(task);
    if (signal.aborted) throw abortError(signal);
    const queued = new QueuedTask(task, signal);
    this.#queue.add(() => queued.start()).catch(() => {});
    return await queued.result;
  }
}

/**
 * PQueue's own `signal` would free the place of a running task at once, though its descriptor is
 * still open, and reject with the bare reason. This one listens only while it waits.
 */
class QueuedTask<Value> implements Abortable {
  readonly result: Promise<Value>;
  readonly #signal: AbortSignal;
  #task: (() => Promise<Value>) | undefined;
  #resolve!: (value: Promise<Value>) => void;
  #reject!: (reason: unknown) => void;

  constructor(task: () => Promise<Value>, signal: AbortSignal) {
    this.#task = task;
    this.#signal = signal;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    watchAbort(signal, this);
  }

  /** Its turn. Settles when the place is free again. */
  async start(): Promise<void> {
    const task = this.#task;
    if (task === undefined) return;
    unwatchAbort(this.#signal, this);
    const running = task();
    this.#resolve(running);
    await running;
  }

  onAbort(signal: AbortSignal): void {
    this.#task = undefined;
    this.#reject(abortError(signal));
  }
}

/** The soft limit of open files (RLIMIT_NOFILE), as Linux tells it; 0 when it does not. */
function descriptorsMax(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found ? Number(found[1]) : 0;
  } catch {
    return 0;
  }
}
