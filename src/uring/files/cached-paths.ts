/**
 * Calls on paths that the kernel's caches can answer, made inline: a few system calls that never wait for
 * a device or another machine (cpp/cached_paths.h), and no way through the ring and the event loop.
 *
 * A call alone pays for a way through the ring, the event loop and, for statx, a kernel thread. Several at once
 * share it, and are the ring's: there one system call opens, reads and closes all their files, while on the
 * spot each takes three or four, which is little on one machine and most of the time on another.
 */

import type { BigIntStats, Stats } from 'node:fs';
import { BackOff } from '../../base/back-off.js';
import { EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../../base/errno.js';
import type { WholeRead } from '../../contract/backend.js';
import { systemError, wholeReadError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import type { BatchObserver } from '../engine/completion-block.js';
import { InlineCredit } from './inline-reads.js';
import type { RingKernel } from '../trials.js';
import type { OpenedFd } from './open-operation.js';
import { STATX_BYTES, toBigIntStats, toStats } from './statx.js';

/** What the caches know for certain; any other failure is for the ring to find. */
const FINAL: ReadonlySet<number> = new Set([ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EISDIR]);

/** In a row; then one goes through the ring, which gives the loop its turn: after a quarter of a millisecond. */
const PATH_RUN_MAX = 64;
/** Calls under way in the ring up to which each counts as alone. */
const LONE_CALLS_MAX = 3;
/** The same on epoll, where the ring makes the same system calls, however many: after a millisecond. */
const USER_SPACE_RUN_MAX = 256;

const statxWords = new Uint32Array(STATX_BYTES / 4);
const restWords = new Int32Array(3);

/** A file that is open, of which so many bytes begin the slab. */
export interface OpenedRead extends OpenedFd {
  isFifo: boolean;
  byteCount: number;
}

export class CachedPaths implements BatchObserver {
  readonly credit: InlineCredit;
  /** Calls under way in the ring, and how many there were at most since its last batch. */
  #ringCount = 0;
  #ringPeak = 0;
  readonly #backOff = new BackOff();

  constructor(kernel: RingKernel) {
    this.credit =
      kernel === 'epoll'
        ? new InlineCredit(USER_SPACE_RUN_MAX, Number.POSITIVE_INFINITY)
        : new InlineCredit(PATH_RUN_MAX, LONE_CALLS_MAX);
  }

  /** A call goes through the ring. */
  enterRing(): void {
    this.#ringCount++;
    this.#ringPeak = Math.max(this.#ringPeak, this.#ringCount);
  }

  leaveRing(): void {
    this.#ringCount--;
  }

  /** The ring has had its turn. */
  onBatch(): void {
    this.credit.onBatch(this.#ringPeak);
    this.#ringPeak = this.#ringCount;
  }

  #canTry(): boolean {
    return this.credit.isLeft && this.#backOff.isDue();
  }

  #note(result: number): boolean {
    const isAnswered = result >= 0 || FINAL.has(result);
    if (isAnswered) {
      this.#backOff.noteSuccess();
      this.credit.take();
    } else {
      this.#backOff.noteFailure();
    }
    return isAnswered;
  }

  /** Undefined when the ring must be asked. */
  stat(path: string, isBigInt: boolean, isOfLink: boolean): Promise<Stats | BigIntStats> | undefined {
    if (!this.#canTry()) return undefined;
    const result = binding().statCached(path, isOfLink, addressOf(statxWords));
    if (!this.#note(result)) return undefined;
    if (result < 0) return Promise.reject(systemError(result, isOfLink ? 'lstat' : 'stat', path));
    return Promise.resolve(isBigInt ? toBigIntStats(statxWords, 0) : toStats(statxWords, 0));
  }

  /** False also when the ring must be asked: unlike for `stat`, that is no failure. */
  isDirectory(path: string): boolean {
    if (!this.credit.isLeft || binding().statCached(path, false, addressOf(statxWords)) < 0) return false;
    this.credit.take();
    return toStats(statxWords, 0).isDirectory();
  }

  /** The content, the file where there is more to be read, or undefined when the ring must be asked. */
  readWhole<Content>(path: string, read: WholeRead<Content>): Promise<Content> | OpenedRead | undefined {
    if (!this.#canTry()) return undefined;
    const { slab } = read;
    const result = binding().readFileCached(path, addressOf(slab), slab.length, addressOf(restWords));
    if (!this.#note(result)) return undefined;
    const [fd = -1, isFifo, isSeekable] = restWords;
    if (fd >= 0) return { fd, isFifo: isFifo !== 0, isSeekable: isSeekable !== 0, byteCount: result };
    if (result < 0) {
      read.release();
      // It was opened.
      if (result === EISDIR) return Promise.reject(wholeReadError(result, path));
      return Promise.reject(systemError(result, 'open', path));
    }
    const content = read.toContent(result);
    read.release();
    return Promise.resolve(content);
  }
}
