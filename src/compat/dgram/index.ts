/**
 * 'ringlet/dgram': in place of node:dgram, for code that is written for its events. New code is better off
 * with DatagramSocket, which has batches and all that Node has not.
 */
import dgram from 'node:dgram';
import { callable } from '../../base/callable.js';
import type { SocketOptions, SocketType } from './options.js';
import { CallableSocket } from './socket.js';

export type { AddressInfo, RemoteInfo, SocketEvents, SocketOptions, SocketType } from './options.js';

/** A UDP socket with node:dgram's events and callbacks, on a DatagramSocket. */
export interface Socket extends CallableSocket {}
/** What makes one; it can be called without `new`. */
export const Socket: typeof CallableSocket = callable(CallableSocket, dgram.Socket);

/** A socket that is not bound yet; `listener` hears its 'message' events. @throws ERR_SOCKET_BAD_TYPE. */
export function createSocket(
  options: SocketType | SocketOptions,
  listener?: ConstructorParameters<typeof CallableSocket>[1],
): Socket {
  return new Socket(options, listener);
}

/** What `import dgram from 'ringlet/dgram'` gives. */
const ours: { createSocket: typeof createSocket; Socket: typeof Socket } = { createSocket, Socket };
export default ours;
