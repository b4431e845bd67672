/**
 * What a FileHandle can do beyond Node's: ranges as a whole, extended attributes, what direct I/O asks for.
 *
 * The base of `FileHandle`, which owns the open file and says whether there still is one.
 */
import { EventEmitter } from 'node:events';
import { checkInteger, checkOptions, type OptionNames, toPosition } from '../base/validate.js';
import { invalidArgType } from '../errors/index.js';
import { type AllocateOptions, readAllocateOptions } from './allocate-modes.js';
import {
  readAttributeOptions,
  type SetAttributeOfHandleOptions,
  toAttributeName,
  toAttributeNames,
  toAttributeValue,
} from './attributes.js';
import type { FileHandle } from './file-handle.js';
import { type HandleLifetime, lifetimeOf } from './handle-lifetime.js';
import { readSignalAlone, type SignalOptions, toSignal } from './options.js';
import { TRANSFER_BYTES_MAX } from './transfer-ranges.js';
import { type Advice, readSyncRangeOptions, type SyncRangeOptions, toAdvice } from './range-hints.js';

/** What direct I/O (O_DIRECT, open(2)) on a file asks for, in bytes; both 0 where the file has none. */
export interface DirectAlignment {
  /** Where memory must begin: at a multiple of this. */
  memoryBytes: number;
  /** What positions and lengths must be multiples of. */
  offsetBytes: number;
}

interface SpliceOptions extends SignalOptions {
  position?: number | bigint | null | undefined;
  targetPosition?: number | bigint | null | undefined;
}

const SPLICE_OPTIONS: OptionNames<SpliceOptions> = {
  position: true,
  targetPosition: true,
  signal: true,
  timeout: true,
};

/** @internal The base of `FileHandle`. */
export abstract class BeyondNode extends EventEmitter {
  /** @internal */
  abstract [lifetimeOf](): HandleLifetime;

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
    const file = this[lifetimeOf]().fileFor('fallocate');
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
    const file = this[lifetimeOf]().fileFor('fadvise64');
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
    const file = this[lifetimeOf]().fileFor('sync_file_range');
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
    const file = this[lifetimeOf]().fileFor('splice');
    if (!(target instanceof BeyondNode)) throw invalidArgType('target', 'an instance of FileHandle', target);
    const lifetime = target[lifetimeOf]();
    const to = lifetime.fileFor('splice');
    const bytes = Math.min(checkInteger(length, 'length', 0), TRANSFER_BYTES_MAX);
    const given = checkOptions<SpliceOptions>(options ?? {}, SPLICE_OPTIONS);
    const position = toPosition(given.position, 0, 'options.position');
    const targetPosition = toPosition(given.targetPosition, 0, 'options.targetPosition');
    const call = { kind: 'splice', file, position, target: to, targetPosition, bytes } as const;
    const signal = toSignal(given);
    return await lifetime.composite(() => file.do(call, signal));
  }

  /**
   * The value of an extended attribute of the file (fgetxattr(2)); see `Fs.getxattr`.
   *
   * @param name with its namespace, such as 'user.origin'.
   */
  async getxattr(name: string, options?: SignalOptions | null): Promise<Buffer> {
    const file = this[lifetimeOf]().fileFor('fgetxattr');
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
    const file = this[lifetimeOf]().fileFor('fsetxattr');
    const { flags, signal } = readAttributeOptions(options);
    const bytes = toAttributeValue(value);
    await file.do({ kind: 'fsetxattr', file, name: toAttributeName(name), value: bytes, flags }, signal);
  }

  /** The names of the file's extended attributes, in no order (flistxattr(2)). */
  async listxattr(options?: SignalOptions | null): Promise<string[]> {
    const file = this[lifetimeOf]().fileFor('flistxattr');
    return toAttributeNames(await file.do({ kind: 'flistxattr', file }, readSignalAlone(options)));
  }

  /** Removes an extended attribute of the file (fremovexattr(2)). */
  async removexattr(name: string, options?: SignalOptions | null): Promise<void> {
    const file = this[lifetimeOf]().fileFor('fremovexattr');
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
    const file = this[lifetimeOf]().fileFor('statx');
    const alignment = await file.do({ kind: 'statx', file }, readSignalAlone(options));
    if (alignment === undefined) return null;
    const [memoryBytes, offsetBytes] = alignment;
    return { memoryBytes, offsetBytes };
  }
}
