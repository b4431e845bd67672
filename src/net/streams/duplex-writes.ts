/**
 * A Duplex's writes on their way to the connection: what the kernel takes at once is told of at once, and the rest
 * as net.Socket tells it.
 */
import { ECANCELED } from '../../base/errno.js';
import { isNodeAtLeast } from '../../base/node-version.js';
import { setImmediate } from '../../base/real-timers.js';
import { Span } from '../../base/views.js';
import type { BackendStream } from '../../contract/streams.js';
import { addressError } from '../../errors/index.js';

export type Callback = (error?: Error | null) => void;

/** The stream whose writes they are. */
interface WrittenStream {
  isDestroyed(): boolean;
  noteActivity(): void;
  /** A write was over when it returned. */
  noteWritten(): void;
}

export class DuplexWrites {
  readonly #stream: WrittenStream;
  /** Bytes of the writes that have been told of. */
  sentBytes = 0;
  /** Bytes that the kernel had taken at the last look. */
  #seenBytes = 0;
  /** The write that the connection has yet to take whole; it is fulfilled when that is known. */
  pending: Promise<void> | undefined;
  /** Tells of a write that is over. */
  #tell: (() => void) | undefined;

  constructor(stream: WrittenStream) {
    this.#stream = stream;
  }

  /** What the kernel takes at once has left when this returns, and its callback has been called. */
  send(backend: BackendStream, chunks: readonly Buffer[], callback: Callback): void {
    let sent: number | Promise<number>;
    try {
      sent = backend.writeNow(chunks.map((chunk) => new Span(chunk)));
    } catch (error) {
      callback(error as Error);
      return;
    }
    if (typeof sent === 'number') {
      this.sentBytes += sent;
      callback();
      this.#stream.noteWritten();
    } else {
      this.#seenBytes = backend.sentBytes;
      this.#await(sent, callback);
    }
  }

  /**
   * Told on a turn of its own, as net.Socket tells it: an http message that is written to decides about 'drain'
   * by what the socket has pending, and is flushed on the next tick. A write that ended in between would be
   * a 'drain' that never comes (Node 26).
   */
  #await(sent: Promise<number>, callback: Callback): void {
    const tellLater = (error?: Error, bytes = 0): void => {
      const tell = (): void => {
        if (this.#tell !== tell) return;
        this.#tell = undefined;
        this.pending = undefined;
        this.sentBytes += bytes;
        callback(this.#stream.isDestroyed() && error !== undefined ? canceledWrite() : error);
      };
      this.#tell = tell;
      setImmediate(tell);
    };
    this.pending = sent.then(
      (bytes) => {
        this.#stream.noteActivity();
        tellLater(undefined, bytes);
      },
      (error: Error) => tellLater(error),
    );
  }

  /** Tells of a write that is over, and has not been told of. */
  tell(): void {
    this.#tell?.();
  }

  /** Whether the kernel has taken more of what is pending since the last look. */
  haveGoneOn({ sentBytes }: BackendStream): boolean {
    if (this.pending === undefined || sentBytes === this.#seenBytes) return false;
    this.#seenBytes = sentBytes;
    return true;
  }
}

/** What Node tells of a write that a destroyed net.Socket had pending (onWriteComplete). */
function canceledWrite(): Error | undefined {
  return isNodeAtLeast(22) ? addressError(ECANCELED, 'write') : undefined;
}
