/**
 * The checks on what callers pass, each throwing the error Node's own API would.
 *
 * A check returns the value with its type, or what it stands for: `toPath`, `toOpenFlags`,
 * `toMode` and `toPosition` also convert. Nothing here touches a file or a socket.
 */
import { constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invalidArgType, invalidArgValue, invalidSymlinkType, outOfRange } from '../errors/index.js';
import { CURRENT_POSITION, type Path, type Position, type SymlinkType } from './file-arguments.js';
import { type ForeignSignal, standIn } from './foreign-signal.js';
import { isNodeAtLeast } from './node-version.js';
import { abortWith, isPlainSignal } from './plain-signal.js';
import { bytesOf, isUint8Array, isView, Span, type View } from './views.js';

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;
const MODE_BITS = 0o7777;
const INT64_MAX = 2n ** 63n - 1n;

const PATH_TYPE = 'of type string or an instance of Buffer or URL';
const VIEW_TYPE = 'an instance of Buffer, TypedArray, or DataView';
const STRING_OR_VIEW_TYPE = `of type string or ${VIEW_TYPE}`;
const ABORT_SIGNAL_TYPE = 'an instance of AbortSignal';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;

const OPEN_FLAGS: ReadonlyMap<unknown, number> = new Map(
  Object.entries({
    r: O_RDONLY,
    rs: O_RDONLY | O_SYNC,
    sr: O_RDONLY | O_SYNC,
    'r+': O_RDWR,
    'rs+': O_RDWR | O_SYNC,
    'sr+': O_RDWR | O_SYNC,
    w: O_WRONLY | O_CREAT | O_TRUNC,
    wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
    xw: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
    'w+': O_RDWR | O_CREAT | O_TRUNC,
    'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
    'xw+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
    a: O_WRONLY | O_CREAT | O_APPEND,
    ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
    xa: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
    as: O_WRONLY | O_CREAT | O_APPEND | O_SYNC,
    sa: O_WRONLY | O_CREAT | O_APPEND | O_SYNC,
    'a+': O_RDWR | O_CREAT | O_APPEND,
    'ax+': O_RDWR | O_CREAT | O_APPEND | O_EXCL,
    'xa+': O_RDWR | O_CREAT | O_APPEND | O_EXCL,
    'as+': O_RDWR | O_CREAT | O_APPEND | O_SYNC,
    'sa+': O_RDWR | O_CREAT | O_APPEND | O_SYNC,
  }),
);

/** An integer from `min` to `max`, both included; -0 becomes 0. */
export function checkInteger(
  value: unknown,
  name: string,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = checkNumber(value, name);
  if (!Number.isInteger(number)) throw outOfRange(name, 'an integer', number);
  if (number < min || number > max) throw outOfRange(name, `>= ${min} && <= ${max}`, number);
  return number + 0;
}

export function checkNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  return value;
}

export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
  return value;
}

export function checkFunction<Given extends (...args: never[]) => unknown>(
  value: unknown,
  name: string,
): Given {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value);
  return value as Given;
}

export function checkString(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  return value;
}

/** An object that is neither null nor an array, to be looked into for options. */
export function checkObject(value: unknown, name: string): object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgType(name, 'of type object', value);
  }
  return value;
}

/** Every name of an interface's options: one that is missing here, or too many, does not compile. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** An object without other options than those. @throws ERR_INVALID_ARG_VALUE for another, with a list of them. */
export function checkOptions<Options extends object>(
  value: unknown,
  names: OptionNames<Options>,
  prefix = 'options',
): Options {
  const options = checkObject(value, prefix);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    const known = Object.keys(names).join(', ');
    throw invalidArgValue(`${prefix}.${name}`, name, `is not an option; there are ${known}`);
  }
  return options as Options;
}

export function checkOneOf<Value>(value: unknown, name: string, allowed: readonly Value[]): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    const list = allowed.map((each) => (typeof each === 'string' ? `'${each}'` : String(each))).join(', ');
    throw invalidArgValue(name, value, `must be one of: ${list}`);
  }
  return found;
}

/**
 * An AbortSignal of any realm, or undefined; null is refused, as Node refuses it. What comes out is the engine's
 * own (plain-signal.ts). What only says that it is `aborted`, or not, is taken at its word.
 *
 * @throws also what a signal that is not the engine's throws when it is listened to.
 */
export function checkSignal(value: unknown, name = 'options.signal'): AbortSignal | undefined {
  if (value === undefined || isPlainSignal(value)) return value;
  if (typeof value !== 'object' || value === null || !('aborted' in value)) {
    throw invalidArgType(name, ABORT_SIGNAL_TYPE, value);
  }
  return canBeHeard(value) ? standIn(value) : steadySignal(value);
}

const SIGNAL_ALONE: OptionNames<{ signal?: unknown }> = { signal: true };

/** The signal of options that have nothing else. */
export function checkSignalOptions(options: unknown): AbortSignal | undefined {
  if (options === undefined) return undefined;
  return checkSignal(checkOptions<{ signal?: unknown }>(options, SIGNAL_ALONE).signal);
}

/** The same for calls whose signal Node only looks at: there one that can't be listened to does no harm. */
export function checkLookedAtSignal(value: unknown): AbortSignal | undefined {
  try {
    return checkSignal(value);
  } catch (error) {
    if (typeof value !== 'object' || value === null || !('aborted' in value)) throw error;
    return steadySignal(value);
  }
}

export function checkView(value: unknown, name = 'buffer'): View {
  if (!isView(value)) throw invalidArgType(name, VIEW_TYPE, value);
  return value;
}

/**
 * An array of our own of what `convert` makes of the elements of another, which are looked at once each, by
 * index: neither its methods nor its iterator are asked. What throws for an element ends it, however long the
 * array says it is.
 */
export function mapArray<Result>(
  value: unknown,
  name: string,
  convert: (element: unknown, index: number) => Result,
  expected = 'an instance of Array',
): Result[] {
  if (!Array.isArray(value)) throw invalidArgType(name, expected, value);
  const { length } = value;
  const results: Result[] = [];
  for (let index = 0; index < length; index++) results.push(convert(value[index], index));
  return results;
}

export function toSpans(value: unknown, name = 'buffers'): Span[] {
  const expected = 'an ArrayBufferView[]';
  const toView = (element: unknown): View => {
    if (!isView(element)) throw invalidArgType(name, expected, value);
    return element;
  };
  // Memory is looked at when none of the caller's getters is left to run.
  return mapArray(value, name, toView, expected).map((view) => new Span(view));
}

/** The string of a call that takes a string or a view, once it has turned out to be no view. */
export function checkStringData(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, STRING_OR_VIEW_TYPE, value);
  return value;
}

/** A name Buffer knows; undefined, null, '' and all else that is falsy mean no encoding. */
export function checkEncoding(value: unknown, name = 'encoding'): BufferEncoding | undefined {
  if (!value) return undefined;
  // Node's own check lets 'buffer' pass, and what would decode or encode with it throws.
  if (typeof value === 'string' && (Buffer.isEncoding(value) || value === 'buffer')) {
    return value as BufferEncoding;
  }
  throw invalidArgValue(name, value, 'is invalid encoding');
}

/** A path as the system takes it. A Buffer is copied: the caller may go on changing theirs. */
export function toPath(value: unknown, name = 'path'): Path {
  const path = isUrl(value) ? fileURLToPath(value) : value;
  if (typeof path === 'string') {
    if (path.includes('\0')) throw nulInPath(name, path);
    return path;
  }
  if (isUint8Array(path)) {
    const copy = Buffer.from(bytesOf(path));
    if (copy.includes(0)) throw nulInPath(name, path);
    return copy;
  }
  throw invalidArgType(name, PATH_TYPE, path);
}

/** open(2)'s flags from Node's letters; undefined and null mean reading. */
export function toOpenFlags(value: unknown, name = 'flags'): number {
  if (typeof value === 'number') return checkInteger(value, name, INT32_MIN, INT32_MAX);
  if (value === undefined || value === null) return O_RDONLY;
  const flags = OPEN_FLAGS.get(value);
  if (flags === undefined) throw invalidArgValue(name, value);
  return flags;
}

/** Permission bits from a number or an octal string; others than those the kernel doesn't look at, either. */
export function toMode(value: unknown, name: string, defaultMode: number): number {
  if (value === undefined || value === null) return defaultMode;
  if (typeof value !== 'string') return checkInteger(value, name, 0, UINT32_MAX) & MODE_BITS;
  if (!/^[0-7]+$/.test(value)) {
    throw invalidArgValue(name, value, 'must be a 32-bit unsigned integer or an octal string');
  }
  return checkInteger(Number.parseInt(value, 8), name, 0, UINT32_MAX) & MODE_BITS;
}

/**
 * A mode for a function of Node's, which ends the process for some that pass its check. What it refuses is left
 * as it is.
 */
export function narrowMode(value: unknown): unknown {
  const bits = typeof value === 'string' && /^[0-7]+$/.test(value) ? Number.parseInt(value, 8) : value;
  if (typeof bits !== 'number' || !Number.isInteger(bits)) return value;
  return bits >= 0 && bits <= UINT32_MAX ? bits & MODE_BITS : value;
}

/** Anything, with 0 for -0: Node's checks let that pass as an integer, and its bindings don't take it for one. */
export function plainZero<Value>(value: Value): Value {
  return Object.is(value, -0) ? (0 as Value) : value;
}

/** As Node does: before 24 no string means none, and after it null and undefined do. */
export function toSymlinkType(value: unknown): SymlinkType | undefined {
  if (value === 'dir' || value === 'file' || value === 'junction') return value;
  if (value === undefined || value === null) return undefined;
  if (isNodeAtLeast(24)) {
    checkOneOf(value, 'type', ['dir', 'file', 'junction', null, undefined]);
  } else if (typeof value === 'string') {
    throw invalidSymlinkType(value);
  }
  return undefined;
}

/**
 * Where a read starts: bytes from the start of the file, or the file's own cursor for -1,
 * undefined and null. Bigints come back as numbers where a number is exact.
 *
 * @param byteLength of the read, which has to end where a position can still be told.
 */
export function toPosition(value: unknown, byteLength = 0, name = 'position'): Position {
  if (value === undefined || value === null) return CURRENT_POSITION;
  if (typeof value === 'number') return checkInteger(value, name, CURRENT_POSITION);
  if (typeof value !== 'bigint') throw invalidArgType(name, 'of type bigint or integer', value);
  const max = INT64_MAX - BigInt(byteLength);
  if (value < BigInt(CURRENT_POSITION) || value > max) {
    throw outOfRange(name, `>= ${CURRENT_POSITION} && <= ${max}`, value);
  }
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? value : Number(value);
}

function nulInPath(name: string, path: unknown): Error {
  return invalidArgValue(name, path, 'must be a string, Uint8Array, or URL without null bytes');
}

function steadySignal(value: { aborted: unknown; reason?: unknown }): AbortSignal | undefined {
  if (!value.aborted) return undefined;
  const controller = new AbortController();
  abortWith(controller, value.reason);
  return controller.signal;
}

function canBeHeard(value: { aborted: unknown }): value is ForeignSignal {
  return 'addEventListener' in value && typeof value.addEventListener === 'function';
}

/** Node takes anything that looks like a WHATWG URL for one, whichever realm made it. */
function isUrl(value: unknown): value is URL {
  if (value instanceof URL) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    'href' in value &&
    Boolean(value.href) &&
    'protocol' in value &&
    Boolean(value.protocol) &&
    !('auth' in value) &&
    !('path' in value)
  );
}
