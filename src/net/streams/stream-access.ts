/** What carries a StreamSocket, for the other classes of streams: its class says how to ask, and knows them. */
import type { BackendStream } from '../../contract/streams.js';
import type { StreamSocket } from './stream-socket.js';

let ask: (socket: StreamSocket) => BackendStream;

/** A function of its own: files of a package that is bundled take what others export when they are loaded. */
export function backendOfStream(socket: StreamSocket): BackendStream {
  return ask(socket);
}

export function setBackendOfStream(asked: typeof ask): void {
  ask = asked;
}
