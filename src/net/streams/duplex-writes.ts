/**
 * A Duplex's writes on their way to the connection: what the kernel takes at once is told of at once, and the rest
 * as net.Socket tells it.
 */
import { ECANCELED } from '../../base/errno.js';
import { isNodeAtLeast } from '../../base/node-version.js';
import { setImmediate } from '../../base/real-timers.js';
import { byteLengthOf, Span } from '../../base/views.js';
import type { BackendStream } from '../../contract/streams.js';
import { addressError } from '../../errors/index.js';

export type Callback = (error?: Error | null) => void;

/** What a Writable hands on. Text comes as it was written: most of it is never a Buffer. */
export interface Piece {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

/** Up to here writes are put together: to copy them costs less than to say where each piece lies. */
const GATHERED_BYTES_MAX = 8192;
/** In UTF-8, and no other encoding has more. */
const BYTES_PER_CHARACTER_MAX = 3;
/** Where, for all streams: a write has left it when it returns. Made with the first. */
let gathered: Buffer | undefined;

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
  /** Those of a write that has not been told of. */
  pendingBytes = 0;
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
  send(backend: BackendStream, pieces: readonly Piece[], callback: Callback): void {
    this.pendingBytes = 0;
    let sent: number | Promise<number>;
    try {
      sent = sendAll(backend, pieces);
    } catch (error) {
      callback(error as Error);
      return;
    }
    if (typeof sent === 'number') {
      this.sentBytes += sent;
      callback();
      this.#stream.noteWritten();
    } else {
      this.pendingBytes = byteCountOf(pieces);
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
        this.pendingBytes = 0;
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

/** Bytes of pieces, as they will be sent. */
export function byteCountOf(pieces: readonly Piece[]): number {
  let bytes = 0;
  for (const { chunk, encoding } of pieces) {
    bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : byteLengthOf(chunk);
  }
  return bytes;
}

/** @returns how many bytes were sent; the promise of it where the kernel does not take all at once. */
function sendAll(backend: BackendStream, pieces: readonly Piece[]): number | Promise<number> {
  const bytes = gather(pieces);
  if (bytes <= 0)
    return backend.writeNow(pieces.map(({ chunk, encoding }) => new Span(toBuffer(chunk, encoding))));
  const memory = gathered as Buffer;
  const taken = backend.sendNow(memory, bytes);
  if (taken === bytes) return bytes;
  const sent = backend.writeNow([new Span(Buffer.from(memory.subarray(taken, bytes)))]);
  return typeof sent === 'number' ? taken + sent : sent.then((rest) => taken + rest);
}

function toBuffer(chunk: Buffer | string, encoding: BufferEncoding): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/** Puts small pieces together; returns how many bytes they are, or -1 where they are too many. */
function gather(pieces: readonly Piece[]): number {
  gathered ??= Buffer.allocUnsafeSlow(GATHERED_BYTES_MAX);
  let at = 0;
  for (const { chunk, encoding } of pieces) {
    const room = GATHERED_BYTES_MAX - at;
    if (typeof chunk === 'string') {
      if (chunk.length * BYTES_PER_CHARACTER_MAX > room) return -1;
      at += gathered.write(chunk, at, encoding);
    } else {
      const bytes = byteLengthOf(chunk);
      if (bytes > room) return -1;
      gathered.set(chunk, at);
      at += bytes;
    }
  }
  return at;
}

/** What Node tells of a write that a destroyed net.Socket had pending (onWriteComplete). */
function canceledWrite(): Error | undefined {
  return isNodeAtLeast(22) ? addressError(ECANCELED, 'write') : undefined;
}
