/**
 * Transfers of what has no positions, a FIFO, a terminal, some devices: at a position, or with O_NONBLOCK.
 *
 * A ring ignores the position there, and a read would wait for data. pread(2) and its kind refuse it
 * with ESPIPE, or know better, as a few devices do; so the answer is theirs, by way of Node's pool. And a ring
 * waits where read(2) and write(2) would fail with EAGAIN.
 */

import { nodeModule } from '../../base/node-modules.js';
import { bytesOf, filledOf, type Span, type View } from '../../base/views.js';
import type { Position } from '../../contract/backend.js';
import type { PoolCallback } from '../../contract/files.js';

const { read, readv, write, writev } = nodeModule('node:fs');

/** The file. */
interface PoolFile {
  inPool<Result>(
    syscall: string,
    call: (fd: number, callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result>;
}

/** Resolves to the number of bytes, as all of these do. */
export function transferInPool(
  file: PoolFile,
  syscall: 'read' | 'write',
  buffer: View,
  offset: number,
  length: number,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number> {
  const start = (fd: number, done: PoolCallback<number>): void => {
    const bytes = bytesOf(buffer, offset, length);
    if (syscall === 'read') read(fd, bytes, 0, length, position, done);
    else write(fd, bytes, 0, length, Number(position), done);
  };
  return file.inPool(syscall, start, signal);
}

export function vectorsInPool(
  file: PoolFile,
  syscall: 'read' | 'write',
  spans: readonly Span[],
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number> {
  const start = (fd: number, done: PoolCallback<number>): void => {
    const pieces = (syscall === 'read' ? spans : filledOf(spans)).map((span) => span.toBytes());
    if (syscall === 'read') readv(fd, pieces, Number(position), done);
    else writev(fd, pieces, Number(position), done);
  };
  return file.inPool(syscall, start, signal);
}
