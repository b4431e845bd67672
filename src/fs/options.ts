/** What the callers of file operations may pass as their last argument, and the checks on it. */
import { invalidArgType, invalidArgValue } from '../errors.js';
import {
  checkBoolean,
  checkEncoding,
  checkInteger,
  checkObject,
  checkSignal,
  toMode,
  toOpenFlags,
} from '../validate.js';

export interface SignalOptions {
  /** Cancels the call, which then rejects with an AbortError whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface StatOptions extends SignalOptions {
  /** Whether the numbers are bigints, times in nanoseconds included. Default false. */
  bigint?: boolean | undefined;
}

export interface MakeDirectoryOptions extends SignalOptions {
  /** Whether missing parents are made, and a directory that exists is no error. Default false. */
  recursive?: boolean | undefined;
  /** Permission bits before the umask, as a number or an octal string. Default 0o777. */
  mode?: number | string | undefined;
}

export interface ReadFileOptions extends SignalOptions {
  /** The encoding of the string to return; without one the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /** How to open the file. Default 'r'. Not looked at for a FileHandle. */
  flag?: string | number | undefined;
}

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

export interface ReadFileSettings {
  encoding: BufferEncoding | undefined;
  flags: number;
  signal: AbortSignal | undefined;
}

export interface WriteFileSettings extends ReadFileSettings {
  mode: number;
  flush: boolean;
}

/** The signal of an options object that has nothing else in it. */
export function readSignal(options: unknown): AbortSignal | undefined {
  if (options === undefined || options === null) return undefined;
  return checkSignal((checkObject(options, 'options') as SignalOptions).signal);
}

export function readStatOptions(options: unknown): { bigint: boolean; signal: AbortSignal | undefined } {
  if (options === undefined || options === null) return { bigint: false, signal: undefined };
  const { bigint = false, signal } = checkObject(options, 'options') as StatOptions;
  return { bigint: checkBoolean(bigint, 'options.bigint'), signal: checkSignal(signal) };
}

export function readMakeDirectoryOptions(options: unknown): {
  isRecursive: boolean;
  mode: number;
  signal: AbortSignal | undefined;
} {
  const isMode = typeof options === 'number' || typeof options === 'string';
  const given = isMode ? { mode: options } : checkObject(options ?? {}, 'options');
  const { recursive = false, mode, signal } = given as MakeDirectoryOptions;
  return {
    isRecursive: checkBoolean(recursive, 'options.recursive'),
    mode: toMode(mode, 'mode', 0o777),
    signal: checkSignal(signal),
  };
}

/** Node's own options for it are checked as Node does, and then mean nothing but `recursive`, which is refused. */
export function readRemoveDirectoryOptions(options: unknown): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const given = checkObject(options, 'options') as SignalOptions & Record<string, unknown>;
  const { recursive = false, retryDelay = 100, maxRetries = 0, signal } = given;
  checkBoolean(recursive, 'options.recursive');
  checkInteger(retryDelay, 'options.retryDelay', 0, 2 ** 31 - 1);
  checkInteger(maxRetries, 'options.maxRetries', 0, 2 ** 32 - 1);
  if (recursive) throw invalidArgValue('options.recursive', recursive, 'is no longer supported');
  return checkSignal(signal);
}

export function readReadFileOptions(options: unknown): ReadFileSettings {
  const { encoding, flag, signal } = expandEncoding(options) as ReadFileOptions;
  return { encoding: checkEncoding(encoding), flags: toOpenFlags(flag || 'r'), signal: checkSignal(signal) };
}

export function readWriteFileOptions(options: unknown, defaultFlag: string): WriteFileSettings {
  const given = expandEncoding(options) as WriteFileOptions;
  const encoding = checkEncoding(given.encoding);
  const signal = checkSignal(given.signal);
  const flush = checkBoolean(given.flush ?? false, 'options.flush');
  return {
    encoding,
    flags: toOpenFlags(given.flag || defaultFlag),
    mode: toMode(given.mode, 'mode', 0o666),
    flush,
    signal,
  };
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
  if (options === undefined || options === null) return {};
  if (typeof options === 'string') return { encoding: options };
  if (typeof options !== 'object') throw invalidArgType('options', 'one of type string or object', options);
  return options;
}
