/**
 * Streams over a handle: Node's own `fs.ReadStream` and `fs.WriteStream`, whose file operations are
 * the handle's. Options, events and errors are therefore Node's.
 *
 * A stream holds its handle: `close()` of the handle closes the stream, and waits until it has ended.
 */
import type { ReadStream, WriteStream } from 'node:fs';
import type { CreateReadStreamOptions, CreateWriteStreamOptions } from 'node:fs/promises';
import type { Interface } from 'node:readline';
import { nodeModule } from '../base/node-modules.js';
import { toSpans } from '../base/validate.js';
import { toHonestChunk } from '../base/views.js';
import { type BackendFile, CURRENT_POSITION, type Position } from '../contract/backend.js';
import { methodNotImplemented } from '../errors/index.js';
import type { HeldFile } from './handle-lifetime.js';

const { createReadStream, createWriteStream } = nodeModule('node:fs');

type View = NodeJS.ArrayBufferView;
type Callback = (error: Error | null, bytes?: number, data?: unknown) => void;

/** What a stream needs of its handle. */
export interface StreamedHandle {
  readonly fd: number;
  read(buffer: View, offset: number, length: number, position?: number): Promise<{ bytesRead: number }>;
  write(buffer: View, offset: number, length: number, position?: number): Promise<{ bytesWritten: number }>;
  writev(buffers: View[], position?: number): Promise<{ bytesWritten: number }>;
  close(): Promise<void>;
  on(event: 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Of FileHandle, as they were made: a handle whose own are others is asked by those, as Node asks its own. */
const originals = new Set<unknown>();

export function noteOriginals({
  read,
  write,
  writev,
}: Pick<StreamedHandle, 'read' | 'write' | 'writev'>): void {
  for (const method of [read, write, writev]) originals.add(method);
}

/** What Node's streams call instead of node:fs. */
class StreamOperations {
  readonly #handle: StreamedHandle;
  readonly #held: HeldFile | undefined;
  readonly #abandoned = new AbortController();

  constructor(handle: StreamedHandle, held: HeldFile | undefined) {
    this.#handle = handle;
    this.#held = held;
  }

  get #file(): BackendFile {
    // Without one Node refuses the descriptor -1 before it makes a stream.
    return (this.#held as HeldFile).file;
  }

  /** What is under way is not awaited any more: so that a stream of a silent FIFO can be destroyed. */
  abandon(): void {
    this.#abandoned.abort();
  }

  open(): never {
    throw methodNotImplemented('open()');
  }

  read(
    _fd: number,
    buffer: View,
    offset: number,
    length: number,
    position: number | undefined,
    done: Callback,
  ): void {
    const at = position ?? CURRENT_POSITION;
    const file = this.#file;
    // A read that ends by itself is faster without.
    const signal = file.mayWait ? this.#abandoned.signal : undefined;
    const reading = originals.has(this.#handle.read)
      ? file.read(buffer, offset, length, at, signal)
      : this.#handle.read(buffer, offset, length, position);
    this.#tell(reading, ({ bytesRead }) => done(null, bytesRead, buffer), done, buffer);
  }

  write(_fd: number, buffer: View, offset: number, length: number, position: number, done: Callback): void {
    const writing = originals.has(this.#handle.write)
      ? this.#file.write(buffer, offset, length, positionOf(position), this.#abandoned.signal)
      : this.#handle.write(buffer, offset, length, knownOf(position));
    this.#tell(writing, ({ bytesWritten }) => done(null, bytesWritten, buffer), done, buffer);
  }

  writev(_fd: number, buffers: View[], position: number, done: Callback): void {
    const writing = originals.has(this.#handle.writev)
      ? this.#file.writev(toSpans(buffers), positionOf(position), this.#abandoned.signal)
      : this.#handle.writev(buffers, knownOf(position)).then(({ bytesWritten }) => bytesWritten);
    this.#tell(writing, (bytesWritten) => done(null, bytesWritten, buffers), done, buffers);
  }

  fsync(_fd: number, done: Callback): void {
    const file = this.#file;
    file.do({ kind: 'fsync', file }, undefined).then(() => done(null), done);
  }

  close(_fd: number, done: Callback): void {
    this.#held?.release();
    this.#handle.close().then(() => done(null), done);
  }

  #tell<Result>(
    transfer: Promise<Result>,
    onFulfilled: (result: Result) => void,
    done: Callback,
    data: unknown,
  ): void {
    transfer.then(onFulfilled, (error: Error) =>
      done(this.#abandoned.signal.aborted ? null : error, 0, data),
    );
  }
}

/** Node's streams count on from no position, which makes NaN. */
function knownOf(position: number | undefined): number | undefined {
  return Number.isSafeInteger(position) ? position : undefined;
}

function positionOf(position: number | undefined): Position {
  return knownOf(position) ?? CURRENT_POSITION;
}

type Destroy = (error: Error | null, callback: (error?: Error | null) => void) => void;

/** @param make passes on everything but the descriptor and its operations. */
function streamOver<Stream extends ReadStream | WriteStream>(
  handle: StreamedHandle,
  held: HeldFile | undefined,
  options: object | undefined,
  isAbandonedBy: (error: Error | null) => boolean,
  make: (path: string, options: object) => Stream,
): Stream {
  const operations = new StreamOperations(handle, held);
  let stream: Stream;
  try {
    if (typeof options === 'object' && options !== null && 'fs' in options && options.fs)
      throw methodNotImplemented('FileHandle with fs');
    stream = make('', { ...options, fd: handle.fd, fs: operations });
  } catch (error) {
    held?.release();
    throw error;
  }
  const destroy = stream._destroy as Destroy;
  stream._destroy = (error, callback) => {
    destroy.call(stream, error, callback);
    if (isAbandonedBy(error)) operations.abandon();
  };
  handle.on('close', () => stream.close());
  return stream;
}

export function readStreamOver(
  handle: StreamedHandle,
  held: HeldFile | undefined,
  options: CreateReadStreamOptions | undefined,
): ReadStream {
  return streamOver(handle, held, options, () => true, createReadStream);
}

/** What a stream that ends well was asked to write is written, also after a `destroy()`. */
export function writeStreamOver(
  handle: StreamedHandle,
  held: HeldFile | undefined,
  options: CreateWriteStreamOptions | undefined,
): WriteStream {
  const stream = streamOver(handle, held, options, (error) => error !== null, createWriteStream);
  const write = stream.write as (this: WriteStream, ...parameters: unknown[]) => boolean;
  const end = stream.end as (this: WriteStream, ...parameters: unknown[]) => WriteStream;
  return Object.assign(stream, {
    write: (chunk: unknown, ...parameters: unknown[]) =>
      write.call(stream, toHonestChunk(chunk), ...parameters),
    end: (chunk: unknown, ...parameters: unknown[]) => end.call(stream, toHonestChunk(chunk), ...parameters),
  });
}

export function linesOf(input: ReadStream): Interface {
  const { createInterface } = process.getBuiltinModule('node:readline');
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}
