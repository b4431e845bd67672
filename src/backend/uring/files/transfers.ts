/** Reads and writes of an open file as operations: addresses, iovecs, and what their results show. */
import type { Position, ReadResult, WriteResult } from '../../backend.js';
import { TransferOperation } from './file-operations.js';
import { PooledTransfer, PooledVectors } from './pooled-transfers.js';
import type { UringFile } from './uring-file.js';
import { OP_READ, OP_READV, OP_WRITE, OP_WRITEV } from '../layout.js';
import { addressOf, writeWide } from '../dispatch/memory.js';

type View = NodeJS.ArrayBufferView;

/** What the kernel takes in one transfer (MAX_RW_COUNT, read(2)). */
const TRANSFER_BYTES_MAX = 0x7ffff000;
const IOVEC_BYTES = 16;

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
  file: UringFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
): TransferOperation<ReadResult<Data>> {
  const bytes = length > TRANSFER_BYTES_MAX ? TRANSFER_BYTES_MAX : length;
  const address = addressOf(buffer) + offset;
  const pooled = file.pools?.find(buffer, address, bytes);
  if (pooled !== undefined) {
    return new PooledTransfer(pooled, file, OP_READ, address, bytes, position, buffer, toReadResult<Data>);
  }
  return new TransferOperation<ReadResult<Data>>(
    file,
    OP_READ,
    address,
    bytes,
    position,
    buffer,
    toReadResult,
  );
}

export function writeTransfer<Data extends View>(
  file: UringFile,
  buffer: Data,
  offset: number,
  length: number,
  position: Position,
): TransferOperation<WriteResult<Data>> {
  const bytes = length > TRANSFER_BYTES_MAX ? TRANSFER_BYTES_MAX : length;
  const address = addressOf(buffer) + offset;
  const pooled = file.pools?.find(buffer, address, bytes);
  if (pooled !== undefined) {
    return new PooledTransfer(pooled, file, OP_WRITE, address, bytes, position, buffer, toWriteResult<Data>);
  }
  return new TransferOperation<WriteResult<Data>>(
    file,
    OP_WRITE,
    address,
    bytes,
    position,
    buffer,
    toWriteResult,
  );
}

/** Resolves to the number of bytes. The kernel takes 1 to 1024 views (IOV_MAX). */
export function readvTransfer(
  file: UringFile,
  views: readonly View[],
  position: Position,
): TransferOperation<number> {
  return vectoredTransfer(file, OP_READV, views, position);
}

/** The same for writing. */
export function writevTransfer(
  file: UringFile,
  views: readonly View[],
  position: Position,
): TransferOperation<number> {
  return vectoredTransfer(file, OP_WRITEV, views, position);
}

function vectoredTransfer(
  file: UringFile,
  opcode: number,
  views: readonly View[],
  position: Position,
): TransferOperation<number> {
  const iovecs = new Uint32Array((views.length * IOVEC_BYTES) / 4);
  views.forEach((view, index) => {
    writeWide(iovecs, index * 4, addressOf(view));
    writeWide(iovecs, index * 4 + 2, view.byteLength);
  });
  // The iovecs, and the views that they name.
  const data = { iovecs, views };
  const { pools } = file;
  if (pools !== undefined) {
    const pooled = views.flatMap((view) => pools.find(view, addressOf(view), view.byteLength)?.buffer ?? []);
    const address = addressOf(iovecs);
    return new PooledVectors(pooled, file, opcode, address, views.length, position, data, toCount);
  }
  return new TransferOperation<number>(
    file,
    opcode,
    addressOf(iovecs),
    views.length,
    position,
    data,
    toCount,
  );
}
