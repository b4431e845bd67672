/**
 * Transfers of what has no positions, a FIFO, a terminal, some devices: at a position, or with O_NONBLOCK.
 *
 * A ring ignores the position there, and a read would wait for data. pread(2) and its kind refuse it
 * with ESPIPE, or know better, as a few devices do; so the answer is theirs, by way of Node's pool. And a ring
 * waits where read(2) and write(2) would fail with EAGAIN.
 */

import { read, readv, write, writev } from 'node:fs';
import { bytesOf, type Span, type View } from '../../base/views.js';
import type { Position, ReadResult, WriteResult } from '../../contract/backend.js';
import type { PoolCallback } from '../../contract/files.js';

/** The file. */
interface PoolFile {
  inPool<Result>(
    syscall: string,
    call: (fd: number, callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result>;
}

export async function readInPool<Data extends View>(
  file: PoolFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<ReadResult<Data>> {
  const bytesRead = await file.inPool<number>(
    'read',
    (fd, done) => read(fd, bytesOf(buffer, offset, length), 0, length, position, done),
    signal,
  );
  return { bytesRead, buffer };
}

export async function writeInPool<Data extends View>(
  file: PoolFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<WriteResult<Data>> {
  const bytesWritten = await file.inPool<number>(
    'write',
    (fd, done) => write(fd, bytesOf(buffer, offset, length), 0, length, Number(position), done),
    signal,
  );
  return { bytesWritten, buffer };
}

export function readvInPool(
  file: PoolFile,
  spans: readonly Span[],
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number> {
  return file.inPool<number>(
    'read',
    (fd, done) =>
      readv(
        fd,
        spans.map((span) => span.toBytes()),
        Number(position),
        done,
      ),
    signal,
  );
}

export function writevInPool(
  file: PoolFile,
  spans: readonly Span[],
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number> {
  return file.inPool<number>(
    'write',
    (fd, done) =>
      writev(
        fd,
        spans.map((span) => span.toBytes()),
        Number(position),
        done,
      ),
    signal,
  );
}
