/** The node backend's alarm: one of Node's own timers. */

import type { LoopRefs } from '../contract/polls.js';
import { type Alarm, type AlarmListener, monotonicMs } from '../contract/timer-queue.js';

/** What setTimeout takes; a longer wait is made of several. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class NodeAlarm implements Alarm {
  readonly #listener: AlarmListener;
  readonly #loopRefs: LoopRefs;
  #timer: NodeJS.Timeout | undefined;
  #isRef = false;
  setCount = 0;

  constructor(listener: AlarmListener, loopRefs: LoopRefs) {
    this.#listener = listener;
    this.#loopRefs = loopRefs;
  }

  set(deadlineMs: number): void {
    this.setCount++;
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, Math.ceil(deadlineMs - monotonicMs())), DELAY_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#listener.onAlarm();
    }, delayMs);
    this.#timer.unref();
  }

  setRef(isRef: boolean): void {
    if (this.#isRef === isRef) return;
    this.#isRef = isRef;
    if (isRef) this.#loopRefs.ref();
    else this.#loopRefs.unref();
  }
}
