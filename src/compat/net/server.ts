/** Server of 'ringlet/net': node:net's events on a Listener. */
import { EventEmitter } from 'node:events';
import { onAbortOf } from '../../base/abort.js';
import { nextTick } from '../../base/real-timers.js';
import { checkNumber } from '../../base/validate.js';
import { alreadyListeningError, invalidArgType, listenerClosedError } from '../../errors/index.js';
import type { ListenOptions as ListenerOptions } from '../../net/streams/listen-options.js';
import { Listener, listenAtOnce, whenListening } from '../../net/streams/listener.js';
import { type DropInfo, endsOf } from '../../net/streams/serve-on.js';
import type { StreamSocket } from '../../net/streams/stream-socket.js';
import type { Ring } from '../../ring/ring.js';
import { type ListenCall, type ListenOptions, readListen } from './calls.js';
import { type Socket, socketOn } from './socket.js';

/** What a server can be made with. */
export interface ServerOptions {
  /** Whether connections stay open for writing after the peer's end. Default false. */
  allowHalfOpen?: boolean | undefined;
  /** Whether connections begin paused, with nothing read of them. Default false. */
  pauseOnConnect?: boolean | undefined;
  /** TCP_NODELAY of its connections. Default false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE of its connections. Default false. */
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
  /** From how many bytes on each side's queue counts as full. Default: Node's. */
  highWaterMark?: number | undefined;
  /** The ring to run on. Default: the one that `fs` uses. */
  ring?: Ring | undefined;
}

/** Where a server listens on TCP. */
export interface AddressInfo {
  /** The IP address. */
  address: string;
  /** 'IPv4' or 'IPv6'. */
  family: string;
  /** From 1 to 65535. */
  port: number;
}

/** The events of a server, and what their listeners get. */
export interface ServerEvents {
  /** The server is closed, and all its connections have ended. */
  close: [];
  /** A connection has been accepted. */
  connection: [socket: Socket];
  /** A connection more than `maxConnections` has been closed. */
  drop: [data?: DropInfo];
  /** It could not listen. */
  error: [error: Error];
  /** It listens. */
  listening: [];
}

/** A server with node:net's events and callbacks, on a Listener. */
export class Server extends EventEmitter<ServerEvents> {
  readonly #options: ServerOptions;
  #listener: Listener | undefined;
  /** Of the newest `listen`; a `close` makes it void. */
  #call: ListenCall | undefined;
  #connectionCount = 0;
  #isRef = true;
  /** Connections beyond it are closed, with 'drop'; undefined or 0 for no limit. */
  declare maxConnections: number;
  /** Of Node's type, which has it still. It is not there, and not in Node: see `getConnections`. */
  declare readonly connections: number;

  constructor(
    options?: ServerOptions | ((socket: Socket) => void) | null,
    listener?: (socket: Socket) => void,
  ) {
    super();
    const onConnection = typeof options === 'function' ? options : listener;
    if (typeof options !== 'function' && options !== undefined && typeof options !== 'object') {
      throw invalidArgType('options', 'of type object', options);
    }
    this.#options = typeof options === 'function' || options === null ? {} : { ...options };
    const { keepAliveInitialDelay, highWaterMark } = this.#options;
    if (keepAliveInitialDelay !== undefined) {
      checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    }
    if (highWaterMark !== undefined && checkNumber(highWaterMark, 'options.highWaterMark') < 0) {
      this.#options.highWaterMark = undefined;
    }
    if (typeof onConnection === 'function') this.on('connection', onConnection);
  }

  /** Whether it listens. */
  get listening(): boolean {
    return this.#listener !== undefined;
  }

  /**
   * Listens, at once unless `host` is a name to look up; emits 'listening', or 'error'.
   *
   * @throws ERR_SERVER_ALREADY_LISTEN, ERR_INVALID_ARG_VALUE, ERR_SOCKET_BAD_PORT.
   */
  listen(port?: number | string | null, host?: string, backlog?: number, listener?: () => void): this;
  listen(port?: number | string | null, host?: string, listener?: () => void): this;
  listen(port?: number | string | null, backlog?: number, listener?: () => void): this;
  listen(port?: number | string | null, listener?: () => void): this;
  listen(path: string, backlog?: number, listener?: () => void): this;
  listen(path: string, listener?: () => void): this;
  listen(options: ListenOptions, listener?: () => void): this;
  listen(listener?: () => void): this;
  listen(...parameters: unknown[]): this {
    if (this.#call !== undefined) throw alreadyListeningError();
    const call = readListen(parameters);
    if (call.listener !== undefined) this.once('listening', call.listener);
    this.#call = call;
    this.#watch(call);
    void this.#listen(call);
    return this;
  }

  /** Without a look-up it listens when this returns, or, on the node backend, as soon as Node does. */
  async #listen(call: ListenCall): Promise<void> {
    try {
      const options = this.#listenOptions(call);
      const atOnce = listenAtOnce(options);
      if (atOnce !== undefined) this.#take(atOnce);
      const listener = atOnce ?? (await Listener.listen(options));
      await whenListening(listener);
      // Outside the promise: what a listener throws is the process's.
      nextTick(() => this.#onListening(listener, call));
    } catch (error) {
      if (this.#call !== call) return;
      this.#call = undefined;
      this.#listener = undefined;
      nextTick(() => this.emit('error', error as Error));
    }
  }

  #watch({ signal }: ListenCall): void {
    if (signal === undefined) return;
    const onAbort = (): void => void this.close();
    if (signal.aborted) {
      nextTick(onAbort);
      return;
    }
    this.once('close', onAbortOf(signal, onAbort));
  }

  #listenOptions({ target, backlog, ipv6Only, reusePort }: ListenCall): ListenerOptions {
    const { noDelay, keepAlive, keepAliveInitialDelay = 0, ring } = this.#options;
    return {
      ...target,
      backlog,
      ipv6Only,
      reusePort,
      ring,
      ...(noDelay ? { noDelay: true } : {}),
      ...(keepAlive
        ? { keepAlive: true, keepAliveInitialDelayMs: Math.max(Math.floor(keepAliveInitialDelay), 0) }
        : {}),
    };
  }

  #onListening(listener: Listener, call: ListenCall): void {
    if (this.#call !== call) {
      void listener.close();
      return;
    }
    if (this.#listener === undefined) this.#take(listener);
    void this.#serve(listener);
    this.emit('listening');
  }

  #take(listener: Listener): void {
    this.#listener = listener;
    if (!this.#isRef) listener.unref();
  }

  async #serve(listener: Listener): Promise<void> {
    for await (const connection of listener) nextTick(() => this.#onConnection(listener, connection));
    // With its ring, if not by `close`.
    if (this.#listener === listener) this.close();
  }

  #onConnection(listener: Listener, connection: StreamSocket): void {
    if (this.#listener !== listener) {
      void connection.close();
      return;
    }
    if (this.maxConnections && this.#connectionCount >= this.maxConnections) {
      const data = endsOf(connection);
      void connection.close();
      this.emit('drop', data);
      return;
    }
    const { allowHalfOpen, pauseOnConnect, highWaterMark, noDelay, keepAlive, ring } = this.#options;
    const options = { allowHalfOpen, highWaterMark, noDelay, keepAlive, ring };
    const socket = socketOn(connection, options, this, Boolean(pauseOnConnect));
    this.#connectionCount++;
    socket.once('close', () => {
      this.#connectionCount--;
      this.#emitCloseIfDrained();
    });
    this.emit('connection', socket);
  }

  /** Where it listens: the path of a Unix socket; null before a look-up is through, and after `close`. */
  address(): AddressInfo | string | null {
    if (this.#listener === undefined) return null;
    const { address, family, port, path } = this.#listener.address;
    return path ?? { address, family, port };
  }

  /** Calls back with the count of connections that are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    nextTick(callback, null, this.#connectionCount);
    return this;
  }

  /**
   * Stops listening, and emits 'close' once all connections have ended.
   *
   * @param callback is called then; with ERR_SERVER_NOT_RUNNING if the server did not listen.
   */
  close(callback?: (error?: Error) => void): this {
    const call = this.#call;
    if (typeof callback === 'function') {
      this.once('close', call === undefined ? () => callback(listenerClosedError()) : () => callback());
    }
    void this.#listener?.close();
    this.#call = undefined;
    this.#listener = undefined;
    this.#emitCloseIfDrained();
    return this;
  }

  #emitCloseIfDrained(): void {
    if (this.#call !== undefined || this.#connectionCount > 0) return;
    nextTick(() => this.emit('close'));
  }

  /** Closes the server, as `close` does, and waits for its connections to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#call === undefined) return;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  /** Has the server keep the process alive again, as it does from the beginning. */
  ref(): this {
    this.#isRef = true;
    this.#listener?.ref();
    return this;
  }

  /** Lets the process end though the server listens. */
  unref(): this {
    this.#isRef = false;
    this.#listener?.unref();
    return this;
  }
}
