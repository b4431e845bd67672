/** Files on a ring: open descriptors, and operations on paths. */
import { type BigIntStats, constants, ftruncate, type Stats } from 'node:fs';
import { orAborted } from '../../abort.js';
import { abortError, fileClosedError, otherRingError, ringClosedError, systemError } from '../../errors.js';
import type {
  BackendFile,
  FileBackend,
  OpenRules,
  Path,
  PoolCallback,
  Position,
  ReadResult,
  ReadVectorResult,
  SymlinkType,
  WholeRead,
  WholeWrite,
  WriteResult,
  WriteVectorResult,
} from '../backend.js';
import { PendingCount } from '../pending-count.js';
import { called } from '../pool-call.js';
import { binding } from './binding.js';
import type { CachedPaths, OpenedRead } from './cached-paths.js';
import { type DirectSlots, NO_DIRECT_SLOT } from './direct-slots.js';
import type { Dispatcher } from './dispatcher.js';
import { type FdTable, NOT_REGISTERED } from './fd-table.js';
import { CloseOperation, FileOperation, StatOperation } from './file-operations.js';
import { InlineReader } from './inline-reads.js';
import { OP_FTRUNCATE, SQE_ASYNC, SQE_FIXED_FILE } from './layout.js';
import { addressOf } from './memory.js';
import { openDescriptor } from './open.js';
import { type OpenedFd, type OpenFrom, OpenOperation, PathOperation } from './path-operations.js';
import { readInPool, readvInPool, writeInPool, writevInPool } from './pool-transfers.js';
import { type FurtherReader, InstallOperation, WholeReadOperation } from './whole-read.js';
import { type FurtherWriter, WholeWriteOperation } from './whole-write.js';
import { readTransfer, readvTransfer, writeTransfer, writevTransfer } from './transfers.js';

type View = NodeJS.ArrayBufferView;

/** iovecs in one call (IOV_MAX, readv(2)). */
const VECTORS_MAX = 1024;

const EINVAL = -22;

/** Whole pages, for `FileHandle.advise` and `syncRange`. */
const RANGE_BYTES_MAX = 2 ** 31;

const HUGE_PAGE_BYTES = 2 * 1024 * 1024;
/** Less holds no whole huge page for certain, or is no mapping of its own. */
const HUGE_MEMORY_BYTES_MIN = 16 * HUGE_PAGE_BYTES;

/** Descriptors that reads on the spot may have opened and not read to the end. */
const OPENED_READS_MAX = 64;

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
  readonly #isSeekable: boolean;
  readonly #ownFlags: number;
  #fixedIndex: number;
  /** The descriptor or table slot for submission entries, and the flag that says which. */
  target: number;
  targetFlags: number;
  readonly #inline: InlineReader | undefined;
  /** Operations on this descriptor. */
  readonly pending = new PendingCount();
  #closing: Promise<void> | undefined;

  /** @param mayStall whether the kernel's attempts without a thread may wait for a server. */
  constructor(dispatcher: Dispatcher, table: FdTable, { fd, isSeekable }: OpenedFd, mayStall: boolean) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#fd = fd;
    this.#isSeekable = isSeekable;
    this.#fixedIndex = table.acquire(fd);
    const isFixed = this.#fixedIndex !== NOT_REGISTERED;
    this.target = isFixed ? this.#fixedIndex : fd;
    this.#ownFlags = mayStall ? SQE_ASYNC : 0;
    this.targetFlags = this.#ownFlags | (isFixed ? SQE_FIXED_FILE : 0);
    const { inlineCredit } = dispatcher;
    this.#inline = inlineCredit && new InlineReader(fd, inlineCredit);
  }

  get fd(): number {
    return this.#fd;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  isOn(dispatcher: Dispatcher): boolean {
    return this.#dispatcher === dispatcher;
  }

  get mayWait(): boolean {
    return !this.#isSeekable || this.mayStall;
  }

  get mayStall(): boolean {
    return this.#ownFlags !== 0;
  }

  /** Whether the ring would take a transfer there for one at the cursor. */
  #isBeyondRing(position: Position): boolean {
    return !this.#isSeekable && position >= 0;
  }

  whenIdle(): Promise<void> {
    return this.pending.whenIdle();
  }

  /**
   * For a chain that will close it, while nothing is pending. From then on it does without a table slot, which
   * would keep it open, and stand for another file that comes to have the same number.
   */
  leaveTable(): void {
    if (this.#fixedIndex === NOT_REGISTERED) return;
    this.#table.release(this.#fd);
    this.#fixedIndex = NOT_REGISTERED;
    this.target = this.#fd;
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
    if (this.#isBeyondRing(position)) return readInPool(this, buffer, offset, length, position, signal);
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
    if (this.#isBeyondRing(position)) return writeInPool(this, buffer, offset, length, position, signal);
    return this.#dispatcher.submit(writeTransfer(this, buffer, offset, length, position), signal);
  }

  async readv<Data extends readonly View[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadVectorResult<Data>> {
    if (this.#closing !== undefined) throw fileClosedError('read');
    if (buffers.length === 0) throw systemError(EINVAL, 'read');
    if (this.#isBeyondRing(position)) return await readvInPool(this, buffers, position, signal);
    const bytesRead = await this.#dispatcher.submit(
      readvTransfer(this, buffers.slice(0, VECTORS_MAX), position),
      signal,
    );
    return { bytesRead, buffers };
  }

  async writev<Data extends readonly View[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteVectorResult<Data>> {
    if (this.#closing !== undefined) throw fileClosedError('write');
    if (this.#isBeyondRing(position)) return await writevInPool(this, buffers, position, signal);
    // Held open between the parts.
    this.pending.enter();
    try {
      let bytesWritten = 0;
      for (let start = 0; start < buffers.length; start += VECTORS_MAX) {
        const part = buffers.slice(start, start + VECTORS_MAX);
        const from = advance(position, bytesWritten);
        const written = await this.#dispatcher.submit(writevTransfer(this, part, from), signal);
        bytesWritten += written;
        if (written < byteCount(part)) break;
      }
      return { bytesWritten, buffers };
    } finally {
      this.pending.leave();
    }
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
    // Before Linux 6.9.
    await this.inPool<void>('ftruncate', (fd, callback) => ftruncate(fd, bytes, callback), signal);
  }

  async allocate(
    mode: number,
    offset: number,
    bytes: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#closing !== undefined) throw fileClosedError('fallocate');
    await this.#dispatcher.submit(new FileOperation(this, 'fallocate', bytes, offset, mode), signal);
  }

  async inPool<Result>(
    syscall: string,
    call: (fd: number, callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    if (this.#closing !== undefined) throw fileClosedError(syscall);
    if (this.#dispatcher.isClosing) throw ringClosedError();
    if (signal?.aborted) throw abortError(signal);
    this.pending.enter();
    const running = called<Result>((callback) => call(this.#fd, callback)).finally(() =>
      this.pending.leave(),
    );
    return await (signal === undefined ? running : orAborted(running, signal));
  }

  async advise(
    offset: number,
    bytes: number,
    advice: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.#onRange('fadvise64', offset, bytes, advice, signal);
  }

  async syncRange(
    offset: number,
    bytes: number,
    flags: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.#onRange('sync_file_range', offset, bytes, flags, signal);
  }

  /** The kernel's entries have 32 bits for these lengths, of which 0 means to the end. */
  async #onRange(
    syscall: 'fadvise64' | 'sync_file_range',
    offset: number,
    bytes: number,
    mode: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#closing !== undefined) throw fileClosedError(syscall);
    // Held open between the parts.
    this.pending.enter();
    try {
      let done = 0;
      do {
        const part = Math.min(bytes - done, RANGE_BYTES_MAX);
        await this.#dispatcher.submit(new FileOperation(this, syscall, part, offset + done, mode), signal);
        done += part;
      } while (done < bytes);
    } finally {
      this.pending.leave();
    }
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
    return this.#dispatcher.cancelOwned(this, this.#fd, this.#fixedIndex);
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
export async function closeDescriptor(
  dispatcher: Dispatcher,
  table: FdTable,
  fd: number,
  mayBlock = false,
): Promise<void> {
  if (dispatcher.isClosed) {
    const closed = binding().closeFd(fd);
    if (closed < 0) throw systemError(closed, 'close');
    return;
  }
  table.release(fd);
  await dispatcher.submitAnyway(new CloseOperation(fd, mayBlock));
}

export class UringFiles implements FileBackend, FurtherReader, FurtherWriter {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  /** Undefined where whole-file operations can't do without a descriptor. */
  readonly #slots: DirectSlots | undefined;
  /** Reads that have found their file open. */
  #openedReadCount = 0;

  constructor(dispatcher: Dispatcher, table: FdTable, slots: DirectSlots | undefined) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#slots = slots;
  }

  readWhole<Content>(
    path: Path,
    read: WholeRead<Content>,
    signal: AbortSignal | undefined,
  ): Promise<Content> | undefined {
    if (signal === undefined && typeof path === 'string' && this.#openedReadCount < OPENED_READS_MAX) {
      const found = this.#pathsOnTheSpot?.readWhole(path, read);
      if (found instanceof Promise) return found;
      if (found !== undefined) return this.#readOpened(path, read, found);
    }
    const slots = this.#slots;
    const index = slots?.acquire() ?? NO_DIRECT_SLOT;
    if (slots === undefined || index === NO_DIRECT_SLOT) return undefined;
    const dispatcher = this.#dispatcher;
    return dispatcher.submit(
      new WholeReadOperation(path, read, dispatcher, slots, index, this, signal, this.mayStall(path)),
      signal,
    );
  }

  /** The caches, where a call may be made on the spot now. */
  get #pathsOnTheSpot(): CachedPaths | undefined {
    const { cachedPaths, canGoInline } = this.#dispatcher;
    return canGoInline ? cachedPaths : undefined;
  }

  /** Reads on from where a read on the spot has come to. */
  async #readOpened<Content>(path: string, read: WholeRead<Content>, opened: OpenedRead): Promise<Content> {
    let isTaken = false;
    const giveUp = (): void => {
      if (!isTaken) binding().closeFd(opened.fd);
      isTaken = true;
    };
    const open = async (): Promise<BackendFile> => {
      if (!opened.isFifo) {
        isTaken = true;
        return this.adopt(opened, this.mayStall(path));
      }
      try {
        // The descriptor stays a reader meanwhile, for a writer that has seen it.
        return await this.open(path, constants.O_RDONLY, 0, undefined);
      } finally {
        giveUp();
      }
    };
    this.#openedReadCount++;
    try {
      return await read.readOn(opened.byteCount, open);
    } finally {
      this.#openedReadCount--;
      giveUp();
    }
  }

  async readOn<Content>(
    path: Path,
    read: WholeRead<Content>,
    index: number,
    byteCount: number,
    signal: AbortSignal | undefined,
  ): Promise<Content> {
    // Nothing at all: an empty file, or a FIFO that has no writer, for whom there is a reader meanwhile.
    const reopen = (): Promise<BackendFile> => this.open(path, constants.O_RDONLY, 0, signal);
    const install = (): Promise<BackendFile> => this.#install(path, index, signal);
    return await this.#withSlot(index, byteCount === 0 ? reopen : install, (open) =>
      read.readOn(byteCount, open),
    );
  }

  writeWhole(path: Path, write: WholeWrite, signal: AbortSignal | undefined): Promise<void> | undefined {
    const slots = this.#slots;
    const index = slots?.acquire() ?? NO_DIRECT_SLOT;
    if (slots === undefined || index === NO_DIRECT_SLOT) return undefined;
    const dispatcher = this.#dispatcher;
    return dispatcher.submit(
      new WholeWriteOperation(path, write, dispatcher, slots, index, this, signal),
      signal,
    );
  }

  async writeOn(
    path: Path,
    write: WholeWrite,
    index: number,
    bytesWritten: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const install = async (): Promise<BackendFile> => {
      const file = await this.#install(path, index, signal);
      if (bytesWritten > 0 && bytesWritten < write.view.byteLength) {
        binding().advanceCursor(file.fd, bytesWritten);
      }
      return file;
    };
    await this.#withSlot(index, install, (open) => write.writeOn(bytesWritten, open));
  }

  /** A file of its own for what is open in a slot. */
  async #install(path: Path, index: number, signal: AbortSignal | undefined): Promise<UringFile> {
    const installed = await this.#dispatcher.submit(new InstallOperation(index), signal);
    return this.adopt(installed, this.mayStall(path));
  }

  /** Lets `use` go on with an open file, and closes the slot when `open` has been called or never will be. */
  async #withSlot<Value>(
    index: number,
    open: () => Promise<BackendFile>,
    use: (open: () => Promise<BackendFile>) => Promise<Value>,
  ): Promise<Value> {
    let isClosing = false;
    let closing: Promise<void> | undefined;
    const close = (): void => {
      if (!isClosing) closing = this.#slots?.close(index);
      isClosing = true;
    };
    try {
      return await use(() => open().finally(close));
    } finally {
      close();
      await closing;
    }
  }

  async open(
    path: Path,
    flags: number,
    mode: number,
    signal: AbortSignal | undefined,
    rules?: OpenRules,
  ): Promise<BackendFile> {
    const from = rules && this.toOpenFrom(rules);
    const mayStall = this.mayStall(path, from?.directory);
    const opened = mayStall
      ? await this.#dispatcher.submit(new OpenOperation(path, flags, mode, true, from), signal)
      : await openDescriptor(this.#dispatcher, path, flags, mode, from, signal);
    return this.adopt(opened, mayStall);
  }

  /** The file of a descriptor that this ring has just opened. */
  adopt(opened: OpenedFd, mayStall: boolean): UringFile {
    if (this.#dispatcher.isClosing) {
      // The ring was closed while the kernel opened the file: nobody may use it any more.
      binding().closeFd(opened.fd);
      throw ringClosedError();
    }
    return new UringFile(this.#dispatcher, this.#table, opened, mayStall);
  }

  /** Whether what is at `path` has to be left to a kernel thread. */
  mayStall(path: Path, directory?: UringFile): boolean {
    // It will be refused; and the table of mounts was given back with the last ring.
    if (this.#dispatcher.isClosing) return true;
    // Bytes that are no UTF-8, and what begins somewhere else, can't be looked up as they are: '' is any path.
    return binding().mayStall(typeof path === 'string' && directory === undefined ? path : '');
  }

  toOpenFrom({ directory, resolve }: OpenRules): OpenFrom {
    return { directory: directory && this.ownFile(directory, 'open'), resolve };
  }

  /** `file` as one of this ring's, still open. */
  ownFile(file: BackendFile, syscall: string): UringFile {
    if (!(file instanceof UringFile) || !file.isOn(this.#dispatcher)) throw otherRingError();
    if (file.isClosing) throw fileClosedError(syscall);
    return file;
  }

  stat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    return this.#stat(path, bigint, false, signal);
  }

  lstat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    return this.#stat(path, bigint, true, signal);
  }

  #stat(
    path: Path,
    isBigInt: boolean,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Stats | BigIntStats> {
    if (signal === undefined && typeof path === 'string') {
      const stats = this.#pathsOnTheSpot?.stat(path, isBigInt, isOfLink);
      if (stats !== undefined) return stats;
    }
    return this.#dispatcher.submit(new StatOperation(path, isBigInt, isOfLink), signal);
  }

  async rename(from: Path, to: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('rename', from, to), signal);
  }

  async link(existing: Path, added: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('link', existing, added), signal);
  }

  async symlink(
    target: Path,
    path: Path,
    _type: SymlinkType | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('symlink', target, path), signal);
  }

  async unlink(path: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('unlink', path), signal);
  }

  async mkdir(path: Path, mode: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('mkdir', path, undefined, mode), signal);
  }

  async rmdir(path: Path, signal: AbortSignal | undefined): Promise<void> {
    await this.#dispatcher.submit(new PathOperation('rmdir', path), signal);
  }
}
