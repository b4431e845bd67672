/**
 * The directory that a call works in, the same for each side and made anew between them; and what is in it
 * afterwards.
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

/** Fills the working directory. */
function fill(): void {
  writeFileSync('file', '0123456789');
  writeFileSync('empty', '');
  writeFileSync('text', 'one\ntwo\r\nthrée\n€uro');
  writeFileSync('long', LONG_TEXT);
  writeFileSync('readonly', 'read me');
  chmodSync('readonly', 0o444);
  writeFileSync('old', 'of old');
  utimesSync('old', 1e9, 1e9 + 1);
  writeFileSync('with space', ' ');
  writeFileSync('ünïcode', 'ü');
  writeFileSync(RAW_NAME, 'raw');
  mkdirSync('dir');
  mkdirSync('full/deeper', { recursive: true });
  writeFileSync('full/x', 'x');
  writeFileSync('full/deeper/y.txt', 'y');
  symlinkSync('../x', 'full/deeper/up');
  symlinkSync('file', 'link');
  symlinkSync('full', 'dirlink');
  symlinkSync('missing', 'dangling');
  symlinkSync('loop', 'loop');
  linkSync('file', 'twin');
  chmodSync('dir', 0o755);
}

/** The working directory as text, one line a name: kind, mode, owner, links, content, times that were set. */
export function snapshot(): string {
  const lines: string[] = [];
  list(Buffer.from('.'), lines);
  return lines.join('\n');
}

function list(directory: Buffer, lines: string[]): void {
  for (const name of readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
    const path = Buffer.concat([directory, Buffer.from('/'), name]);
    const stats = lstatSync(path);
    const mode = (stats.mode & 0o7777).toString(8);
    const time = stats.mtimeMs < RECENT_MS ? ` modified ${stats.mtimeMs}` : '';
    let line = `${path.toString('latin1')} ${mode} ${stats.uid}:${stats.gid} links ${stats.nlink}${time}`;
    if (stats.isSymbolicLink()) line += ` -> ${readlinkSync(path)}`;
    else if (stats.isFile()) line += ` ${stats.size} ${contentOf(path, stats.size)}`;
    else line += stats.isDirectory() ? ' directory' : ' special';
    lines.push(line);
    if (stats.isDirectory()) list(path, lines);
  }
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
  /** Makes it as it was, unless `seen` says that it is. */
  restore(seen: string): void;
}

/** Makes the directory at `root`, whose parent exists. */
export function createWorld(root: string): World {
  const enter = (): void => {
    process.chdir(root);
  };
  const make = (): void => {
    mkdirSync(root);
    enter();
    fill();
  };
  make();
  const pristine = snapshot();
  let count = 0;
  return {
    root,
    enter,
    look() {
      enter();
      return snapshot();
    },
    restore(seen) {
      if (seen === pristine) return;
      // Renamed first: what a call left running in the background must not meet the new directory.
      const old = `${root}.old${count++}`;
      process.chdir('/');
      renameSync(root, old);
      rmSync(old, { recursive: true });
      make();
    },
  };
}
