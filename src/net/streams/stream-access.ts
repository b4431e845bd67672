/** What carries a StreamSocket, for the other classes of streams: its class says how to ask, and knows them. */
import type { BackendStream } from '../../contract/streams.js';
import type { StreamSocket } from './stream-socket.js';

export let backendOfStream: (socket: StreamSocket) => BackendStream;

export function setBackendOfStream(ask: typeof backendOfStream): void {
  backendOfStream = ask;
}
