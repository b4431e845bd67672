/** What `fs.open` takes beyond Node's own: where a path begins, and how it may be resolved (openat2(2)). */

import { checkOneOf, checkOptions, mapArray, type OptionNames } from '../base/validate.js';
import type { OpenRules } from '../contract/backend.js';
import { fileClosedError, invalidArgType, invalidArgValue } from '../errors/index.js';
import { backendFileOf, FileHandle } from './file-handle.js';
import { type SignalOptions, toSignal } from './options.js';

/**
 * - `beneath`: nothing outside the directory may be reached: no absolute path or link, no `..` above it (EXDEV).
 * - `inRoot`: the directory is the root: absolute paths and links begin there, and `..` stays there.
 * - `noSymlinks`: no symbolic link anywhere in the path (ELOOP).
 * - `noMagicLinks`: no link of /proc's that leads to an open file (ELOOP).
 * - `noCrossDevice`: no other mount may be entered (EXDEV).
 * - `cached`: only if the kernel has every name at hand; otherwise EAGAIN, and nothing has waited for a disk.
 */
export type ResolveRule = 'beneath' | 'inRoot' | 'noSymlinks' | 'noMagicLinks' | 'noCrossDevice' | 'cached';

/** What `open` can be asked for beside flags and mode. */
export interface OpenOptions extends SignalOptions {
  /** Rules for every step of the path, from Linux itself. Default: none. */
  resolve?: ResolveRule | readonly ResolveRule[] | undefined;
  /** An open directory that the path is relative to. Default: the working directory. */
  directory?: FileHandle | undefined;
}

/** RESOLVE_* of openat2(2). */
const RESOLVE_BITS: Readonly<Record<ResolveRule, number>> = {
  noCrossDevice: 0x01,
  noMagicLinks: 0x02,
  noSymlinks: 0x04,
  beneath: 0x08,
  inRoot: 0x10,
  cached: 0x20,
};
const OPEN_OPTIONS: OptionNames<OpenOptions> = {
  resolve: true,
  directory: true,
  signal: true,
  timeout: true,
};
const RULE_NAMES = Object.keys(RESOLVE_BITS) as ResolveRule[];

export function readOpenOptions(options: unknown): {
  signal: AbortSignal | undefined;
  rules: OpenRules | undefined;
} {
  if (options === undefined || options === null) return { signal: undefined, rules: undefined };
  const given = checkOptions<OpenOptions>(options, OPEN_OPTIONS);
  const signal = toSignal(given);
  const resolve = toResolveBits(given.resolve);
  const directory = toDirectory(given.directory);
  if (resolve === 0 && directory === undefined) return { signal, rules: undefined };
  return { signal, rules: { directory, resolve } };
}

function toResolveBits(value: unknown): number {
  if (value === undefined) return 0;
  const toBit = (name: unknown): number =>
    RESOLVE_BITS[checkOneOf(name, 'options.resolve', RULE_NAMES) as ResolveRule];
  const each = Array.isArray(value) ? mapArray(value, 'options.resolve', toBit) : [toBit(value)];
  const bits = each.reduce((all, bit) => all | bit, 0);
  if ((bits & RESOLVE_BITS.beneath) !== 0 && (bits & RESOLVE_BITS.inRoot) !== 0) {
    throw invalidArgValue('options.resolve', value, "must not name both 'beneath' and 'inRoot'");
  }
  return bits;
}

function toDirectory(value: unknown): OpenRules['directory'] {
  if (value === undefined) return undefined;
  if (!(value instanceof FileHandle))
    throw invalidArgType('options.directory', 'an instance of FileHandle', value);
  const file = backendFileOf(value);
  if (file === undefined) throw fileClosedError('open');
  return file;
}
