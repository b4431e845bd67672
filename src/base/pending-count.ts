/** How many operations of a descriptor have not ended, so that its close can wait for the last. */
import { IdleWait } from './idle-wait.js';

export class PendingCount {
  #count = 0;
  /** Of those who wait: what a chain that was given up still waits for, a close may be waiting for, too. */
  #idle: IdleWait | undefined;

  get count(): number {
    return this.#count;
  }

  get isIdle(): boolean {
    return this.#count === 0;
  }

  /** An operation has begun; `leave` must follow, once. */
  enter(): void {
    this.#count++;
  }

  leave(): void {
    if (--this.#count === 0) this.#idle?.end();
  }

  /** Resolves when nothing is pending. For the one who closes; nothing may begin after it. */
  whenIdle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#idle ??= new IdleWait();
    return this.#idle.promise;
  }
}
