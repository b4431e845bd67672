/**
 * `ring.chain`: a list of file operations that the kernel does one after another on its own.
 *
 * `Chain` checks what callers pass, as the calls of the same name do, and notes it as steps; the backend
 * does them; `toResults` (chain-results.ts) says of each part what became of it, and why.
 */
import type { BigIntStats, PathLike, Stats } from 'node:fs';
import {
  checkInteger,
  checkOptions,
  checkSignal,
  checkStringData,
  checkView,
  mapArray,
  type OptionNames,
  toMode,
  toOpenFlags,
  toPath,
  toPosition,
  toSpans,
  toSymlinkType,
} from '../base/validate.js';
import { byteLengthOf, isView, type Span, type View } from '../base/views.js';
import type {
  BackendFile,
  ReadResult,
  ReadVectorResult,
  WriteResult,
  WriteVectorResult,
} from '../contract/backend.js';
import type { ChainBackend, ChainOutcome, ChainStep, TimeLimit } from '../contract/chain-steps.js';
import { monotonicMs } from '../contract/timer-queue.js';
import { fileClosedError, invalidArgType, invalidArgValue, invalidState } from '../errors/index.js';
import { type AllocateMode, readAllocateOptions } from './allocate-modes.js';
import { outcomesOfTimeout, toResults } from './chain-results.js';
import { backendFileOf, FileHandle } from './file-handle.js';
import { LentHandles } from './lent-handles.js';
import { type OpenOptions, readOpenOptions } from './open-rules.js';
import { readStatOptions } from './options.js';
import { TRANSFER_BYTES_MAX } from './transfer-ranges.js';

/** iovecs in one call (IOV_MAX, readv(2)). */
const VECTORS_MAX = 1024;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** What `ring.chain` can be asked for. */
export interface ChainOptions {
  /** Stops the chain, which then rejects with an AbortError whose `results` say how far it had come. */
  signal?: AbortSignal | undefined;
  /**
   * How long the whole chain may take, 1 to 2^31 - 1 milliseconds from the call on. The part that is under
   * way then ends with ETIMEDOUT, if the kernel can give it up. Default: no limit.
   */
  timeoutMs?: number | undefined;
}

const CHAIN_OPTIONS: OptionNames<ChainOptions> = { signal: true, timeoutMs: true };

/** A part of a chain; what it resolves to is the type's business alone. */
export interface ChainPart<Result> {
  /** Its place in the chain and in the results, from 0. */
  readonly index: number;
  /** Never there: it carries the type of what the part resolves to. */
  readonly result?: Result;
}

/** What `ring.chain` resolves to when its builder returns the parts in order. */
export type ChainResults<Parts extends readonly ChainPart<unknown>[]> = {
  -readonly [Index in keyof Parts]: PromiseSettledResult<
    Parts[Index] extends ChainPart<infer Result> ? Result : never
  >;
};

/** The reason of a part that never began, because another one failed, fell short or was stopped. */
export interface ChainCanceledError extends NodeJS.ErrnoException {
  /** Always 'ECANCELED'. */
  code: 'ECANCELED';
  /** Which one; its place in the results. */
  failedPartIndex: number;
  /** Why that one broke the chain: its own error, or ERR_RINGLET_SHORT_TRANSFER. */
  cause: Error;
}

/** Which bytes a `read` or `write` of a chain transfers. */
export interface ChainTransferOptions {
  /** First byte of the buffer to use. Default 0. */
  offset?: number | null | undefined;
  /** Bytes to transfer. Default: the rest of the buffer. */
  length?: number | null | undefined;
  /** Where in the file, in bytes; null and -1 mean the file's own cursor, which then moves. Default null. */
  position?: number | bigint | null | undefined;
}

const TRANSFER_OPTIONS: OptionNames<ChainTransferOptions> = { offset: true, length: true, position: true };

/** Takes the parts of a chain, in order. Buffers are the chain's until its promise settles. */
export class Chain {
  readonly #steps: ChainStep[] = [];
  readonly #parts: ChainPart<unknown>[] = [];
  readonly #lent = new LentHandles();
  #isSealed = false;

  /**
   * @internal `ring.chain` makes it.
   *
   * @param waiting of the ring, which calls what is in it when it is closed; undefined when it has been.
   */
  static run(
    backend: ChainBackend,
    build: (chain: Chain) => unknown,
    options: unknown,
    waiting: Set<() => void> | undefined,
  ): Promise<PromiseSettledResult<unknown>[]> {
    return new Chain().#run(backend, build, options, waiting);
  }

  /** Reads into `buffer`. Fewer bytes than asked for, the end of the file included, end the chain. */
  read<Data extends View>(
    file: FileHandle,
    buffer: Data,
    options?: ChainTransferOptions | null,
  ): ChainPart<ReadResult<Data>> {
    return this.#add({ kind: 'read', file: this.#fileOf(file, 'read'), ...this.#transfer(buffer, options) });
  }

  /** Writes bytes, or a string as UTF-8. Fewer bytes written than given end the chain. */
  write<Data extends View | string>(
    file: FileHandle,
    data: Data,
    options?: ChainTransferOptions | null,
  ): ChainPart<WriteResult<Data>> {
    const target = this.#fileOf(file, 'write');
    if (isView(data)) {
      return this.#add({ kind: 'write', file: target, ...this.#transfer(data, options) });
    }
    const text = checkStringData(data, 'data');
    return this.#add({ kind: 'write', file: target, text, ...this.#transfer(Buffer.from(text), options) });
  }

  /** Reads into 1 to 1024 buffers in turn. Fewer bytes than they hold end the chain. */
  readv<Data extends readonly View[]>(
    file: FileHandle,
    buffers: Data,
    position?: number | bigint | null,
  ): ChainPart<ReadVectorResult<Data>> {
    return this.#add({ kind: 'readv', file: this.#fileOf(file, 'readv'), ...vectors(buffers, position) });
  }

  /** Writes 1 to 1024 buffers in turn. Fewer bytes than they hold end the chain. */
  writev<Data extends readonly View[]>(
    file: FileHandle,
    buffers: Data,
    position?: number | bigint | null,
  ): ChainPart<WriteVectorResult<Data>> {
    return this.#add({ kind: 'writev', file: this.#fileOf(file, 'writev'), ...vectors(buffers, position) });
  }

  /** fsync(2): content and metadata are on the storage device. */
  sync(file: FileHandle): ChainPart<void> {
    return this.#add({ kind: 'fsync', file: this.#fileOf(file, 'fsync') });
  }

  /** fdatasync(2): the content is, and what it takes to read it back. */
  datasync(file: FileHandle): ChainPart<void> {
    return this.#add({ kind: 'fdatasync', file: this.#fileOf(file, 'fdatasync') });
  }

  /** ftruncate(2). Default 0 bytes. On a ring it needs Linux 6.9. */
  truncate(file: FileHandle, len = 0): ChainPart<void> {
    const bytes = Math.max(0, checkInteger(len, 'len'));
    return this.#add({ kind: 'ftruncate', file: this.#fileOf(file, 'ftruncate'), bytes });
  }

  /** fallocate(2), as `FileHandle.allocate`. */
  allocate(
    file: FileHandle,
    offset: number,
    length: number,
    options?: { mode?: AllocateMode | undefined } | null,
  ): ChainPart<void> {
    const target = this.#fileOf(file, 'fallocate');
    checkInteger(offset, 'offset', 0);
    checkInteger(length, 'length', 1);
    const { mode } = readAllocateOptions(options);
    return this.#add({ kind: 'fallocate', file: target, mode, offset, bytes: length });
  }

  /** What the file system knows of an open file or a path. */
  stat(of: FileHandle | PathLike, options?: { bigint?: false | undefined } | null): ChainPart<Stats>;
  stat(of: FileHandle | PathLike, options: { bigint: true }): ChainPart<BigIntStats>;
  stat(
    of: FileHandle | PathLike,
    options?: { bigint?: boolean | undefined } | null,
  ): ChainPart<Stats | BigIntStats> {
    const { bigint } = readStatOptions(options);
    if (of instanceof FileHandle)
      return this.#add({ kind: 'fstat', file: this.#fileOf(of, 'fstat'), bigint });
    return this.#add({ kind: 'stat', path: toPath(of), bigint });
  }

  /** `stat` of a symbolic link itself. */
  lstat(path: PathLike, options?: { bigint?: false | undefined } | null): ChainPart<Stats>;
  lstat(path: PathLike, options: { bigint: true }): ChainPart<BigIntStats>;
  lstat(path: PathLike, options?: { bigint?: boolean | undefined } | null): ChainPart<Stats | BigIntStats> {
    return this.#add({ kind: 'lstat', path: toPath(path), bigint: readStatOptions(options).bigint });
  }

  /** Opens a file, as `fs.open`. Nothing may follow it: the parts to come can't know its descriptor. */
  open(
    path: PathLike,
    flags?: string | number,
    mode?: number | string | null,
    options?: Pick<OpenOptions, 'resolve' | 'directory'> | null,
  ): ChainPart<FileHandle> {
    const { rules } = readOpenOptions(options);
    const bits = toMode(mode, 'mode', 0o666);
    return this.#add({ kind: 'open', path: toPath(path), flags: toOpenFlags(flags), mode: bits, rules });
  }

  /** Moves within a file system, replacing what `to` was (rename(2)). */
  rename(from: PathLike, to: PathLike): ChainPart<void> {
    return this.#add({ kind: 'rename', path: toPath(from, 'oldPath'), dest: toPath(to, 'newPath') });
  }

  /** Gives a file a second name (link(2)). */
  link(existingPath: PathLike, newPath: PathLike): ChainPart<void> {
    const path = toPath(existingPath, 'existingPath');
    return this.#add({ kind: 'link', path, dest: toPath(newPath, 'newPath') });
  }

  /** Makes a symbolic link at `path` that says `target` (symlink(2)). */
  symlink(target: PathLike, path: PathLike, type?: 'dir' | 'file' | 'junction' | null): ChainPart<void> {
    const says = toPath(target, 'target');
    return this.#add({ kind: 'symlink', path: says, dest: toPath(path), type: toSymlinkType(type) });
  }

  /** Removes a name that is no directory's (unlink(2)). */
  unlink(path: PathLike): ChainPart<void> {
    return this.#add({ kind: 'unlink', path: toPath(path) });
  }

  /** Makes one directory (mkdir(2)). */
  mkdir(path: PathLike, mode?: number | string | null): ChainPart<void> {
    return this.#add({ kind: 'mkdir', path: toPath(path), mode: toMode(mode, 'mode', 0o777) });
  }

  /** Removes an empty directory (rmdir(2)). */
  rmdir(path: PathLike): ChainPart<void> {
    return this.#add({ kind: 'rmdir', path: toPath(path) });
  }

  /**
   * Closes a handle. From the call of `ring.chain` on the handle is out of use, and the chain waits for what
   * is pending on it. If the chain does not come as far as this part, the handle is open again afterwards.
   */
  close(file: FileHandle): ChainPart<void> {
    this.#checkOpen();
    checkHandle(file);
    return this.#add({ kind: 'close', file: this.#lent.take(file) });
  }

  #fileOf(handle: unknown, syscall: string): BackendFile {
    const file = backendFileOf(checkHandle(handle));
    if (file === undefined) throw fileClosedError(syscall);
    return file;
  }

  #transfer(
    view: View,
    options: ChainTransferOptions | null | undefined,
  ): { buffer: View; offset: number; length: number; position: number | bigint } {
    const buffer = checkView(view);
    const given = checkOptions<ChainTransferOptions>(options ?? {}, TRANSFER_OPTIONS);
    const { offset: first, length: count, position } = given;
    const at = toPosition(position);
    const byteLength = byteLengthOf(buffer);
    const offset = checkInteger(first ?? 0, 'offset', 0, byteLength);
    const room = byteLength - offset;
    const length = checkInteger(count ?? room, 'length', 0, room);
    return { buffer, offset, length: Math.min(length, TRANSFER_BYTES_MAX), position: at };
  }

  #checkOpen(): void {
    if (this.#isSealed) throw invalidState('The chain has been submitted');
    if (this.#steps.at(-1)?.kind === 'open') throw invalidState('Nothing can follow an open in a chain');
  }

  #add<Result>(step: ChainStep): ChainPart<Result> {
    this.#checkOpen();
    const part: ChainPart<Result> = { index: this.#steps.length };
    this.#steps.push(step);
    this.#parts.push(part);
    return part;
  }

  async #run(
    backend: ChainBackend,
    build: (chain: Chain) => unknown,
    options: unknown,
    waiting: Set<() => void> | undefined,
  ): Promise<PromiseSettledResult<unknown>[]> {
    const steps = this.#steps;
    let outcomes: ChainOutcome[] = [];
    try {
      const { signal, limit } = readChainOptions(options);
      if (typeof build !== 'function') throw invalidArgType('build', 'of type function', build);
      this.#checkReturned(build(this));
      this.#isSealed = true;
      if (!this.#lent.isEmpty && !(await this.#lent.whenIdle(limit, signal, waiting))) {
        outcomes = outcomesOfTimeout(steps, limit as TimeLimit);
      } else if (steps.length > 0) {
        outcomes = await backend.run(steps, limit, signal);
      }
    } finally {
      this.#isSealed = true;
      this.#lent.giveBack(steps, outcomes);
    }
    return toResults(steps, outcomes);
  }

  /** All parts in order, when it is an array: the types of the results rest on that. */
  #checkReturned(returned: unknown): void {
    if (!Array.isArray(returned)) {
      if (typeof (returned as PromiseLike<unknown> | undefined)?.then !== 'function') return;
      throw invalidArgValue('build', returned, 'must add its parts before it returns, so it cannot be async');
    }
    const refusal = 'must return all parts in order, or no array';
    const parts = mapArray(returned, 'build', (part, index) => {
      if (part !== this.#parts[index]) throw invalidArgValue('build', returned, refusal);
      return part;
    });
    if (parts.length !== this.#parts.length) throw invalidArgValue('build', returned, refusal);
  }
}

function readChainOptions(options: unknown): {
  signal: AbortSignal | undefined;
  limit: TimeLimit | undefined;
} {
  const given = checkOptions<ChainOptions>(options ?? {}, CHAIN_OPTIONS);
  const signal = checkSignal(given.signal);
  if (given.timeoutMs === undefined) return { signal, limit: undefined };
  const timeoutMs = checkInteger(given.timeoutMs, 'options.timeoutMs', 1, TIMEOUT_MS_MAX);
  return { signal, limit: { timeoutMs, deadlineMs: monotonicMs() + timeoutMs } };
}

function checkHandle(value: unknown): FileHandle {
  if (!(value instanceof FileHandle)) throw invalidArgType('file', 'an instance of FileHandle', value);
  return value;
}

function vectors(
  value: readonly View[],
  position: number | bigint | null | undefined,
): { buffers: readonly View[]; spans: Span[]; position: number | bigint } {
  const spans = toSpans(value);
  if (spans.length === 0 || spans.length > VECTORS_MAX) {
    throw invalidArgValue('buffers', value, `must have 1 to ${VECTORS_MAX} elements`);
  }
  return { buffers: value, spans, position: toPosition(position) };
}
