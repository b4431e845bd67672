/** The modes of fallocate(2), by name. */
import { checkOneOf, checkOptions, type OptionNames } from '../base/validate.js';
import { type SignalOptions, toSignal } from './options.js';

/**
 * - `allocate`: reserves the range, and makes the file longer if it ends before the range does.
 * - `keepSize`: the same, but the file's length stays.
 * - `punchHole`: gives the range back to the file system; it reads as zeros, and the length stays.
 * - `zeroRange`: makes the range zeros, and the file longer if need be.
 * - `zeroRangeKeepSize`: the same, but the file's length stays.
 * - `collapseRange`: takes the range out: what follows moves up. Whole blocks only.
 * - `insertRange`: puts a hole in: what was there moves down. Whole blocks only.
 * - `unshareRange`: gives the file its own copy of blocks that it shares with another.
 *
 * A file system that has no such thing answers EOPNOTSUPP.
 */
export type AllocateMode =
  | 'allocate'
  | 'keepSize'
  | 'punchHole'
  | 'zeroRange'
  | 'zeroRangeKeepSize'
  | 'collapseRange'
  | 'insertRange'
  | 'unshareRange';

/** What `FileHandle.allocate` can be asked for. */
export interface AllocateOptions extends SignalOptions {
  /** Default 'allocate'. */
  mode?: AllocateMode | undefined;
}

const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
const COLLAPSE_RANGE = 0x08;
const ZERO_RANGE = 0x10;
const INSERT_RANGE = 0x20;
const UNSHARE_RANGE = 0x40;

/** FALLOC_FL_* of fallocate(2). */
const MODE_BITS: Readonly<Record<AllocateMode, number>> = {
  allocate: 0,
  keepSize: KEEP_SIZE,
  punchHole: PUNCH_HOLE | KEEP_SIZE,
  zeroRange: ZERO_RANGE,
  zeroRangeKeepSize: ZERO_RANGE | KEEP_SIZE,
  collapseRange: COLLAPSE_RANGE,
  insertRange: INSERT_RANGE,
  unshareRange: UNSHARE_RANGE,
};
const MODE_NAMES = Object.keys(MODE_BITS) as AllocateMode[];

const ALLOCATE_OPTIONS: OptionNames<AllocateOptions> = { mode: true, signal: true, timeout: true };

export function readAllocateOptions(options: unknown): { mode: number; signal: AbortSignal | undefined } {
  if (options === undefined || options === null) return { mode: 0, signal: undefined };
  const given = checkOptions<AllocateOptions>(options, ALLOCATE_OPTIONS);
  const { mode = 'allocate' } = given;
  return { mode: MODE_BITS[checkOneOf(mode, 'options.mode', MODE_NAMES)], signal: toSignal(given) };
}
