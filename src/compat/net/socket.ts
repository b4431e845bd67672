/**
 * Socket of 'ringlet/net': node:net's socket, which connects by itself, on a StreamSocket.
 *
 * Everything that needs a connection waits in the stream until there is one.
 */
import diagnostics from 'node:diagnostics_channel';
import type { BlockList, SocketConnectOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { onAbortOf } from '../../base/abort.js';
import { nextTick } from '../../base/real-timers.js';
import { checkInteger, checkNumber, checkSignal } from '../../base/validate.js';
import { ECONNREFUSED } from '../../base/errno.js';
import type { SocketAddress } from '../../contract/address.js';
import type { NativeHandle, StreamOptions } from '../../contract/streams.js';
import {
  abortError,
  addressError,
  connectionClosedError,
  endedByPeerError,
  invalidArgType,
  invalidArgValue,
  ipBlockedError,
} from '../../errors/index.js';
import { connectToAny } from '../../net/streams/connect.js';
import type { ChunkSource, TellOwner } from '../../net/streams/chunk-feed.js';
import type { Piece } from '../../net/streams/duplex-writes.js';
import { isBlocked, type MakeSocket } from '../../net/streams/serve-on.js';
import {
  attach,
  attached,
  change,
  detachClosed,
  enterContext,
  hasBegun,
  inContext,
  noteReceived,
  openSource,
  StreamDuplex,
} from '../../net/streams/stream-duplex.js';
import { backendOfStream } from '../../net/streams/stream-access.js';
import { StreamSocket, takeHandle } from '../../net/streams/stream-socket.js';
import type { Ring } from '../../ring/ring.js';
import {
  checkBlockList,
  type ConnectOptions,
  type Goal,
  type HostGoal,
  readCall,
  readGoal,
} from './calls.js';
import { lookUp } from './look-up.js';
import type { Server } from './server.js';
import { type KeepAlive, type KeepAliveOptions, readKeepAlive } from './keep-alive.js';
import { isOnRead, type OnReadOptions, UserBuffer } from './user-buffer.js';

const clientChannel = diagnostics.channel('net.client.socket');

/** node:net's. */
export interface SocketOptions extends Omit<DuplexOptions, 'objectMode' | 'signal'> {
  /** Whether writing goes on after the peer's end. Default false. */
  allowHalfOpen?: boolean | undefined;
  /** A connected stream socket to take over. */
  fd?: number | undefined;
  /** Has what comes be put into memory of the program's own, instead of 'data'. */
  onread?: OnReadOptions | null | undefined;
  /** TCP_NODELAY. Default false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE. Default false. */
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
  /** IP_TOS, or IPV6_TCLASS: 0 to 255. Default: the system's. */
  typeOfService?: number | undefined;
  /** Addresses that are not connected to. */
  blockList?: BlockList | undefined;
  /** An abort destroys the socket. */
  signal?: AbortSignal | undefined;
  /** The ring to run on. Default: the one that `fs` uses. */
  ring?: Ring | undefined;
}

/** What a socket that connects can be made with. */
export type SocketConnectOptions = ConnectOptions &
  SocketOptions & {
    /** Of `connect` and `createConnection`: milliseconds without a byte until 'timeout'. */
    timeout?: number | undefined;
  };

type Callback = (error?: Error | null) => void;

/** For the server: a socket on a connection that it has accepted. */
export let socketOn: MakeSocket;

const TYPE_OF_SERVICE_MAX = 255;
const UNSUPPORTED = ['objectMode', 'readableObjectMode', 'writableObjectMode'];

/** A connection with node:net's events and callbacks, on a StreamSocket. */
export class CallableSocket extends StreamDuplex {
  readonly #ring: Ring | undefined;
  readonly #signal: AbortSignal | undefined;
  #noDelay: boolean;
  #keepAlive: KeepAlive;
  #typeOfService: number | undefined;
  readonly #onRead: OnReadOptions | undefined;
  #userBuffer: UserBuffer | undefined;
  #connecting: AbortController | undefined;
  /** Whether `connect` was called, or there was a connection from the start. */
  #hasBegun = false;
  #isRef = true;
  /** Of an accepted connection. */
  server: Server | null = null;
  /** The same, by the name that Node keeps it by. @internal */
  _server: Server | null = null;
  /** `address:port` of each attempt, where a name had several addresses; otherwise, as Node's, not there. */
  declare autoSelectFamilyAttemptedAddresses: string[];
  /** Addresses that are not connected to; not there where there are none. */
  declare blockList?: BlockList;

  /** @throws ERR_INVALID_ARG_VALUE for what is not supported; with `fd` as StreamSocket.fromFd. */
  constructor(options?: SocketOptions | number) {
    const wanted: SocketOptions & { handle?: NativeHandle } =
      typeof options === 'number' ? { fd: options } : { ...options };
    for (const name of UNSUPPORTED) {
      const value = (wanted as Record<string, unknown>)[name];
      if (value) throw invalidArgValue(`options.${name}`, value, 'is not supported');
    }
    const { keepAliveInitialDelay = 0, signal, fd, handle, ring, blockList, onread, ...ofDuplex } = wanted;
    checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (wanted.typeOfService !== undefined) {
      checkInteger(wanted.typeOfService, 'options.typeOfService', 0, TYPE_OF_SERVICE_MAX);
    }
    super(undefined, { ...ofDuplex, allowHalfOpen: Boolean(wanted.allowHalfOpen) } as DuplexOptions);
    this.#ring = ring;
    this.#noDelay = Boolean(wanted.noDelay);
    this.#keepAlive = readKeepAlive([wanted.keepAlive, keepAliveInitialDelay]);
    this.#typeOfService = wanted.typeOfService;
    this.#onRead = isOnRead(onread) ? onread : undefined;
    if (blockList) this.blockList = checkBlockList(blockList);
    this.#signal = checkSignal(signal);
    if (this.#signal !== undefined) this.#watch(this.#signal);
    if (handle) this.#begin(takeHandle(handle, ring));
    else if (fd !== undefined) this.#begin(StreamSocket.fromFd(fd, { ring }));
  }

  #watch(signal: AbortSignal): void {
    const end = (): void => void this.destroy(abortError(signal));
    if (signal.aborted) end();
    else this.once('close', onAbortOf(signal, end));
  }

  static {
    // For programs that ask for Node's: as on a net.Socket that has none.
    Object.defineProperty(CallableSocket.prototype, '_handle', {
      value: null,
      writable: true,
      configurable: true,
    });
    socketOn = (connection, options, server) => {
      const socket = new CallableSocket(options);
      socket.server = server as unknown as Server;
      socket._server = socket.server;
      socket[enterContext](true);
      if (server.pauseOnConnect) socket.pause();
      socket.#begin(connection);
      return socket;
    };
  }

  #begin(connection: StreamSocket): void {
    this[attach](connection);
    if (this.readable && !this.isPaused()) this.read(0);
  }

  protected override [attach](connection: StreamSocket): void {
    this.#hasBegun = true;
    if (!this.#isRef) connection.unref();
    super[attach](connection);
  }

  protected override [openSource](connection: StreamSocket, tell: TellOwner): ChunkSource {
    if (this.#onRead === undefined) return super[openSource](connection, tell);
    const { callback } = this.#onRead;
    this.#userBuffer = new UserBuffer(connection, this.#onRead, tell, (bytesRead, buffer) => {
      this[noteReceived](bytesRead);
      return this[inContext](callback, bytesRead, buffer);
    });
    return this.#userBuffer;
  }

  /** As a stream's; with `onread`, nothing is put anywhere until `resume`. */
  override pause(): this {
    this.#userBuffer?.pause();
    return super.pause();
  }

  /** As a stream's. */
  override resume(): this {
    this.#userBuffer?.resume();
    return super.resume();
  }

  /**
   * Connects; emits 'lookup', 'connect' and 'ready', or 'error' and 'close'.
   *
   * @throws ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_PORT, ERR_INVALID_IP_ADDRESS.
   */
  connect(options: SocketConnectOptions | SocketConnectOpts, listener?: () => void): this;
  connect(port: number | string, host?: string, listener?: () => void): this;
  connect(port: number | string, listener?: () => void): this;
  connect(path: string, listener?: () => void): this;
  connect(...parameters: unknown[]): this {
    const { options, listener } = readCall<ConnectOptions>(parameters);
    if (listener !== undefined) this.once('connect', listener);
    const goal = readGoal(options);
    if (this.#signal?.aborted) return this;
    clientChannel.publish({ socket: this });
    if (this.destroyed) this.#beginAgain();
    const controller = new AbortController();
    this.#connecting = controller;
    this.#hasBegun = true;
    this[enterContext]();
    try {
      const addresses = 'path' in goal ? undefined : lookUp(goal, this, controller.signal);
      void this.#connect(goal, addresses, controller);
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
    return this;
  }

  /** As Node's own: a socket that was closed can connect again. */
  #beginAgain(): void {
    this[detachClosed]();
    (this as unknown as { _undestroy(): void })._undestroy();
  }

  async #connect(
    goal: Goal,
    addresses: Promise<SocketAddress[]> | undefined,
    controller: AbortController,
  ): Promise<void> {
    const { signal } = controller;
    const isOver = (): boolean => this.#connecting !== controller || signal.aborted;
    try {
      const connection = await ('path' in goal
        ? this.#connectToPath(goal.path, signal)
        : this.#connectByName(goal, (await addresses) ?? [], signal));
      // Outside the promise: what a listener throws is the process's.
      nextTick(() => {
        if (isOver()) void connection.close();
        else this.#onConnected(connection);
      });
    } catch (error) {
      if (isOver()) return;
      this.#connecting = undefined;
      this.destroy(error as Error);
    }
  }

  async #connectToPath(path: string, signal: AbortSignal): Promise<StreamSocket> {
    try {
      return await StreamSocket.connect({ path, ring: this.#ring, signal });
    } catch (error) {
      if (!signal.aborted) this.emit('connectionAttemptFailed', path, undefined, undefined, error);
      throw error;
    }
  }

  async #connectByName(
    goal: HostGoal,
    addresses: SocketAddress[],
    signal: AbortSignal,
  ): Promise<StreamSocket> {
    if (addresses.length > 1) this.autoSelectFamilyAttemptedAddresses = [];
    const [first] = addresses;
    return connectToAny(
      () => Promise.resolve(addresses),
      (remote, end) => this.#attempt(remote, goal, end),
      {
        attemptTimeoutMs: goal.attemptTimeoutMs ?? 0,
        timeoutMs: 0,
        signal,
        onSlow: ({ address, port, family }) =>
          this.emit('connectionAttemptTimeout', address, port, versionOf(family)),
      },
      first as SocketAddress,
    );
  }

  async #attempt(
    remote: SocketAddress,
    goal: HostGoal,
    signal: AbortSignal | undefined,
  ): Promise<StreamSocket> {
    const { address, port } = remote;
    const version = versionOf(remote.family);
    this.autoSelectFamilyAttemptedAddresses?.push(`${address}:${port}`);
    this.emit('connectionAttempt', address, port, version);
    try {
      if (isBlocked(this.blockList, remote)) throw ipBlockedError(address);
      // What Linux says of a port that there is not.
      if (port === 0) throw addressError(ECONNREFUSED, 'connect', address, port);
      return await StreamSocket.connect({ host: address, port, ...goal.local, ring: this.#ring, signal });
    } catch (error) {
      const { localAddress, localPort } = goal.local;
      if (localAddress !== undefined && localPort !== undefined) {
        const failure = error as Error;
        failure.message += ` - Local (${localAddress}:${localPort})`;
        Object.assign(failure, { localAddress, localPort });
      }
      const isToBeTold = this.autoSelectFamilyAttemptedAddresses || !isBlocked(this.blockList, remote);
      if (!signal?.aborted && isToBeTold) {
        this.emit('connectionAttemptFailed', address, port, version, error);
      }
      throw error;
    }
  }

  #onConnected(connection: StreamSocket): void {
    this.#connecting = undefined;
    this[attach](connection);
    if (this.#noDelay) super.setNoDelay(true);
    if (this.#keepAlive.keepAliveSeconds >= 0) this.#apply(this.#keepAlive);
    if (this.#typeOfService !== undefined) this.#apply({ typeOfService: this.#typeOfService });
    this.emit('connect');
    this.emit('ready');
    // So that an end or a reset is heard without a reader, too.
    if (this.readable && !this.isPaused() && !this.destroyed) this.read(0);
  }

  override get connecting(): boolean {
    return this.#connecting !== undefined;
  }

  /** The same, by the name that it had in older programs. */
  get _connecting(): boolean {
    return this.connecting;
  }

  /** Whether the socket has no connection yet. */
  override get pending(): boolean {
    return this[attached] === undefined || this.connecting || this.destroyed;
  }

  /** What the socket is up to, in one word. */
  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Bytes that wait in the stream; undefined without a connection, which Node's type does not say. */
  get bufferSize(): number {
    return (this.#hasBegun && !this.destroyed ? this.writableLength : undefined) as number;
  }

  /** As a stream's; where the peer has ended both sides, it fails with EPIPE, as node:net's does. */
  override write(chunk: unknown, encoding?: unknown, given?: unknown): boolean {
    if (this.allowHalfOpen || !this.readableEnded || !this.writableEnded) {
      return super.write(chunk, encoding, given);
    }
    const error = endedByPeerError();
    const callback = given ?? encoding;
    if (typeof callback === 'function') nextTick(callback as Callback, error);
    this.destroy(error);
    return false;
  }

  /** @internal */
  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    if (this.#hasBegun) super._write(chunk, encoding, callback);
    else callback(connectionClosedError());
  }

  /** @internal */
  override _writev(pieces: readonly Piece[], callback: Callback): void {
    if (this.#hasBegun) super._writev(pieces, callback);
    else callback(connectionClosedError());
  }

  protected override get [hasBegun](): boolean {
    return this.#hasBegun;
  }

  /** @internal */
  override _destroy(error: Error | null, callback: Callback): void {
    this.#connecting?.abort();
    this.#connecting = undefined;
    super._destroy(error, callback);
    this.#hasBegun = false;
  }

  #apply(options: StreamOptions): this {
    return this[change]((connection) => backendOfStream(connection).setOptions(options));
  }

  /** TCP_NODELAY: whether small writes go out at once, without waiting for the answer to those before. */
  override setNoDelay(isOn: unknown = true): this {
    const before = this.#noDelay;
    this.#noDelay = Boolean(isOn);
    return this.#noDelay === before ? this : super.setNoDelay(this.#noDelay);
  }

  /**
   * SO_KEEPALIVE: whether an idle connection is probed. Times are milliseconds, used in whole seconds; 0 leaves them
   * to the system.
   *
   * @param intervalMs between probes, `count` of them until the peer is given up; heeded by Node 24 and newer.
   */
  override setKeepAlive(
    isOn?: boolean | KeepAliveOptions,
    initialDelayMs?: number,
    intervalMs?: number,
    count?: number,
  ): this {
    const before = this.#keepAlive;
    this.#keepAlive = readKeepAlive([isOn, initialDelayMs, intervalMs, count]);
    return isDeepStrictEqual(before, this.#keepAlive) ? this : this.#apply(this.#keepAlive);
  }

  /** IP_TOS, or IPV6_TCLASS: 0 to 255. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. */
  setTypeOfService(tos: number): this {
    if (Number.isNaN(tos)) throw invalidArgType('tos', 'of type number', tos);
    this.#typeOfService = checkInteger(tos, 'tos', 0, TYPE_OF_SERVICE_MAX);
    return this.#apply({ typeOfService: tos });
  }

  /** What `setTypeOfService` has set; 0 before. */
  getTypeOfService(): number {
    return this.#typeOfService ?? 0;
  }

  /** Destroys the socket so that the peer gets ECONNRESET; one that is connecting, once it has. */
  override resetAndDestroy(): this {
    if (this.connecting) return this.once('connect', () => super.resetAndDestroy());
    if (this[attached] === undefined || this.destroyed) return this.destroy(connectionClosedError());
    return super.resetAndDestroy();
  }

  /** Has the connection keep the process alive again, as it does from the beginning. */
  override ref(): this {
    this.#isRef = true;
    return super.ref();
  }

  /** Lets the process end though the connection is open. */
  override unref(): this {
    this.#isRef = false;
    return super.unref();
  }
}

/** Of IP, as Node has it in numbers. */
export function versionOf(family: SocketAddress['family']): 4 | 6 {
  return family === 'IPv6' ? 6 : 4;
}
