/**
 * A StreamSocket as Node's own Duplex, for what takes one: TLS, http.Server's 'connection' event, pipeline.
 *
 * It carries the part of net.Socket that such code asks for: addresses, options, time limits. It is no
 * net.Socket: `instanceof` says no, and there is no handle.
 */
import { AsyncResource } from 'node:async_hooks';
import type { DuplexOptions as StreamOptions } from 'node:stream';
import { nextTick } from '../../base/real-timers.js';
import type { OptionNames } from '../../base/validate.js';
import { toHonestChunk } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import { closedBeforeConnectionError } from '../../errors/index.js';
import { ChunkFeed, type ChunkSource, type TellOwner } from './chunk-feed.js';
import { DuplexWithEnds, ends } from './duplex-with-ends.js';
import { byteCountOf, type Callback, DuplexWrites, type Piece } from './duplex-writes.js';
import { ProtocolOnTop } from './protocol-on-top.js';
import { backendOfStream, readershipOf } from './stream-access.js';
import type { StreamSocket } from './stream-socket.js';
import { TimeLimit } from './time-limit.js';

/** What `StreamSocket.toDuplex` can be asked for. */
export interface DuplexOptions {
  /**
   * Whether writing goes on after the peer's end, as any Duplex's; with false it ends by itself, as
   * net.Socket's, unless TLS or HTTP/2 on top has still to write. Default true.
   */
  allowHalfOpen?: boolean | undefined;
  /** From how many bytes on each side's queue counts as full. Default 65,536. */
  highWaterMark?: number | undefined;
}

export const DUPLEX_OPTIONS: OptionNames<DuplexOptions> = { allowHalfOpen: true, highWaterMark: true };

/** What counts connections until they are destroyed: one of Node's servers. */
interface Counter {
  _connections: number;
  _emitCloseIfDrained(): void;
}

/*
 * What classes that inherit from a StreamDuplex have of it. They are symbols, for those of users may have any name.
 */
/** The server that a connection is counted by. No event tells it of the end, for users may remove listeners. */
export const countedBy = Symbol('countedBy');
/** Gives the stream its connection. */
export const attach = Symbol('attach');
/** The connection under it. */
export const attached = Symbol('attached');
/** Forgets a connection that has been closed, so that another can take its place. */
export const detachClosed = Symbol('detachClosed');
/** Whether there is, or is to be, a connection to close. */
export const hasBegun = Symbol('hasBegun');
/** Has the present asynchronous context be that of the events to come, or none, as net.Socket's of an accepted one. */
export const enterContext = Symbol('enterContext');
/** Calls a method in that context. */
export const inContext = Symbol('inContext');
/** What the stream is to read. */
export const openSource = Symbol('openSource');
/** Changes what is set on the connection, if there is one. */
export const change = Symbol('change');
/** Bytes have been received. */
export const noteReceived = Symbol('noteReceived');

type Write = (chunk: unknown, encoding: unknown, callback: unknown) => boolean;
type End<This> = (chunk: unknown, encoding: unknown, callback: unknown) => This;

/** The asynchronous context that ringlet was loaded in. */
const OUTSIDE = new AsyncResource('RINGLET');
/**
 * A connection as a stream.Duplex, with net.Socket's names for what it tells and sets: for TLS, HTTP and whatever
 * else takes a stream. `StreamSocket.toDuplex` makes one.
 */
export class StreamDuplex extends DuplexWithEnds {
  #socket: StreamSocket | undefined;
  #source: ChunkSource | undefined;
  #remote: SocketAddress | undefined;
  /** What waits for a connection. */
  #waiting: (() => void)[] = [];
  /** The asynchronous context of what comes from the connection: that of its maker, as net.Socket's handle has. */
  #context: AsyncResource | undefined;
  readonly #limit = new TimeLimit(this, () => this.#hasMoved());
  readonly #protocol = new ProtocolOnTop(this);
  readonly #writes = new DuplexWrites({
    isDestroyed: () => this.destroyed,
    noteActivity: () => this.#limit.noteActivity(),
    noteWritten: () => this.#protocol.noteWritten(),
  });
  /** @internal */
  [countedBy]: Counter | undefined;
  #receivedBytes = 0;
  /** Milliseconds without a byte until 'timeout', as `setTimeout` has set them; undefined before. */
  declare timeout: number | undefined;

  /** @param socket none for one that gets its connection later, by `attach`. */
  constructor(socket: StreamSocket | undefined, options: StreamOptions) {
    // 'close' is told of here: 'error' comes before it, and does not wait for the connection's end.
    super({ ...options, autoDestroy: true, emitClose: false, decodeStrings: false });
    if (socket !== undefined) this[attach](socket);
  }

  protected [enterContext](isNone = false): void {
    const enter = (): void => {
      this.#context = new AsyncResource('RINGLET_STREAM');
    };
    if (isNone) OUTSIDE.runInAsyncScope(enter);
    else enter();
  }

  protected [inContext]<Parameters extends unknown[], Result>(
    method: (this: this, ...parameters: Parameters) => Result,
    ...parameters: Parameters
  ): Result {
    if (this.#context === undefined) return method.apply(this, parameters);
    return this.#context.runInAsyncScope(method, this, ...parameters);
  }

  protected [openSource](socket: StreamSocket, tell: TellOwner): ChunkSource {
    return new ChunkFeed(readershipOf(socket), tell);
  }

  protected [noteReceived](bytes: number): void {
    this.#limit.noteActivity();
    this.#receivedBytes += bytes;
  }

  protected [attach](socket: StreamSocket): void {
    if (this.#context === undefined) this[enterContext]();
    this.#socket = socket;
    // Asked for while the peer is there.
    this.#remote = socket.remoteAddress;
    this.#source = this[openSource](socket, (source) =>
      this.#protocol.pass(() => this[inContext](this.#takeFrom, source)),
    );
    this.#limit.noteActivity();
    for (const go of this.#waiting.splice(0)) go();
  }

  protected [detachClosed](): void {
    this.#socket = undefined;
    this.#source = undefined;
    this.#remote = undefined;
    this.#context = undefined;
    this.#waiting = [];
    this.#receivedBytes = 0;
    this.#writes.sentBytes = 0;
    this.#writes.pendingBytes = 0;
  }

  protected get [attached](): StreamSocket | undefined {
    return this.#socket;
  }

  /** Asked for again and again, and at least when the stream is no longer full. */
  override _read(): void {
    if (this.#source === undefined) this.#waiting.push(() => this._read());
    else this.#source.ask();
  }

  /** Goes on as net.Socket does, until the stream says that it is full. */
  #takeFrom(source: ChunkSource): void {
    if (this.destroyed || source !== this.#source) return;
    let chunk: Buffer | null;
    try {
      chunk = source.take();
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (chunk !== null) this[noteReceived](chunk.length);
    else if (this.#protocol.isThere) this.allowHalfOpen = true;
    let wantsMore = true;
    try {
      wantsMore = this.push(chunk);
      // 'end' comes without a reader, too, as net.Socket's.
      if (chunk === null) this.read(0);
    } catch (error) {
      // What a listener throws is the process's, as with net.Socket, and the stream goes on.
      nextTick(() => {
        throw error;
      });
    }
    if (wantsMore) source.ask();
  }

  /** As a stream's: false once its queue is full. */
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    return (super.write as Write)(toHonestChunk(chunk), encoding, callback);
  }

  /** Ends writing, after a last chunk where there is one. */
  override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
    return (super.end as End<this>)(toHonestChunk(chunk), encoding, callback);
  }

  /** @internal */
  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    this.#send([{ chunk, encoding }], callback);
  }

  /** @internal */
  override _writev(pieces: readonly Piece[], callback: Callback): void {
    this.#send(pieces, callback);
  }

  /** What the kernel takes at once has left when this returns, and its callback has been called, as net.Socket's. */
  #send(pieces: readonly Piece[], callback: Callback): void {
    const socket = this.#socket;
    if (socket === undefined) {
      this.#writes.pendingBytes = byteCountOf(pieces);
      const onClose = (): void => callback(closedBeforeConnectionError());
      this.once('close', onClose);
      // After 'connect', as net.Socket's: who hears of the write has heard of the connection.
      const go = (): void => {
        if (this.destroyed) return;
        this.off('close', onClose);
        this.#send(pieces, callback);
      };
      this.#waiting.push(() => nextTick(go));
      return;
    }
    this.#limit.noteActivity();
    this.#writes.send(backendOfStream(socket), pieces, callback);
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
    this.#limit.clear();
    this.#waiting = [];
    const hadBegun = this[hasBegun];
    const emitClose = (): void => void (hadBegun ? this.emit('close', error !== null) : this.emit('close'));
    const onClosed = (): void => {
      this.#writes.tell();
      // After 'error', which Node tells on the next tick.
      this[inContext](() => nextTick(emitClose));
    };
    callback(error);
    this.#source?.end();
    Promise.all([this.#socket?.close(), this.#writes.pending]).then(onClosed, onClosed);
    const server = this[countedBy];
    this[countedBy] = undefined;
    if (server === undefined) return;
    server._connections--;
    server._emitCloseIfDrained();
  }

  protected get [hasBegun](): boolean {
    return this.#socket !== undefined;
  }

  /** Bytes that have been received. */
  get bytesRead(): number {
    return this.#receivedBytes;
  }

  /** Bytes handed to the stream, those that wait in it included, as net.Socket counts them. */
  get bytesWritten(): number {
    const { writableBuffer } = this as unknown as { writableBuffer: readonly Piece[] };
    return this.#writes.sentBytes + this.#writes.pendingBytes + byteCountOf(writableBuffer);
  }

  protected override get [ends](): { remote: SocketAddress | undefined; local: SocketAddress | undefined } {
    const local = this.#socket && !this.destroyed ? localNameOf(this.#socket) : undefined;
    return { remote: this.#remote, local };
  }

  /** Always false: the connection is there already. */
  get connecting(): boolean {
    return false;
  }

  /** Always false: the connection is there already. */
  get pending(): boolean {
    return false;
  }

  /**
   * 'timeout' after so many milliseconds without a byte either way; 0 for never. The stream goes on.
   *
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE.
   */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.destroyed) return this;
    this.#limit.set(timeoutMs, listener);
    this.timeout = timeoutMs;
    return this;
  }

  /** A write that the peer takes slowly is activity, too. */
  #hasMoved(): boolean {
    return this.#socket !== undefined && this.#writes.haveGoneOn(backendOfStream(this.#socket));
  }

  /** TCP_NODELAY: whether small writes go out at once, without waiting for the answer to those before. */
  setNoDelay(isOn = true): this {
    return this[change]((socket) => socket.setNoDelay(isOn));
  }

  /**
   * SO_KEEPALIVE: whether an idle connection is probed, after `initialDelayMs` milliseconds; 0 leaves that to the
   * system.
   */
  setKeepAlive(isOn = false, initialDelayMs = 0): this {
    return this[change]((socket) => socket.setKeepAlive(isOn, initialDelayMs));
  }

  /** Goes on as it is where the system refuses, as net.Socket does: a server must not fail because of it. */
  protected [change](how: (socket: StreamSocket) => void): this {
    const socket = this.#socket;
    if (this.destroyed || socket === undefined || socket.isClosed) return this;
    try {
      how(socket);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
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

/** What this end is bound to; undefined where the system can't tell, as when the process is out of descriptors. */
export function localNameOf(socket: StreamSocket): SocketAddress | undefined {
  try {
    return socket.localAddress;
  } catch {
    return undefined;
  }
}
