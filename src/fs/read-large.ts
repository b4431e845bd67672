/**
 * What is left of a file that does not fit a slab. Its size is where the allocation starts; the end is where a
 * read returns 0, for files that grow or shrink meanwhile, for /proc and for pipes alike.
 *
 * A large regular file is read in several parts at once, which kernel threads copy while the event loop turns.
 */
import type { Stats } from 'node:fs';
import { type BackendFile, CURRENT_POSITION } from '../contract/backend.js';
import { fileTooLarge } from '../errors/index.js';
import { copyOf, SLAB_BYTES } from './slabs.js';

const { MAX_LENGTH } = process.getBuiltinModule('node:buffer').constants;

/** Node reads no larger file in one call (20 to 26), though a Buffer could hold it. */
const FILE_BYTES_MAX = 2 ** 31 - 1;

/** Of one read: large enough that waking a thread for it does not count. */
const PART_BYTES = 4 * 1024 * 1024;
const PARTS_AT_ONCE = 4;
/** A smaller file is read in turn. */
const SEVERAL_PARTS_BYTES = 2 * PART_BYTES;

export function checkSize(stats: Stats): void {
  if (stats.isFile() && stats.size > FILE_BYTES_MAX) throw fileTooLarge(stats.size);
}

/**
 * @param slab holds the beginning, filled to the brim.
 * @param isFromStart whether what the slab holds is the beginning of the file, and the cursor is this call's alone.
 */
export async function readBeyondSlab(
  file: BackendFile,
  slab: Buffer,
  isFromStart: boolean,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const stats = await file.do({ kind: 'fstat', file, bigint: false }, signal);
  const { size } = stats;
  checkSize(stats);
  let content: Buffer = Buffer.allocUnsafeSlow(Math.max(stats.isFile() ? size : 0, 2 * SLAB_BYTES));
  file.expectFilling?.(content);
  let byteCount = slab.copy(content);
  const isInParts = isFromStart && stats.isFile() && size >= SEVERAL_PARTS_BYTES;
  if (isInParts) byteCount = await readParts(file, content, byteCount, signal);
  for (;;) {
    const position = isInParts ? byteCount : CURRENT_POSITION;
    const room = content.length - byteCount;
    if (room > 0) {
      const length = Math.min(room, PART_BYTES);
      const { bytesRead } = await file.read(content, byteCount, length, position, signal);
      if (bytesRead === 0) return copyOf(content, byteCount);
      byteCount += bytesRead;
    } else {
      // As full as expected: most likely this is the end, and no reason to allocate more.
      const { bytesRead } = await file.read(slab, 0, SLAB_BYTES, position, signal);
      if (bytesRead === 0) return content;
      content = grow(content, bytesRead);
      slab.copy(content, byteCount, 0, bytesRead);
      byteCount += bytesRead;
    }
  }
}

/** Fills `content` from `from` on, with the same bytes of the file. Returns up to where it has come. */
async function readParts(
  file: BackendFile,
  content: Buffer,
  from: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let next = from;
  let end = content.length;
  const readInTurn = async (): Promise<void> => {
    while (next < end) {
      let at = next;
      next = Math.min(at + PART_BYTES, content.length);
      const stop = next;
      while (at < stop) {
        const { bytesRead } = await file.read(content, at, stop - at, at, signal);
        if (bytesRead === 0) {
          end = Math.min(end, at);
          return;
        }
        at += bytesRead;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, readInTurn));
  } finally {
    // After a failure the others begin no more parts.
    next = content.length;
  }
  return end;
}

function grow(content: Buffer, bytesMore: number): Buffer {
  const bytesLeast = content.length + bytesMore;
  if (bytesLeast > MAX_LENGTH) throw fileTooLarge(bytesLeast);
  const bytesWanted = Math.min(2 * content.length, MAX_LENGTH);
  const larger = Buffer.allocUnsafeSlow(Math.max(bytesLeast, bytesWanted));
  content.copy(larger);
  return larger;
}
