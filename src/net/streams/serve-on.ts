/** Servers of Node's own, or anything with a 'connection' event, on the connections of a Listener. */
import diagnostics from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import type { BlockList, Server, Socket } from 'node:net';
import { isNodeAtLeast } from '../../base/node-version.js';
import { nextTick } from '../../base/real-timers.js';
import type { SocketAddress } from '../../contract/address.js';
import { alreadyListeningError, invalidArgType } from '../../errors/index.js';
import type { Listener } from './listener.js';
import { handleOn, type ServerHandle } from './listening-handle.js';
import { NativeSockets } from './native-sockets.js';
import { countedBy, type DuplexOptions, localNameOf, StreamDuplex } from './stream-duplex.js';
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

/** What a net.Server keeps for its connections (Node 20 to 26, lib/net.js). */
export interface ServerInside extends Server {
  _handle: ServerHandle | null | undefined;
  _connectionKey?: string;
  _connections: number;
  _pipeName?: string;
  _unref: boolean;
  _emitCloseIfDrained(): void;
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay?: boolean;
  keepAlive?: boolean;
  /** In seconds. */
  keepAliveInitialDelay?: number;
  highWaterMark?: number;
  blockList?: BlockList;
}

/** Makes what a server emits as 'connection'. */
export type MakeSocket = (
  connection: StreamSocket,
  options: DuplexOptions,
  server: ServerInside,
) => StreamDuplex;

/**
 * Has a server serve the connections of a listener: http.Server, https.Server, those of http2 and tls, net.Server, or
 * anything else that takes streams by an event 'connection'.
 *
 * A server of Node's then listens as if by its own `listen`: it emits 'listening', with which an http.Server's time
 * limits begin, has `listening` and `address()`, and its `close` closes the listener and waits for the connections.
 * Its `noDelay`, `keepAlive`, `highWaterMark`, `allowHalfOpen`, `pauseOnConnect` and `maxConnections` hold. Closing the listener closes the server.
 *
 * A server of TLS gets its connections as sockets of Node's own, except on the node backend: the ring accepts them, and gives them away with
 * their descriptors, as TLS in Node is twice as quick on these. They are closed with the ring all the same.
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
  const serving = listenWith(server, listener, duplexOn);
  nextTick(() => {
    if (server.listening) server.emit('listening');
  });
  return serving;
}

function duplexOn(connection: StreamSocket, options: DuplexOptions): StreamDuplex {
  return new StreamDuplex(connection, options);
}

/**
 * Has a server of Node's listen with the listener, and emit its connections. 'listening' is the caller's to emit.
 *
 * @returns fulfilled when the listener has been closed.
 */
export async function listenWith(
  server: ServerInside,
  listener: Listener,
  makeSocket: MakeSocket,
): Promise<void> {
  const handle = handleOn(listener);
  server._handle = handle;
  const { path } = listener.address;
  if (path !== undefined) server._pipeName = path;
  if (server._unref) listener.unref();
  const isServed = (): boolean => server._handle === handle;
  const natives = NativeSockets.of(server, listener);
  for await (const connection of listener) {
    // Outside the loop: what a listener of the event throws is the process's.
    nextTick(() => {
      if (!isServed()) void connection.close();
      else if (natives === undefined) onConnection(server, connection, makeSocket);
      else if (isLetIn(server, connection)) {
        void natives.give(connection, isServed, (socket) => emitConnection(server, socket));
      }
    });
  }
  natives?.end();
  if (isServed()) server.close();
}

/** As net.Server's own (lib/net.js), with ringlet's connection. */
export function onConnection(server: ServerInside, connection: StreamSocket, makeSocket: MakeSocket): void {
  if (!isLetIn(server, connection)) return;
  const { allowHalfOpen, highWaterMark, pauseOnConnect } = server;
  const options = { allowHalfOpen, ...(highWaterMark !== undefined && { highWaterMark }) };
  const socket = makeSocket(connection, options, server);
  if (pauseOnConnect) socket.pause();
  server._connections++;
  socket[countedBy] = server;
  emitConnection(server, socket);
}

/** Whether the server takes a connection; one that it does not take is closed. */
function isLetIn(server: ServerInside, connection: StreamSocket): boolean {
  const isFullNow = isFull(server);
  if (!isFullNow && !isBlocked(server.blockList, connection.remoteAddress)) return true;
  const ends = endsOf(connection);
  void connection.close();
  if (isFullNow) server.emit('drop', ends);
  return false;
}

function emitConnection(server: ServerInside, socket: StreamDuplex | Socket): void {
  const { noDelay, keepAlive, keepAliveInitialDelay = 0 } = server;
  if (noDelay) socket.setNoDelay(true);
  if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay * 1000);
  server.emit('connection', socket);
  const channel = diagnostics.channel('net.server.socket');
  if (channel.hasSubscribers) channel.publish({ socket });
}

/** 0 connections are no limit before Node 21. */
function isFull({ maxConnections, _connections }: ServerInside): boolean {
  const hasLimit = isNodeAtLeast(21) ? maxConnections != null : Boolean(maxConnections);
  return hasLimit && _connections >= maxConnections;
}

/** Whether a list keeps an address out. */
export function isBlocked(blockList: BlockList | undefined, remote: SocketAddress | undefined): boolean {
  if (blockList === undefined || remote === undefined || remote.family === 'Unix') return false;
  return blockList.check(remote.address, remote.family === 'IPv6' ? 'ipv6' : 'ipv4');
}

/** Both addresses of a connection, as far as they can be told, by the names of 'drop'. */
function endsOf(connection: StreamSocket): DropInfo {
  const local = localNameOf(connection);
  const remote = connection.remoteAddress;
  return {
    ...(local && { localAddress: local.address, localPort: local.port, localFamily: local.family }),
    ...(remote && { remoteAddress: remote.address, remotePort: remote.port, remoteFamily: remote.family }),
  };
}
