/** `onread` of a socket: what comes goes into the program's own memory, and no 'data' tells of it. */
import { types } from 'node:util';
import type { ChunkSource, TellOwner } from '../../net/streams/chunk-feed.js';
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

/** Reads until the end or a failure, of which alone it tells its owner. */
export class UserBuffer implements ChunkSource {
  readonly #socket: StreamSocket;
  readonly #onRead: OnReadOptions;
  readonly #tellOwner: TellOwner;
  readonly #tell: Tell;
  #buffer: Uint8Array;
  #isReading = false;
  #isClosed = false;
  #failure: Error | undefined;
  /** While the program wants none: what lets the reader go on. */
  #goOn: (() => void) | undefined;
  #pause: Promise<void> | undefined;

  /** @param tell calls back, in the socket's own asynchronous context. */
  constructor(socket: StreamSocket, onRead: OnReadOptions, tellOwner: TellOwner, tell: Tell) {
    this.#socket = socket;
    this.#onRead = onRead;
    this.#tellOwner = tellOwner;
    this.#tell = tell;
    this.#buffer = typeof onRead.buffer === 'function' ? onRead.buffer() : onRead.buffer;
  }

  ask(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readAll().then(
      () => this.#tellOwner(this),
      (error: Error) => {
        this.#failure = error;
        this.#tellOwner(this);
      },
    );
  }

  async #readAll(): Promise<void> {
    for (;;) {
      await this.#pause;
      const buffer = this.#buffer;
      const { bytesRead } = await this.#socket.read(buffer);
      if (bytesRead === 0) return;
      await this.#pause;
      if (this.#isClosed) return;
      const wantsMore = this.#tell(bytesRead, buffer) !== false;
      if (!wantsMore) this.pause();
      if (typeof this.#onRead.buffer !== 'function') continue;
      const following = this.#onRead.buffer();
      if (types.isUint8Array(following)) this.#buffer = following;
    }
  }

  take(): null {
    if (this.#failure !== undefined) throw this.#failure;
    return null;
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

  end(): void {
    this.#isClosed = true;
    this.resume();
  }
}
