/** Keeps the process alive while a caller waits for something that no handle of Node's stands for. */
import type { LoopRefs } from '../contract/polls.js';

/** The longest that setInterval takes; what counts is that the timer exists. */
const PERIOD_MS = 2 ** 31 - 1;

export class NodeLoopRefs implements LoopRefs {
  #count = 0;
  #isRef = true;
  #timer: NodeJS.Timeout | undefined;

  ref(): void {
    this.#count++;
    this.#update();
  }

  unref(): void {
    this.#count--;
    this.#update();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.#update();
  }

  #update(): void {
    if (this.#count > 0 && this.#isRef) {
      this.#timer ??= setInterval(() => {}, PERIOD_MS);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
