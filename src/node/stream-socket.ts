/**
 * A connection over net.Socket.
 *
 * Node can neither cancel a write nor receive into the caller's memory: an abort rejects at once while the
 * bytes go on, and `read` copies.
 */
import type { Socket } from 'node:net';
import { type Abortable, unwatchAbort, watchAbort } from '../base/abort.js';
import { byteCountOf, bytesOf, Span, type View } from '../base/views.js';
import type { SocketAddress } from '../contract/address.js';
import type { PoolCallback, ReadResult } from '../contract/backend.js';
import { ChunkQueue, takeInto } from '../contract/chunk-queue.js';
import type { BackendStream, StreamBounds, StreamOptions } from '../contract/streams.js';
import { abortError, connectionClosedError, featureUnavailableError } from '../errors/index.js';
import type { Admission } from './admission.js';
import type { NodeStreams } from './streams.js';

const NO_CALL = 'Node has no call for it; it needs io_uring';
/** What Node has no call for. */
const UNAVAILABLE = ['quickAck', 'lingerSeconds', 'receiveBufferBytes', 'sendBufferBytes'] as const;

export function checkAvailable(options: StreamOptions): void {
  for (const name of UNAVAILABLE) {
    if (options[name] !== undefined) {
      throw featureUnavailableError(name, NO_CALL);
    }
  }
}

/** Of Node 24. */
interface NewerSocket extends Socket {
  setTypeOfService?(typeOfService: number): void;
}

export function applyOptions(socket: Socket, options: StreamOptions): void {
  const { noDelay, keepAliveSeconds } = options;
  if (noDelay !== undefined) socket.setNoDelay(noDelay);
  if (keepAliveSeconds !== undefined) {
    const { keepAliveIntervalSeconds: interval, keepAliveProbes } = options;
    const ofProbes = interval === undefined ? [] : [interval * 1000, keepAliveProbes];
    const delayMs = Math.max(keepAliveSeconds, 0) * 1000;
    Reflect.apply(socket.setKeepAlive, socket, [keepAliveSeconds >= 0, delayMs, ...ofProbes]);
  }
  if (options.typeOfService !== undefined) (socket as NewerSocket).setTypeOfService?.(options.typeOfService);
}

/** The number behind one of Node's sockets; it has no public name. */
export function fdOf(handleOwner: object): number {
  const { fd } = (Reflect.get(handleOwner, '_handle') ?? {}) as { fd?: number };
  return fd ?? -1;
}

function toAddress(
  address: string | undefined,
  port: number | undefined,
  family: string | undefined,
): SocketAddress | undefined {
  if (address === undefined || port === undefined) return undefined;
  return { address, port, family: family === 'IPv6' ? 'IPv6' : 'IPv4' };
}

export class NodeStream implements BackendStream {
  readonly fd: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress | undefined;
  readonly incoming: ChunkQueue;
  readonly #host: NodeStreams;
  readonly #socket: Socket;
  readonly #admission: Admission;
  #isReceiving = false;
  #isReading = false;
  #isFlowing = false;
  /** As Node's sockets begin. */
  #isSocketRef = true;
  #isRef = true;
  #queuedBytes = 0;
  /** Writes that Node has been given. */
  #begunCount = 0;
  #failure: (() => Error) | undefined;
  /** Of writes and ends whose callbacks Node may not call. */
  readonly #onClose = new Set<() => void>();
  /** For a caller that waits until no call is pending. */
  #onCallsOver: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** @param socket paused, half-open and connected. */
  constructor(
    host: NodeStreams,
    socket: Socket,
    admission: Admission,
    bounds: StreamBounds,
    path: { local: string; remote: string } | undefined,
  ) {
    this.#host = host;
    this.#socket = socket;
    this.#admission = admission;
    this.fd = fdOf(socket);
    const unix = (name: string): SocketAddress => ({ address: '', port: 0, family: 'Unix', path: name });
    const none: SocketAddress = { address: '', port: 0, family: 'IPv4' };
    this.local = path
      ? unix(path.local)
      : (toAddress(socket.localAddress, socket.localPort, socket.localFamily) ?? none);
    this.remote = path
      ? unix(path.remote)
      : toAddress(socket.remoteAddress, socket.remotePort, socket.remoteFamily);
    this.incoming = new ChunkQueue(bounds.receiveQueueBytes, { onDrained: () => this.#update() });
    socket.on('data', (chunk: Buffer) => {
      this.incoming.push(chunk);
      this.#update();
    });
    socket.on('end', () => this.incoming.end());
    socket.on('error', (error) => {
      this.#failure ??= () => error;
      this.incoming.fail(() => error);
    });
    socket.on('close', () => {
      this.incoming.end();
      for (const onClose of this.#onClose) onClose();
    });
    socket.pause();
    this.#updateRef();
  }

  get #wantsChunks(): boolean {
    return (this.#isReceiving || this.#isReading) && !this.incoming.isFull && this.#closing === undefined;
  }

  /** Starts or stops net.Socket as is wanted now. */
  #update(): void {
    const isFlowing = this.#wantsChunks;
    if (isFlowing !== this.#isFlowing) {
      this.#isFlowing = isFlowing;
      if (isFlowing) this.#socket.resume();
      else this.#socket.pause();
    }
    this.#updateRef();
  }

  #updateRef(): void {
    const isPending = this.#isReceiving || this.#isReading || this.#queuedBytes > 0;
    this.#refSocket(isPending && this.#isRef && this.#host.isRef);
    if (!this.#isReading && this.#queuedBytes === 0) this.#onCallsOver?.();
  }

  /** Whether the socket keeps the process alive; to tell it so each time is a call into C++. */
  #refSocket(isSocketRef: boolean): void {
    if (this.#isSocketRef === isSocketRef) return;
    this.#isSocketRef = isSocketRef;
    if (isSocketRef) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Applies what `ref` and `unref`, its own or the ring's, have come to. */
  updateRef(): void {
    if (this.#closing === undefined) this.#updateRef();
  }

  receive(): void {
    this.#isReceiving = true;
    this.#update();
  }

  pause(): Promise<void> {
    this.#isReceiving = false;
    this.#update();
    return Promise.resolve();
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  get isQuiet(): boolean {
    return !this.#isReading && !this.#isReceiving;
  }

  async read<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    isFilling: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    if (this.#closing !== undefined) throw connectionClosedError();
    this.#isReading = true;
    this.#update();
    let bytesRead = 0;
    try {
      do {
        if (!(await this.#hasChunks(signal))) break;
        bytesRead += takeInto(this.incoming, bytesOf(buffer, offset + bytesRead, length - bytesRead));
      } while (isFilling && bytesRead < length);
    } catch (error) {
      if (bytesRead === 0) throw error;
    } finally {
      this.#isReading = false;
      this.#update();
    }
    if (bytesRead === 0 && this.#closing !== undefined) throw connectionClosedError();
    return { bytesRead, buffer };
  }

  /** Waits for bytes; false at the end. */
  #hasChunks(signal: AbortSignal | undefined): Promise<boolean> | boolean {
    const { incoming } = this;
    if (incoming.byteLength > 0) return true;
    if (incoming.failure !== undefined) throw incoming.failure();
    if (incoming.isEnded) return false;
    if (signal?.aborted) throw abortError(signal);
    return new Promise((resolve, reject) => {
      const waiter: Abortable & { onChunks(): void } = {
        onChunks: () => {
          if (signal !== undefined) unwatchAbort(signal, waiter);
          // What has come may be a failure, which this throws.
          new Promise<boolean>((settle) => settle(this.#hasChunks(signal))).then(resolve, reject);
        },
        onAbort: (aborted) => {
          incoming.forget(waiter);
          reject(abortError(aborted));
        },
      };
      if (signal !== undefined) watchAbort(signal, waiter);
      incoming.wait(waiter);
    });
  }

  async write(
    data: Span | readonly Span[],
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number> {
    const spans = data instanceof Span ? [data] : data;
    const bytes = byteCountOf(spans);
    let hasBegun = false;
    try {
      return await this.#admit(spans, bytes, signal, fds, () => {
        hasBegun = true;
        this.#begunCount++;
      });
    } catch (error) {
      const failure = error as NodeJS.ErrnoException & { bytesWritten?: number };
      // Given up, it goes on to its end all the same, unless the ring is closed under it.
      failure.bytesWritten ??= hasBegun && failure.code !== 'ERR_RINGLET_CLOSED' ? bytes : 0;
      throw failure;
    }
  }

  #admit(
    spans: readonly Span[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds: readonly number[] | undefined,
    onBegin: () => void,
  ): Promise<number> {
    if (fds !== undefined) return Promise.reject(featureUnavailableError('sendDescriptors', NO_CALL));
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    if (bytes === 0 && this.#queuedBytes === 0) {
      return signal?.aborted ? Promise.reject(abortError(signal)) : Promise.resolve(0);
    }
    this.#queuedBytes += bytes;
    this.#updateRef();
    const onOver = (): void => {
      this.#queuedBytes -= bytes;
      this.updateRef();
    };
    return this.#admission.call<number>(
      (done) => {
        if (this.#closing !== undefined) throw connectionClosedError();
        const pieces = spans.map((span) => span.toBytes());
        onBegin();
        this.#write(pieces, bytes, done);
      },
      { signal, facts: { kind: 'write', fd: this.fd, bytes }, onOver },
    );
  }

  #write(pieces: readonly Uint8Array[], bytes: number, done: PoolCallback<number>): void {
    // Node calls the one back, or the other, or both.
    const end = (error: Error | null): void => {
      if (!this.#onClose.delete(onClose)) return;
      if (error === null) {
        done(null, bytes);
        return;
      }
      const isClosed = this.#closing !== undefined;
      const cause = this.#failure?.() ?? error;
      done(Object.assign(isClosed ? connectionClosedError() : cause, { bytesWritten: 0 }));
    };
    const onClose = (): void => end(connectionClosedError());
    this.#onClose.add(onClose);
    // Of a destroyed socket Node says that all was written, whatever was (onWriteComplete).
    const settle = (error?: Error | null): void =>
      end(error ?? (this.#socket.destroyed ? connectionClosedError() : null));
    if (pieces.length > 1) this.#socket.cork();
    pieces.forEach((piece, index) => {
      this.#socket.write(piece, index === pieces.length - 1 ? settle : undefined);
    });
    if (pieces.length > 1) this.#socket.uncork();
  }

  writeNow(data: readonly Span[]): number | Promise<number> {
    const before = this.#begunCount;
    const written = this.write(data, undefined);
    const isTaken = this.#begunCount > before && this.#socket.writableLength === 0;
    if (!isTaken || this.#socket.errored !== null || this.#socket.destroyed) return written;
    written.catch(() => {});
    return byteCountOf(data);
  }

  /** net.Socket would keep what is not taken. */
  sendNow(): number {
    return 0;
  }

  get sentBytes(): number {
    const { bytesWritten = 0, writeQueueSize = 0 } = (Reflect.get(this.#socket, '_handle') ?? {}) as {
      bytesWritten?: number;
      writeQueueSize?: number;
    };
    return bytesWritten - writeQueueSize;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get queuedWriteBytes(): number {
    return this.#queuedBytes;
  }

  receiveDescriptors(): Promise<never> {
    return Promise.reject(featureUnavailableError('receiveDescriptors', NO_CALL));
  }

  peerCredentials(): never {
    throw featureUnavailableError('peerCredentials', NO_CALL);
  }

  detach(): Promise<never> {
    return Promise.reject(featureUnavailableError('detach', NO_CALL));
  }

  end(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(this.#failure?.() ?? connectionClosedError());
      this.#onClose.add(fail);
      // Node calls it with an error when the socket was destroyed before all was written.
      this.#socket.end((error?: Error | null) => {
        this.#onClose.delete(fail);
        if (error) fail();
        else resolve();
      });
    });
  }

  setOptions(options: StreamOptions): void {
    checkAvailable(options);
    applyOptions(this.#socket, options);
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.updateRef();
  }

  async abandon(): Promise<void> {
    if (this.#isReading || this.#queuedBytes > 0) {
      await new Promise<void>((resolve) => {
        this.#onCallsOver = resolve;
      });
    }
    await this.close(false);
  }

  close(isReset: boolean): Promise<void> {
    this.#closing ??= this.#close(isReset);
    return this.#closing;
  }

  async #close(isReset: boolean): Promise<void> {
    this.incoming.clear();
    this.incoming.end();
    this.#host.remove(this);
    if (this.#socket.closed) return;
    this.#refSocket(true);
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      if (!isReset || this.local.family === 'Unix') this.#socket.destroy();
      else if (this.#isShuttingDown) this.#socket.once('finish', () => this.#socket.resetAndDestroy());
      else this.#socket.resetAndDestroy();
    });
  }

  /**
   * Whether all is written and the end is on its way, which takes a turn of the event loop. libuv does not reset
   * such a connection (EINVAL), and Node has then forgotten it: open, and without a 'close' (seen on 20.20).
   */
  get #isShuttingDown(): boolean {
    const { writableEnded, writableFinished, writableLength } = this.#socket;
    return writableEnded && !writableFinished && writableLength === 0;
  }
}
