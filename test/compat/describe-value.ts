/**
 * What a call came to, as plain values that two sides can be compared by.
 *
 * Of a Stats that is about a file of the test's own, inode and times differ from one making to the next; of any other file every field is compared.
 */
import { type BigIntStats as BigIntStatsType, Dir, Dirent, lstatSync, Stats, statfsSync } from 'node:fs';
import { RECENT_MS, showBytes } from './world.js';

const TEXT_LENGTH_MAX = 400;
const ERROR_FIELDS = ['name', 'message', 'code', 'errno', 'syscall', 'path', 'dest'] as const;
const DRAWN_NAME = /made-[A-Za-z0-9]{5,6}/g;
const KINDS = ['isFile', 'isDirectory', 'isSymbolicLink', 'isFIFO', 'isSocket', 'isCharacterDevice'] as const;

/** Node exports neither. */
const BigIntStats = lstatSync('/', { bigint: true }).constructor;
const StatsFs = statfsSync('/').constructor;

/** What is known of a value beside itself. */
export interface Surroundings {
  /** What the call was given: an argument that comes back is named, not repeated. */
  given: readonly unknown[];
}

export function describeError(error: unknown, around: Surroundings): unknown {
  if (!(error instanceof Error)) return { thrown: describeValue(error, around) };
  const fields: Record<string, unknown> = { class: error.constructor.name };
  for (const field of ERROR_FIELDS) {
    const value: unknown = Reflect.get(error, field);
    if (value !== undefined) fields[field] = describeValue(value, around);
  }
  fields.keys = Object.keys(error).sort().join(' ');
  fields.text = describeValue(String(error), around);
  if (error.cause !== undefined) fields.cause = describeError(error.cause, around);
  return fields;
}

export function describeValue(value: unknown, around: Surroundings): unknown {
  switch (typeof value) {
    case 'string':
      return shorten(withoutDrawnNames(value));
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
    case 'undefined':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : describeObject(value, around);
    default:
      return `${typeof value} ${String(value)}`;
  }
}

function describeObject(value: object, around: Surroundings): unknown {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const index = around.given.indexOf(value);
    const which = index === -1 ? value.constructor.name : `argument ${index}`;
    return `${which} of ${bytes.length}: ${shorten(withoutDrawnNames(showBytes(bytes)))}`;
  }
  if (isStats(value)) return describeStats(value);
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Error) return describeError(value, around);
  if (value instanceof Dirent) {
    const entry = value as Dirent<string | Buffer> & { path?: unknown };
    const { name, parentPath, path } = entry;
    const where = { name, parentPath, path } as Record<string, unknown>;
    for (const field of Object.keys(where)) where[field] = describeValue(where[field], around);
    return { class: 'Dirent', ...where, is: kindsOf(value), keys: Object.keys(value).join(' ') };
  }
  if (value instanceof Dir) return { class: 'Dir', path: describeValue(value.path, around) };
  // Free blocks and inodes change from call to call.
  if (value instanceof StatsFs) return { class: 'StatsFs', ...maskFree(value) };
  if (Array.isArray(value)) return value.map((each) => describeValue(each, around));
  if (value instanceof EventTarget) return value.constructor.name;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of another class only the name: its fields are its own affair. Whether a plain object has a prototype
  // is not compared: Node's results of `read` and `write` have none, which would make them slow objects.
  if (prototype !== null && prototype !== Object.prototype) return { class: value.constructor.name };
  const fields: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) fields[key] = describeValue(each, around);
  return fields;
}

type AnyStats = Stats | BigIntStatsType;

function isStats(value: object): value is AnyStats {
  return value instanceof Stats || value instanceof BigIntStats;
}

function describeStats(stats: AnyStats): Record<string, unknown> {
  const described: Record<string, unknown> = {
    class: stats instanceof Stats ? 'Stats' : 'BigIntStats',
    keys: Object.keys(stats).join(' '),
    symbols: Object.getOwnPropertySymbols(stats).map(String).join(' '),
    is: kindsOf(stats),
  };
  const isOwn = Number(stats.birthtimeMs) >= RECENT_MS;
  for (const [key, value] of Object.entries(stats)) {
    const isTime = /time(Ms|Ns)?$/.test(key);
    const isMasked = isTime ? isRecent(value) : isOwn && (key === 'ino' || key === 'blocks');
    // The type counts even where the value can't.
    described[key] = isMasked ? typeof value : value instanceof Date ? `Date ${value.getTime()}` : `${value}`;
  }
  for (const key of ['atime', 'mtime', 'ctime', 'birthtime'] as const) {
    described[`${key} is a Date`] = stats[key] instanceof Date;
  }
  for (const key of ['atimeInstant', 'mtimeInstant', 'ctimeInstant', 'birthtimeInstant'] as const) {
    if (key in stats) described[key] = describeInstant(Reflect.get(stats, key));
  }
  return described;
}

/** A Temporal.Instant, which Node has from 26 on. */
function describeInstant(instant: { epochNanoseconds: bigint }): string {
  const { epochNanoseconds } = instant;
  return isRecent(epochNanoseconds) ? `recent ${instant.constructor.name}` : `${epochNanoseconds}n`;
}

function isRecent(time: unknown): boolean {
  if (time instanceof Date) return time.getTime() >= RECENT_MS;
  if (typeof time === 'number') return time >= RECENT_MS;
  if (typeof time !== 'bigint') return false;
  return time >= BigInt(RECENT_MS) && (time < 10n ** 16n || time >= BigInt(RECENT_MS) * 1_000_000n);
}

function kindsOf(value: AnyStats | Dirent<string | Buffer>): string {
  return KINDS.filter((kind) => (Reflect.get(value, kind) as () => boolean).call(value)).join(' ');
}

function maskFree(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      /free|avail/.test(key) ? typeof each : `${typeof each} ${each}`,
    ]),
  );
}

/** Texts without the ends that mkdtemp draws for names that begin with `made-`, whatever the encoding. */
export function withoutDrawnNames(text: string): string {
  for (const encoding of ['hex', 'base64', 'utf16le'] as const) {
    const decoded = Buffer.from(text, encoding).toString('latin1');
    if (DRAWN_NAME.test(decoded)) return `${encoding} of ${decoded.replaceAll(DRAWN_NAME, 'made-XXXXXX')}`;
  }
  return text.replaceAll(DRAWN_NAME, 'made-XXXXXX');
}

function shorten(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}… (${text.length})`;
}
