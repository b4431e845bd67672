/**
 * A file's bytes to a peer, by reads and writes that overlap.
 *
 * Not by splice: the kernel hands each one to a thread of its own, and needs two of them, file to pipe and
 * pipe to socket, where a read of cached pages and a send complete without one. Nor by sendfile(2), which costs
 * least and waits for the peer: slow ones would keep libuv's threads (docs/streams.md has figures).
 */
import { abortError } from '../../errors/index.js';
import type { StreamSocket } from './stream-socket.js';

const BLOCK_BYTES = 256 * 1024;

/** What sendFile needs of a FileHandle, ringlet's or Node's own. */
export interface ReadableFile {
  /** Reads up to `length` bytes at `position`, null for the cursor; 0 bytes are the end of the file. */
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{
    /** 0 at the end of the file. */
    bytesRead: number;
  }>;
}

/** @param length how many bytes at most. */
export async function sendFile(
  socket: StreamSocket,
  file: ReadableFile,
  position: number | undefined,
  length: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const blockBytes = Math.min(length, BLOCK_BYTES);
  const blocks = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)];
  let readBytes = 0;
  let writing: Promise<unknown> = Promise.resolve();
  for (let turn = 0; readBytes < length; turn++) {
    if (signal?.aborted) throw abortError(signal);
    const block = blocks[turn % 2] as Buffer;
    const from = position === undefined ? null : position + readBytes;
    const reading = file.read(block, 0, Math.min(block.length, length - readBytes), from);
    // The write before it goes on meanwhile; of the two, the first failure counts.
    const [{ bytesRead }] = await Promise.all([reading, writing]);
    if (bytesRead === 0) break;
    readBytes += bytesRead;
    writing = socket.write(block.subarray(0, bytesRead), { signal });
    writing.catch(() => {});
  }
  await writing;
  return readBytes;
}
