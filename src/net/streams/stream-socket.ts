/** StreamSocket: a TCP or Unix connection as users hold it. Checks what they pass, and asks the backend's. */
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { type InspectOptions, inspect } from 'node:util';
import { toBytes } from '../../base/bytes.js';
import { checkOurs, OURS } from '../../base/construction.js';
import { EINVAL, EOPNOTSUPP } from '../../base/errno.js';
import { showAs } from '../../base/shown.js';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkOptions,
  checkSignal,
  checkSignalOptions,
  toSpans,
} from '../../base/validate.js';
import { Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { ReadResult } from '../../contract/files.js';
import type { StreamChunk } from '../../contract/stream-chunk.js';
import type { BackendStream, NativeHandle, PeerCredentials, StreamBounds } from '../../contract/streams.js';
import {
  abortError,
  addressError,
  connectionClosedError,
  invalidArgType,
  invalidArgValue,
  unreadBytesError,
  writeAfterEndError,
  writeQueueFullError,
} from '../../errors/index.js';
import { backendOf, type Ring } from '../../ring/ring.js';
import { unwatchDropped, watchDropped } from '../dropped-sockets.js';
import type { StreamConnectOptions } from './connect-options.js';
import { connectStream } from './connect-stream.js';
import { checkDescriptors, FD_MAX } from './passed-descriptors.js';
import { checkOnProgress } from '../../fs/progress.js';
import { type ReadableFile, sendFile } from './send-file.js';
import { type Readership, setReadershipOf } from './stream-access.js';
import {
  CHUNK_OPTIONS,
  type ChunkOptions,
  type ReceivedDescriptors,
  type ReceiveDescriptorsOptions,
  SEND_FILE_OPTIONS,
  type SendFileOptions,
  type StreamCallOptions,
  type StreamReadOptions,
} from './stream-calls.js';
import { DUPLEX_OPTIONS, type DuplexOptions, StreamDuplex } from './stream-duplex.js';
import { BufferIterator, LeaseIterator } from './stream-iterators.js';
import {
  readBounds,
  readStreamOptions,
  STREAM_SOCKET_OPTIONS,
  type StreamSocketOptions,
} from './stream-options.js';
import { readInto, receiveDescriptorsInto } from './stream-reading.js';
import { StreamSettings } from './stream-settings.js';
import { readableOf, writableOf } from './web-streams.js';

/** For the listener: a connection that the backend has accepted. */
export let wrapStream: (backend: BackendStream, bounds: StreamBounds) => StreamSocket;

/** For Node's own connections. @throws EBADF, EMFILE; ERR_RINGLET_CLOSED. */
export function takeHandle(handle: NativeHandle, ring: Ring | undefined): StreamSocket {
  const bounds = readBounds({});
  return wrapStream(backendOf(ring).streams.adoptHandle(handle, bounds), bounds);
}

/**
 * A TCP connection, or a stream socket on a Unix path: bytes by `read` or `for await`, and promises for writes.
 * `StreamSocket.connect` makes one, and `Listener` accepts them.
 */
export class StreamSocket extends StreamSettings implements AsyncIterable<Buffer> {
  readonly #backend: BackendStream;
  readonly #bounds: StreamBounds;
  readonly #readership: Readership;
  #ending: Promise<void> | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(key: typeof OURS, backend: BackendStream, bounds: StreamBounds) {
    super(backend);
    checkOurs(key);
    this.#backend = backend;
    this.#bounds = bounds;
    this.#readership = { stream: backend, reader: undefined, owner: this };
    watchDropped('StreamSocket', this, backend);
  }

  static {
    wrapStream = (backend, bounds) => new StreamSocket(OURS, backend, bounds);
    setReadershipOf((socket) => socket.#readership);
  }

  /**
   * Connects to a TCP port or a Unix socket.
   *
   * A name with several addresses is tried as net's `autoSelectFamily` does it, except that an attempt that
   * takes long is joined by the next one and not given up.
   *
   * Rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT or
   * ERR_MISSING_ARGS; with `syscall` 'connect', `code`, `address` and `port` (ECONNREFUSED, ETIMEDOUT,
   * ENETUNREACH, EADDRINUSE and others), or an AggregateError of those when several addresses failed;
   * ENOTFOUND for a name; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for an option that the node backend has not;
   * AbortError; ERR_RINGLET_CLOSED.
   */
  static async connect(options: StreamConnectOptions): Promise<StreamSocket> {
    const { backend, bounds } = await connectStream(options);
    return new StreamSocket(OURS, backend, bounds);
  }

  /**
   * Takes over a connected stream socket by its number, which from then on is closed with the socket. It
   * becomes blocking (O_NONBLOCK off) for all that share it, and close-on-exec.
   *
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; EBADF; ERR_INVALID_FD_TYPE for anything but a stream
   * socket, and for one that is listening; ERR_RINGLET_CLOSED.
   */
  static fromFd(fd: number, options: StreamSocketOptions = {}): StreamSocket {
    checkInteger(fd, 'fd', 0, FD_MAX);
    checkOptions<StreamSocketOptions>(options, STREAM_SOCKET_OPTIONS);
    const wanted = readStreamOptions(options);
    const bounds = readBounds(options);
    const backend = backendOf(options.ring).streams.adopt(fd, bounds);
    backend.setOptions(wanted);
    return new StreamSocket(OURS, backend, bounds);
  }

  /** What this side is bound to. */
  get localAddress(): SocketAddress {
    return this.#backend.local;
  }

  /** The other side, unless it had gone before it was asked for. `path` is empty for a Unix socket without a name. */
  get remoteAddress(): SocketAddress | undefined {
    return this.#backend.remote;
  }

  /** The descriptor's number, which stays the socket's own; -1 where there is none to tell. */
  get fd(): number {
    return this.isClosed ? -1 : this.#backend.fd;
  }

  /** Whether the socket has been closed, or its ring. */
  get isClosed(): boolean {
    return this.#backend.isClosing;
  }

  /** What `console.log` shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { localAddress, remoteAddress, fd, bufferedBytes, isClosed } = this;
    const state = { localAddress, remoteAddress, fd, bufferedBytes, isClosed };
    return showAs('StreamSocket', state, depth, options);
  }

  /** Received bytes that no reader has taken. */
  get bufferedBytes(): number {
    return this.#backend.incoming.byteLength;
  }

  /** Chunks as they come, each with its own copy of the bytes, until the peer ends or the socket is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return new BufferIterator(this.#readership, undefined);
  }

  /**
   * Chunks as they come, until the peer ends or the socket is closed: of whatever size the network made them,
   * never empty, up to the receive buffer's.
   *
   * A socket has one reader at a time: another iterator, or a `read`, is refused with ERR_INVALID_STATE until
   * this one has ended. `break` does not close the socket, and loses nothing: what has come stays for the next
   * reader. Rejects with `syscall` 'read' and `code` (ECONNRESET, ETIMEDOUT and others), after the chunks that
   * came before; AbortError.
   */
  chunks(options: ChunkOptions & { lease: true }): AsyncIterableIterator<StreamChunk>;
  chunks(options?: ChunkOptions & { lease?: false | undefined }): AsyncIterableIterator<Buffer>;
  chunks(options: ChunkOptions = {}): AsyncIterableIterator<Buffer> | AsyncIterableIterator<StreamChunk> {
    const { lease = false, signal } = checkOptions<ChunkOptions>(options, CHUNK_OPTIONS);
    const end = checkSignal(signal);
    return checkBoolean(lease, 'options.lease')
      ? new LeaseIterator(this.#readership, end)
      : new BufferIterator(this.#readership, end);
  }

  /**
   * Receives straight into the caller's memory, which is the operation's until the promise settles.
   *
   * @returns how many bytes came: 0 at the end of the stream (or when there is no room), otherwise at least
   * one, and with `fill` fewer than asked only at the end, or when an abort came after the first of them.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; ERR_INVALID_STATE while there is another reader;
   * ECONNRESET and others with `syscall` 'read'; AbortError; ERR_SOCKET_CLOSED.
   */
  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    options: StreamReadOptions = {},
  ): Promise<ReadResult<Data>> {
    return readInto(this.#readership, buffer, options);
  }

  /**
   * Sends bytes, after those of the writes before. The promise settles when the kernel has taken all of
   * them, which is the back-pressure: a peer that does not read keeps it waiting.
   *
   * @param data text as UTF-8, or bytes, which are the operation's until the promise settles.
   * @returns the bytes sent: always all of them.
   * @throws (rejects) ERR_INVALID_ARG_TYPE; EPIPE, ECONNRESET and others with `syscall` 'write';
   * ERR_RINGLET_WRITE_QUEUE_FULL; ERR_STREAM_WRITE_AFTER_END; ERR_SOCKET_CLOSED; AbortError. `bytesWritten`
   * says how many bytes the kernel had taken; after a write that was cut short every other one rejects with
   * EPIPE.
   */
  write(data: string | NodeJS.ArrayBufferView | ArrayBuffer, options?: StreamCallOptions): Promise<number> {
    try {
      const bytes = toBytes(data);
      const signal = checkSignalOptions(options);
      this.#checkWritable();
      return this.#backend.write(new Span(bytes), signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The same for several buffers, one after another, in one go. */
  writev(buffers: readonly NodeJS.ArrayBufferView[], options?: StreamCallOptions): Promise<number> {
    try {
      const signal = checkSignalOptions(options);
      this.#checkWritable();
      return this.#backend.write(toSpans(buffers), signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #checkWritable(): void {
    if (this.isClosed) throw connectionClosedError();
    if (this.#ending !== undefined) throw writeAfterEndError();
    const { queuedWriteBytes } = this.#backend;
    const { writeQueueBytes } = this.#bounds;
    if (queuedWriteBytes >= writeQueueBytes) throw writeQueueFullError(queuedWriteBytes, writeQueueBytes);
  }

  /**
   * Tells the peer that nothing more follows, after the writes before it; receiving goes on. Safe to call
   * again: the promise is the same.
   *
   * @throws (rejects) ENOTCONN with `syscall` 'shutdown' when the connection is gone; ERR_SOCKET_CLOSED.
   */
  end(): Promise<void> {
    if (this.isClosed) return Promise.reject(connectionClosedError());
    this.#ending ??= this.#backend.end();
    return this.#ending;
  }

  /**
   * Sends what a file holds, reading ahead while the kernel takes what has been read.
   *
   * @param file a FileHandle, of ringlet's or of Node's own.
   * @param options `position` in the file, by default its own cursor, which then moves; `length` in bytes, by
   * default up to the end; `signal`; `onProgress`, which is told of bytes that the kernel has taken, each 256 KiB.
   * Its `total` is undefined for what is no regular file, or says nothing of its size. What it throws leaves the
   * connection as it is, in the midst of the file.
   * @returns the bytes sent: fewer than `length` where the file ends before.
   * @throws (rejects) as `write`, and as the file's `read`.
   */
  async sendFile(file: ReadableFile, options: SendFileOptions = {}): Promise<number> {
    if (typeof (checkObject(file, 'file') as ReadableFile).read !== 'function') {
      throw invalidArgType('file', 'an instance of FileHandle', file);
    }
    const { position, length, onProgress, signal } = checkOptions<SendFileOptions>(
      options,
      SEND_FILE_OPTIONS,
    );
    const from = position === undefined ? undefined : checkInteger(position, 'options.position', 0);
    const bytes = checkInteger(length ?? Number.MAX_SAFE_INTEGER, 'options.length', 0);
    const report = checkOnProgress(onProgress);
    const end = checkSignal(signal);
    if (end?.aborted) throw abortError(end);
    this.#checkWritable();
    return sendFile(this, file, from, bytes, end, report);
  }

  /**
   * Passes open descriptors to the peer of a Unix socket, with the first of the bytes: it gets copies of its
   * own. They must stay open until the promise settles.
   *
   * @param fds 1 to 253 numbers.
   * @param data at least one byte.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; EBADF; as `write`;
   * ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend, and EINVAL for anything but a Unix socket.
   */
  sendDescriptors(
    fds: readonly number[],
    data: string | NodeJS.ArrayBufferView | ArrayBuffer = '\0',
    options?: StreamCallOptions,
  ): Promise<number> {
    try {
      const numbers = checkDescriptors(fds);
      const signal = checkSignalOptions(options);
      const span = new Span(toBytes(data));
      if (span.bytes === 0) throw invalidArgValue('data', data, 'must not be empty');
      this.#checkWritable();
      if (this.localAddress.family !== 'Unix') throw addressError(EINVAL, 'sendmsg');
      return this.#backend.write(span, signal, numbers);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives bytes from the peer of a Unix socket, and the descriptors that came with the first of them, which
   * are the caller's to close. They are close-on-exec. Every other way of reading drops them.
   *
   * @param options `countMax`: the most to take, 16 by default; the kernel closes the others.
   * @throws (rejects) as `read`; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend.
   */
  receiveDescriptors<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    options: ReceiveDescriptorsOptions = {},
  ): Promise<ReceivedDescriptors<Data>> {
    return receiveDescriptorsInto(this.#readership, buffer, options);
  }

  /**
   * Who is on the other side of a Unix socket (SO_PEERCRED): the process that connected, or for the one that
   * connected the process that listens, as it was at that time.
   *
   * @throws ENOTSUP for anything but a Unix socket; ERR_SOCKET_CLOSED; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on
   * the node backend.
   */
  get peerCredentials(): PeerCredentials {
    if (this.isClosed) throw connectionClosedError();
    if (this.localAddress.family !== 'Unix') throw addressError(EOPNOTSUPP, 'getsockopt');
    return this.#backend.peerCredentials();
  }

  /**
   * Gives the descriptor away: ends everything as `close` does, and closes nothing. Another ring, of another
   * worker too, can take it over with `fromFd`. Await it before the number is used elsewhere.
   *
   * @throws (rejects) ERR_INVALID_STATE when bytes have been received that were not read, and which would be
   * lost; ERR_SOCKET_CLOSED; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend.
   */
  async detach(): Promise<number> {
    if (this.isClosed) throw connectionClosedError();
    await this.#backend.pause();
    if (this.bufferedBytes > 0) throw unreadBytesError(this.bufferedBytes);
    const detached = this.#backend.detach();
    unwatchDropped('StreamSocket', this);
    return detached;
  }

  /**
   * The socket as Node's own Duplex: for `tls.connect({ socket })`, `new tls.TLSSocket`, http.Server's
   * 'connection' event, `pipeline`. From then on the stream is the socket's reader and writer; destroying it
   * closes the socket.
   */
  toDuplex(options: DuplexOptions = {}): StreamDuplex {
    checkOptions<DuplexOptions>(options, DUPLEX_OPTIONS);
    const { allowHalfOpen = true, highWaterMark = 65_536 } = options;
    return new StreamDuplex(this, {
      allowHalfOpen: checkBoolean(allowHalfOpen, 'options.allowHalfOpen'),
      highWaterMark: checkInteger(highWaterMark, 'options.highWaterMark', 0),
    });
  }

  /** What the peer sends, as a web stream of bytes that receives straight into its reader's memory. */
  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= readableOf(this);
    return this.#readable;
  }

  /** A web stream to the peer: its `close` is `end`, its `abort` is `reset`. */
  get writable(): WritableStream<Uint8Array | string> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }

  /** Lets pending reads and writes keep the process alive again. That is how a socket begins. */
  ref(): this {
    this.#backend.setRef(true);
    return this;
  }

  /** Lets the process exit although reads or writes are pending. */
  unref(): this {
    this.#backend.setRef(false);
    return this;
  }

  /**
   * Ends everything: iterations quietly, pending reads and writes with ERR_SOCKET_CLOSED, and drops what has
   * been received and not read. What the kernel has taken it still delivers, unless bytes from the peer were
   * left unread: TCP then resets the connection. Safe to call again: the promise is the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close(false);
    return this.#closing;
  }

  /**
   * The same, and the peer gets ECONNRESET at once (TCP only). A `close` that still waits for the peer, as with
   * `zeroCopy`, waits no longer.
   */
  reset(): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#close(true);
    else void this.#backend.close(true);
    return this.#closing;
  }

  #close(isReset: boolean): Promise<void> {
    unwatchDropped('StreamSocket', this);
    return this.#backend.close(isReset);
  }

  /** Closes the connection, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
