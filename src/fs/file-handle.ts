/**
 * FileHandle: an open file as users hold it. Checks what they pass, and asks the backend's file.
 *
 * `read` and `write` of a buffer are the hot path: they hand back the backend's own promise and
 * add no other. A buffer belongs to the operation until its promise settles: after an abort of a
 * call on the node backend even until the system call that is under way ends.
 */
import type { AsyncResource } from 'node:async_hooks';
import type { BigIntStats, Mode, Stats, TimeLike } from 'node:fs';
import { checkOurs, type OURS } from '../base/construction.js';
import {
  checkInteger,
  checkNumber,
  checkObject,
  checkStringData,
  checkView,
  narrowMode,
  plainZero,
  toPosition,
  toSpans,
} from '../base/validate.js';
import { byteLengthOf, isView, type View } from '../base/views.js';
import type {
  BackendFile,
  ReadResult,
  ReadVectorResult,
  WriteResult,
  WriteVectorResult,
} from '../contract/backend.js';
import { fileClosedError } from '../errors/index.js';
import { HandleLifetime, type LentFile, lifetimeOf } from './handle-lifetime.js';
import { noteOriginals } from './handle-streams.js';
import {
  type ReadFileOptions,
  readReadFileOptions,
  readSignal,
  readStatOptions,
  readWriteFileOptions,
  type SignalOptions,
  type StatOptions,
  toSignal,
  type WriteFileOptions,
} from './options.js';
import { readWhole } from './read-file.js';
import { StreamableHandle } from './streamable-handle.js';
import {
  checkReadRange,
  checkWriteRange,
  TRANSFER_BYTES_MAX,
  toLenientPosition,
  unlessAborted,
  writeText,
} from './transfer-ranges.js';
import { type FileContent, toContent, writeWhole } from './write-file.js';

const READ_BUFFER_BYTES = 16 * 1024;

interface TransferOptions extends SignalOptions {
  /** First byte of the buffer to use. Default 0. */
  offset?: number | null | undefined;
  /** Bytes to transfer. Default: the rest of the buffer. */
  length?: number | null | undefined;
  /** Where in the file, in bytes; null and -1 mean the file's own cursor, which then moves. Default null. */
  position?: number | bigint | null | undefined;
}

export interface ReadOptions<Data extends View = Buffer> extends TransferOptions {
  /** Where to read to. Default: a new Buffer of 16 KiB. */
  buffer?: Data | undefined;
}

let fileOf: (handle: FileHandle) => BackendFile | undefined;
let lend: (handle: FileHandle) => LentFile | undefined;

/** What carries a handle's operations; undefined once it is closed. */
export function backendFileOf(handle: FileHandle): BackendFile | undefined {
  return fileOf(handle);
}

/** Takes a handle out of use for a chain that will close it; undefined when it is closed already. */
export function lendForClosing(handle: FileHandle): LentFile | undefined {
  return lend(handle);
}

/** An open file, from `open`. It emits 'close' when its `close` is called for the first time, as Node's does. */
export class FileHandle extends StreamableHandle {
  readonly #lifetime: HandleLifetime;
  #asyncResource: AsyncResource | undefined;

  static {
    fileOf = (handle) => handle.#lifetime.file;
    lend = (handle) => handle.#lifetime.lend();
    noteOriginals(FileHandle.prototype);
  }

  /** @internal Handles come from `open`; `path` is what the user called it. */
  constructor(key: typeof OURS, file: BackendFile, path = '') {
    super();
    checkOurs(key);
    this.#lifetime = new HandleLifetime(this, file, path);
  }

  /** @internal */
  override [lifetimeOf](): HandleLifetime {
    return this.#lifetime;
  }

  /** The descriptor's number, or -1 from the call of `close` on. */
  override get fd(): number {
    return this.#lifetime.file?.fd ?? -1;
  }

  /** The handle's id for node:async_hooks. */
  getAsyncId(): number {
    const { AsyncResource } = process.getBuiltinModule('node:async_hooks');
    this.#asyncResource ??= new AsyncResource('FILEHANDLE');
    return this.#asyncResource.asyncId();
  }

  /**
   * Reads into `buffer`, which is the operation's until the promise settles.
   *
   * @param offset first byte of the buffer to use, from 0. Default 0.
   * @param length bytes to read; one call reads 2 GiB - 1 at most. Default: the rest of the buffer.
   * @param position bytes from the start of the file; null and -1 mean its cursor. Default null.
   * @returns `bytesRead`, which may be less than asked for, and is 0 at the end of the file.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE; EBADF when closed or
   * not open for reading; EISDIR; EIO; AbortError. An abort says nothing about the cursor.
   */
  read<Data extends View>(
    buffer: Data,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<Data>>;
  read<Data extends View>(
    buffer: Data,
    options: TransferOptions | null | undefined,
  ): Promise<ReadResult<Data>>;
  read<Data extends View>(options: ReadOptions<Data> & { buffer: Data }): Promise<ReadResult<Data>>;
  read(options?: (TransferOptions & { buffer?: undefined }) | null): Promise<ReadResult<Buffer>>;
  read(first?: unknown, second?: unknown, third?: unknown, fourth?: unknown): Promise<ReadResult<View>> {
    const file = this.#lifetime.file;
    if (file === undefined) return Promise.reject(fileClosedError('read'));
    try {
      let offset = second;
      let length = third;
      let position = fourth;
      let abort: AbortSignal | undefined;
      let buffer: View;
      if (isView(first)) {
        buffer = first;
        if (typeof second === 'object' && second !== null) {
          ({ offset, length, position } = second as TransferOptions);
          abort = toSignal(second as TransferOptions);
        }
      } else {
        const options = checkObject(first ?? {}, 'options') as ReadOptions<View>;
        ({ offset, length, position } = options);
        buffer = checkView(options.buffer === undefined ? Buffer.alloc(READ_BUFFER_BYTES) : options.buffer);
        abort = toSignal(options);
      }
      const start = offset === undefined || offset === null ? 0 : checkInteger(offset, 'offset', 0);
      const bytes =
        length === undefined || length === null
          ? byteLengthOf(buffer) - start
          : checkNumber(length, 'length');
      const at = toPosition(position, bytes);
      if (bytes === 0) return unlessAborted({ bytesRead: 0, buffer }, abort);
      checkReadRange(buffer, start, bytes);
      return file.read(buffer, start, Math.min(bytes, TRANSFER_BYTES_MAX), at, abort);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Writes from `buffer`, which is the operation's until the promise settles, or a string.
   *
   * @param offset first byte of the buffer to write, from 0. Default 0.
   * @param length bytes to write, at most 2 GiB - 1. Default: the rest of the buffer.
   * @param position bytes from the start of the file; no number means its cursor. A file opened for
   * appending is written at its end all the same. Default null.
   * @returns `bytesWritten`, which may be less than given.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; EBADF when closed or not open for writing;
   * ENOSPC; EFBIG; EIO; AbortError, after which part of the bytes may have been written.
   */
  write<Data extends View>(
    buffer: Data,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<WriteResult<Data>>;
  write<Data extends View>(
    buffer: Data,
    options: TransferOptions | null | undefined,
  ): Promise<WriteResult<Data>>;
  write(
    text: string,
    position?: number | bigint | null,
    encoding?: BufferEncoding | null,
  ): Promise<WriteResult<string>>;
  write(first: unknown, second?: unknown, third?: unknown, fourth?: unknown): Promise<WriteResult<unknown>> {
    const file = this.#lifetime.file;
    if (file === undefined) return Promise.reject(fileClosedError('write'));
    try {
      if (!isView(first)) return writeText(file, checkStringData(first, 'buffer'), second, third);
      const buffer = first;
      let offset = second;
      let length = third;
      let position = fourth;
      let abort: AbortSignal | undefined;
      if (typeof second === 'object' && second !== null) {
        ({ offset, length, position } = second as TransferOptions);
        abort = toSignal(second as TransferOptions);
      }
      if (byteLengthOf(buffer) === 0) return unlessAborted({ bytesWritten: 0, buffer }, abort);
      const start = offset === undefined || offset === null ? 0 : checkInteger(offset, 'offset', 0);
      const wanted = typeof length === 'number' ? length : byteLengthOf(buffer) - start;
      const bytes = checkWriteRange(buffer, start, wanted);
      return file.write(buffer, start, bytes, toLenientPosition(position), abort);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads into several buffers in turn, each filled before the next is begun.
   *
   * @param buffers the operation's until the promise settles; beyond 1024 they are left alone.
   * @param position bytes from the start of the file; no number means its cursor.
   * @returns `bytesRead` over all buffers, maybe less than they hold, and 0 at the end of the file.
   */
  async readv<Data extends readonly View[]>(
    buffers: Data,
    position?: number | bigint | null,
    options?: SignalOptions | null,
  ): Promise<ReadVectorResult<Data>> {
    const file = this.#lifetime.fileFor('readv');
    const signal = readSignal(options);
    const bytesRead = await file.readv(toSpans(buffers), toLenientPosition(position), signal);
    return { bytesRead, buffers };
  }

  /**
   * Writes several buffers in turn; they are the operation's until the promise settles.
   *
   * @param position bytes from the start of the file; no number means its cursor.
   * @returns `bytesWritten` over all buffers, maybe less than they hold.
   */
  async writev<Data extends readonly View[]>(
    buffers: Data,
    position?: number | bigint | null,
    options?: SignalOptions | null,
  ): Promise<WriteVectorResult<Data>> {
    const file = this.#lifetime.fileFor('writev');
    const signal = readSignal(options);
    const bytesWritten = await file.writev(toSpans(buffers), toLenientPosition(position), signal);
    return { bytesWritten, buffers };
  }

  /** What the file system knows of the file (fstat(2)), as node:fs's own Stats or BigIntStats. */
  stat(options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  stat(options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatOptions | null): Promise<Stats | BigIntStats>;
  async stat(options?: StatOptions | null): Promise<Stats | BigIntStats> {
    const file = this.#lifetime.fileFor('fstat');
    const { bigint, signal } = readStatOptions(options);
    return await file.do({ kind: 'fstat', file, bigint }, signal);
  }

  /** Resolves when the storage device has content and metadata (fsync(2)). */
  async sync(options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('fsync');
    await file.do({ kind: 'fsync', file }, readSignal(options));
  }

  /** Resolves when the storage device has the content, and what it takes to read it back (fdatasync(2)). */
  async datasync(options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('fdatasync');
    await file.do({ kind: 'fdatasync', file }, readSignal(options));
  }

  /**
   * Makes the file `len` bytes long, cutting it off or filling up with zeros (ftruncate(2)).
   *
   * @param len bytes; less than 0 means 0. Default 0.
   */
  async truncate(len = 0, options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('ftruncate');
    const bytes = Math.max(0, checkInteger(len, 'len'));
    await file.do({ kind: 'ftruncate', file, bytes }, readSignal(options));
  }

  /**
   * Asks everything that is pending on this handle to end: its reads, writes and syncs, parts of chains, and
   * opens relative to it. The handle stays open, and takes new calls at once; one that is being closed is
   * closed the sooner.
   *
   * It is a request. What waits for its turn rejects at once, what the kernel can give up rejects soon after,
   * with ECANCELED; what it cannot, such as a write that a disk is working on, ends as it would have. On the
   * node backend all reject at once, and what Node's thread pool has begun goes on in the background.
   *
   * @returns how many operations were asked. They may end after this promise is fulfilled: a buffer is the
   * caller's again when its own promise has settled.
   */
  async cancel(): Promise<number> {
    return this.#lifetime.ownFile.cancel();
  }

  /** Everything from the cursor to the end, as a Buffer, or as a string when an encoding is given. */
  readFile(
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer<ArrayBuffer>>;
  readFile(options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding): Promise<string>;
  readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer<ArrayBuffer> | string>;
  async readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer | string> {
    const file = this.#lifetime.fileFor('readFile');
    const settings = readReadFileOptions(options);
    return await this.#lifetime.composite(() => readWhole(file, settings));
  }

  /** Writes all of `data` at the cursor, whatever form it has; what the file held beyond that stays. */
  async writeFile(data: FileContent, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    const file = this.#lifetime.fileFor('writeFile');
    const settings = readWriteFileOptions(options, 'w');
    const content = toContent(data, settings.encoding);
    await this.#lifetime.composite(() => writeWhole(file, content, settings));
  }

  /** Same as `writeFile`: a handle appends if it was opened for that. */
  appendFile(data: FileContent, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    return this.writeFile(data, options);
  }

  /** Sets the permission bits, a number or an octal string (fchmod(2)). In Node's thread pool. */
  async chmod(mode: Mode, options?: SignalOptions | null): Promise<void> {
    const bits = narrowMode(mode) as Mode;
    const file = this.#lifetime.fileFor('fchmod');
    await file.do({ kind: 'fchmod', file, mode: bits }, readSignal(options));
  }

  /** Sets owner and group; -1 leaves one as it is (fchown(2)). In Node's thread pool. */
  async chown(uid: number, gid: number, options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('fchown');
    const call = { kind: 'fchown', file, uid: plainZero(uid), gid: plainZero(gid) } as const;
    await file.do(call, readSignal(options));
  }

  /**
   * Sets the times of the last access and modification (futimens(2)). In Node's thread pool.
   *
   * @param atime a Date, or seconds since 1970, fractions included, also as a string; `mtime` likewise.
   */
  async utimes(atime: TimeLike, mtime: TimeLike, options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('futimes');
    await file.do({ kind: 'futimes', file, atime, mtime }, readSignal(options));
  }

  /**
   * Refuses new calls at once, waits for pending ones and for streams, and closes the descriptor.
   * Safe to call again: the promise is the same. Bound to the handle, as Node's is.
   */
  override readonly close = (): Promise<void> => this.#lifetime.close();

  /** Closes the handle, as `close` does; does nothing to a closed one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
