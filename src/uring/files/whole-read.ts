/**
 * A small file read whole by one operation: open, read, read once more, linked, on a direct descriptor.
 *
 * What a read of fewer bytes than asked means depends on the kind of file, and nobody has asked for that.
 * Only a read of nothing is the end, so there is a second one. It spares the statx(2), which the kernel
 * would hand to a thread. Where the second one does bring something, the file is open still, and the rest
 * is read by ordinary means.
 */
import { constants } from 'node:fs';
import type { Path, WholeRead } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError, wholeReadError } from '../../errors/index.js';
import {
  AT_FDCWD,
  COMPLETION_UNSEEKABLE,
  OP_FIXED_FD_INSTALL,
  OP_OPENAT,
  OP_READ,
  SQE_ASYNC,
  SQE_FILE_INDEX,
  SQE_FIXED_FILE,
  SQE_IO_HARDLINK,
  SQE_IO_LINK,
} from '../../native/layout.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { addressOf, SLOT_STORAGE_BYTES } from '../engine/memory.js';
import { fillEntry, Operation } from '../engine/operation.js';
import { NO_SLOT } from '../engine/ticket.js';
import type { DirectSlots } from './direct-slots.js';
import { fillPosition } from './file-operations.js';
import { encodePath, type OpenedFd } from './path-operations.js';

const ECANCELED = -125;
const CURRENT_POSITION = -1;
/** A UTF-16 unit takes three bytes of UTF-8 at most; and there is the NUL. */
const PATH_UNITS_MAX = Math.floor((SLOT_STORAGE_BYTES - 1) / 3);

/** Reads on where one operation does not do: `byteCount` bytes of the file, open at `index`, are in the slab. */
export interface FurtherReader {
  readOn<Content>(
    path: Path,
    read: WholeRead<Content>,
    index: number,
    byteCount: number,
    signal: AbortSignal | undefined,
  ): Promise<Content>;
}

/** Submission entries; the queue must hold them. */
export const WHOLE_READ_ENTRIES = 3;

export class WholeReadOperation<Content> extends Operation<Content> {
  readonly #path: Path;
  readonly #read: WholeRead<Content>;
  readonly #slots: DirectSlots;
  readonly #index: number;
  readonly #reader: FurtherReader;
  readonly #signal: AbortSignal | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #entryFlags: number;
  /** SAFETY: a path that is too long for the slot's storage, kept alive until the terminal completion. */
  #encoded: Buffer | undefined;
  #opened = ECANCELED;
  #firstRead = ECANCELED;
  #slabAddress = 0;
  #isReadOn = false;

  /**
   * SAFETY: the slab of `read` is the kernel's until the terminal completion, as is the slot `index`.
   */
  constructor(
    path: Path,
    read: WholeRead<Content>,
    dispatcher: Dispatcher,
    slots: DirectSlots,
    index: number,
    reader: FurtherReader,
    signal: AbortSignal | undefined,
    mayStall: boolean,
  ) {
    super();
    this.#entryFlags = mayStall ? SQE_ASYNC : 0;
    this.entriesLeft = WHOLE_READ_ENTRIES;
    this.#path = path;
    this.#read = read;
    this.#dispatcher = dispatcher;
    this.#slots = slots;
    this.#index = index;
    this.#reader = reader;
    this.#signal = signal;
    dispatcher.cachedPaths?.enterRing();
  }

  override get isByPath(): boolean {
    return true;
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher, index: number): void {
    if (index === 0) {
      fillEntry(
        words,
        at,
        OP_OPENAT | SQE_IO_LINK | this.#entryFlags,
        AT_FDCWD,
        this.#pathAddress(dispatcher),
        0,
        constants.O_RDONLY,
      );
      words[at + SQE_FILE_INDEX] = this.#index + 1;
      return;
    }
    const { slab, firstBytes } = this.#read;
    if (index === 1) this.#slabAddress = addressOf(slab);
    const address = this.#slabAddress;
    // A read of fewer bytes than asked would break a plain link.
    const head = OP_READ | SQE_FIXED_FILE | this.#entryFlags;
    if (index === 1) fillEntry(words, at, head | SQE_IO_HARDLINK, this.#index, address, firstBytes, 0);
    else fillEntry(words, at, head, this.#index, address + firstBytes, slab.length - firstBytes, 0);
    fillPosition(words, at, CURRENT_POSITION);
  }

  #pathAddress(dispatcher: Dispatcher): number {
    const path = this.#path;
    if (typeof path !== 'string' || path.length > PATH_UNITS_MAX) {
      this.#encoded = encodePath(path);
      return addressOf(this.#encoded);
    }
    dispatcher.storage.writeText(this.slot, path);
    return dispatcher.storage.address(this.slot);
  }

  override complete(result: number): void {
    this.entriesLeft--;
    if (this.entriesLeft === 2) this.#opened = result;
    else if (this.entriesLeft === 1) this.#firstRead = result;
    else this.#finish(result);
    if (this.entriesLeft === 0 || this.cancelReason === undefined || this.#opened < 0) return;
    // The request to end has met an entry that ended all the same: now another one is under way.
    this.#dispatcher.cancel(this, this.cancelReason);
  }

  #finish(secondRead: number): void {
    const firstRead = this.#firstRead;
    if (this.#opened < 0) {
      this.#slots.release(this.#index);
      this.fail(this.#opened);
    } else if (firstRead < 0 || secondRead < 0) {
      void this.#slots.close(this.#index);
      this.fail(firstRead < 0 ? firstRead : secondRead);
    } else if (firstRead > 0 && secondRead === 0) {
      const content = this.#read.toContent(firstRead);
      const closing = this.#slots.close(this.#index);
      if (closing === undefined) this.fulfil(content);
      else this.fulfilLater(closing.then(() => content));
    } else {
      const { slab, firstBytes } = this.#read;
      if (firstRead < firstBytes) slab.copyWithin(firstRead, firstBytes, firstBytes + secondRead);
      this.#isReadOn = true;
      const byteCount = firstRead + secondRead;
      this.fulfilLater(this.#reader.readOn(this.#path, this.#read, this.#index, byteCount, this.#signal));
    }
  }

  protected override onSettled(): void {
    this.#dispatcher.cachedPaths?.leaveRing();
    // On a broken ring it still holds a slot, and the kernel may still write.
    if (this.slot === NO_SLOT && !this.#isReadOn) this.#read.release();
  }

  override failWith(create: () => Error): void {
    // Never started.
    if (this.entriesLeft === WHOLE_READ_ENTRIES && this.slot === NO_SLOT) this.#slots.release(this.#index);
    super.failWith(create);
  }

  protected override errorFor(errno: number): Error {
    if (this.#opened >= 0) return wholeReadError(errno, this.#path);
    return systemError(errno, 'open', this.#path);
  }

  override describe(): OperationFacts {
    return { kind: 'readFile', path: String(this.#path) };
  }
}

/** Makes a descriptor of what a slot of the file table holds. */
export class InstallOperation extends Operation<OpenedFd> {
  readonly #index: number;

  constructor(index: number) {
    super();
    this.#index = index;
    this.ticket.yieldsFd = true;
  }

  override fill(words: Uint32Array, at: number): void {
    fillEntry(words, at, OP_FIXED_FD_INSTALL | SQE_FIXED_FILE, this.#index, 0, 0, 0);
  }

  override complete(result: number, flags: number): void {
    if (result >= 0) this.fulfil({ fd: result, isSeekable: (flags & COMPLETION_UNSEEKABLE) === 0 });
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'open');
  }
}
