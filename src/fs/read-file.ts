/**
 * A whole file in one call: open, read until the end, close.
 *
 * The size is not asked for at first: a small file is over after one read into a slab, and most
 * files are small. Only a slab that fills up leads to fstat, and even then its answer is only
 * where the allocation starts: the end is where a read returns 0, for files that grow, for /proc
 * and for pipes alike.
 */
import { constants } from 'node:buffer';
import { type BackendFile, CURRENT_POSITION, type FileBackend, type Path } from '../backend/backend.js';
import { abortError, fileTooLarge } from '../errors.js';
import type { ReadFileSettings } from './options.js';
import { acquireSlab, releaseSlab, SLAB_BYTES } from './slabs.js';
import { withFile } from './with-file.js';

/** A read in the page cache is a copy on the event loop's time, so a large file takes several. */
const READ_BYTES_MAX = 512 * 1024;

export async function readPath(
  files: FileBackend,
  path: Path,
  settings: ReadFileSettings,
): Promise<Buffer | string> {
  const { encoding, flags, signal } = settings;
  return await withFile(files, path, flags, 0o666, signal, (file) => readWhole(file, encoding, signal));
}

/** What is left of an open file from its cursor on. */
export async function readWhole(
  file: BackendFile,
  encoding: BufferEncoding | undefined,
  signal: AbortSignal | undefined,
): Promise<Buffer | string> {
  if (signal?.aborted) throw abortError(signal);
  const slab = acquireSlab();
  // After a failure the slab is not given back: an aborted read may still be writing into it.
  let byteCount = 0;
  while (byteCount < SLAB_BYTES) {
    const room = SLAB_BYTES - byteCount;
    const { bytesRead } = await file.read(slab, byteCount, room, CURRENT_POSITION, signal);
    if (bytesRead === 0) {
      const content =
        encoding === undefined ? copyOf(slab, byteCount) : slab.toString(encoding, 0, byteCount);
      releaseSlab(slab);
      return content;
    }
    byteCount += bytesRead;
  }
  const content = await readBeyondSlab(file, slab, signal);
  releaseSlab(slab);
  return encoding === undefined ? content : content.toString(encoding);
}

/** The slab holds the beginning, filled to the brim. */
async function readBeyondSlab(
  file: BackendFile,
  slab: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { size } = await file.stat(false, signal);
  if (size > constants.MAX_LENGTH) throw fileTooLarge(size);
  let content: Buffer = Buffer.allocUnsafeSlow(Math.max(size, 2 * SLAB_BYTES));
  let byteCount = slab.copy(content);
  for (;;) {
    const room = content.length - byteCount;
    if (room > 0) {
      const length = Math.min(room, READ_BYTES_MAX);
      const { bytesRead } = await file.read(content, byteCount, length, CURRENT_POSITION, signal);
      if (bytesRead === 0) return copyOf(content, byteCount);
      byteCount += bytesRead;
    } else {
      // As full as expected: most likely this is the end, and no reason to allocate more.
      const { bytesRead } = await file.read(slab, 0, SLAB_BYTES, CURRENT_POSITION, signal);
      if (bytesRead === 0) return content;
      content = grow(content, bytesRead);
      slab.copy(content, byteCount, 0, bytesRead);
      byteCount += bytesRead;
    }
  }
}

function grow(content: Buffer, bytesMore: number): Buffer {
  const bytesLeast = content.length + bytesMore;
  if (bytesLeast > constants.MAX_LENGTH) throw fileTooLarge(bytesLeast);
  const bytesWanted = Math.min(2 * content.length, constants.MAX_LENGTH);
  const larger = Buffer.allocUnsafeSlow(Math.max(bytesLeast, bytesWanted));
  content.copy(larger);
  return larger;
}

/** In memory of exactly its size, so that a short content does not hold on to a long buffer. */
function copyOf(buffer: Buffer, byteCount: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(byteCount);
  buffer.copy(copy, 0, 0, byteCount);
  return copy;
}
