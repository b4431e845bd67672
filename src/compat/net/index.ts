/**
 * 'ringlet/net': in place of node:net, for code that is written for its events. New code is better off with
 * StreamSocket and Listener; what has a StreamSocket and needs a stream takes its `toDuplex()`.
 */
import net from 'node:net';
import { callable } from '../../base/callable.js';
import { Server, type ServerOptions } from './server.js';
import { CallableSocket, type SocketConnectOptions } from './socket.js';

export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
export type { ListenOptions } from './calls.js';
export {
  type AddressInfo,
  Server,
  type ServerConstructor,
  type ServerEvents,
  type ServerOptions,
} from './server.js';
export type { OnReadOptions } from './user-buffer.js';
export type { SocketConnectOptions, SocketOptions } from './socket.js';

/** A connection with node:net's events and callbacks, on a StreamSocket. */
export interface Socket extends CallableSocket {}
/** What makes one; it can be called without `new`. */
export const Socket: typeof CallableSocket = callable(CallableSocket, net.Socket);
export { Socket as Stream };

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

/** What stands in for node:net's. */
interface Ours {
  connect: typeof connect;
  createConnection: typeof connect;
  createServer: typeof createServer;
  Server: typeof Server;
  Socket: typeof Socket;
  Stream: typeof Socket;
}

/** What `import net from 'ringlet/net'` gives: all that Node's has. */
const ours: Omit<typeof net, keyof Ours> & Ours = {
  ...net,
  connect,
  createConnection: connect,
  createServer,
  Server,
  Socket,
  Stream: Socket,
};
export default ours;
export type { DropInfo } from '../../net/streams/serve-on.js';
