/** What `FileHandle.advise` and `syncRange` can be told, by name. */
import { checkBoolean, checkOneOf, checkOptions, type OptionNames } from '../base/validate.js';
import { type SignalOptions, toSignal } from './options.js';

/**
 * How a range of a file is going to be used (posix_fadvise(2)):
 *
 * - `normal`: nothing is known; ends an earlier `sequential`, `random` or `noReuse`.
 * - `sequential`: from front to back: the kernel reads further ahead.
 * - `random`: in no order: the kernel does not read ahead.
 * - `noReuse`: once.
 * - `willNeed`: soon: the kernel starts to read it into the page cache.
 * - `dontNeed`: not soon: its pages leave the cache if they have been written out.
 */
export type Advice = 'normal' | 'random' | 'sequential' | 'willNeed' | 'dontNeed' | 'noReuse';

/** POSIX_FADV_*, by their numbers on every architecture that Node runs on but s390. */
const ADVICE_NAMES: readonly Advice[] = ['normal', 'random', 'sequential', 'willNeed', 'dontNeed', 'noReuse'];

export function toAdvice(value: unknown): number {
  return ADVICE_NAMES.indexOf(checkOneOf(value, 'advice', ADVICE_NAMES));
}

/** What `FileHandle.syncRange` can be asked for. */
export interface SyncRangeOptions extends SignalOptions {
  /** Whether to wait first for writing that is under way. Default true. */
  waitBefore?: boolean | undefined;
  /** Whether to start to write out what has changed and is not under way. Default true. */
  write?: boolean | undefined;
  /** Whether to wait for all of that at the end. Default true. */
  waitAfter?: boolean | undefined;
}

const SYNC_RANGE_OPTIONS: OptionNames<SyncRangeOptions> = {
  waitBefore: true,
  write: true,
  waitAfter: true,
  signal: true,
  timeout: true,
};

/** SYNC_FILE_RANGE_* of sync_file_range(2). */
const WAIT_BEFORE = 1;
const WRITE = 2;
const WAIT_AFTER = 4;

export function readSyncRangeOptions(options: unknown): { flags: number; signal: AbortSignal | undefined } {
  const given = checkOptions<SyncRangeOptions>(options ?? {}, SYNC_RANGE_OPTIONS);
  const { waitBefore = true, write = true, waitAfter = true } = given;
  const bit = (isWanted: unknown, name: string, flag: number): number =>
    checkBoolean(isWanted, `options.${name}`) ? flag : 0;
  const flags =
    bit(waitBefore, 'waitBefore', WAIT_BEFORE) |
    bit(write, 'write', WRITE) |
    bit(waitAfter, 'waitAfter', WAIT_AFTER);
  return { flags, signal: toSignal(given) };
}
