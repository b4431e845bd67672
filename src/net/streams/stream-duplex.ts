/**
 * A StreamSocket as Node's own Duplex, for what takes one: TLS, http.Server's 'connection' event, pipeline.
 *
 * It carries the part of net.Socket that such code asks for: addresses, options, time limits. It is no
 * net.Socket: `instanceof` says no, and there is no handle.
 */
import { Duplex } from 'node:stream';
import { closedBeforeConnectionError, invalidArgType, outOfRange } from '../../errors.js';
import { checkNumber, type OptionNames } from '../../validate.js';
import type { SocketAddress } from '../address.js';
import type { StreamSocket } from './stream-socket.js';

/** What `StreamSocket.toDuplex` can be asked for. */
export interface DuplexOptions {
  /**
   * Whether writing goes on after the peer's end, as any Duplex's; with false it ends by itself, as
   * net.Socket's, and what TLS on top has still to write is lost. Default true.
   */
  allowHalfOpen?: boolean | undefined;
  /** From how many bytes on each side's queue counts as full. Default 65,536. */
  highWaterMark?: number | undefined;
}

export const DUPLEX_OPTIONS: OptionNames<DuplexOptions> = { allowHalfOpen: true, highWaterMark: true };

type Callback = (error?: Error | null) => void;

/** As setTimeout takes it. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/**
 * A connection as a stream.Duplex, with net.Socket's names for what it tells and sets: for TLS, HTTP and whatever
 * else
 * takes a stream. `StreamSocket.toDuplex` makes one.
 */
export class StreamDuplex extends Duplex {
  #socket: StreamSocket | undefined;
  #chunks: AsyncIterableIterator<Buffer> | undefined;
  #remote: SocketAddress | undefined;
  /** What waits for a connection. */
  #waiting: (() => void)[] = [];
  #timeoutMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sentBytes = 0;
  /** Bytes that have been received. */
  bytesRead = 0;

  /** @param socket none for one that gets its connection later, by `attach`. */
  constructor(socket: StreamSocket | undefined, options: DuplexOptions & { emitClose?: boolean }) {
    super({ ...options, autoDestroy: true });
    if (socket !== undefined) this.attach(socket);
  }

  protected attach(socket: StreamSocket): void {
    this.#socket = socket;
    // Asked for while the peer is there.
    this.#remote = socket.remoteAddress;
    this.#chunks = socket.chunks();
    this.#noteActivity();
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Forgets a connection that has been closed, so that another can take its place. */
  protected detachClosed(): void {
    this.#socket = undefined;
    this.#chunks = undefined;
    this.#remote = undefined;
    this.#waiting = [];
  }

  /** The connection under it. */
  protected get attached(): StreamSocket | undefined {
    return this.#socket;
  }

  /** Asked for once a chunk: Node's stream asks again when it has been given one, or later if it is full. */
  override _read(): void {
    const chunks = this.#chunks;
    if (chunks === undefined) {
      this.#waiting.push(() => this._read());
      return;
    }
    const isOver = (): boolean => this.destroyed || chunks !== this.#chunks;
    chunks.next().then(
      ({ done, value }) => {
        if (!isOver()) this.#give(done ? null : value);
      },
      (error: Error) => {
        if (!isOver()) this.destroy(error);
      },
    );
  }

  #give(chunk: Buffer | null): void {
    if (chunk !== null) {
      this.#noteActivity();
      this.bytesRead += chunk.length;
    }
    try {
      this.push(chunk);
      // 'end' comes although nobody reads, as net.Socket's.
      if (chunk === null) this.read(0);
    } catch (error) {
      // What a listener throws is the process's, as with net.Socket, and the stream goes on.
      process.nextTick(() => {
        throw error;
      });
      this.read(0);
    }
  }

  /** @internal */
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send((socket) => socket.write(chunk), callback);
  }

  /** @internal */
  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.#send((socket) => socket.writev(chunks.map(({ chunk }) => chunk)), callback);
  }

  /**
   * Told on a turn of its own, as net.Socket tells it: an http message that is written to decides about 'drain'
   * by what the socket has pending, and is flushed on the next tick. A write that ended in between would be
   * a 'drain' that never comes (Node 26).
   */
  #send(write: (socket: StreamSocket) => Promise<number>, callback: Callback): void {
    const socket = this.#socket;
    if (socket === undefined) {
      const onClose = (): void => callback(closedBeforeConnectionError());
      this.once('close', onClose);
      this.#waiting.push(() => {
        this.off('close', onClose);
        this.#send(write, callback);
      });
      return;
    }
    this.#noteActivity();
    const onSent = (bytes: number): void => {
      this.#sentBytes += bytes;
      callback();
    };
    write(socket).then(
      (bytes) => {
        this.#noteActivity();
        setImmediate(onSent, bytes);
      },
      (error: Error) => setImmediate(callback, error),
    );
  }

  /** @internal */
  override _final(callback: Callback): void {
    const socket = this.#socket;
    if (socket === undefined) {
      this.#waiting.push(() => this._final(callback));
      return;
    }
    socket.end().then(
      () => callback(),
      (error: NodeJS.ErrnoException) => {
        // A peer that has reset the connection needs not be told; readers have heard of it, as of a close.
        if (error.code === 'ENOTCONN' || socket.isClosed) callback();
        else callback(error);
      },
    );
  }

  /** @internal */
  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
    const socket = this.#socket;
    if (socket === undefined) {
      callback(error);
      return;
    }
    void this.#chunks?.return?.();
    socket.close().then(
      () => callback(error),
      (closeError: Error) => callback(error ?? closeError),
    );
  }

  /** Bytes handed to the stream, those that wait in it included, as net.Socket counts them. */
  get bytesWritten(): number {
    return this.#sentBytes + this.writableLength;
  }

  /** The peer's IP address; undefined for a Unix socket, and without a connection. */
  get remoteAddress(): string | undefined {
    return this.#remote?.address || undefined;
  }

  /** The peer's port; undefined for a Unix socket, and without a connection. */
  get remotePort(): number | undefined {
    return this.#remote?.port || undefined;
  }

  /** 'IPv4' or 'IPv6'; undefined for a Unix socket, and without a connection. */
  get remoteFamily(): string | undefined {
    return this.#remote?.family === 'Unix' ? undefined : this.#remote?.family;
  }

  /** The IP address of this end; undefined for a Unix socket, and without a connection. */
  get localAddress(): string | undefined {
    return this.#socket?.localAddress.address || undefined;
  }

  /** The port of this end; undefined for a Unix socket, and without a connection. */
  get localPort(): number | undefined {
    return this.#socket?.localAddress.port || undefined;
  }

  /** 'IPv4' or 'IPv6'; undefined for a Unix socket, and without a connection. */
  get localFamily(): string | undefined {
    const family = this.#socket?.localAddress.family;
    return family === 'Unix' ? undefined : family;
  }

  /** The three of this end; an empty object for a Unix socket, and without a connection. */
  address(): { address?: string; port?: number; family?: string } {
    if (this.#socket === undefined) return {};
    const { address, port, family } = this.#socket.localAddress;
    return family === 'Unix' ? {} : { address, port, family };
  }

  /** Always false: the connection is there already. */
  get connecting(): boolean {
    return false;
  }

  /** Always false: the connection is there already. */
  get pending(): boolean {
    return false;
  }

  /** Milliseconds without a byte until 'timeout', as `setTimeout` has set them; undefined before. */
  get timeout(): number | undefined {
    return this.#timeoutMs;
  }

  /**
   * 'timeout' after so many milliseconds without a byte either way; 0 for never. The stream goes on.
   *
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE.
   */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.destroyed) return this;
    if (!(checkNumber(timeoutMs, 'msecs') >= 0 && Number.isFinite(timeoutMs))) {
      throw outOfRange('msecs', 'a non-negative finite number', timeoutMs);
    }
    if (listener !== undefined && typeof listener !== 'function') {
      throw invalidArgType('callback', 'of type function', listener);
    }
    clearTimeout(this.#timer);
    this.#timeoutMs = timeoutMs;
    const ms = Math.min(timeoutMs, TIMEOUT_MS_MAX);
    this.#timer = ms > 0 ? setTimeout(() => this.emit('timeout'), ms).unref() : undefined;
    if (listener !== undefined) {
      if (timeoutMs > 0) this.once('timeout', listener);
      else this.off('timeout', listener);
    }
    return this;
  }

  #noteActivity(): void {
    this.#timer?.refresh();
  }

  /** TCP_NODELAY: whether small writes go out at once, without waiting for the answer to those before. */
  setNoDelay(isOn = true): this {
    if (!this.destroyed) this.#socket?.setNoDelay(isOn);
    return this;
  }

  /**
   * SO_KEEPALIVE: whether an idle connection is probed, after `initialDelayMs` milliseconds; 0 leaves that to the
   * system.
   */
  setKeepAlive(isOn = false, initialDelayMs = 0): this {
    if (!this.destroyed) this.#socket?.setKeepAlive(isOn, initialDelayMs);
    return this;
  }

  /** Ends writing, and destroys the stream once that is through. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Destroys the stream so that the peer gets ECONNRESET. */
  resetAndDestroy(): this {
    void this.#socket?.reset();
    return this.destroy();
  }

  /** Has the connection keep the process alive again, as it does from the beginning. */
  ref(): this {
    this.#socket?.ref();
    return this;
  }

  /** Lets the process end though the connection is open. */
  unref(): this {
    this.#socket?.unref();
    return this;
  }
}
