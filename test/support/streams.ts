/** Small things that the stream suites share: connected pairs on a ring, and reading to the end. */
import { Listener, type ListenOptions, type Ring, type StreamConnectOptions, StreamSocket } from 'ringlet';
import { within } from './eventually.js';

export interface Pair extends AsyncDisposable {
  readonly listener: Listener;
  /** The side that connected. */
  readonly near: StreamSocket;
  /** The side that was accepted. */
  readonly far: StreamSocket;
}

/** How to reach a listener. */
export function goalOf(listener: Listener): { host: string; port: number } | { path: string } {
  const { address, port, path } = listener.address;
  if (path !== undefined) return { path };
  const host = address === '::' ? '::1' : address === '0.0.0.0' ? '127.0.0.1' : address;
  return { host, port };
}

/** Two ends of a connection on `ring`, over 127.0.0.1 unless the options say otherwise. */
export async function connectPair(
  ring: Ring,
  listen: ListenOptions = { host: '127.0.0.1', port: 0 },
  connect: StreamConnectOptions = {},
): Promise<Pair> {
  const listener = await Listener.listen({ ring, ...listen });
  const [near, far] = await within(
    'a connection',
    Promise.all([StreamSocket.connect({ ring, ...goalOf(listener), ...connect }), listener.accept()]),
  );
  return {
    listener,
    near,
    far,
    async [Symbol.asyncDispose]() {
      await within('closing a pair', Promise.all([near.close(), far.close(), listener.close()]));
    },
  };
}

/** Everything up to the end of the stream. */
export async function readAll(socket: StreamSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** At least `bytes` bytes, by as many reads as it takes. */
export async function readBytes(socket: StreamSocket, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await within(`${bytes} bytes`, socket.read(buffer, { fill: true }));
  return buffer.subarray(0, bytesRead);
}
