/** Reads and writes of an open file as operations: addresses, iovecs, and what their results show. */
import type { Span, View } from '../../base/views.js';
import type { Position, ReadResult, WriteResult } from '../../contract/backend.js';
import { KERNEL_TRANSFER_BYTES_MAX } from '../../contract/chain-steps.js';
import { addressOf } from '../../native/addresses.js';
import { OP_READ, OP_WRITE } from '../../native/sqe.js';
import { Vectors } from '../engine/vectors.js';
import { TransferOperation } from './transfer-operation.js';
import type { OpenFile } from './open-file.js';
import { PooledTransfer, PooledVectors } from './pooled-transfers.js';

function toReadResult<Data extends View>(bytesRead: number, buffer: Data): ReadResult<Data> {
  return { bytesRead, buffer };
}

function toWriteResult<Data>(bytesWritten: number, buffer: Data): WriteResult<Data> {
  return { bytesWritten, buffer };
}

function toCount(bytes: number): number {
  return bytes;
}

export function readTransfer<Data extends View>(
  file: OpenFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
): TransferOperation<ReadResult<Data>> {
  return transfer(file, OP_READ, buffer, offset, length, position, toReadResult<Data>);
}

export function writeTransfer<Data extends View>(
  file: OpenFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
): TransferOperation<WriteResult<Data>> {
  return transfer(file, OP_WRITE, buffer, offset, length, position, toWriteResult<Data>);
}

function transfer<Data extends View, Result>(
  file: OpenFile,
  opcode: number,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
  toResult: (bytes: number, buffer: Data) => Result,
): TransferOperation<Result> {
  const bytes = length > KERNEL_TRANSFER_BYTES_MAX ? KERNEL_TRANSFER_BYTES_MAX : length;
  const pooled = file.pools?.find(buffer, addressOf(buffer) + offset, bytes);
  if (pooled !== undefined) {
    return new PooledTransfer(pooled, file, opcode, buffer, offset, bytes, position, toResult);
  }
  return new TransferOperation<Result>(file, opcode, buffer, offset, bytes, position, toResult);
}

/** Resolves to the number of bytes. The kernel takes 1 to 1024 spans (IOV_MAX). @param opcode OP_READV or OP_WRITEV. */
export function vectoredTransfer(
  file: OpenFile,
  opcode: number,
  spans: readonly Span[],
  position: Position,
): TransferOperation<number> {
  const vectors = new Vectors(spans);
  const { pools } = file;
  if (pools === undefined) {
    return new TransferOperation<number>(file, opcode, vectors, 0, vectors.count, position, toCount);
  }
  const pooled = spans.flatMap(({ view, bytes }) => pools.find(view, addressOf(view), bytes)?.buffer ?? []);
  return new PooledVectors(pooled, file, opcode, vectors, position, toCount);
}
