/** The node backend's alarm: one of Node's own timers. */
import { type Alarm, monotonicMs } from '../../timer-queue.js';

/** What setTimeout takes; a longer wait is made of several. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class NodeAlarm implements Alarm {
  readonly #onAlarm: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isHolding = false;

  constructor(onAlarm: () => void) {
    this.#onAlarm = onAlarm;
  }

  set(deadlineMs: number): void {
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, Math.ceil(deadlineMs - monotonicMs())), DELAY_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onAlarm();
    }, delayMs);
    if (!this.#isHolding) this.#timer.unref();
  }

  setHolding(isHolding: boolean): void {
    this.#isHolding = isHolding;
    if (isHolding) this.#timer?.ref();
    else this.#timer?.unref();
  }
}
