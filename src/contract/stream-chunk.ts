/**
 * Received bytes of a stream, as a reader with `{ lease: true }` gets them.
 *
 * `data` is a view into a receive buffer that the kernel gets back at `release()`; reading it after that is
 * a bug (the bytes will be others), writing it while held is allowed.
 */
export class StreamChunk implements Disposable {
  /** The bytes: the reader's until `release`. */
  readonly data: Buffer;

  constructor(data: Buffer) {
    this.data = data;
  }

  /** Gives the buffer back to the kernel. Does nothing when called again. */
  release(): void {}

  /** Gives the buffer back, as `release` does. */
  [Symbol.dispose](): void {
    this.release();
  }
}
