/**
 * Reads at a file's own cursor: one after another, and none before there is something to read.
 *
 * Node's pool has four threads, and a read of an empty FIFO or terminal keeps one of them until something
 * comes, whether anybody still wants it or not; four of those stop everything else in the process. So the
 * wait is epoll's, which can be told to stop. Without the addon there is nothing to wait with, and what is
 * taken by somebody else between the wait and the read keeps its thread after all.
 */
import type { EpollPolls } from '../native/epoll-polls.js';
import type { Running } from './admission.js';

export class CursorReads {
  readonly #fd: number;
  readonly #polls: EpollPolls | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param polls for waiting; undefined where a read never waits, but fails with EAGAIN. */
  constructor(fd: number, polls: EpollPolls | undefined) {
    this.#fd = fd;
    this.#polls = polls;
  }

  /** Calls `read` when its turn has come; rejects instead once the call has been given up. */
  async run<Result>(running: Running, read: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    let end = (): void => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    try {
      await before;
      await this.#polls?.untilReadable(this.#fd, running.givenUp);
      return await read();
    } finally {
      end();
    }
  }
}
