/** `onread` of a socket: what comes goes into the program's own memory, and no 'data' tells of it. */
import { types } from 'node:util';
import type { ChunkReader } from '../../net/streams/stream-duplex.js';
import type { StreamSocket } from '../../net/streams/stream-socket.js';

/** As node:net's. */
export interface OnReadOptions {
  /** Where bytes are put, again and again; or what gives a buffer for each read. */
  buffer: Uint8Array | (() => Uint8Array);
  /** Told of each piece; false ends reading until `resume`. */
  callback: (bytesRead: number, buffer: Uint8Array) => boolean | unknown;
}

/** Whether Node would heed them; what is incomplete it passes over. */
export function isOnRead(value: unknown): value is OnReadOptions {
  const { buffer, callback } = (value ?? {}) as Partial<OnReadOptions>;
  return typeof callback === 'function' && (typeof buffer === 'function' || types.isUint8Array(buffer));
}

type Tell = OnReadOptions['callback'];

/** Reads until the end, of which it tells alone. */
export class UserBuffer implements ChunkReader {
  readonly #socket: StreamSocket;
  readonly #onRead: OnReadOptions;
  readonly #tell: Tell;
  #buffer: Uint8Array;
  #isClosed = false;
  /** While the program wants none: what lets the reader go on. */
  #goOn: (() => void) | undefined;
  #pause: Promise<void> | undefined;

  /** @param tell calls back, in the socket's own asynchronous context. */
  constructor(socket: StreamSocket, onRead: OnReadOptions, tell: Tell) {
    this.#socket = socket;
    this.#onRead = onRead;
    this.#tell = tell;
    this.#buffer = typeof onRead.buffer === 'function' ? onRead.buffer() : onRead.buffer;
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      await this.#pause;
      const buffer = this.#buffer;
      const { bytesRead } = await this.#socket.read(buffer);
      if (bytesRead === 0) return { done: true, value: undefined };
      await this.#pause;
      if (this.#isClosed) return { done: true, value: undefined };
      const wantsMore = this.#tell(bytesRead, buffer) !== false;
      if (!wantsMore) this.pause();
      if (typeof this.#onRead.buffer !== 'function') continue;
      const following = this.#onRead.buffer();
      if (types.isUint8Array(following)) this.#buffer = following;
    }
  }

  pause(): void {
    this.#pause ??= new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  resume(): void {
    this.#pause = undefined;
    this.#goOn?.();
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#isClosed = true;
    this.resume();
    return { done: true, value: undefined };
  }
}
