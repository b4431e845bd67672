/** What the callers of file operations may pass as their last argument, and the checks on it. */

import { eitherSignal } from '../base/foreign-signal.js';
import { isNodeAtLeast } from '../base/node-version.js';
import {
  checkBoolean,
  checkEncoding,
  checkInteger,
  checkLookedAtSignal,
  checkObject,
  checkOptions,
  checkSignal,
  type OptionNames,
  toMode,
  toOpenFlags,
} from '../base/validate.js';
import { isView } from '../base/views.js';
import { invalidArgType, invalidArgValue } from '../errors/index.js';

/** Where Node's own `stat` and `readFile` have these options; elsewhere it does not look at them. */
const CAN_TELL_ABSENCE = isNodeAtLeast(25, 7, { 24: 15 });
const CAN_FILL_BUFFERS = isNodeAtLeast(26, 4, { 24: 19 });

/** Node's timers take no more. */
const TIMEOUT_MAX = 2 ** 31 - 1;

/** What every call on files takes. */
export interface SignalOptions {
  /** Cancels the call, which then rejects with an AbortError whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds from 1 after which the call is cancelled as by a signal; the AbortError's `cause` is then a
   * DOMException named TimeoutError. Default: none.
   */
  timeout?: number | undefined;
}

/** What ends a call: its signal, its time limit, or whichever comes first. */
export function toSignal(
  { signal, timeout }: SignalOptions,
  check: (value: unknown) => AbortSignal | undefined = checkSignal,
): AbortSignal | undefined {
  const checked = check(signal);
  if (timeout === undefined) return checked;
  const limit = AbortSignal.timeout(checkInteger(timeout, 'options.timeout', 1, TIMEOUT_MAX));
  return checked === undefined ? limit : eitherSignal(checked, limit);
}

/** What `stat` of handles and paths can be asked for. */
export interface StatOptions extends SignalOptions {
  /** Whether the numbers are bigints, times in nanoseconds included. Default false. */
  bigint?: boolean | undefined;
}

/** What `stat` of paths can be asked for. */
export interface PathStatOptions extends StatOptions {
  /**
   * Whether a path that leads to nothing (ENOENT, ENOTDIR) is an error; if not, the result is undefined.
   * Default true. From Node 24.15 and 25.7 on.
   */
  throwIfNoEntry?: boolean | undefined;
}

/** What `mkdir` can be asked for. */
export interface MakeDirectoryOptions extends SignalOptions {
  /** Whether missing parents are made, and a directory that exists is no error. Default false. */
  recursive?: boolean | undefined;
  /** Permission bits before the umask, as a number or an octal string. Default 0o777. */
  mode?: number | string | undefined;
}

/** What `readFile` can be asked for. */
export interface ReadFileOptions extends SignalOptions {
  /** The encoding of the string to return; without one the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** How to open the file. Default 'r'. Not looked at for a FileHandle. */
  flag?: string | number | undefined;
  /**
   * Where to put the content, or a function of the file's size in bytes, 0 where that is not known, that
   * returns it. It has to hold the whole file, and is the call's until the promise settles; the result is a
   * Buffer over its beginning. Default: memory of the call's own. From Node 24.19 and 26.4 on.
   */
  buffer?: NodeJS.ArrayBufferView | ((size: number) => NodeJS.ArrayBufferView) | undefined;
  /**
   * Whether a content of up to 4096 bytes, read from a path, may share its ArrayBuffer with other Buffers, as those of
   * `Buffer.from` do: `buffer.buffer` is then longer, `byteOffset` not 0, the memory can't be transferred, and
   * all of it (`Buffer.poolSize`) is kept as long as one content in it. False costs a small file an eighth more on Node 20. Default
   * true; false in `ringlet/fs/promises`, as Node's has it.
   */
  pooled?: boolean | undefined;
}

/** What `writeFile`, `appendFile` and `writeFileAtomic` can be asked for. */
export interface WriteFileOptions extends SignalOptions {
  /** How strings become bytes. Default 'utf8'. */
  encoding?: BufferEncoding | null | undefined;
  /** Permission bits of a new file, before the umask. Default 0o666. */
  mode?: number | string | undefined;
  /** How to open the file. Default 'w', or 'a' for appendFile. Not looked at for a FileHandle. */
  flag?: string | number | undefined;
  /** Whether to wait until the storage device has the content (fsync). Default false. */
  flush?: boolean | undefined;
}

const WRITE_FILE_OPTIONS: OptionNames<WriteFileOptions> = {
  encoding: true,
  mode: true,
  flag: true,
  flush: true,
  signal: true,
  timeout: true,
};

interface FileSettings {
  readonly encoding: BufferEncoding | undefined;
  readonly flags: number;
  readonly signal: AbortSignal | undefined;
}

export interface ReadFileSettings extends FileSettings {
  readonly buffer: ReadFileOptions['buffer'];
  readonly isPooled: boolean | undefined;
}

export interface WriteFileSettings extends FileSettings {
  readonly mode: number;
  readonly flush: boolean;
}

/** The signal of an options object that has nothing else in it. */
export function readSignal(options: unknown): AbortSignal | undefined {
  if (options === undefined || options === null) return undefined;
  return toSignal(checkObject(options, 'options') as SignalOptions);
}

const SIGNAL_OPTIONS: OptionNames<SignalOptions> = { signal: true, timeout: true };

/** The same for calls that Node has not, which refuse anything else. */
export function readSignalAlone(options: unknown): AbortSignal | undefined {
  if (options === undefined || options === null) return undefined;
  return toSignal(checkOptions<SignalOptions>(options, SIGNAL_OPTIONS));
}

export function readStatOptions(options: unknown): { bigint: boolean; signal: AbortSignal | undefined } {
  if (options === undefined || options === null) return { bigint: false, signal: undefined };
  const given = (isNodeAtLeast(26) ? checkObject(options, 'options') : options) as StatOptions;
  // Anything else means numbers, as with Node.
  return { bigint: given.bigint === true, signal: toSignal(given) };
}

const STAT_OPTIONS: OptionNames<StatOptions> = { bigint: true, signal: true, timeout: true };

/** Of a call that Node has not, which refuses anything else. */
export function readStatManyOptions(options: unknown): { bigint: boolean; signal: AbortSignal | undefined } {
  const given = checkOptions<StatOptions>(options ?? {}, STAT_OPTIONS);
  const { bigint = false } = given;
  return { bigint: checkBoolean(bigint, 'options.bigint'), signal: toSignal(given) };
}

/** Whether nothing at all under a path is to be told as undefined. */
export function mayBeAbsent(options: unknown): boolean {
  if (!CAN_TELL_ABSENCE || typeof options !== 'object' || options === null) return false;
  return (options as PathStatOptions).throwIfNoEntry === false;
}

export function readMakeDirectoryOptions(options: unknown): {
  isRecursive: boolean;
  mode: number;
  signal: AbortSignal | undefined;
} {
  const isMode = typeof options === 'number' || typeof options === 'string';
  const given = isMode ? { mode: options } : (options ?? {});
  const { recursive = false, mode } = given as MakeDirectoryOptions;
  return {
    isRecursive: checkBoolean(recursive, 'options.recursive'),
    mode: toMode(mode, 'mode', 0o777),
    signal: toSignal(given as MakeDirectoryOptions),
  };
}

/** Whether there is anything but a signal in it: Node has changed what its own options mean from version to version. */
export function hasNodeOptions(options: unknown): boolean {
  if (options === undefined) return false;
  if (typeof options !== 'object' || options === null) return true;
  return Object.keys(options).some((name) => name !== 'signal' && name !== 'timeout');
}

/** What `flag` says is looked at when the path has been, as Node does, and for a FileHandle not at all. */
class GivenSettings {
  readonly encoding: BufferEncoding | undefined;
  readonly signal: AbortSignal | undefined;
  readonly #flag: string | number | undefined;

  constructor(given: ReadFileOptions | WriteFileOptions, defaultFlag: string) {
    this.encoding = checkEncoding(given.encoding);
    this.signal = toSignal(given, checkLookedAtSignal);
    this.#flag = given.flag || defaultFlag;
  }

  get flags(): number {
    return toOpenFlags(this.#flag);
  }
}

class GivenReadSettings extends GivenSettings implements ReadFileSettings {
  readonly buffer: ReadFileOptions['buffer'];
  readonly isPooled: boolean | undefined;

  constructor(given: ReadFileOptions) {
    super(given, 'r');
    const { pooled } = given;
    this.isPooled = pooled === undefined ? undefined : checkBoolean(pooled, 'options.pooled');
    this.buffer = CAN_FILL_BUFFERS ? checkReadBuffer(given.buffer) : undefined;
  }
}

class GivenWriteSettings extends GivenSettings implements WriteFileSettings {
  readonly flush: boolean;
  readonly #mode: number | string | undefined;

  constructor(given: WriteFileOptions, defaultFlag: string) {
    const { mode } = given;
    super(given, defaultFlag);
    this.flush = checkBoolean(given.flush ?? false, 'options.flush');
    // Newer ones look at it even where there is nothing to open.
    if (isNodeAtLeast(26)) toMode(mode, 'mode', 0o666);
    this.#mode = mode;
  }

  get mode(): number {
    return toMode(this.#mode, 'mode', 0o666);
  }
}

const READ_DEFAULTS = new GivenReadSettings({});

export function readReadFileOptions(options: unknown): ReadFileSettings {
  if (options === undefined) return READ_DEFAULTS;
  return new GivenReadSettings(expandEncoding(options));
}

function checkReadBuffer(value: unknown): ReadFileOptions['buffer'] {
  if (value === undefined || typeof value === 'function' || isView(value)) {
    return value as ReadFileOptions['buffer'];
  }
  const expected = 'of type function or an instance of Buffer, TypedArray, or DataView';
  throw invalidArgType('options.buffer', expected, value);
}

const WRITE_DEFAULTS = new GivenWriteSettings({}, 'w');

export function readWriteFileOptions(options: unknown, defaultFlag: string): WriteFileSettings {
  if (options === undefined && defaultFlag === 'w') return WRITE_DEFAULTS;
  return new GivenWriteSettings(expandEncoding(options), defaultFlag);
}

/** The same for a call that Node has not. */
export function readOwnWriteOptions(options: unknown): WriteFileSettings {
  const given = expandEncoding(options);
  checkOptions<WriteFileOptions>(given, WRITE_FILE_OPTIONS);
  return new GivenWriteSettings(given, 'w');
}

/** The encoding of options that have nothing else in them. */
export function readEncoding(options: unknown): BufferEncoding | undefined {
  return checkEncoding((expandEncoding(options) as { encoding?: unknown }).encoding);
}

/** For a string that hex can't be: Node refuses it, and takes any encoding it does not know for UTF-8. */
export function toStringEncoding(encoding: unknown, text: string): BufferEncoding {
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
  if (known.toLowerCase() === 'hex' && text.length % 2 !== 0) {
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${text.length}`);
  }
  return known;
}

/** An encoding alone stands for options with that encoding. */
function expandEncoding(options: unknown): object {
  if (options === undefined || options === null || typeof options === 'function') return {};
  if (typeof options === 'string') return { encoding: options };
  if (typeof options !== 'object') throw invalidArgType('options', 'one of type string or object', options);
  return options;
}
