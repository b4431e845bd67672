/** A StreamSocket's two directions as web streams. */
import type {
  ReadableStream as ReadableWebStream,
  WritableStreamDefaultController,
  WritableStream as WritableWebStream,
} from 'node:stream/web';
import { listenForAbort } from '../../base/plain-signal.js';
import type { StreamSocket } from './stream-socket.js';

const CHUNK_BYTES = 65_536;

/** Bytes from the peer, received straight into the reader's view where it brings one. `cancel` ends the read under way. */
export function readableOf(socket: StreamSocket): ReadableWebStream<Uint8Array> {
  const end = new AbortController();
  let reading: Promise<{ bytesRead: number }> | undefined;
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: CHUNK_BYTES,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view as Uint8Array;
      reading = socket.read(view, { signal: end.signal });
      const { bytesRead } = await reading;
      // Its view is no longer the stream's.
      if (end.signal.aborted) return;
      if (bytesRead === 0) controller.close();
      request?.respond(bytesRead);
    },
    /** The socket is another reader's afterwards. */
    async cancel() {
      end.abort();
      await Promise.allSettled([reading]);
    },
  }) as ReadableWebStream<Uint8Array>;
}

/** Bytes to the peer: `close` is `end`, `abort` is `reset`, which a peer that takes nothing does not hold up. */
export function writableOf(socket: StreamSocket): WritableWebStream<Uint8Array | string> {
  return new WritableStream({
    // The stream waits for the write under way before it calls `abort`.
    start(controller) {
      // Not in the types of every version.
      const { signal } = controller as WritableStreamDefaultController & { readonly signal: AbortSignal };
      listenForAbort(signal, () => void socket.reset().catch(() => {}));
    },
    async write(chunk: Uint8Array | string) {
      await socket.write(chunk);
    },
    close: () => socket.end(),
    abort: () => socket.reset(),
  });
}
