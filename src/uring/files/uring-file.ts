/** An open file on a ring: its operations, how submission entries name it, and its close. */

import { EINVAL } from '../../base/errno.js';
import { PendingCount } from '../../base/pending-count.js';
import { byteCountOf, filledOf, type Span, spansAfter, type View } from '../../base/views.js';
import type {
  BackendFile,
  ManyResults,
  PoolCallback,
  Position,
  ReadResult,
  Transfer,
  WriteResult,
} from '../../contract/backend.js';
import type { CallOnFile, ResultOf } from '../../contract/file-calls.js';
import { fileClosedError, systemError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import { OP_READV, OP_WRITEV, SQE_ASYNC } from '../../native/sqe.js';
import { callCountOf } from '../engine/cancels.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { type FdReference, unregistered } from '../engine/fd-table.js';
import { resultsOfAll } from '../engine/many-calls.js';
import type { RegisteredBuffers } from '../memory/registered-buffers.js';
import { doOnRing, inPool } from './file-calls.js';
import { closeDescriptor, closeNow } from './closing.js';
import { InlineReader } from './inline-reads.js';
import { ManyReads, ManyWrites } from './many-transfers.js';
import type { OpenFile } from './open-file.js';
import type { OpenedFd } from './open-operation.js';
import { transferInPool, vectorsInPool } from './pool-transfers.js';
import { isBeyondRing, mayReadInline, workerFlags } from './routes.js';
import type { SharedByFiles } from './shared-by-files.js';
import { readTransfer, vectoredTransfer, writeTransfer } from './transfers.js';

/** iovecs in one call (IOV_MAX, readv(2)). */
const VECTORS_MAX = 1024;

/** As a position. */
const CURSOR = -1;

const HUGE_PAGE_BYTES = 2 * 1024 * 1024;
/** Less holds no whole huge page for certain, or is no mapping of its own. */
const HUGE_MEMORY_BYTES_MIN = 16 * HUGE_PAGE_BYTES;

function sliceOf(transfers: readonly Transfer[], start: number, end: number): readonly Transfer[] {
  return end - start === transfers.length ? transfers : transfers.slice(start, end);
}

function advance(position: Position, bytes: number): Position {
  if (position < 0) return position;
  return typeof position === 'bigint' ? position + BigInt(bytes) : position + bytes;
}

export class UringFile implements BackendFile, OpenFile {
  readonly #dispatcher: Dispatcher;
  readonly #shared: SharedByFiles;
  readonly fd: number;
  /** Whether it has positions, as a FIFO has not. */
  readonly isSeekable: boolean;
  /** Whether a call that would have to wait is to say so (EAGAIN) instead; a ring would wait all the same. */
  readonly #isNonBlocking: boolean;
  readonly #ownFlags: number;
  #reference: FdReference;
  /** The descriptor or table slot for submission entries, and the flag that says which. */
  target: number;
  targetFlags: number;
  readonly #inline: InlineReader | undefined;
  /** Operations on this descriptor. */
  readonly pending = new PendingCount();
  #closing: Promise<void> | undefined;

  /** @param mayStall whether the kernel's attempts without a thread may wait for a server. */
  constructor(dispatcher: Dispatcher, shared: SharedByFiles, opened: OpenedFd, mayStall: boolean) {
    const { fd, isSeekable, isNonBlocking = false } = opened;
    this.#dispatcher = dispatcher;
    this.#shared = shared;
    this.fd = fd;
    this.isSeekable = isSeekable;
    this.#isNonBlocking = isNonBlocking && !isSeekable;
    this.#reference = shared.table.acquire(fd);
    this.target = this.#reference.target;
    this.#ownFlags = workerFlags(opened, mayStall);
    this.targetFlags = this.#ownFlags | this.#reference.flags;
    const { inlineCredit } = shared;
    this.#inline = mayReadInline(opened) ? inlineCredit && new InlineReader(fd, inlineCredit) : undefined;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  isOn(dispatcher: Dispatcher): boolean {
    return this.#dispatcher === dispatcher;
  }

  /** Of the ring; undefined while it has none. */
  get pools(): RegisteredBuffers | undefined {
    const { pools } = this.#shared;
    return pools.isEmpty ? undefined : pools;
  }

  /** Whether a short write leaves the cursor where it was, as the kernel's rings do. */
  get leavesCursor(): boolean {
    return this.#dispatcher.trials.kernel === 'io_uring';
  }

  get mayWait(): boolean {
    return !this.isSeekable || this.mayStall;
  }

  get mayStall(): boolean {
    return (this.#ownFlags & SQE_ASYNC) !== 0;
  }

  isBeyondRing(position: Position): boolean {
    return isBeyondRing(this.isSeekable, position);
  }

  /** Whether the answer to a transfer there is Node's pool's. */
  #isForPool(position: Position): boolean {
    return this.#isNonBlocking || this.isBeyondRing(position);
  }

  whenIdle(): Promise<void> {
    return this.pending.whenIdle();
  }

  /**
   * For a chain that will close it, while nothing is pending. From then on it does without a table slot, which
   * would keep it open, and stand for another file that comes to have the same number.
   */
  leaveTable(): void {
    if (this.#reference.fixedIndex < 0) return;
    this.#shared.table.release(this.fd);
    this.#reference = unregistered(this.fd);
    this.target = this.fd;
    this.targetFlags = this.#ownFlags;
  }

  /** The kernel has closed the descriptor as part of a chain. */
  noteClosed(): void {
    this.#closing ??= Promise.resolve();
  }

  read<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('read'));
    if (this.#inline !== undefined && signal === undefined && this.#dispatcher.canGoInline) {
      const bytesRead = this.#inline.read(buffer, offset, length, position);
      if (bytesRead === length || bytesRead === 0) return Promise.resolve({ bytesRead, buffer });
      if (bytesRead > 0) return this.#readRest(buffer, offset, length, position, bytesRead);
    }
    if (this.#isForPool(position)) {
      const reading = transferInPool(this, 'read', buffer, offset, length, position, signal);
      return reading.then((bytesRead) => ({ bytesRead, buffer }));
    }
    return this.#dispatcher.submit(readTransfer(this, buffer, offset, length, position), signal);
  }

  /** What the page cache does not have: the ring waits for it, or finds the end of the file. */
  async #readRest<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    done: number,
  ): Promise<ReadResult<Data>> {
    const rest = readTransfer(this, buffer, offset + done, length - done, advance(position, done));
    try {
      const { bytesRead } = await this.#dispatcher.submit(rest, undefined);
      return { bytesRead: done + bytesRead, buffer };
    } catch {
      // Like read(2): what has been read counts, and the next call meets the error again.
      return { bytesRead: done, buffer };
    }
  }

  write<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('write'));
    if (this.#isForPool(position)) {
      const writing = transferInPool(this, 'write', buffer, offset, length, position, signal);
      return writing.then((bytesWritten) => ({ bytesWritten, buffer }));
    }
    if (!this.isSeekable) return this.#writeThrough(buffer, offset, length, signal);
    return this.#dispatcher.submit(writeTransfer(this, buffer, offset, length, position), signal);
  }

  /** As write(2), which waits where there is no room for all: a ring tells of what there was room for. */
  async #writeThrough<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>> {
    const bytesWritten = await this.#inParts(length, async (done) => {
      const rest = writeTransfer(this, buffer, offset + done, length - done, CURSOR);
      return (await this.#dispatcher.submit(rest, signal)).bytesWritten;
    });
    return { bytesWritten, buffer };
  }

  /**
   * Writes part after part, with the file held open in between. Like write(2): where one fails, what the others have
   * written counts, and the next call meets the error again.
   *
   * @param writePart is told how much has been written before; it resolves to how much more, 0 for an end.
   */
  async #inParts(bytes: number, writePart: (done: number) => Promise<number>): Promise<number> {
    this.pending.enter();
    let done = 0;
    try {
      do {
        const written = await writePart(done);
        if (written === 0) break;
        done += written;
      } while (done < bytes);
    } catch (error) {
      if (done === 0) throw error;
    } finally {
      this.pending.leave();
    }
    return done;
  }

  readv(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('read'));
    if (spans.length === 0) return Promise.reject(systemError(EINVAL, 'read'));
    if (this.#isForPool(position)) return vectorsInPool(this, 'read', spans, position, signal);
    return this.#dispatcher.submit(
      vectoredTransfer(this, OP_READV, spans.slice(0, VECTORS_MAX), position),
      signal,
    );
  }

  async writev(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number> {
    if (this.#closing !== undefined) throw fileClosedError('write');
    if (this.#isForPool(position)) return await vectorsInPool(this, 'write', spans, position, signal);
    if (spans.length === 0) return 0;
    let left = filledOf(spans);
    let isShort = false;
    return await this.#inParts(byteCountOf(spans), async (done) => {
      if (isShort) return 0;
      const part = left.slice(0, VECTORS_MAX);
      const transfer = vectoredTransfer(this, OP_WRITEV, part, advance(position, done));
      const written = await this.#dispatcher.submit(transfer, signal);
      // Where there are positions, something keeps the rest from being written.
      isShort = this.isSeekable && written < byteCountOf(part);
      left = spansAfter(left, written);
      return written;
    });
  }

  readMany(
    reads: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<ReadResult<View>>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('read'));
    const make = (start: number, end: number): ManyReads => new ManyReads(this, sliceOf(reads, start, end));
    const facts = { kind: 'readMany', fd: this.fd };
    return resultsOfAll(this.#dispatcher, reads.length, make, facts, signal);
  }

  writeMany(
    writes: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<WriteResult<View>>> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError('write'));
    const make = (start: number, end: number): ManyWrites =>
      new ManyWrites(this, sliceOf(writes, start, end));
    const facts = { kind: 'writeMany', fd: this.fd };
    return resultsOfAll(this.#dispatcher, writes.length, make, facts, signal);
  }

  do<Call extends CallOnFile>(call: Call, signal: AbortSignal | undefined): Promise<ResultOf<Call>>;
  do(call: CallOnFile, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#closing !== undefined) return Promise.reject(fileClosedError(call.kind));
    return call.kind === 'close' ? this.close() : doOnRing(call, this, this.#dispatcher, signal);
  }

  /** A transfer that is left to Node's pool. */
  async inPool<Result>(
    syscall: string,
    call: (fd: number, callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    if (this.#closing !== undefined) throw fileClosedError(syscall);
    return await inPool((done) => call(this.fd, done), this, this.#dispatcher, signal);
  }

  /** In huge pages a large buffer costs a five-hundredth of the page faults, which take longer than the copying. */
  expectFilling(memory: Buffer): void {
    if (memory.length < HUGE_MEMORY_BYTES_MIN) return;
    const address = addressOf(memory);
    const start = Math.ceil(address / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    const end = Math.floor((address + memory.length) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    // Refused where the kernel has none: then the pages are small ones.
    binding().adviseHugePages(start, end - start);
  }

  cancel(): number {
    const { fixedIndex } = this.#reference;
    return callCountOf(this.#dispatcher.cancels.cancelOwned(this, this.fd, fixedIndex));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.pending.whenIdle();
    await closeDescriptor(this.#dispatcher, this.#shared.table, this.fd);
  }

  closeAtOnce(): boolean {
    if (this.#closing !== undefined || !this.pending.isIdle) return false;
    this.#closing = Promise.resolve();
    if (!this.#dispatcher.isClosed) this.#shared.table.release(this.fd);
    closeNow(this.fd);
    return true;
  }
}
