/** Opening a path as an operation, and what comes of it. */
import { constants } from 'node:fs';
import type { Path } from '../../contract/backend.js';
import { systemError } from '../../errors/index.js';
import { addressOf, writeWide } from '../../native/addresses.js';
import { AT_FDCWD, COMPLETION_UNSEEKABLE, O_CLOEXEC } from '../../native/layout.js';
import { prepOpenat, prepOpenat2, SQE_ASYNC, type Sqe } from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import type { OpenFile } from './open-file.js';

const OPEN_HOW_BYTES = 24;
/** Of O_TMPFILE, the bit that it does not share with O_DIRECTORY. */
const O_TMPFILE_BIT = 0o20000000;

/** A path with its NUL, in memory that the operation keeps. */
export function encodePath(path: Path): Buffer {
  if (typeof path === 'string') return Buffer.from(`${path}\0`);
  const encoded = Buffer.allocUnsafe(path.length + 1);
  encoded.set(path);
  encoded[path.length] = 0;
  return encoded;
}

export interface OpenedFd {
  fd: number;
  /** False for a FIFO, a socket or a terminal. */
  isSeekable: boolean;
  /** Whether it was opened with O_DIRECT. Default false. */
  isDirect?: boolean;
  /** Whether it was opened with O_NONBLOCK. Default false. */
  isNonBlocking?: boolean;
}

/** Where a path begins, and how it may be resolved (openat2(2)). */
export interface OpenFrom {
  directory: OpenFile | undefined;
  /** RESOLVE_* bits. */
  resolve: number;
}

export class OpenOperation extends Operation<OpenedFd> {
  readonly #path: Path;
  readonly #encoded: Buffer;
  readonly #flags: number;
  readonly #mode: number;
  readonly #entryFlags: number;
  readonly #from: OpenFrom | undefined;

  /**
   * @param isBlocking has a kernel thread do it, as open(2) would. Otherwise the kernel first tries
   * with O_NONBLOCK, which means something else for a FIFO.
   */
  constructor(path: Path, flags: number, mode: number, isBlocking: boolean, from?: OpenFrom) {
    super();
    this.#path = path;
    this.#encoded = encodePath(path);
    this.#flags = flags | O_CLOEXEC;
    // openat2(2) refuses a mode that would mean nothing.
    const isModeUsed = from === undefined || (flags & (constants.O_CREAT | O_TMPFILE_BIT)) !== 0;
    this.#mode = isModeUsed ? mode : 0;
    this.#entryFlags = isBlocking ? SQE_ASYNC : 0;
    this.#from = from;
    from?.directory?.pending.enter();
    this.ticket.yieldsFd = true;
  }

  override get isByPath(): boolean {
    return true;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    const path = addressOf(this.#encoded);
    const directory = this.#from?.directory?.fd ?? AT_FDCWD;
    if (this.#from === undefined || this.#from.resolve === 0) {
      prepOpenat(sqe, directory, this.#entryFlags, path, this.#flags, this.#mode);
      return;
    }
    // struct open_how (openat2(2)): flags, mode, resolve, each of 64 bits. The kernel copies it.
    const how = storage.words(this.slot);
    const offset = storage.wordOffset(this.slot);
    writeWide(how, offset, this.#flags >>> 0);
    writeWide(how, offset + 2, this.#mode);
    writeWide(how, offset + 4, this.#from.resolve);
    prepOpenat2(sqe, directory, this.#entryFlags, path, storage.address(this.slot), OPEN_HOW_BYTES);
  }

  override complete(result: number, flags: number): void {
    if (result < 0) {
      this.fail(result);
      return;
    }
    this.fulfil({
      fd: result,
      isSeekable: (flags & COMPLETION_UNSEEKABLE) === 0,
      isDirect: (this.#flags & constants.O_DIRECT) !== 0,
      isNonBlocking: (this.#flags & constants.O_NONBLOCK) !== 0,
    });
  }

  override get owner(): OpenFile | undefined {
    return this.#from?.directory;
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'open', this.#path);
  }

  protected override onSettled(): void {
    this.#from?.directory?.pending.leave();
  }
}
