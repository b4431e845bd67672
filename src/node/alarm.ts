/** The node backend's alarm: one of Node's own timers. */

import type { Hold } from '../contract/polls.js';
import { type Alarm, type AlarmListener, monotonicMs } from '../contract/timer-queue.js';

/** What setTimeout takes; a longer wait is made of several. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class NodeAlarm implements Alarm {
  readonly #listener: AlarmListener;
  readonly #hold: Hold;
  #timer: NodeJS.Timeout | undefined;
  #isHolding = false;
  #setCount = 0;

  constructor(listener: AlarmListener, hold: Hold) {
    this.#listener = listener;
    this.#hold = hold;
  }

  get setCount(): number {
    return this.#setCount;
  }

  set(deadlineMs: number): void {
    this.#setCount++;
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, Math.ceil(deadlineMs - monotonicMs())), DELAY_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#listener.onAlarm();
    }, delayMs);
    this.#timer.unref();
  }

  setHolding(isHolding: boolean): void {
    if (this.#isHolding === isHolding) return;
    this.#isHolding = isHolding;
    if (isHolding) this.#hold.retain();
    else this.#hold.release();
  }
}
