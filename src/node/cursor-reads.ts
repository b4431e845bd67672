/**
 * Reads at a file's own cursor: one after another, and none before there is something to read.
 *
 * Node's pool has four threads, and a read of an empty FIFO or terminal keeps one of them until something
 * comes, whether it is still wanted or not; four of those stop everything else in the process. So the
 * wait is epoll's, which can be told to stop. Without the addon there is nothing to wait with, and what is
 * taken by another reader between the wait and the read keeps its thread after all.
 */
import { Line } from '../base/line.js';
import { abortError } from '../errors/index.js';
import type { EpollPolls } from '../native/epoll-polls.js';
import type { Running } from './admission.js';

interface CursorRead {
  readonly running: Running;
  /** Begins it, and tells whether it has; then `next` must follow its end. */
  begin(): boolean;
  /** Called instead where the caller has been answered. */
  fail(error: Error): void;
}

export class CursorReads {
  readonly #fd: number;
  readonly #polls: EpollPolls | undefined;
  readonly #waiting = new Line<CursorRead>();
  #isReading = false;
  /** Whether `next` begins reads: one that ends as it begins comes back in there. */
  #isBeginning = false;

  /** @param polls for waiting; undefined where a read never waits, but fails with EAGAIN. */
  constructor(fd: number, polls: EpollPolls | undefined) {
    this.#fd = fd;
    this.#polls = polls;
  }

  /** Begins it when its turn has come. */
  add(read: CursorRead): void {
    this.#waiting.push(read);
    if (!this.#isReading) this.next();
  }

  /** The read under way is over. */
  next(): void {
    this.#isReading = false;
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    while (!this.#isReading) {
      const read = this.#waiting.shift();
      if (read === undefined) break;
      this.#isReading = true;
      if (!this.#begin(read)) this.#isReading = false;
    }
    this.#isBeginning = false;
  }

  /** Whether it is under way, or waits until there is something to read. */
  #begin(read: CursorRead): boolean {
    if (read.running.isGivenUp) {
      read.fail(abortError(read.running.givenUp));
      return false;
    }
    // A file always is.
    if (this.#polls === undefined || this.#polls.isReadable(this.#fd)) return read.begin();
    this.#polls.untilReadable(this.#fd, read.running.givenUp).then(
      () => {
        // Looked at again: what had come may be gone, and the caller too.
        if (!this.#begin(read)) this.next();
      },
      (error) => {
        read.fail(error);
        this.next();
      },
    );
    return true;
  }
}
