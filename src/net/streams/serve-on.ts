/** Servers of Node's own, or anything with a 'connection' event, on the connections of a Listener. */
import type { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { nextTick } from '../../base/real-timers.js';
import { alreadyListeningError, invalidArgType } from '../../errors/index.js';
import type { Listener } from './listener.js';
import { localNameOf } from './stream-duplex.js';
import type { StreamSocket } from './stream-socket.js';

/** A connection that `maxConnections` has refused. */
export interface DropInfo {
  /** The IP address of this end. */
  localAddress?: string;
  /** The port of this end. */
  localPort?: number;
  /** 'IPv4' or 'IPv6'. */
  localFamily?: string;
  /** The peer's IP address. */
  remoteAddress?: string;
  /** The peer's port. */
  remotePort?: number;
  /** 'IPv4' or 'IPv6'. */
  remoteFamily?: string;
}

/** What a net.Server asks of what it listens with, and keeps for its connections (Node 20 to 26, lib/net.js). */
interface ServerInside extends Server {
  _handle: ListeningHandle | null | undefined;
  _connections: number;
  _emitCloseIfDrained(): void;
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay?: boolean;
  keepAlive?: boolean;
  keepAliveInitialDelay?: number;
  highWaterMark?: number;
}

/** The listener in the place of a native handle: so `listening`, `address`, `close`, `ref` and `unref` are the server's. */
class ListeningHandle {
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  getsockname(out: Record<string, unknown>): number {
    const { path, ...address } = this.#listener.address;
    Object.assign(out, path === undefined ? address : { address: path });
    return 0;
  }

  close(): void {
    void this.#listener.close();
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }
}

/**
 * Has a server serve the connections of a listener: http.Server, https.Server, those of http2 and tls, net.Server, or
 * anything else that takes streams by an event 'connection'.
 *
 * A server of Node's then listens as if by its own `listen`: it emits 'listening', with which an http.Server's time
 * limits begin, has `listening` and `address()`, and its `close` closes the listener and waits for the connections.
 * Its `noDelay`, `keepAlive`, `highWaterMark`, `allowHalfOpen`, `pauseOnConnect` and `maxConnections` hold. Of a Unix
 * socket `address().address` is the path. Closing the listener closes the server.
 *
 * @returns fulfilled when the listener has been closed; connections may go on.
 * @throws ERR_INVALID_ARG_TYPE; ERR_SERVER_ALREADY_LISTEN.
 */
export function serveOn(server: EventEmitter, listener: Listener): Promise<void> {
  if (typeof server?.emit !== 'function') {
    throw invalidArgType('server', 'an instance of EventEmitter', server);
  }
  if (typeof listener?.connections !== 'function') {
    throw invalidArgType('listener', 'an instance of Listener', listener);
  }
  return isNodeServer(server) ? serveNode(server, listener) : serveEvents(server, listener);
}

function isNodeServer(server: EventEmitter): server is ServerInside {
  return server instanceof process.getBuiltinModule('node:net').Server;
}

async function serveEvents(server: EventEmitter, listener: Listener): Promise<void> {
  // Outside the loop: what a listener of the event throws is the process's.
  for await (const connection of listener) nextTick(() => server.emit('connection', connection.toDuplex()));
}

function serveNode(server: ServerInside, listener: Listener): Promise<void> {
  if (server.listening) throw alreadyListeningError();
  const handle = new ListeningHandle(listener);
  server._handle = handle;
  nextTick(() => {
    if (server._handle === handle) server.emit('listening');
  });
  const serve = async (): Promise<void> => {
    for await (const connection of listener) {
      nextTick(() => {
        if (server._handle === handle) onConnection(server, connection);
        else void connection.close();
      });
    }
    if (server._handle === handle) server.close();
  };
  return serve();
}

function onConnection(server: ServerInside, connection: StreamSocket): void {
  if (server.maxConnections && server._connections >= server.maxConnections) {
    const ends = endsOf(connection);
    void connection.close();
    server.emit('drop', ends);
    return;
  }
  const { allowHalfOpen, highWaterMark } = server;
  const socket = connection.toDuplex({
    allowHalfOpen,
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
  });
  if (server.noDelay) socket.setNoDelay(true);
  if (server.keepAlive) socket.setKeepAlive(true, server.keepAliveInitialDelay);
  if (server.pauseOnConnect) socket.pause();
  server._connections++;
  socket.once('close', () => {
    server._connections--;
    server._emitCloseIfDrained();
  });
  server.emit('connection', socket);
}

/** Both addresses of a connection, as far as they can be told, by the names of 'drop'. */
export function endsOf(connection: StreamSocket): DropInfo {
  const local = localNameOf(connection);
  const remote = connection.remoteAddress;
  return {
    ...(local && { localAddress: local.address, localPort: local.port, localFamily: local.family }),
    ...(remote && { remoteAddress: remote.address, remotePort: remote.port, remoteFamily: remote.family }),
  };
}
