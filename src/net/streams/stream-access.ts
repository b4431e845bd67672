/** What carries a StreamSocket, for the other classes of streams: its class says how to ask, and knows them. */
import type { BackendStream } from '../../contract/streams.js';
import type { StreamSocket } from './stream-socket.js';

/** Which reader a stream has now. */
export interface Readership {
  readonly stream: BackendStream;
  reader: object | undefined;
  /** Whose stream it is: not collected while a reader is in use. */
  readonly owner: object;
}

let ask: (socket: StreamSocket) => Readership;

/** A function of its own: files of a package that is bundled take what others export when they are loaded. */
export function readershipOf(socket: StreamSocket): Readership {
  return ask(socket);
}

export function backendOfStream(socket: StreamSocket): BackendStream {
  return ask(socket).stream;
}

export function setReadershipOf(asked: typeof ask): void {
  ask = asked;
}
