/**
 * Transfers at a position of what has no positions: a FIFO, a terminal, some devices.
 *
 * A ring ignores the position there, and a read would wait for data. pread(2) and its kind refuse it
 * with ESPIPE, or know better, as a few devices do; so the answer is theirs, by way of Node's pool.
 */
import { read, readv, write, writev } from 'node:fs';
import type {
  Position,
  ReadResult,
  ReadVectorResult,
  WriteResult,
  WriteVectorResult,
} from '../../backend.js';
import type { UringFile } from './uring-file.js';

type View = NodeJS.ArrayBufferView;

export async function readInPool<Data extends View>(
  file: UringFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<ReadResult<Data>> {
  const bytesRead = await file.inPool<number>(
    'read',
    (fd, done) => read(fd, buffer, offset, length, position, done),
    signal,
  );
  return { bytesRead, buffer };
}

export async function writeInPool<Data extends View>(
  file: UringFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<WriteResult<Data>> {
  const bytesWritten = await file.inPool<number>(
    'write',
    (fd, done) => write(fd, buffer, offset, length, Number(position), done),
    signal,
  );
  return { bytesWritten, buffer };
}

export async function readvInPool<Data extends readonly View[]>(
  file: UringFile,
  buffers: Data,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<ReadVectorResult<Data>> {
  const bytesRead = await file.inPool<number>(
    'read',
    (fd, done) => readv(fd, buffers, Number(position), done),
    signal,
  );
  return { bytesRead, buffers };
}

export async function writevInPool<Data extends readonly View[]>(
  file: UringFile,
  buffers: Data,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<WriteVectorResult<Data>> {
  const bytesWritten = await file.inPool<number>(
    'write',
    (fd, done) => writev(fd, buffers, Number(position), done),
    signal,
  );
  return { bytesWritten, buffers };
}
