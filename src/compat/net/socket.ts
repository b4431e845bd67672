/**
 * Socket of 'ringlet/net': node:net's socket, which connects by itself, on a StreamSocket.
 *
 * Everything that needs a connection waits in the stream until there is one.
 */
import type { SocketConnectOpts } from 'node:net';
import { onAbortOf } from '../../base/abort.js';
import { nextTick } from '../../base/real-timers.js';
import { checkNumber, checkSignal } from '../../base/validate.js';
import { familyOf, type SocketAddress } from '../../contract/address.js';
import {
  abortError,
  connectionClosedError,
  endedByPeerError,
  invalidArgValue,
  invalidIpAddress,
} from '../../errors/index.js';
import { connectToAny, inTurn } from '../../net/streams/connect.js';
import { StreamDuplex } from '../../net/streams/stream-duplex.js';
import { StreamSocket } from '../../net/streams/stream-socket.js';
import type { Ring } from '../../ring/ring.js';
import { type ConnectOptions, type Goal, readCall, readGoal } from './calls.js';
import type { Server } from './server.js';

/** node:net's, less `onread`, `readable` and `writable`. */
export interface SocketOptions {
  /** Whether writing goes on after the peer's end. Default false. */
  allowHalfOpen?: boolean | undefined;
  /** A connected stream socket to take over; not on the node backend. */
  fd?: number | undefined;
  /** From how many bytes on each side's queue counts as full. Default: Node's. */
  highWaterMark?: number | undefined;
  /** TCP_NODELAY. Default false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE. Default false. */
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
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
type HostGoal = Exclude<Goal, { path: string }>;

/** For the server: a socket on a connection that it has accepted. */
export let socketOn: (
  connection: StreamSocket,
  options: SocketOptions,
  server: Server,
  isPaused: boolean,
) => Socket;

const UNSUPPORTED = ['objectMode', 'readableObjectMode', 'writableObjectMode', 'onread', 'handle'];

/** A connection with node:net's events and callbacks, on a StreamSocket. */
export class Socket extends StreamDuplex {
  readonly #ring: Ring | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #settings: { isNoDelay: boolean; isKeptAlive: boolean; keepAliveDelayMs: number };
  #connecting: AbortController | undefined;
  /** Whether `connect` was called, or there was a connection from the start. */
  #hasBegun = false;
  #isRef = true;
  /** Of an accepted connection. */
  server: Server | null = null;
  /** `address:port` of each attempt, where a name had several addresses; otherwise, as Node's, not there. */
  declare autoSelectFamilyAttemptedAddresses: string[];

  /** @throws ERR_INVALID_ARG_VALUE for what is not supported; with `fd` as StreamSocket.fromFd. */
  constructor(options: SocketOptions | number = {}) {
    const wanted = typeof options === 'number' ? { fd: options } : options;
    for (const name of UNSUPPORTED) {
      const value = (wanted as Record<string, unknown>)[name];
      if (value) throw invalidArgValue(`options.${name}`, value, 'is not supported');
    }
    const { highWaterMark, keepAliveInitialDelay = 0 } = wanted;
    super(undefined, {
      allowHalfOpen: Boolean(wanted.allowHalfOpen),
      ...(highWaterMark === undefined ? {} : { highWaterMark }),
    });
    this.#ring = wanted.ring;
    this.#settings = {
      isNoDelay: Boolean(wanted.noDelay),
      isKeptAlive: Boolean(wanted.keepAlive),
      keepAliveDelayMs: toDelay(checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay')),
    };
    const signal = checkSignal(wanted.signal);
    this.#signal = signal;
    if (signal !== undefined) this.#watch(signal);
    if (wanted.fd !== undefined) {
      this.attach(StreamSocket.fromFd(wanted.fd, { ring: this.#ring }));
      this.read(0);
    }
  }

  #watch(signal: AbortSignal): void {
    const end = (): void => void this.destroy(abortError(signal));
    if (signal.aborted) end();
    else this.once('close', onAbortOf(signal, end));
  }

  static {
    socketOn = (connection, options, server, isPaused) => {
      const socket = new Socket(options);
      socket.server = server;
      if (isPaused) socket.pause();
      socket.enterContext(true);
      socket.attach(connection);
      if (!isPaused) socket.read(0);
      return socket;
    };
  }

  protected override attach(connection: StreamSocket): void {
    this.#hasBegun = true;
    if (!this.#isRef) connection.unref();
    super.attach(connection);
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
    if (this.destroyed) this.#beginAgain();
    const controller = new AbortController();
    this.#connecting = controller;
    this.#hasBegun = true;
    this.enterContext();
    void this.#connect(goal, controller);
    return this;
  }

  /** As Node's own: a socket that was closed can connect again. */
  #beginAgain(): void {
    this.detachClosed();
    (this as unknown as { _undestroy(): void })._undestroy();
  }

  async #connect(goal: Goal, controller: AbortController): Promise<void> {
    const { signal } = controller;
    const isOver = (): boolean => this.#connecting !== controller || signal.aborted;
    try {
      const connection = await ('path' in goal
        ? this.#connectToPath(goal.path, signal)
        : this.#connectByName(goal, signal));
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

  async #connectByName(goal: HostGoal, signal: AbortSignal): Promise<StreamSocket> {
    const addresses = await this.#addressesOf(goal, signal);
    if (addresses.length > 1) this.autoSelectFamilyAttemptedAddresses = [];
    const [first] = addresses;
    return connectToAny(
      () => Promise.resolve(addresses),
      (remote, end) => this.#attempt(remote, goal, end),
      { attemptTimeoutMs: goal.attemptTimeoutMs ?? 0, timeoutMs: 0, signal },
      first as SocketAddress,
    );
  }

  async #attempt(
    remote: SocketAddress,
    goal: HostGoal,
    signal: AbortSignal | undefined,
  ): Promise<StreamSocket> {
    const { address, port } = remote;
    const version = remote.family === 'IPv6' ? 6 : 4;
    this.autoSelectFamilyAttemptedAddresses?.push(`${address}:${port}`);
    this.emit('connectionAttempt', address, port, version);
    try {
      return await StreamSocket.connect({ host: address, port, ...goal.local, ring: this.#ring, signal });
    } catch (error) {
      const { localAddress, localPort } = goal.local;
      if (localAddress !== undefined && localPort !== undefined) {
        const failure = error as Error;
        failure.message += ` - Local (${localAddress}:${localPort})`;
        Object.assign(failure, { localAddress, localPort });
      }
      if (!signal?.aborted) this.emit('connectionAttemptFailed', address, port, version, error);
      throw error;
    }
  }

  /** The addresses to try, in this order; tells of each that was looked up. */
  async #addressesOf(goal: HostGoal, signal: AbortSignal): Promise<SocketAddress[]> {
    const { host, port, family, hints } = goal;
    const literal = familyOf(host);
    if (literal !== undefined) return [{ address: host, port, family: literal }];
    const dns = process.getBuiltinModule('node:dns');
    const lookup = goal.lookup ?? dns.lookup;
    const isRacing = goal.attemptTimeoutMs !== undefined;
    const options = {
      family,
      hints: family === 0 && hints === 0 ? dns.ADDRCONFIG : hints,
      ...(isRacing ? { all: true } : {}),
    };
    const found = await new Promise<{ address: string; family: number }[]>((resolve, reject) => {
      lookup(host, options, (error, address, version) => {
        if (signal.aborted) return;
        const all = Array.isArray(address) ? address : [{ address, family: version as number }];
        if (error) {
          this.emit('lookup', error, undefined, undefined, host);
          reject(error);
          return;
        }
        for (const each of all) this.emit('lookup', error, each.address, each.family, host);
        resolve(all);
      });
    });
    const unique = [...new Set(found.map(({ address }) => address))];
    const addresses = unique.flatMap((address) => {
      const of = familyOf(address);
      return of === undefined ? [] : [{ address, port, family: of }];
    });
    if (addresses.length === 0) throw invalidIpAddress(String(unique[0]));
    return inTurn(addresses);
  }

  #onConnected(connection: StreamSocket): void {
    this.#connecting = undefined;
    const { isNoDelay, isKeptAlive, keepAliveDelayMs } = this.#settings;
    if (isNoDelay) connection.setNoDelay(true);
    if (isKeptAlive) connection.setKeepAlive(true, keepAliveDelayMs);
    this.attach(connection);
    this.emit('connect');
    this.emit('ready');
    // So that an end or a reset is heard without a reader, too.
    if (!this.isPaused() && !this.destroyed) this.read(0);
  }

  override get connecting(): boolean {
    return this.#connecting !== undefined;
  }

  /** Whether the socket has no connection yet. */
  override get pending(): boolean {
    return this.attached === undefined || this.connecting;
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
  override write(chunk: unknown, ...parameters: unknown[]): boolean {
    if (this.allowHalfOpen || !this.readableEnded || !this.writableEnded) {
      return (super.write as (...all: unknown[]) => boolean)(chunk, ...parameters);
    }
    const error = endedByPeerError();
    const callback = parameters.at(-1);
    if (typeof callback === 'function') nextTick(callback as Callback, error);
    this.destroy(error);
    return false;
  }

  /** @internal */
  override _write(chunk: Buffer, encoding: BufferEncoding, callback: Callback): void {
    if (this.#hasBegun) super._write(chunk, encoding, callback);
    else callback(connectionClosedError());
  }

  /** @internal */
  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    if (this.#hasBegun) super._writev(chunks, callback);
    else callback(connectionClosedError());
  }

  protected override get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** @internal */
  override _destroy(error: Error | null, callback: Callback): void {
    this.#connecting?.abort();
    this.#connecting = undefined;
    super._destroy(error, callback);
    this.#hasBegun = false;
  }

  /** TCP_NODELAY: whether small writes go out at once, without waiting for the answer to those before. */
  override setNoDelay(isOn: unknown = true): this {
    const isNoDelay = Boolean(isOn);
    const hasChanged = this.#settings.isNoDelay !== isNoDelay;
    this.#settings.isNoDelay = isNoDelay;
    return hasChanged ? super.setNoDelay(isNoDelay) : this;
  }

  /**
   * SO_KEEPALIVE: whether an idle connection is probed, after `initialDelayMs` milliseconds; 0 leaves that to the
   * system.
   */
  override setKeepAlive(isOn: unknown = false, initialDelayMs = 0): this {
    const isKeptAlive = Boolean(isOn);
    const keepAliveDelayMs = toDelay(initialDelayMs);
    const before = this.#settings;
    const hasChanged =
      before.isKeptAlive !== isKeptAlive || (isKeptAlive && before.keepAliveDelayMs !== keepAliveDelayMs);
    Object.assign(before, { isKeptAlive, keepAliveDelayMs });
    return hasChanged ? super.setKeepAlive(isKeptAlive, keepAliveDelayMs) : this;
  }

  /** Destroys the socket so that the peer gets ECONNRESET; one that is connecting, once it has. */
  override resetAndDestroy(): this {
    if (this.connecting) return this.once('connect', () => super.resetAndDestroy());
    if (this.attached === undefined || this.destroyed) return this.destroy(connectionClosedError());
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

function toDelay(delayMs: unknown): number {
  const number = Math.floor(Number(delayMs));
  return number > 0 ? number : 0;
}
