/**
 * A whole file in one call: open, write every byte of whatever form the content comes in, close.
 *
 * A write may take less than it was given; what is left follows at the file's cursor. On failure
 * what was written stays written, as with Node, and the error's `bytesWritten` says how much that is.
 */
import { constants } from 'node:fs';
import { orAborted } from '../base/abort.js';
import { EIO } from '../base/errno.js';
import { checkStringData } from '../base/validate.js';
import { isView, Span } from '../base/views.js';
import {
  type BackendFile,
  CURRENT_POSITION,
  type FileBackend,
  type Path,
  type WholeWrite,
} from '../contract/backend.js';
import { abortError, systemError, withBytesWritten } from '../errors/index.js';
import type { Concurrency } from './concurrency.js';
import type { WriteFileSettings } from './options.js';
import { useFile, withFile } from './with-file.js';

type Parts = Iterable<unknown> | AsyncIterable<unknown>;

/** Content to write: bytes, text, or parts of either kind, streams included. */
export type FileContent =
  | string
  | NodeJS.ArrayBufferView
  | Iterable<string | NodeJS.ArrayBufferView>
  | AsyncIterable<string | NodeJS.ArrayBufferView>
  | NodeJS.ReadableStream;

/** A write to the page cache is a copy on the event loop's time, so a large content takes several. */
const WRITE_BYTES_MAX = 512 * 1024;

/** The content as bytes, or as parts that will become bytes one by one. */
export function toContent(data: unknown, encoding: BufferEncoding | undefined): Span | Parts {
  if (isView(data)) return new Span(data);
  if (isParts(data)) return data;
  return new Span(Buffer.from(checkStringData(data, 'data'), encoding));
}

/** @param concurrency bounds the descriptors that this needs unless the backend does without. */
export function writePath(
  files: FileBackend,
  path: Path,
  content: Span | Parts,
  settings: WriteFileSettings,
  concurrency: Concurrency,
): Promise<void> {
  const { flags, mode, flush, signal } = settings;
  if (content instanceof Span && !flush && isWrittenWhole(content, flags)) {
    const write = new PathWrite(content, settings, concurrency);
    const written = files.writeWhole?.(path, write, signal);
    if (written !== undefined) return written;
    const { writeFile } = files;
    if (writeFile !== undefined) {
      if (concurrency.tryEnter()) return writeFile(path, write, signal, concurrency.leave);
      return concurrency.run(() => writeFile(path, write, signal), signal);
    }
  }
  return concurrency.run(
    () => withFile(files, path, flags, mode, signal, (file) => writeWhole(file, content, settings)),
    signal,
  );
}

/** In one piece, to a file that is made if it is not there: the kernel gives that to a thread in any case. */
function isWrittenWhole({ bytes }: Span, flags: number): boolean {
  return bytes > 0 && bytes <= WRITE_BYTES_MAX && (flags & constants.O_CREAT) !== 0;
}

class PathWrite implements WholeWrite {
  readonly content: Span;
  readonly flags: number;
  readonly mode: number;
  readonly #signal: AbortSignal | undefined;
  readonly #concurrency: Concurrency;

  constructor(content: Span, { flags, mode, signal }: WriteFileSettings, concurrency: Concurrency) {
    this.content = content;
    this.flags = flags;
    this.mode = mode;
    this.#signal = signal;
    this.#concurrency = concurrency;
  }

  async writeOn(bytesWritten: number, open: () => Promise<BackendFile>): Promise<void> {
    const signal = this.#signal;
    const use = (file: BackendFile): Promise<void> => writeSpan(file, this.content, bytesWritten, signal);
    await this.#concurrency.run(async () => await useFile(await open(), signal, use), signal);
  }
}

/** Writes at an open file's cursor. */
export async function writeWhole(
  file: BackendFile,
  content: Span | Parts,
  settings: Pick<WriteFileSettings, 'encoding' | 'flush' | 'signal'>,
): Promise<void> {
  const { encoding, flush, signal } = settings;
  if (signal?.aborted) throw abortError(signal);
  if (content instanceof Span) await writeSpan(file, content, 0, signal);
  else await writeParts(file, content, encoding, signal);
  if (flush) await file.do({ kind: 'fsync', file }, signal);
}

/** @param bytesBefore how many of them the file has already. */
async function writeSpan(
  file: BackendFile,
  { view, bytes }: Span,
  bytesBefore: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let offset = bytesBefore;
  try {
    while (offset < bytes) {
      const length = Math.min(bytes - offset, WRITE_BYTES_MAX);
      const { bytesWritten } = await file.write(view, offset, length, CURRENT_POSITION, signal);
      // Nothing taken and no reason given: trying for ever would not be better.
      if (bytesWritten === 0) throw systemError(EIO, 'write');
      offset += bytesWritten;
    }
  } catch (error) {
    throw withBytesWritten(error, offset);
  }
}

async function writeParts(
  file: BackendFile,
  parts: Parts,
  encoding: BufferEncoding | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  let bytesBefore = 0;
  try {
    for await (const part of signal === undefined ? parts : untilAborted(parts, signal)) {
      // Buffer.from refuses what is neither text nor bytes, in Node's words.
      const span = new Span(isView(part) ? part : Buffer.from(part as string, encoding));
      await writeSpan(file, span, 0, signal);
      bytesBefore += span.bytes;
    }
  } catch (error) {
    const bytes = error instanceof Error && 'bytesWritten' in error ? Number(error.bytesWritten) : 0;
    throw withBytesWritten(error, bytesBefore + bytes);
  }
}

/** The same parts, but an abort does not have to wait for one that never comes. */
async function* untilAborted(parts: Parts, signal: AbortSignal): AsyncGenerator<unknown, void, void> {
  const iterator = Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : parts[Symbol.iterator]();
  let isExhausted = false;
  try {
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      const step = await orAborted(iterator.next(), signal);
      isExhausted = step.done === true;
      if (isExhausted) return;
      yield step.value;
    }
  } finally {
    if (!isExhausted) abandon(parts, iterator);
  }
}

/** `return` is not awaited: a stalled source would not let it finish before its next part has come. */
function abandon(parts: Parts, iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
  if ('destroy' in parts && typeof parts.destroy === 'function') parts.destroy();
  Promise.resolve(iterator.return?.()).catch(() => {});
}

function isParts(data: unknown): data is Parts {
  if (typeof data !== 'object' || data === null) return false;
  return isMethodOf(data, Symbol.asyncIterator) || isMethodOf(data, Symbol.iterator);
}

function isMethodOf(target: object, name: symbol): boolean {
  return typeof Reflect.get(target, name) === 'function';
}
