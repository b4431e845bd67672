/** A StreamSocket's two directions as web streams. */
import type {
  ReadableStream as ReadableWebStream,
  WritableStream as WritableWebStream,
} from 'node:stream/web';
import type { StreamSocket } from './stream-socket.js';

const CHUNK_BYTES = 65_536;

/** Bytes from the peer, received straight into the reader's view where it brings one. */
export function readableOf(socket: StreamSocket): ReadableWebStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: CHUNK_BYTES,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view as Uint8Array;
      const { bytesRead } = await socket.read(view);
      if (bytesRead === 0) controller.close();
      request?.respond(bytesRead);
    },
  }) as ReadableWebStream<Uint8Array>;
}

/** Bytes to the peer: `close` is `end`, `abort` is `reset`. */
export function writableOf(socket: StreamSocket): WritableWebStream<Uint8Array | string> {
  return new WritableStream({
    async write(chunk: Uint8Array | string) {
      await socket.write(chunk);
    },
    close: () => socket.end(),
    abort: () => socket.reset(),
  });
}
