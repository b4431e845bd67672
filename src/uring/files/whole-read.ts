/**
 * A small file read whole by one operation: open, read, read once more, linked, on a direct descriptor.
 *
 * What a read of fewer bytes than asked means depends on the kind of file, which has not been asked for.
 * Only a read of nothing is the end, so there is a second one. It spares the statx(2), which the kernel
 * would hand to a thread. Where the second one does bring something, the file is open still, and the rest
 * is read by ordinary means.
 */
import { constants } from 'node:fs';
import { ECANCELED } from '../../base/errno.js';
import type { Path, WholeRead } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError, wholeReadError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { COMPLETION_UNSEEKABLE } from '../../native/layout.js';
import {
  prepFixedFdInstall,
  prepOpenatDirect,
  prepRead,
  SQE_ASYNC,
  SQE_FIXED_FILE,
  SQE_IO_HARDLINK,
  SQE_IO_LINK,
  type Sqe,
} from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { Operation } from '../engine/operation.js';
import { PlainCall } from '../engine/plain-call.js';
import { SLOT_STORAGE_BYTES, type SlotStorage } from '../engine/slot-storage.js';
import { NO_SLOT } from '../engine/ticket.js';
import type { CachedPaths } from './cached-paths.js';
import type { DirectSlots } from './direct-slots.js';
import { encodePath, type OpenedFd } from './open-operation.js';

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
  readonly #cachedPaths: CachedPaths | undefined;
  readonly #entryFlags: number;
  /** SAFETY: a path that is too long for the slot's storage, kept alive until the terminal completion. */
  #encoded: Buffer | undefined;
  #opened = ECANCELED;
  #firstRead = ECANCELED;
  #slabAddress = 0;
  #isReadOn = false;

  /**
   * SAFETY: the slab of `read` is the kernel's until the terminal completion, as is the direct descriptor `index`.
   */
  constructor(
    path: Path,
    read: WholeRead<Content>,
    dispatcher: Dispatcher,
    cachedPaths: CachedPaths | undefined,
    slots: DirectSlots,
    index: number,
    reader: FurtherReader,
    signal: AbortSignal | undefined,
    mayStall: boolean,
  ) {
    super();
    this.#entryFlags = mayStall ? SQE_ASYNC : 0;
    this.ticket.setEntryCount(WHOLE_READ_ENTRIES);
    this.#path = path;
    this.#read = read;
    this.#dispatcher = dispatcher;
    this.#slots = slots;
    this.#index = index;
    this.#reader = reader;
    this.#signal = signal;
    this.#cachedPaths = cachedPaths;
    cachedPaths?.enterRing();
  }

  override get isByPath(): boolean {
    return true;
  }

  override fill(sqe: Sqe, storage: SlotStorage, index: number): void {
    if (index === 0) {
      const flags = SQE_IO_LINK | this.#entryFlags;
      prepOpenatDirect(sqe, flags, this.#pathAddress(storage), constants.O_RDONLY, 0, this.#index);
      return;
    }
    const { slab, firstBytes } = this.#read;
    if (index === 1) this.#slabAddress = addressOf(slab);
    const address = this.#slabAddress;
    // A read of fewer bytes than asked would break a plain link.
    const flags = SQE_FIXED_FILE | this.#entryFlags | (index === 1 ? SQE_IO_HARDLINK : 0);
    const [start, bytes] = index === 1 ? [0, firstBytes] : [firstBytes, slab.length - firstBytes];
    prepRead(sqe, this.#index, flags, address + start, bytes, CURRENT_POSITION);
  }

  #pathAddress(storage: SlotStorage): number {
    const path = this.#path;
    if (typeof path !== 'string' || path.length > PATH_UNITS_MAX) {
      this.#encoded = encodePath(path);
      return addressOf(this.#encoded);
    }
    storage.writeText(this.slot, path);
    return storage.address(this.slot);
  }

  override complete(result: number): void {
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
    this.#cachedPaths?.leaveRing();
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

/** Makes an ordinary descriptor of a direct one. */
export function installOf(index: number, isExempt = false): PlainCall<OpenedFd> {
  return new PlainCall({
    prepare: (sqe) => prepFixedFdInstall(sqe, index, SQE_FIXED_FILE),
    finish: (fd, flags) => ({ fd, isSeekable: (flags & COMPLETION_UNSEEKABLE) === 0 }),
    errorFor: (errno) => systemError(errno, 'open'),
    isExempt,
    yieldsFd: true,
  });
}
