/**
 * A StreamSocket as Node's own Duplex, for what takes one: TLS, http.Server's 'connection' event, pipeline.
 *
 * It carries the part of net.Socket that such code asks for: addresses, options, time limits. It is no
 * net.Socket: `instanceof` says no, and there is no handle.
 */
import { Duplex } from 'node:stream';
import type { SocketAddress } from '../address.js';
import { BufferIterator, type Readership } from './stream-iterators.js';
import type { StreamSocket } from './stream-socket.js';

export interface DuplexOptions {
  /**
   * Whether writing goes on after the peer's end, as any Duplex's; with false it ends by itself, as
   * net.Socket's, and what TLS on top has still to write is lost. Default true.
   */
  allowHalfOpen?: boolean | undefined;
  /** From how many bytes on each side's queue counts as full. Default 65,536. */
  highWaterMark?: number | undefined;
}

type Callback = (error?: Error | null) => void;

export class StreamDuplex extends Duplex {
  readonly #socket: StreamSocket;
  readonly #chunks: BufferIterator;
  readonly #remote: SocketAddress | undefined;
  #timeoutMs = 0;
  #timer: NodeJS.Timeout | undefined;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(socket: StreamSocket, readership: Readership, options: Required<DuplexOptions>) {
    super({ ...options, emitClose: true, autoDestroy: true });
    this.#socket = socket;
    // Asked for while the peer is there.
    this.#remote = socket.remoteAddress;
    this.#chunks = new BufferIterator(readership, undefined);
  }

  /** Asked for once a chunk: Node's stream asks again when it has been given one, or later if it is full. */
  override _read(): void {
    this.#chunks.next().then(
      ({ done, value }) => this.#give(done ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  #give(chunk: Buffer | null): void {
    if (this.destroyed) return;
    if (chunk !== null) {
      this.#noteActivity();
      this.bytesRead += chunk.length;
    }
    this.push(chunk);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#settle(this.#socket.write(chunk), callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.#settle(this.#socket.writev(chunks.map(({ chunk }) => chunk)), callback);
  }

  /**
   * Told on a turn of its own, as net.Socket tells it: an http message that is written to decides about 'drain'
   * by what the socket has pending, and is flushed on the next tick. A write that ended in between would be
   * a 'drain' that never comes (Node 26).
   */
  #settle(writing: Promise<number>, callback: Callback): void {
    writing.then(
      (bytes) => {
        this.bytesWritten += bytes;
        this.#noteActivity();
        setImmediate(callback);
      },
      (error: Error) => setImmediate(callback, error),
    );
  }

  override _final(callback: Callback): void {
    this.#socket.end().then(
      () => callback(),
      (error: NodeJS.ErrnoException) => {
        // A peer that has reset the connection needs not be told; readers have heard of it.
        if (error.code === 'ENOTCONN') callback();
        else callback(error);
      },
    );
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    void this.#chunks.return();
    this.#socket.close().then(
      () => callback(error),
      (closeError: Error) => callback(error ?? closeError),
    );
  }

  get remoteAddress(): string | undefined {
    return this.#remote?.address || undefined;
  }

  get remotePort(): number | undefined {
    return this.#remote?.port || undefined;
  }

  get remoteFamily(): string | undefined {
    return this.#remote?.family === 'Unix' ? undefined : this.#remote?.family;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress.address || undefined;
  }

  get localPort(): number | undefined {
    return this.#socket.localAddress.port || undefined;
  }

  get localFamily(): string | undefined {
    const { family } = this.#socket.localAddress;
    return family === 'Unix' ? undefined : family;
  }

  address(): { address?: string; port?: number; family?: string } {
    const { address, port, family } = this.#socket.localAddress;
    return family === 'Unix' ? {} : { address, port, family };
  }

  /** Always false: the connection is there already. */
  get connecting(): boolean {
    return false;
  }

  get pending(): boolean {
    return false;
  }

  get timeout(): number | undefined {
    return this.#timeoutMs || undefined;
  }

  /** 'timeout' after so many milliseconds without a byte either way; 0 for never. The stream goes on. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    clearTimeout(this.#timer);
    this.#timeoutMs = timeoutMs;
    this.#timer = timeoutMs > 0 ? setTimeout(() => this.emit('timeout'), timeoutMs).unref() : undefined;
    if (listener !== undefined) {
      if (timeoutMs > 0) this.once('timeout', listener);
      else this.off('timeout', listener);
    }
    return this;
  }

  #noteActivity(): void {
    this.#timer?.refresh();
  }

  setNoDelay(isOn = true): this {
    if (!this.destroyed) this.#socket.setNoDelay(isOn);
    return this;
  }

  setKeepAlive(isOn = false, initialDelayMs = 0): this {
    if (!this.destroyed) this.#socket.setKeepAlive(isOn, initialDelayMs);
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
    void this.#socket.reset();
    return this.destroy();
  }

  ref(): this {
    this.#socket.ref();
    return this;
  }

  unref(): this {
    this.#socket.unref();
    return this;
  }
}
