/**
 * A file's bytes to a peer, by reads and writes that overlap.
 *
 * Not by splice: the kernel hands each one to a thread of its own, and needs two of them, file to pipe and
 * pipe to socket, where a read of cached pages and a send complete without one. Nor by sendfile(2), which costs
 * least and waits for the peer: slow ones would keep libuv's threads (docs/streams.md has figures).
 */
import { nodeModule } from '../../base/node-modules.js';
import { abortError } from '../../errors/index.js';
import type { OnProgress } from '../../fs/progress.js';
import type { StreamSocket } from './stream-socket.js';

const BLOCK_BYTES = 256 * 1024;

const { readFile } = nodeModule('node:fs/promises');

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
  /** Looked at for `onProgress`: how many bytes there will be. */
  readonly fd?: number;
  /** The same. */
  stat?(): Promise<{
    /** False for what has no end that could be known, as a pipe. */
    isFile(): boolean;
    /** In bytes; 0 where the file does not say. */
    size: number;
  }>;
}

/** @param length how many bytes at most. */
export async function sendFile(
  socket: StreamSocket,
  file: ReadableFile,
  position: number | undefined,
  length: number,
  signal: AbortSignal | undefined,
  onProgress: OnProgress | undefined,
): Promise<number> {
  const expected = onProgress === undefined ? undefined : await bytesToSend(file, position, length);
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
    // A file that grows has at least what has been sent of it.
    const total = expected === undefined ? undefined : Math.max(expected, readBytes);
    if (readBytes > 0) onProgress?.({ bytes: readBytes, total });
    readBytes += bytesRead;
    writing = socket.write(block.subarray(0, bytesRead), { signal });
    writing.catch(() => {});
  }
  await writing;
  onProgress?.({ bytes: readBytes, total: readBytes });
  return readBytes;
}

/** Undefined where nothing says, as of a pipe, or a file in /proc. */
async function bytesToSend(
  file: ReadableFile,
  position: number | undefined,
  length: number,
): Promise<number | undefined> {
  const status = await file.stat?.();
  if (!status?.isFile() || !(status.size > 0)) return undefined;
  const from = position ?? (await cursorOf(file.fd));
  return from === undefined ? undefined : Math.min(length, Math.max(0, status.size - from));
}

/** Where the next read without a position begins, which only the kernel knows (proc_pid_fdinfo(5)). */
async function cursorOf(fd: number | undefined): Promise<number | undefined> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '');
  const [, digits] = /^pos:\s*(\d+)$/m.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
