/**
 * Any number of timers on one alarm.
 *
 * The backend provides the alarm, which costs a kernel request each time it is set; it is set only when
 * the earliest deadline moves forward, or has passed. Deadlines are milliseconds of CLOCK_MONOTONIC.
 */

import { ECANCELED } from '../base/errno.js';
import { Waiter } from '../base/waiter.js';
import { abortError, systemError } from '../errors/index.js';

export interface Alarm {
  /** Has `onAlarm` called at the deadline, instead of at any set before. Earlier is harmless. */
  set(deadlineMs: number): void;
  /** Whether the alarm keeps the process alive. */
  setRef(isRef: boolean): void;
}

export interface AlarmListener {
  onAlarm(): void;
  /** There will be no alarm any more. */
  onFailed(create: () => Error): void;
}

/** Now, on the clock of the deadlines. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export class Timer {
  readonly deadlineMs: number;
  readonly #queue: TimerQueue;
  readonly #waiter: Waiter<void>;
  /** Its place in the heap, or -1 when it is out. */
  index = -1;

  constructor(queue: TimerQueue, deadlineMs: number, signal: AbortSignal | undefined) {
    this.#queue = queue;
    this.deadlineMs = deadlineMs;
    this.#waiter = new Waiter(signal, () => queue.remove(this));
  }

  get promise(): Promise<void> {
    return this.#waiter.promise;
  }

  /** Resolves the promise, due or not. */
  end(): void {
    this.#queue.remove(this);
    this.#waiter.fulfil();
  }

  fail(create: () => Error): void {
    this.#queue.remove(this);
    this.#waiter.reject(create);
  }
}

export class TimerQueue implements AlarmListener {
  readonly #alarm: Alarm;
  /** A binary heap: each timer is due no later than its two children at 2i + 1 and 2i + 2. */
  #heap: Timer[] = [];
  #alarmAtMs = Number.POSITIVE_INFINITY;
  #closedBy: (() => Error) | undefined;

  constructor(makeAlarm: (listener: AlarmListener) => Alarm) {
    this.#alarm = makeAlarm(this);
  }

  get count(): number {
    return this.#heap.length;
  }

  /** Resolves at the deadline or soon after; rejects when aborted. */
  async waitUntil(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    await this.start(deadlineMs, signal).promise;
  }

  /** As `waitUntil`, for a caller that may end the wait before. */
  start(deadlineMs: number, signal: AbortSignal | undefined): Timer {
    this.throwIfOver(signal);
    const timer = new Timer(this, deadlineMs, signal);
    this.#heap.push(timer);
    this.#siftUp(this.#heap.length - 1);
    if (this.#heap.length === 1) this.#alarm.setRef(true);
    this.#setAlarm();
    return timer;
  }

  /** @throws what a wait would now reject with. */
  throwIfOver(signal: AbortSignal | undefined): void {
    if (this.#closedBy) throw this.#closedBy();
    if (signal?.aborted) throw abortError(signal);
  }

  remove(timer: Timer): void {
    const index = timer.index;
    if (index < 0) return;
    const last = this.#heap.pop() as Timer;
    if (last !== timer) {
      this.#place(last, index);
      this.#siftDown(index);
      this.#siftUp(last.index);
    }
    timer.index = -1;
    // The alarm is left as it is: going off early costs less than setting it again.
    if (this.#heap.length === 0) this.#alarm.setRef(false);
  }

  /** Rejects what is waiting with ECANCELED; returns how many there were. */
  cancelAll(): number {
    const timers = [...this.#heap];
    for (const timer of timers) timer.fail(() => systemError(ECANCELED, 'timeout'));
    return timers.length;
  }

  /** Rejects what is waiting, and everything from now on. */
  close(reason: () => Error): void {
    if (this.#closedBy) return;
    this.#closedBy = reason;
    this.#alarm.setRef(false);
    const timers = this.#heap;
    this.#heap = [];
    for (const timer of timers) {
      timer.index = -1;
      timer.fail(reason);
    }
  }

  onFailed(create: () => Error): void {
    this.close(create);
  }

  #setAlarm(): void {
    const earliest = this.#heap[0];
    if (earliest === undefined || earliest.deadlineMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = earliest.deadlineMs;
    this.#alarm.set(earliest.deadlineMs);
  }

  onAlarm(): void {
    this.#alarmAtMs = Number.POSITIVE_INFINITY;
    const nowMs = monotonicMs();
    for (let due = this.#heap[0]; due !== undefined && due.deadlineMs <= nowMs; due = this.#heap[0]) {
      due.end();
    }
    this.#setAlarm();
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #siftUp(from: number): void {
    let index = from;
    const timer = this.#heap[index] as Timer;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex] as Timer;
      if (parent.deadlineMs <= timer.deadlineMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(timer, index);
  }

  #siftDown(from: number): void {
    let index = from;
    const timer = this.#heap[index] as Timer;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#heap.length) break;
      const right = left + 1;
      const isRightEarlier =
        right < this.#heap.length &&
        (this.#heap[right] as Timer).deadlineMs < (this.#heap[left] as Timer).deadlineMs;
      const childIndex = isRightEarlier ? right : left;
      const child = this.#heap[childIndex] as Timer;
      if (timer.deadlineMs <= child.deadlineMs) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(timer, index);
  }
}
