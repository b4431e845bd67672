/**
 * 'ringlet/net': in place of node:net, for code that is written for its events. New code is better off with
 * StreamSocket and Listener; what has a StreamSocket and needs a stream takes its `toDuplex()`.
 */
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { Server, type ServerOptions } from './server.js';
import { Socket, type SocketConnectOptions } from './socket.js';

export { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
export type { ListenOptions } from './calls.js';
export { type AddressInfo, Server, type ServerEvents, type ServerOptions } from './server.js';
export { Socket, Socket as Stream, type SocketConnectOptions, type SocketOptions } from './socket.js';

/** A server that does not listen yet; `listener` hears its 'connection' events. @throws ERR_INVALID_ARG_TYPE. */
export function createServer(
  options?: ServerOptions | ((socket: Socket) => void) | null,
  listener?: (socket: Socket) => void,
): Server {
  return new Server(options, listener);
}

/** A socket that connects, at once; `listener` hears its 'connect'. @throws as `socket.connect`. */
export function connect(options: SocketConnectOptions, listener?: () => void): Socket;
export function connect(port: number | string, host?: string, listener?: () => void): Socket;
export function connect(port: number | string, listener?: () => void): Socket;
export function connect(path: string, listener?: () => void): Socket;
export function connect(...parameters: unknown[]): Socket {
  const [first] = parameters;
  const options = (typeof first === 'object' && first !== null ? first : {}) as SocketConnectOptions;
  const socket = new Socket(options);
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket.connect(...(parameters as [SocketConnectOptions]));
}

export const createConnection = connect;

/** What `import net from 'ringlet/net'` gives. */
export default {
  BlockList,
  connect,
  createConnection,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  Server,
  Socket,
  SocketAddress,
  Stream: Socket,
};
export type { DropInfo } from '../../net/streams/serve-on.js';
