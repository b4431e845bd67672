/**
 * The directory that a call works in, the same for each side: what the call has changed is made anew between them;
 * and what is in it afterwards.
 *
 * Everything here is synchronous and Node's own: it is the measure, not what is measured.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

/** Files younger than this were made or changed by the tests, and their times say nothing. */
export const RECENT_MS = Date.UTC(2021, 0, 1);

const SHOWN_BYTES_MAX = 64;
const READ_BYTES_MAX = 1 << 20;
/** A name that is not UTF-8. */
export const RAW_NAME = Buffer.from([0x72, 0xff, 0xfe, 0x77]);

/** 100,003 bytes in lines: beyond any slab or high-water mark, and no multiple of a block. */
const LONG_TEXT = Buffer.alloc(100_003, 'The quick brown fox jumps over the lazy dog.\n');

/** What the working directory is filled with: names that belong together, and how they are made. */
const ENTRIES: readonly (readonly [names: readonly (string | Buffer)[], make: () => void])[] = [
  [
    ['file', 'twin'],
    () => {
      writeFileSync('file', '0123456789');
      linkSync('file', 'twin');
    },
  ],
  [['empty'], () => writeFileSync('empty', '')],
  [['text'], () => writeFileSync('text', 'one\ntwo\r\nthrée\n€uro')],
  [['long'], () => writeFileSync('long', LONG_TEXT)],
  [
    ['readonly'],
    () => {
      writeFileSync('readonly', 'read me');
      chmodSync('readonly', 0o444);
    },
  ],
  [
    ['old'],
    () => {
      writeFileSync('old', 'of old');
      utimesSync('old', 1e9, 1e9 + 1);
    },
  ],
  [['with space'], () => writeFileSync('with space', ' ')],
  [['ünïcode'], () => writeFileSync('ünïcode', 'ü')],
  [[RAW_NAME], () => writeFileSync(RAW_NAME, 'raw')],
  [
    ['dir'],
    () => {
      mkdirSync('dir');
      chmodSync('dir', 0o755);
    },
  ],
  [
    ['full'],
    () => {
      mkdirSync('full/deeper', { recursive: true });
      writeFileSync('full/x', 'x');
      writeFileSync('full/deeper/y.txt', 'y');
      symlinkSync('../x', 'full/deeper/up');
    },
  ],
  [['link'], () => symlinkSync('file', 'link')],
  [['dirlink'], () => symlinkSync('full', 'dirlink')],
  [['dangling'], () => symlinkSync('missing', 'dangling')],
  [['loop'], () => symlinkSync('loop', 'loop')],
];

/** The working directory as text, one line a name: kind, mode, owner, links, content, times that were set. */
export function snapshot(): string {
  return textOf(look());
}

/** The lines about each name of the working directory, and about what is below it. */
type Sight = ReadonlyMap<string, string>;

function look(): Sight {
  const sight = new Map<string, string>();
  for (const name of namesIn('.').sort(Buffer.compare)) {
    const lines: string[] = [];
    list(Buffer.concat([Buffer.from('./'), name]), lines);
    sight.set(keyOf(name), lines.join('\n'));
  }
  return sight;
}

function textOf(sight: Sight): string {
  return [...sight.values()].join('\n');
}

function namesIn(directory: string | Buffer): Buffer[] {
  return readdirSync(directory, { encoding: 'buffer' });
}

/** Names are bytes, and not all of them are UTF-8. */
function keyOf(name: string | Buffer): string {
  return Buffer.from(name).toString('latin1');
}

function list(path: Buffer, lines: string[]): void {
  const stats = lstatSync(path);
  let line = `${path.toString('latin1')} ${attributesOf(stats)} links ${stats.nlink}`;
  if (stats.mtimeMs < RECENT_MS) line += ` modified ${stats.mtimeMs}`;
  if (stats.isSymbolicLink()) line += ` -> ${readlinkSync(path)}`;
  else if (stats.isFile()) line += ` ${stats.size} ${contentOf(path, stats.size)}`;
  else line += stats.isDirectory() ? ' directory' : ' special';
  lines.push(line);
  if (!stats.isDirectory()) return;
  for (const name of namesIn(path).sort(Buffer.compare)) {
    list(Buffer.concat([path, Buffer.from('/'), name]), lines);
  }
}

function attributesOf({ mode, uid, gid }: Stats): string {
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

function contentOf(path: Buffer, bytes: number): string {
  // Sparse giants are told by their size alone.
  return bytes > READ_BYTES_MAX ? 'long' : showBytes(readFileSync(path));
}

/** Bytes for a comparison that a person may have to read. */
export function showBytes(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, SHOWN_BYTES_MAX)).toString('latin1');
  if (bytes.length <= SHOWN_BYTES_MAX) return JSON.stringify(head);
  return `${JSON.stringify(head)}… ${createHash('sha1').update(bytes).digest('hex')}`;
}

export interface World {
  readonly root: string;
  /** Makes it the working directory. */
  enter(): void;
  /** What is in it, as text. */
  look(): string;
  /** Makes what was not as ever at the last look anew. */
  restore(): void;
}

/** Makes the directory at `root`, whose parent exists. */
export function createWorld(root: string): World {
  let count = 0;
  const enter = (): void => {
    process.chdir(root);
  };
  const make = (): void => {
    mkdirSync(root);
    enter();
    for (const [, makeEntry] of ENTRIES) makeEntry();
  };
  /** What stands in the way is renamed first: a call left running in the background must not meet the new one. */
  const remove = (name: string | Buffer, place: string): void => {
    const old = `${place}.old${count++}`;
    renameSync(name, old);
    rmSync(old, { recursive: true });
  };
  const makeAgain = (): void => {
    process.chdir('/');
    remove(root, root);
    make();
  };
  /** The order is that of readdir(3), which tests compare too: some file systems have it by age. */
  const frame = (): string => {
    const names = namesIn('.').map((name) => keyOf(name));
    return `${attributesOf(lstatSync('.'))} ${names.join('/')}`;
  };
  make();
  const pristine = look();
  const pristineFrame = frame();
  let seen = pristine;

  return {
    root,
    enter,
    look() {
      enter();
      seen = look();
      return textOf(seen);
    },
    restore() {
      const names = new Set([...pristine.keys(), ...seen.keys()]);
      const changed = new Set([...names].filter((name) => seen.get(name) !== pristine.get(name)));
      if (changed.size === 0) return;
      const stale = ENTRIES.filter(([entry]) => entry.some((name) => changed.has(keyOf(name))));
      for (const name of stale.flatMap(([entry]) => entry)) changed.add(keyOf(name));
      for (const name of changed) if (seen.has(name)) remove(Buffer.from(name, 'latin1'), '');
      for (const [, makeEntry] of stale) makeEntry();
      if (frame() !== pristineFrame) makeAgain();
    },
  };
}
