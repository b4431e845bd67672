/**
 * FileHandle: an open file as users hold it. Says what can be asked of one, looks at the arguments, and asks the
 * backend's file.
 *
 * `read` and `write` of a buffer are the hot path: they hand back the backend's own promise and
 * add no other. A buffer belongs to the operation until its promise settles: after an abort of a
 * call on the node backend even until the system call that is under way ends.
 */
import type { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { BigIntStats, Mode, ReadStream, Stats, TimeLike, WriteStream } from 'node:fs';
import type { CreateReadStreamOptions, CreateWriteStreamOptions } from 'node:fs/promises';
import type { Interface } from 'node:readline';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { checkOurs, type OURS } from '../base/construction.js';
import { checkInteger, narrowMode, plainZero, toSpans } from '../base/validate.js';
import type { View } from '../base/views.js';
import type {
  BackendFile,
  ManyResults,
  ReadResult,
  ReadVectorResult,
  WriteResult,
  WriteVectorResult,
} from '../contract/backend.js';
import { fileClosedError, invalidArgType } from '../errors/index.js';
import { type AllocateOptions, readAllocateOptions } from './allocate-modes.js';
import {
  readAttributeOptions,
  type SetAttributeOfHandleOptions,
  toAttributeName,
  toAttributeNames,
  toAttributeValue,
} from './attributes.js';
import { addIterables, type Iterables } from './handle-iterables.js';
import { HandleLifetime, type HeldFile, type LentFile } from './handle-lifetime.js';
import { linesOf, noteOriginals, readStreamOver, writeStreamOver } from './handle-streams.js';
import { type TransferRequest, toTransfers } from './many-transfers.js';
import { type ReadOptions, readTo, type TransferOptions, writeFrom } from './handle-transfers.js';
import {
  type ReadFileOptions,
  readReadFileOptions,
  readSignal,
  readSignalAlone,
  readStatOptions,
  readWriteFileOptions,
  type SignalOptions,
  type StatOptions,
  type WriteFileOptions,
} from './options.js';
import { type Advice, readSyncRangeOptions, type SyncRangeOptions, toAdvice } from './range-hints.js';
import { readWhole } from './read-file.js';
import { readSpliceOptions, type SpliceOptions } from './splice-options.js';
import { TRANSFER_BYTES_MAX, toLenientPosition } from './transfer-ranges.js';
import { readWebStreamOptions, type WebStreamOptions, webStreamOver } from './web-stream.js';
import { type FileContent, toContent, writeWhole } from './write-file.js';

/** What direct I/O (O_DIRECT, open(2)) on a file asks for, in bytes; both 0 where the file has none. */
export interface DirectAlignment {
  /** Where memory must begin: at a multiple of this. */
  memoryBytes: number;
  /** What positions and lengths must be multiples of. */
  offsetBytes: number;
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
export class FileHandle extends EventEmitter {
  readonly #lifetime: HandleLifetime;
  #asyncResource: AsyncResource | undefined;

  static {
    fileOf = (handle) => handle.#lifetime.file;
    lend = (handle) => handle.#lifetime.lend();
    noteOriginals(FileHandle.prototype);
    addIterables(FileHandle.prototype, (handle) => handle.#lifetime);
  }

  /** @internal Handles come from `open`; `path` is what the user called it. */
  constructor(key: typeof OURS, file: BackendFile, path = '') {
    super();
    checkOurs(key);
    this.#lifetime = new HandleLifetime(this, file, path);
  }

  /** The descriptor's number, or -1 from the call of `close` on. */
  get fd(): number {
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
    return readTo(file, first, second, third, fourth);
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
    return writeFrom(file, first, second, third, fourth);
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
   * The content in batches of Uint8Arrays, through the transforms given, for Node's `stream/iter`. Where Node's own
   * handle has it: from 24 on with `--experimental-stream-iter`; and as it has it there.
   *
   * The handle is locked from the first step on (on Node 24 from the call on) until the iteration is over.
   *
   * @param args transforms, and `PullOptions` after them.
   * @returns an async iterable, whose steps reject with what reading does, or with the signal's reason.
   * @throws ERR_INVALID_STATE when the handle is closed or locked; ERR_INVALID_ARG_TYPE; ERR_OUT_OF_RANGE.
   */
  declare readonly pull: Iterables['pull'];

  /** The same without promises: each read is a system call that waits on the event loop's time, past the ring. */
  declare readonly pullSync: Iterables['pullSync'];

  /**
   * A writer for Node's `stream/iter`, such as `pipeTo` takes. It locks the handle until it has ended or failed. Where
   * Node's own handle has it, as `pull`.
   *
   * @throws ERR_INVALID_STATE when the handle is closed or locked; ERR_INVALID_ARG_TYPE; ERR_OUT_OF_RANGE.
   */
  declare readonly writer: Iterables['writer'];

  /**
   * An `fs.ReadStream` over this handle, with Node's options and events. It holds the handle until it has
   * ended, and closes it then unless `autoClose` is false. Destroying it ends a pending read, and closes the
   * handle whatever `autoClose` says, as Node's does; `break` in a `for await` destroys it.
   */
  createReadStream(options?: CreateReadStreamOptions): ReadStream {
    return readStreamOver(this, this.#lifetime.hold(), options);
  }

  /** An `fs.WriteStream` over this handle, with Node's options and events; `flush` syncs before the close. */
  createWriteStream(options?: CreateWriteStreamOptions): WriteStream {
    return writeStreamOver(this, this.#lifetime.hold(), options);
  }

  /** A `readline` interface over a stream of the file: `for await` yields its lines. */
  readLines(options?: CreateReadStreamOptions): Interface {
    return linesOf(this.createReadStream(options));
  }

  /**
   * The content from the cursor on as a web stream; one a handle. The handle stays open afterwards, unless
   * `autoClose` is true, and must be closed in the end. A `close` ends the stream.
   *
   * @throws ERR_INVALID_STATE when the handle is closed, or is locked, by such a stream as well.
   */
  readableWebStream(options: WebStreamOptions = {}): WebStream {
    this.#lifetime.checkFree();
    this.#lifetime.isLocked = true;
    const settings = readWebStreamOptions(options);
    return webStreamOver(this, this.#lifetime.hold() as HeldFile, settings);
  }

  /**
   * Reads at many positions: one promise, and the kernel is asked for all of them at once. For dozens of reads that
   * are known together this takes half the processor time in JavaScript that so many calls of `read` take.
   *
   * ```js
   * await ring.fs.writeFile('table.db', Buffer.alloc(8 * 4096));
   * const file = await ring.fs.open('table.db');
   * const pages = [0, 7, 3].map((page) => ({ buffer: Buffer.alloc(4096), position: page * 4096 }));
   * for (const result of await file.readMany(pages)) {
   *   if (result.status === 'rejected') throw result.reason;
   *   console.log(result.value.bytesRead, 'bytes');
   * }
   * await file.close();
   * ```
   *
   * They have no order among them: two that read into the same memory leave either's bytes there. Beyond what the
   * ring has places for (`inFlightMax`), and beyond 256, they are submitted in portions. A buffer of a pool is known
   * to the kernel as such.
   *
   * @param reads buffers, each with its position; they are the call's until the promise settles. None is no error.
   * @returns in their order, what `Promise.allSettled` would have of so many calls of `read`: `bytesRead`, which may
   * be less than asked for and is 0 at the end of the file, or the error of that read alone (EIO, ESPIPE for a FIFO,
   * ECANCELED after `cancel`).
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, before any has begun; EBADF when closed. AbortError and
   * ERR_RINGLET_CLOSED where some were given up: `results` of the error says what became of each.
   */
  async readMany<Data extends View>(
    reads: readonly TransferRequest<Data>[],
    options?: SignalOptions | null,
  ): Promise<ManyResults<ReadResult<Data>>> {
    const file = this.#lifetime.fileFor('read');
    const signal = readSignalAlone(options);
    return (await file.readMany(toTransfers(reads, 'reads'), signal)) as ManyResults<ReadResult<Data>>;
  }

  /**
   * Writes at many positions: one promise, and the kernel is asked for all of them at once. As `readMany`, with
   * `bytesWritten`, which may be less than given.
   *
   * They have no order among them: where two overlap, either may be the one that stays. A file that was opened for
   * appending is written at its end all the same.
   *
   * @param writes buffers, each with its position; they are the call's until the promise settles.
   * @returns in their order, what `Promise.allSettled` would have of so many calls of `write`.
   * @throws (rejects) as `readMany`; after an abort each of those that were given up may have been written in part.
   */
  async writeMany<Data extends View>(
    writes: readonly TransferRequest<Data>[],
    options?: SignalOptions | null,
  ): Promise<ManyResults<WriteResult<Data>>> {
    const file = this.#lifetime.fileFor('write');
    const signal = readSignalAlone(options);
    return (await file.writeMany(toTransfers(writes, 'writes'), signal)) as ManyResults<WriteResult<Data>>;
  }

  /**
   * Reserves a range of the file on the storage device, or does something else to the range as a whole
   * (fallocate(2)).
   *
   * @param offset first byte of the range, from 0.
   * @param length bytes, from 1.
   * @param options.mode what to do; see `AllocateMode`. Default 'allocate'.
   * @throws (rejects) EOPNOTSUPP where the file system can't; ENOSPC; EBADF when not open for writing; EINVAL
   * for a range that is not made of whole blocks where it must be; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the
   * node backend: Node has no such call.
   */
  async allocate(offset: number, length: number, options?: AllocateOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('fallocate');
    checkInteger(offset, 'offset', 0);
    checkInteger(length, 'length', 1);
    const { mode, signal } = readAllocateOptions(options);
    await file.do({ kind: 'fallocate', file, mode, offset, bytes: length }, signal);
  }

  /**
   * Tells the kernel how a range of the file is going to be used (posix_fadvise(2)). Changes no content.
   *
   * @param offset first byte of the range, from 0.
   * @param length bytes; 0 means to the end of the file.
   * @param advice see `Advice`. 'dontNeed' leaves pages in the cache that have not been written out: sync first.
   * @throws (rejects) ESPIPE for a FIFO; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend.
   */
  async advise(
    offset: number,
    length: number,
    advice: Advice,
    options?: SignalOptions | null,
  ): Promise<void> {
    const file = this.#lifetime.fileFor('fadvise64');
    checkInteger(offset, 'offset', 0);
    checkInteger(length, 'length', 0);
    const flags = toAdvice(advice);
    const call = { kind: 'fadvise64', file, offset, bytes: length, flags } as const;
    await file.do(call, readSignalAlone(options));
  }

  /**
   * Has a range of the file's content written out (sync_file_range(2)), and nothing else: neither its length
   * nor what a device keeps in a cache of its own. For a file that must survive a power failure use `datasync`.
   *
   * @param offset first byte of the range, from 0.
   * @param length bytes; 0 means to the end of the file.
   * @throws (rejects) EIO, ENOSPC; ESPIPE for a FIFO; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend.
   */
  async syncRange(offset: number, length: number, options?: SyncRangeOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('sync_file_range');
    checkInteger(offset, 'offset', 0);
    checkInteger(length, 'length', 0);
    const { flags, signal } = readSyncRangeOptions(options);
    await file.do({ kind: 'sync_file_range', file, offset, bytes: length, flags }, signal);
  }

  /**
   * Moves bytes from here to another open file without a copy of them in the program (splice(2)). At least one of
   * the two is a pipe, such as a FIFO. Both stay open until it has ended; `cancel` of this one ends it.
   *
   * @param target where to; a handle of any ring.
   * @param length bytes to move; one call moves 2 GiB - 1 at most, and seldom more than the pipe holds.
   * @param options.position where in this file, in bytes; null and -1 mean its cursor, which then moves, and are all
   * that a pipe takes. `targetPosition` likewise in the target. Default null.
   * @returns how many bytes were moved, which may be less than asked for, and is 0 at the end of this file or when a
   * pipe has no writer any more. An empty pipe that has one is waited for, and so is room in a full one. What waits
   * holds one of the ring's workers (`ioWorkers`); to wait without one, ask `Ring.poll` first.
   * @throws (rejects) EINVAL when neither is a pipe, both are the same, or the target was opened to append; ESPIPE for
   * a position in a pipe; EBADF when closed or not open for that; EPIPE when the target has no reader; EAGAIN instead of
   * waiting with O_NONBLOCK; AbortError, after which part of the bytes may have been moved; ERR_INVALID_ARG_TYPE;
   * ERR_OUT_OF_RANGE; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend: Node has no such call.
   */
  async splice(target: FileHandle, length: number, options?: SpliceOptions | null): Promise<number> {
    const file = this.#lifetime.fileFor('splice');
    if (!(target instanceof FileHandle)) throw invalidArgType('target', 'an instance of FileHandle', target);
    const to = target.#lifetime.fileFor('splice');
    const bytes = Math.min(checkInteger(length, 'length', 0), TRANSFER_BYTES_MAX);
    const { position, targetPosition, signal } = readSpliceOptions(options);
    const call = { kind: 'splice', file, position, target: to, targetPosition, bytes } as const;
    return await target.#lifetime.composite(() => file.do(call, signal));
  }

  /**
   * The value of an extended attribute of the file (fgetxattr(2)); see `Fs.getxattr`.
   *
   * @param name with its namespace, such as 'user.origin'.
   */
  async getxattr(name: string, options?: SignalOptions | null): Promise<Buffer> {
    const file = this.#lifetime.fileFor('fgetxattr');
    const call = { kind: 'fgetxattr', file, name: toAttributeName(name) } as const;
    return await file.do(call, readSignalAlone(options));
  }

  /**
   * Sets an extended attribute of the file (fsetxattr(2)); see `Fs.setxattr`.
   *
   * @param value text, as UTF-8, or bytes, which are the operation's until the promise settles.
   */
  async setxattr(
    name: string,
    value: string | NodeJS.ArrayBufferView,
    options?: SetAttributeOfHandleOptions | null,
  ): Promise<void> {
    const file = this.#lifetime.fileFor('fsetxattr');
    const { flags, signal } = readAttributeOptions(options);
    const bytes = toAttributeValue(value);
    await file.do({ kind: 'fsetxattr', file, name: toAttributeName(name), value: bytes, flags }, signal);
  }

  /** The names of the file's extended attributes, in no order (flistxattr(2)). */
  async listxattr(options?: SignalOptions | null): Promise<string[]> {
    const file = this.#lifetime.fileFor('flistxattr');
    return toAttributeNames(await file.do({ kind: 'flistxattr', file }, readSignalAlone(options)));
  }

  /** Removes an extended attribute of the file (fremovexattr(2)). */
  async removexattr(name: string, options?: SignalOptions | null): Promise<void> {
    const file = this.#lifetime.fileFor('fremovexattr');
    const call = { kind: 'fremovexattr', file, name: toAttributeName(name) } as const;
    await file.do(call, readSignalAlone(options));
  }

  /**
   * What direct I/O on the file asks for, whether it was opened for that or not (STATX_DIOALIGN, statx(2)).
   * Buffers of `Ring.bufferPool` begin at multiples of 4096.
   *
   * @returns null where the kernel does not say: before Linux 6.1, and for a file system that has no answer, which
   * may have direct I/O all the same.
   * @throws (rejects) ERR_FEATURE_UNAVAILABLE_ON_PLATFORM without the addon.
   */
  async directAlignment(options?: SignalOptions | null): Promise<DirectAlignment | null> {
    const file = this.#lifetime.fileFor('statx');
    const alignment = await file.do({ kind: 'statx', file }, readSignalAlone(options));
    if (alignment === undefined) return null;
    const [memoryBytes, offsetBytes] = alignment;
    return { memoryBytes, offsetBytes };
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

  /**
   * Refuses new calls at once, waits for pending ones and for streams, and closes the descriptor.
   * Safe to call again: the promise is the same. Bound to the handle, as Node's is.
   */
  readonly close = (): Promise<void> => this.#lifetime.close();

  /** Closes the handle, as `close` does; does nothing to a closed one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
