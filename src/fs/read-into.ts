/**
 * A whole file into memory of the caller's, as Node's `readFile` with `buffer` does it: the size is asked for
 * first, and the memory must hold that much, wherever the cursor is.
 */

import { checkView } from '../base/validate.js';
import { bufferOf, byteLengthOf, byteOffsetOf, type View } from '../base/views.js';
import { type BackendFile, CURRENT_POSITION } from '../contract/backend.js';
import { abortError, invalidArgValue } from '../errors/index.js';
import type { ReadFileSettings } from './options.js';
import { checkSize } from './read-large.js';

/** A read in the page cache is a copy on the event loop's time. */
const CACHED_READ_BYTES_MAX = 512 * 1024;

export async function readInto(
  file: BackendFile,
  target: View | ((size: number) => View),
  { encoding, signal }: Pick<ReadFileSettings, 'encoding' | 'signal'>,
): Promise<Buffer | string> {
  const stats = await file.do({ kind: 'fstat', file, bigint: false }, signal);
  checkSize(stats);
  if (signal?.aborted) throw abortError(signal);
  // What says 0 may be /proc, which does not know.
  const size = stats.isFile() ? stats.size : 0;
  const isMade = typeof target === 'function';
  const name = isMade ? 'options.buffer().byteLength' : 'options.buffer.byteLength';
  const view = isMade ? checkView(target(size), 'options.buffer()') : target;
  const content = Buffer.from(bufferOf(view) as ArrayBuffer, byteOffsetOf(view), byteLengthOf(view));
  if (size > content.length) {
    throw invalidArgValue(name, content.length, `is smaller than the file size of ${size} bytes`);
  }

  const end = size === 0 ? content.length : size;
  const byteCount = await fill(file, content.subarray(0, end), signal);
  if (size === 0 && byteCount === end) {
    const { bytesRead } = await file.read(Buffer.allocUnsafe(1), 0, 1, CURRENT_POSITION, signal);
    if (bytesRead !== 0) throw invalidArgValue(name, end, 'is too small to contain the entire file');
  }
  const filled = content.subarray(0, byteCount);
  return encoding === undefined ? filled : filled.toString(encoding);
}

/** @returns how many bytes there were, which is less than `content` has where the file ends before. */
async function fill(file: BackendFile, content: Buffer, signal: AbortSignal | undefined): Promise<number> {
  let byteCount = 0;
  while (byteCount < content.length) {
    const length = Math.min(content.length - byteCount, CACHED_READ_BYTES_MAX);
    const { bytesRead } = await file.read(content, byteCount, length, CURRENT_POSITION, signal);
    if (bytesRead === 0) break;
    byteCount += bytesRead;
  }
  return byteCount;
}
