/** What each operation on an open file shows the kernel, and what its result becomes. One small class an operation. */
import { type BigIntStats, close as closeInPool, type Stats } from 'node:fs';
import { ECANCELED } from '../../base/errno.js';
import type { View } from '../../base/views.js';
import { CURRENT_POSITION, type Path, type Position } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  POLLIN,
  STATX_BASIC_STATS_AND_BTIME,
} from '../../native/layout.js';
import {
  FSYNC_DATASYNC,
  OP_READ,
  OP_READV,
  OP_WRITE,
  OP_WRITEV,
  prepClose,
  prepFadvise,
  prepFallocate,
  prepFsync,
  prepFtruncate,
  prepPollAdd,
  prepRw,
  prepStatx,
  prepSyncFileRange,
  SQE_ASYNC,
  type Sqe,
} from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { Vectors } from '../engine/vectors.js';
import type { CachedPaths } from './cached-paths.js';
import { encodePath } from './path-operations.js';
import { STATX_BYTES, toBigIntStats, toStats } from './statx.js';
import type { UringFile } from './uring-file.js';

/** What the page cache has is copied where the entry is submitted: so much would hold up the event loop. */
const THREAD_READ_BYTES_MIN = 1024 * 1024;

/** Moves bytes between a view, or several, and a file. `toResult` is told how many. */
export class TransferOperation<Result> extends Operation<Result> {
  readonly #file: UringFile;
  readonly #opcode: number;
  /** SAFETY: what the kernel reads from or writes to, kept alive until the terminal completion. */
  readonly #memory: View | Vectors;
  readonly #offset: number;
  readonly #length: number;
  readonly #position: Position;
  readonly #toResult: (bytes: number, memory: never) => Result;

  /**
   * @param offset of a view's first byte that is meant.
   * @param length in bytes, or for vectors how many there are.
   */
  constructor(
    file: UringFile,
    opcode: number,
    memory: View | Vectors,
    offset: number,
    length: number,
    position: Position,
    toResult: (bytes: number, memory: never) => Result,
  ) {
    super();
    this.#file = file;
    this.#opcode = opcode;
    this.#memory = memory;
    this.#offset = offset;
    this.#length = length;
    this.#position = position;
    this.#toResult = toResult;
    file.pending.enter();
  }

  override fill(sqe: Sqe): void {
    const file = this.#file;
    // A transfer at a position of what has none, as part of a chain: the ring would take it for one at the cursor, and
    // wait. So the kernel is asked for something else, which fails with ESPIPE as pread(2) does (sync_file_range(2)).
    if (file.isBeyondRing(this.#position)) {
      prepSyncFileRange(sqe, file.target, file.targetFlags, 0, 0, 0);
      return;
    }
    const memory = this.#memory;
    const address =
      memory instanceof Vectors ? memory.fill() : addressWithin(memory, this.#offset, this.#length);
    const isLong = this.#opcode === OP_READ && this.#length >= THREAD_READ_BYTES_MIN && file.isSeekable;
    const flags = isLong ? file.targetFlags | SQE_ASYNC : file.targetFlags;
    prepRw(sqe, this.#opcode, file.target, flags, address, this.#length, this.#position);
  }

  override complete(result: number): void {
    if (result > 0 && this.#isShortAtCursor(result)) binding().advanceCursor(this.#file.fd, result);
    if (result >= 0) this.fulfil(this.#toResult(result, this.#memory as never));
    else this.fail(result);
  }

  #isShortAtCursor(bytes: number): boolean {
    if (this.#position !== CURRENT_POSITION) return false;
    if (this.#opcode === OP_WRITE) return bytes < this.#length;
    return this.#opcode === OP_WRITEV && bytes < (this.#memory as Vectors).bytes;
  }

  override get owner(): UringFile {
    return this.#file;
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

type FileSyscall = 'fsync' | 'fdatasync' | 'ftruncate' | 'fallocate' | 'fadvise64' | 'sync_file_range';

/** An operation on an open file that yields nothing. */
export class FileOperation extends Operation<void> {
  readonly #file: UringFile;
  readonly #syscall: FileSyscall;
  readonly #bytes: number;
  readonly #offset: number;
  readonly #mode: number;

  constructor(file: UringFile, syscall: FileSyscall, bytes = 0, offset = 0, mode = 0) {
    super();
    this.#file = file;
    this.#syscall = syscall;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#mode = mode;
    file.pending.enter();
  }

  override fill(sqe: Sqe): void {
    const { target, targetFlags } = this.#file;
    switch (this.#syscall) {
      case 'ftruncate':
        // ftruncate has no registered-file form in older kernels; the descriptor always works.
        prepFtruncate(sqe, this.#file.fd, this.#bytes);
        break;
      case 'fallocate':
        prepFallocate(sqe, target, targetFlags, this.#mode, this.#offset, this.#bytes);
        break;
      // Of these two the length has 32 bits: who asks divides the range.
      case 'fadvise64':
        prepFadvise(sqe, target, targetFlags, this.#offset, this.#bytes, this.#mode);
        break;
      case 'sync_file_range':
        prepSyncFileRange(sqe, target, targetFlags, this.#bytes, this.#offset, this.#mode);
        break;
      default:
        prepFsync(sqe, target, targetFlags, this.#syscall === 'fdatasync' ? FSYNC_DATASYNC : 0);
    }
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil();
    else this.fail(result);
  }

  override get owner(): UringFile {
    return this.#file;
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

/** Ends when there is something to read from a descriptor, or its other side has hung up. */
export class ReadableOperation extends Operation<void> {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  override fill(sqe: Sqe): void {
    prepPollAdd(sqe, this.#fd, POLLIN);
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
  readonly #mayBlock: boolean;

  /** @param mayBlock for a socket that lingers. */
  constructor(fd: number, mayBlock = false) {
    super();
    this.#fd = fd;
    this.#mayBlock = mayBlock;
  }

  override fill(sqe: Sqe): void {
    prepClose(sqe, this.#fd, this.#mayBlock ? SQE_ASYNC : 0);
  }

  override complete(result: number): void {
    if (result >= 0) {
      this.fulfil();
      return;
    }
    // By a ring that ends, before a thread of the kernel had begun with it: the descriptor is open still. That
    // thread was for a file whose close may wait (NFS, FUSE), so it is Node's pool that closes it now.
    if (result === ECANCELED) closeInPool(this.#fd, () => {});
    this.fail(result);
  }

  /** A descriptor must be given back whatever else is given up. */
  override get isCall(): boolean {
    return false;
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'close');
  }

  override describe(): OperationFacts {
    return { kind: 'close', fd: this.#fd };
  }
}

const EMPTY_PATH = Buffer.from('\0');

/** statx(2) of a path, or of an open file. */
export class StatOperation extends Operation<Stats | BigIntStats> {
  readonly #file: UringFile | undefined;
  readonly #path: Path | undefined;
  readonly #encoded: Buffer;
  readonly #isBigInt: boolean;
  readonly #isOfLink: boolean;
  readonly #cachedPaths: CachedPaths | undefined;
  #storage: SlotStorage | undefined;
  #heldSlot = 0;

  /**
   * @param isOfLink looks at a symbolic link itself instead of following it.
   * @param cachedPaths is told how long a path is under way.
   */
  constructor(target: UringFile | Path, isBigInt: boolean, isOfLink = false, cachedPaths?: CachedPaths) {
    super();
    this.#cachedPaths = cachedPaths;
    cachedPaths?.enterRing();
    if (typeof target === 'string' || Buffer.isBuffer(target)) {
      this.#path = target;
      this.#encoded = encodePath(target);
    } else {
      this.#file = target;
      this.#encoded = EMPTY_PATH;
      target.pending.enter();
    }
    this.#isBigInt = isBigInt;
    this.#isOfLink = isOfLink;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    this.#storage = storage;
    this.#heldSlot = this.slot;
    const fd = this.#file ? this.#file.fd : AT_FDCWD;
    const flags = this.#file ? AT_EMPTY_PATH : this.#isOfLink ? AT_SYMLINK_NOFOLLOW : 0;
    const path = addressOf(this.#encoded);
    prepStatx(sqe, fd, path, flags, STATX_BASIC_STATS_AND_BTIME, storage.address(this.slot));
  }

  override complete(result: number): void {
    if (result < 0) {
      this.fail(result);
      return;
    }
    const storage = this.#storage as SlotStorage;
    const words = storage.words(this.#heldSlot);
    const offset = storage.wordOffset(this.#heldSlot);
    this.fulfil(this.#isBigInt ? toBigIntStats(words, offset) : toStats(words, offset));
  }

  protected override errorFor(errno: number): Error {
    if (this.#file) return systemError(errno, 'fstat');
    return systemError(errno, this.#isOfLink ? 'lstat' : 'stat', this.#path);
  }

  override get owner(): UringFile | undefined {
    return this.#file;
  }

  override describe(): OperationFacts {
    return this.#file ? { kind: 'fstat', fd: this.#file.fd } : super.describe();
  }

  override get isByPath(): boolean {
    return this.#file === undefined;
  }

  protected override onSettled(): void {
    this.#file?.pending.leave();
    this.#cachedPaths?.leaveRing();
  }

  static {
    if (STATX_BYTES > 512) throw new Error('a slot is too small for struct statx');
  }
}
