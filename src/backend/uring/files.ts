/** Files on a ring: open descriptors, and operations on paths. */
import { type BigIntStats, ftruncate, type Stats } from 'node:fs';
import { fileClosedError, ringClosedError, systemError } from '../../errors.js';
import type {
  BackendFile,
  FileBackend,
  Path,
  Position,
  ReadResult,
  ReadVectorResult,
  WriteResult,
  WriteVectorResult,
} from '../backend.js';
import { PendingCount } from '../pending-count.js';
import { binding } from './binding.js';
import type { Dispatcher } from './dispatcher.js';
import { type FdTable, NOT_REGISTERED } from './fd-table.js';
import {
  CloseOperation,
  FileOperation,
  PathOperation,
  StatOperation,
  TransferOperation,
} from './file-operations.js';
import { OP_FTRUNCATE, OP_READ, OP_READV, OP_WRITE, OP_WRITEV, SQE_FIXED_FILE } from './layout.js';
import { addressOf, writeWide } from './memory.js';
import { openDescriptor } from './open.js';

type View = NodeJS.ArrayBufferView;

/** What the kernel takes in one transfer (MAX_RW_COUNT, read(2)). */
const TRANSFER_BYTES_MAX = 0x7ffff000;
/** iovecs in one call (IOV_MAX, readv(2)). */
const VECTORS_MAX = 1024;
const IOVEC_BYTES = 16;

const EINVAL = -22;

function toReadResult<Data extends View>(bytesRead: number, buffer: Data): ReadResult<Data> {
  return { bytesRead, buffer };
}

function toWriteResult<Data>(bytesWritten: number, buffer: Data): WriteResult<Data> {
  return { bytesWritten, buffer };
}

function toCount(bytes: number): number {
  return bytes;
}

/** What a vectored transfer points the kernel at: the iovecs, and the views that these name. */
interface Vectors {
  iovecs: Uint32Array;
  views: readonly View[];
}

function toVectors(views: readonly View[]): Vectors {
  const iovecs = new Uint32Array((views.length * IOVEC_BYTES) / 4);
  views.forEach((view, index) => {
    writeWide(iovecs, index * 4, addressOf(view));
    writeWide(iovecs, index * 4 + 2, view.byteLength);
  });
  return { iovecs, views };
}

function byteCount(views: readonly View[]): number {
  return views.reduce((bytes, view) => bytes + view.byteLength, 0);
}

function advance(position: Position, bytes: number): Position {
  if (position < 0) return position;
  return typeof position === 'bigint' ? position + BigInt(bytes) : position + bytes;
}

export class UringFile implements BackendFile {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #fd: number;
  readonly #fixedIndex: number;
  /** The descriptor or table slot for submission entries, and the flag that says which. */
  readonly target: number;
  readonly targetFlags: number;
  /** Operations on this descriptor. */
  readonly pending = new PendingCount();
  #closing: Promise<void> | undefined;

  constructor(dispatcher: Dispatcher, table: FdTable, fd: number) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#fd = fd;
    this.#fixedIndex = table.acquire(fd);
    const isFixed = this.#fixedIndex !== NOT_REGISTERED;
    this.target = isFixed ? this.#fixedIndex : fd;
    this.targetFlags = isFixed ? SQE_FIXED_FILE : 0;
  }

  get fd(): number {
    return this.#fd;
  }

  read<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('read'));
    const bytes = length > TRANSFER_BYTES_MAX ? TRANSFER_BYTES_MAX : length;
    const address = addressOf(buffer) + offset;
    return this.#dispatcher.submit(
      new TransferOperation<ReadResult<Data>>(this, OP_READ, address, bytes, position, buffer, toReadResult),
      signal,
    );
  }

  write<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('write'));
    const bytes = length > TRANSFER_BYTES_MAX ? TRANSFER_BYTES_MAX : length;
    const address = addressOf(buffer) + offset;
    return this.#dispatcher.submit(
      new TransferOperation<WriteResult<Data>>(
        this,
        OP_WRITE,
        address,
        bytes,
        position,
        buffer,
        toWriteResult,
      ),
      signal,
    );
  }

  async readv<Data extends readonly View[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadVectorResult<Data>> {
    if (this.#closing !== undefined) throw fileClosedError('read');
    if (buffers.length === 0) throw systemError(EINVAL, 'read');
    const bytesRead = await this.#transferVectors(OP_READV, buffers.slice(0, VECTORS_MAX), position, signal);
    return { bytesRead, buffers };
  }

  async writev<Data extends readonly View[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteVectorResult<Data>> {
    if (this.#closing !== undefined) throw fileClosedError('write');
    // Held open between the parts.
    this.pending.enter();
    try {
      let bytesWritten = 0;
      for (let start = 0; start < buffers.length; start += VECTORS_MAX) {
        const part = buffers.slice(start, start + VECTORS_MAX);
        const from = advance(position, bytesWritten);
        const written = await this.#transferVectors(OP_WRITEV, part, from, signal);
        bytesWritten += written;
        if (written < byteCount(part)) break;
      }
      return { bytesWritten, buffers };
    } finally {
      this.pending.leave();
    }
  }

  #transferVectors(
    opcode: number,
    views: readonly View[],
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const vectors = toVectors(views);
    const address = addressOf(vectors.iovecs);
    return this.#dispatcher.submit(
      new TransferOperation<number>(this, opcode, address, views.length, position, vectors, toCount),
      signal,
    );
  }

  stat(bigint: false, signal: AbortSignal | undefined): Promise<Stats>;
  stat(bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats>;
  async stat(bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    if (this.#closing !== undefined) throw fileClosedError('fstat');
    return await this.#dispatcher.submit(new StatOperation(this, bigint), signal);
  }

  async sync(signal: AbortSignal | undefined): Promise<void> {
    if (this.#closing !== undefined) throw fileClosedError('fsync');
    await this.#dispatcher.submit(new FileOperation(this, 'fsync'), signal);
  }

  async datasync(signal: AbortSignal | undefined): Promise<void> {
    if (this.#closing !== undefined) throw fileClosedError('fdatasync');
    await this.#dispatcher.submit(new FileOperation(this, 'fdatasync'), signal);
  }

  async truncate(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closing !== undefined) throw fileClosedError('ftruncate');
    if (this.#dispatcher.supportsOp(OP_FTRUNCATE)) {
      await this.#dispatcher.submit(new FileOperation(this, 'ftruncate', bytes), signal);
      return;
    }
    // Before Linux 6.9: Node's thread pool.
    this.pending.enter();
    try {
      await new Promise<void>((resolve, reject) => {
        ftruncate(this.#fd, bytes, (error) => (error ? reject(error) : resolve()));
      });
    } finally {
      this.pending.leave();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.pending.whenIdle();
    await closeDescriptor(this.#dispatcher, this.#table, this.#fd);
  }
}

/** Gives a descriptor back, through the ring while there is one. Nothing may refer to it any more. */
export async function closeDescriptor(dispatcher: Dispatcher, table: FdTable, fd: number): Promise<void> {
  if (dispatcher.isClosed) {
    const closed = binding().closeFd(fd);
    if (closed < 0) throw systemError(closed, 'close');
    return;
  }
  table.release(fd);
  await dispatcher.submitAnyway(new CloseOperation(fd));
}

export class UringFiles implements FileBackend {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;

  constructor(dispatcher: Dispatcher, table: FdTable) {
    this.#dispatcher = dispatcher;
    this.#table = table;
  }

  async open(path: Path, flags: number, mode: number, signal: AbortSignal | undefined): Promise<BackendFile> {
    const fd = await openDescriptor(this.#dispatcher, path, flags, mode, signal);
    if (this.#dispatcher.isClosing) {
      // The ring was closed while the kernel opened the file: nobody may use it any more.
      binding().closeFd(fd);
      throw ringClosedError();
    }
    return new UringFile(this.#dispatcher, this.#table, fd);
  }

  async stat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    return await this.#dispatcher.submit(new StatOperation(path, bigint), signal);
  }

  async rename(from: Path, to: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('rename', from, to, 0), signal);
  }

  async unlink(path: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('unlink', path, undefined, 0), signal);
  }

  async mkdir(path: Path, mode: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('mkdir', path, undefined, mode), signal);
  }
}
