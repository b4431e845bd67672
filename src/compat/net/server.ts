/**
 * Server of 'ringlet/net': node:net's own, which listens with a Listener.
 *
 * What the calls can be written like, look-ups, and what a server does until its last connection has ended are Node's.
 */
import diagnostics from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { type BlockList, Server as NodeServer } from 'node:net';
import { adopting, callable } from '../../base/callable.js';
import { nodesOwn } from '../../base/node-modules.js';
import { nextTick } from '../../base/real-timers.js';
import type { NativeHandle } from '../../contract/streams.js';
import { listenAtOnce } from '../../net/streams/listener.js';
import { type DropInfo, listenWith, onConnection, type ServerInside } from '../../net/streams/serve-on.js';
import { type StreamSocket, takeHandle } from '../../net/streams/stream-socket.js';
import { backendOf, type Ring } from '../../ring/ring.js';
import { checkBlockList, type ListenOptions } from './calls.js';
import { type CallableSocket as Socket, socketOn, versionOf } from './socket.js';

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
  /** Peers that are not let in. */
  blockList?: BlockList | undefined;
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
export interface Server extends EventEmitter<ServerEvents> {
  /** Connections beyond it are closed, with 'drop'; undefined for no limit, before Node 21 as well as 0. */
  maxConnections: number;
  /** Of Node's type, which has it still. It is not there, and not in Node: see `getConnections`. */
  readonly connections: number;
  /** Whether it listens. */
  readonly listening: boolean;
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
  listen(handle: object, backlog?: number, listener?: () => void): this;
  listen(listener?: () => void): this;
  /** Where it listens: the path of a Unix socket; null before a look-up is through, and after `close`. */
  address(): AddressInfo | string | null;
  /** Calls back with the count of connections that are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this;
  /**
   * Stops listening, and emits 'close' once all connections have ended.
   *
   * @param callback is called then; with ERR_SERVER_NOT_RUNNING if the server did not listen.
   */
  close(callback?: (error?: Error) => void): this;
  /** Closes the server, as `close` does, and waits for its connections to end. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Has the server keep the process alive again, as it does from the beginning. */
  ref(): this;
  /** Lets the process end though the server listens. */
  unref(): this;
}

/** What makes a server; it can be called without `new`. */
export interface ServerConstructor {
  new (
    options?: ServerOptions | ((socket: Socket) => void) | null,
    listener?: (socket: Socket) => void,
  ): Server;
  readonly prototype: Server;
}

/** What Node's server calls to listen, by a name that it keeps for those who wrap it (Node 20 to 26, lib/net.js). */
export type Listen = (
  this: ServerInside,
  address: string | null,
  port: number | null,
  addressType: number | null,
  backlog: number | undefined,
  fd: number | undefined,
  flags: number | undefined,
) => void;

/** libuv's flags (uv_tcp_bind). */
const IPV6_ONLY = 1;
const REUSE_PORT = 2;

const nodes = nodesOwn(NodeServer.prototype as unknown as { _listen2: Listen });
const listenChannel = diagnostics.tracingChannel('net.server.listen');

class CallableServer extends adopting(NodeServer) {
  readonly #ring: Ring | undefined;
  declare blockList?: BlockList;

  constructor(options?: ServerOptions | (() => void) | null, listener?: () => void) {
    super(options as object, listener);
    if (typeof options === 'function' || !options) return;
    this.#ring = options.ring;
    // Of Node 22 and newer.
    if (options.blockList) this.blockList = checkBlockList(options.blockList);
  }

  _listen2(...parameters: Parameters<Listen>): void {
    listenOn(this.#ring, this as unknown as ServerInside, parameters);
  }
}

/** Has a server of Node's listen by ringlet. Emits 'listening' or 'error', on the next tick. */
export function listenOn(
  ring: Ring | undefined,
  server: ServerInside,
  parameters: Readonly<Parameters<Listen>>,
): void {
  try {
    const [address, port, addressType, backlog, fd, flags = 0] = parameters;
    const { name, streams } = backendOf(ring);
    if (name === 'node' || server._handle || typeof fd === 'number') {
      nodes._listen2.apply(server, [...parameters]);
      takeConnections(
        server,
        ring,
        streams.onEnd(() => void server.close()),
      );
      return;
    }
    const path = port === -1 && address !== null ? address : undefined;
    const listener = listenAtOnce({
      ...(path === undefined ? { port: port ?? 0, ...(address && { host: address }) } : { path }),
      backlog: Number(backlog) > 0 ? Math.floor(Number(backlog)) : undefined,
      ipv6Only: (flags & IPV6_ONLY) !== 0,
      reusePort: (flags & REUSE_PORT) !== 0,
      ring,
    });
    if (listener === undefined) throw new Error('what Node has looked up is no address');
    const type = address === null ? versionOf(listener.address.family) : addressType;
    server._connectionKey = `${type}:${address ?? listener.address.address}:${port}`;
    void listenWith(server, listener, socketOn);
  } catch (error) {
    if (listenChannel.error.hasSubscribers) listenChannel.error.publish({ server, error });
    nextTick(() => server.emit('error', error as Error));
    return;
  }
  if (listenChannel.asyncEnd.hasSubscribers) listenChannel.asyncEnd.publish({ server });
  nextTick(() => {
    if (server.listening) server.emit('listening');
  });
}

/** Node's listens: on its backend, on a descriptor, on a handle, or as a worker of a cluster. */
function takeConnections(server: ServerInside, ring: Ring | undefined, callOff: () => void): void {
  const handle = server._handle as
    | { onconnection: (this: object, error: number, connection?: NativeHandle) => void }
    | null
    | undefined;
  if (!handle) {
    callOff();
    return;
  }
  server.once('close', callOff);
  const tellError = handle.onconnection;
  handle.onconnection = (error, connection) => {
    if (error || connection === undefined) {
      tellError.call(handle, error);
      return;
    }
    let taken: StreamSocket;
    try {
      taken = takeHandle(connection, ring);
    } catch {
      // As libuv does with one for which there is no descriptor.
      connection.close();
      return;
    }
    onConnection(server, taken, socketOn);
  };
}

/** What makes one; it can be called without `new`. @throws ERR_INVALID_ARG_TYPE. */
export const Server = callable(CallableServer, NodeServer) as unknown as ServerConstructor;
