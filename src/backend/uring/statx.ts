/** The kernel's struct statx (statx(2)) as Node's Stats and BigIntStats. Field offsets in 32-bit words. */
import { Stats, statSync, type BigIntStats } from 'node:fs';

export const STATX_BYTES = 256;

const BLOCK_SIZE = 1;
const LINK_COUNT = 4;
const UID = 5;
const GID = 6;
/** The low half of its word. */
const MODE = 7;
const INODE = 8;
const SIZE = 10;
const BLOCKS = 12;
const ATIME = 16;
const BTIME = 20;
const CTIME = 24;
const MTIME = 28;
const RDEV_MAJOR = 32;
const RDEV_MINOR = 33;
const DEV_MAJOR = 34;
const DEV_MINOR = 35;

type Words = Uint32Array;

function word(words: Words, at: number): number {
  return words[at] as number;
}

function wide(words: Words, at: number): number {
  return word(words, at + 1) * 2 ** 32 + word(words, at);
}

function wideBig(words: Words, at: number): bigint {
  return (BigInt(word(words, at + 1)) << 32n) | BigInt(word(words, at));
}

function seconds(words: Words, at: number): bigint {
  return BigInt.asIntN(64, wideBig(words, at));
}

function milliseconds(words: Words, at: number): number {
  return Number(seconds(words, at)) * 1000 + word(words, at + 2) / 1e6;
}

function nanoseconds(words: Words, at: number): bigint {
  return seconds(words, at) * 1_000_000_000n + BigInt(word(words, at + 2));
}

/** As makedev(3) packs it. */
function device(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n);
}

// Newer Nodes have accessors on the prototype; older ones set Dates on each object.
const hasDateAccessors = 'atime' in Stats.prototype;

function withDates<Target extends object>(stats: Target, times: readonly [string, number][]): Target {
  if (hasDateAccessors) return stats;
  for (const [name, ms] of times) {
    Object.defineProperty(stats, name, {
      value: new Date(Math.round(ms)),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return stats;
}

/** An `fs.Stats`, made without its constructor, which Node has deprecated for us. */
export function toStats(words: Words, at: number): Stats {
  const stats = Object.assign(Object.create(Stats.prototype) as Stats, {
    dev: Number(device(word(words, at + DEV_MAJOR), word(words, at + DEV_MINOR))),
    mode: word(words, at + MODE) & 0xffff,
    nlink: word(words, at + LINK_COUNT),
    uid: word(words, at + UID),
    gid: word(words, at + GID),
    rdev: Number(device(word(words, at + RDEV_MAJOR), word(words, at + RDEV_MINOR))),
    blksize: word(words, at + BLOCK_SIZE),
    ino: wide(words, at + INODE),
    size: wide(words, at + SIZE),
    blocks: wide(words, at + BLOCKS),
    atimeMs: milliseconds(words, at + ATIME),
    mtimeMs: milliseconds(words, at + MTIME),
    ctimeMs: milliseconds(words, at + CTIME),
    birthtimeMs: milliseconds(words, at + BTIME),
  });
  return withDates(stats, [
    ['atime', stats.atimeMs],
    ['mtime', stats.mtimeMs],
    ['ctime', stats.ctimeMs],
    ['birthtime', stats.birthtimeMs],
  ]);
}

let bigIntPrototype: object | undefined;

/** Node does not export the class; any instance leads to it. */
function bigIntStatsPrototype(): object {
  bigIntPrototype ??= Object.getPrototypeOf(statSync('/', { bigint: true })) as object;
  return bigIntPrototype;
}

export function toBigIntStats(words: Words, at: number): BigIntStats {
  const atimeNs = nanoseconds(words, at + ATIME);
  const mtimeNs = nanoseconds(words, at + MTIME);
  const ctimeNs = nanoseconds(words, at + CTIME);
  const birthtimeNs = nanoseconds(words, at + BTIME);
  const stats = Object.assign(Object.create(bigIntStatsPrototype()) as BigIntStats, {
    dev: device(word(words, at + DEV_MAJOR), word(words, at + DEV_MINOR)),
    mode: BigInt(word(words, at + MODE) & 0xffff),
    nlink: BigInt(word(words, at + LINK_COUNT)),
    uid: BigInt(word(words, at + UID)),
    gid: BigInt(word(words, at + GID)),
    rdev: device(word(words, at + RDEV_MAJOR), word(words, at + RDEV_MINOR)),
    blksize: BigInt(word(words, at + BLOCK_SIZE)),
    ino: wideBig(words, at + INODE),
    size: wideBig(words, at + SIZE),
    blocks: wideBig(words, at + BLOCKS),
    atimeMs: atimeNs / 1_000_000n,
    mtimeMs: mtimeNs / 1_000_000n,
    ctimeMs: ctimeNs / 1_000_000n,
    birthtimeMs: birthtimeNs / 1_000_000n,
    atimeNs,
    mtimeNs,
    ctimeNs,
    birthtimeNs,
  });
  return withDates(stats, [
    ['atime', Number(stats.atimeMs)],
    ['mtime', Number(stats.mtimeMs)],
    ['ctime', Number(stats.ctimeMs)],
    ['birthtime', Number(stats.birthtimeMs)],
  ]);
}
