/**
 * 'ringlet/dgram': in place of node:dgram, for code that is written for its events. New code is better off
 * with DatagramSocket, which has batches and all that Node has not.
 */
import type { SocketOptions, SocketType } from './options.js';
import { Socket } from './socket.js';

export type { AddressInfo, RemoteInfo, SocketEvents, SocketOptions, SocketType } from './options.js';
export { Socket } from './socket.js';

/** A socket that is not bound yet; `listener` hears its 'message' events. @throws ERR_SOCKET_BAD_TYPE. */
export function createSocket(
  options: SocketType | SocketOptions,
  listener?: ConstructorParameters<typeof Socket>[1],
): Socket {
  return new Socket(options, listener);
}

/** What `import dgram from 'ringlet/dgram'` gives. */
export default { createSocket, Socket };
