/** Several pieces of memory in one entry: the iovecs that name them (readv(2)). */
import { byteCountOf, type Span } from '../../base/views.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { IOVEC_WORDS, writeIovec } from '../../native/msghdr.js';

/** SAFETY: its owner keeps the views and the iovecs alive until the terminal completion. */
export class Vectors {
  readonly #spans: readonly Span[];
  readonly #skippedBytes: number;
  readonly #iovecs: Uint32Array;
  /** In all. */
  readonly bytes: number;

  /** @param skippedBytes of the first span, which are left out. */
  constructor(spans: readonly Span[], skippedBytes = 0) {
    this.#spans = spans;
    this.#skippedBytes = skippedBytes;
    this.#iovecs = new Uint32Array(spans.length * IOVEC_WORDS);
    this.bytes = byteCountOf(spans) - skippedBytes;
  }

  get count(): number {
    return this.#spans.length;
  }

  /**
   * Where the iovecs begin, written as the entry that names them is filled.
   *
   * @throws ERR_BUFFER_OUT_OF_BOUNDS when a view no longer has its bytes.
   */
  fill(): number {
    const iovecs = this.#iovecs;
    for (const [index, { view, bytes }] of this.#spans.entries()) {
      const skipped = index === 0 ? this.#skippedBytes : 0;
      const length = bytes - skipped;
      writeIovec(iovecs, index * IOVEC_WORDS, addressWithin(view, skipped, length), length);
    }
    return addressOf(iovecs);
  }
}
