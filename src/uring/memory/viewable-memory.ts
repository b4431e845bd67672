/** Memory that Buffers show parts of: one a message or chunk, and so the dearest single call of its way. */

/**
 * What Node makes its own Buffers with (`FastBuffer`), of which `Buffer.prototype` is the prototype. `subarray`
 * ends there, too, after it has brought its arguments into range, and takes three times as long.
 */
const View = (Buffer as unknown as Record<symbol, unknown>)[Symbol.species] as new (
  memory: ArrayBufferLike,
  offset: number,
  bytes: number,
) => Buffer;

export class ViewableMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** Kept: to ask a view for its `buffer` is a call into C++, as dear as making the next view. */
  readonly #memory: ArrayBufferLike;
  readonly #start: number;

  constructor(memory: ArrayBufferLike, start: number, bytes: number) {
    this.#memory = memory;
    this.#start = start;
    this.bytes = new Uint8Array(memory, start, bytes);
    this.words = new Uint32Array(memory, start, bytes >>> 2);
  }

  /** A new Buffer on a range that lies within it. */
  show(start: number, bytes: number): Buffer {
    return new View(this.#memory, this.#start + start, bytes);
  }
}
