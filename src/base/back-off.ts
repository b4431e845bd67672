/** Attempts that become rare where they fail: after a failure one goes without, after the next three, then seven. */

/** So many at most go without an attempt. */
const PAUSE_MAX = 255;

export class BackOff {
  /** What still goes without an attempt, and how much does after the next failure. */
  #pause = 0;
  #nextPause = 1;

  /** Whether to make an attempt. To be asked once for each. */
  isDue(): boolean {
    if (this.#pause === 0) return true;
    this.#pause--;
    return false;
  }

  noteSuccess(): void {
    this.#nextPause = 1;
  }

  noteFailure(): void {
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(this.#nextPause * 2 + 1, PAUSE_MAX);
  }
}
