/** What each file operation shows the kernel, and what its result becomes. One small class an operation. */
import type { BigIntStats, Stats } from 'node:fs';
import { systemError } from '../../errors.js';
import type { Path, Position } from '../backend.js';
import type { OperationFacts } from '../observation.js';
import type { Dispatcher } from './dispatcher.js';
import type { UringFile } from './files.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  COMPLETION_UNSEEKABLE,
  FSYNC_DATASYNC,
  O_CLOEXEC,
  OP_CLOSE,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_MKDIRAT,
  OP_OPENAT,
  OP_POLL_ADD,
  OP_READ,
  OP_READV,
  OP_RENAMEAT,
  OP_STATX,
  OP_UNLINKAT,
  OP_WRITE,
  POLLIN,
  SQE_ASYNC,
  SQE_OFFSET_HIGH,
  SQE_OFFSET_LOW,
  STATX_BASIC_STATS_AND_BTIME,
  WORD,
} from './layout.js';
import { addressOf, writeWide } from './memory.js';
import { fillEntry, Operation } from './operation.js';
import { STATX_BYTES, toBigIntStats, toStats } from './statx.js';

/** A path with its NUL, in memory that the operation keeps. */
export function encodePath(path: Path): Buffer {
  if (typeof path === 'string') return Buffer.from(`${path}\0`);
  const encoded = Buffer.allocUnsafe(path.length + 1);
  encoded.set(path);
  encoded[path.length] = 0;
  return encoded;
}

/** Words of a file position; the current one is all ones (pread2(2)). */
export function fillPosition(words: Uint32Array, at: number, position: Position): void {
  if (typeof position === 'number' && position >= 0) {
    words[at + SQE_OFFSET_LOW] = position;
    words[at + SQE_OFFSET_HIGH] = position / WORD;
  } else {
    const wide = BigInt.asUintN(64, BigInt(position));
    words[at + SQE_OFFSET_LOW] = Number(wide & 0xffffffffn);
    words[at + SQE_OFFSET_HIGH] = Number(wide >> 32n);
  }
}

/** Moves bytes between a view and a file. `toResult` is told how many. */
export class TransferOperation<Result> extends Operation<Result> {
  readonly #file: UringFile;
  readonly #opcode: number;
  readonly #address: number;
  readonly #length: number;
  readonly #position: Position;
  /** SAFETY: what the kernel reads from or writes to, kept alive until the terminal completion. */
  readonly #data: unknown;
  readonly #toResult: (bytes: number, data: never) => Result;

  /** @param data what `address` lies in: the caller's view, or the iovecs and the views they name. */
  constructor(
    file: UringFile,
    opcode: number,
    address: number,
    length: number,
    position: Position,
    data: unknown,
    toResult: (bytes: number, data: never) => Result,
  ) {
    super();
    this.#file = file;
    this.#opcode = opcode;
    this.#address = address;
    this.#length = length;
    this.#position = position;
    this.#data = data;
    this.#toResult = toResult;
    file.pending.enter();
  }

  override fill(words: Uint32Array, at: number): void {
    const file = this.#file;
    fillEntry(words, at, this.#opcode | file.targetFlags, file.target, this.#address, this.#length, 0);
    fillPosition(words, at, this.#position);
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil(this.#toResult(result, this.#data as never));
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    // Node names the plain call for the vectored ones too.
    return systemError(errno, this.#opcode === OP_READ || this.#opcode === OP_READV ? 'read' : 'write');
  }

  override describe(): OperationFacts {
    const fd = this.#file.fd;
    switch (this.#opcode) {
      case OP_READ:
        return { kind: 'read', fd, bytes: this.#length };
      case OP_WRITE:
        return { kind: 'write', fd, bytes: this.#length };
      default:
        return { kind: this.#opcode === OP_READV ? 'readv' : 'writev', fd };
    }
  }

  protected override onSettled(): void {
    this.#file.pending.leave();
  }
}

/** An operation on an open file that yields nothing: fsync, fdatasync, ftruncate. */
export class FileOperation extends Operation<void> {
  readonly #file: UringFile;
  readonly #syscall: 'fsync' | 'fdatasync' | 'ftruncate';
  readonly #bytes: number;

  constructor(file: UringFile, syscall: 'fsync' | 'fdatasync' | 'ftruncate', bytes = 0) {
    super();
    this.#file = file;
    this.#syscall = syscall;
    this.#bytes = bytes;
    file.pending.enter();
  }

  override fill(words: Uint32Array, at: number): void {
    const { target, targetFlags } = this.#file;
    if (this.#syscall === 'ftruncate') {
      // ftruncate has no registered-file form in older kernels; the descriptor always works.
      fillEntry(words, at, OP_FTRUNCATE, this.#file.fd, 0, 0, 0);
      writeWide(words, at + SQE_OFFSET_LOW, this.#bytes);
    } else {
      const flags = this.#syscall === 'fdatasync' ? FSYNC_DATASYNC : 0;
      fillEntry(words, at, OP_FSYNC | targetFlags, target, 0, 0, flags);
    }
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil();
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, this.#syscall);
  }

  override describe(): OperationFacts {
    return { kind: this.#syscall, fd: this.#file.fd };
  }

  protected override onSettled(): void {
    this.#file.pending.leave();
  }
}

export interface OpenedFd {
  fd: number;
  /** False for a FIFO, a socket or a terminal. */
  isSeekable: boolean;
}

export class OpenOperation extends Operation<OpenedFd> {
  readonly #path: Path;
  readonly #encoded: Buffer;
  readonly #flags: number;
  readonly #mode: number;
  readonly #entryFlags: number;

  /**
   * @param isBlocking has a kernel thread do it, as open(2) would. Otherwise the kernel first tries
   * with O_NONBLOCK, which means something else for a FIFO.
   */
  constructor(path: Path, flags: number, mode: number, isBlocking: boolean) {
    super();
    this.#path = path;
    this.#encoded = encodePath(path);
    this.#flags = flags;
    this.#mode = mode;
    this.#entryFlags = isBlocking ? SQE_ASYNC : 0;
  }

  override get yieldsFd(): boolean {
    return true;
  }

  override fill(words: Uint32Array, at: number): void {
    const head = OP_OPENAT | this.#entryFlags;
    fillEntry(words, at, head, AT_FDCWD, addressOf(this.#encoded), this.#mode, this.#flags | O_CLOEXEC);
  }

  override complete(result: number, flags: number): void {
    if (result >= 0) this.fulfil({ fd: result, isSeekable: (flags & COMPLETION_UNSEEKABLE) === 0 });
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'open', this.#path);
  }
}

/** Ends when there is something to read from a descriptor, or its other side has hung up. */
export class ReadableOperation extends Operation<void> {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  override fill(words: Uint32Array, at: number): void {
    fillEntry(words, at, OP_POLL_ADD, this.#fd, 0, 0, POLLIN);
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil();
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'poll');
  }
}

export class CloseOperation extends Operation<void> {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  override fill(words: Uint32Array, at: number): void {
    fillEntry(words, at, OP_CLOSE, this.#fd, 0, 0, 0);
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil();
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'close');
  }

  override describe(): OperationFacts {
    return { kind: 'close', fd: this.#fd };
  }
}

const EMPTY_PATH = Buffer.from('\0');

/** statx(2) of a path, or of an open file when `file` is given. */
export class StatOperation extends Operation<Stats | BigIntStats> {
  readonly #file: UringFile | undefined;
  readonly #path: Path | undefined;
  readonly #encoded: Buffer;
  readonly #isBigInt: boolean;
  #dispatcher: Dispatcher | undefined;
  #heldSlot = 0;

  constructor(target: UringFile | Path, isBigInt: boolean) {
    super();
    if (typeof target === 'string' || Buffer.isBuffer(target)) {
      this.#path = target;
      this.#encoded = encodePath(target);
    } else {
      this.#file = target;
      this.#encoded = EMPTY_PATH;
      target.pending.enter();
    }
    this.#isBigInt = isBigInt;
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher;
    this.#heldSlot = this.slot;
    const fd = this.#file ? this.#file.fd : AT_FDCWD;
    const flags = this.#file ? AT_EMPTY_PATH : 0;
    fillEntry(words, at, OP_STATX, fd, addressOf(this.#encoded), STATX_BASIC_STATS_AND_BTIME, flags);
    writeWide(words, at + SQE_OFFSET_LOW, dispatcher.storage.address(this.slot));
  }

  override complete(result: number): void {
    if (result < 0) {
      this.fail(result);
      return;
    }
    const storage = (this.#dispatcher as Dispatcher).storage;
    const words = storage.words(this.#heldSlot);
    const offset = storage.wordOffset(this.#heldSlot);
    this.fulfil(this.#isBigInt ? toBigIntStats(words, offset) : toStats(words, offset));
  }

  protected override errorFor(errno: number): Error {
    return this.#file ? systemError(errno, 'fstat') : systemError(errno, 'stat', this.#path);
  }

  override describe(): OperationFacts {
    return this.#file ? { kind: 'fstat', fd: this.#file.fd } : super.describe();
  }

  protected override onSettled(): void {
    this.#file?.pending.leave();
  }

  static {
    if (STATX_BYTES > 512) throw new Error('a slot is too small for struct statx');
  }
}

/** rename, unlink and mkdir: a path or two in, nothing out. */
export class PathOperation extends Operation<void> {
  readonly #syscall: 'rename' | 'unlink' | 'mkdir';
  readonly #path: Path;
  readonly #dest: Path | undefined;
  readonly #encoded: Buffer;
  readonly #encodedDest: Buffer | undefined;
  readonly #mode: number;

  constructor(syscall: 'rename' | 'unlink' | 'mkdir', path: Path, dest: Path | undefined, mode: number) {
    super();
    this.#syscall = syscall;
    this.#path = path;
    this.#dest = dest;
    this.#encoded = encodePath(path);
    this.#encodedDest = dest === undefined ? undefined : encodePath(dest);
    this.#mode = mode;
  }

  override fill(words: Uint32Array, at: number): void {
    const address = addressOf(this.#encoded);
    switch (this.#syscall) {
      case 'rename':
        fillEntry(words, at, OP_RENAMEAT, AT_FDCWD, address, AT_FDCWD, 0);
        writeWide(words, at + SQE_OFFSET_LOW, addressOf(this.#encodedDest as Buffer));
        break;
      case 'unlink':
        fillEntry(words, at, OP_UNLINKAT, AT_FDCWD, address, 0, 0);
        break;
      case 'mkdir':
        fillEntry(words, at, OP_MKDIRAT, AT_FDCWD, address, this.#mode, 0);
        break;
    }
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil();
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, this.#syscall, this.#path, this.#dest);
  }
}
