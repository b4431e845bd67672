/**
 * Bytes written to a file by one operation: open, write, close, linked, on a direct descriptor.
 *
 * An open that may make or truncate a file always takes a kernel thread, and what is linked to it stays there:
 * one wake-up a file, and closing, which may begin to write the content out, is off the event loop. A write
 * that falls short breaks the link, so the file is still open for the rest.
 */

import { ECANCELED } from '../../base/errno.js';
import { CURRENT_POSITION, type Path, type WholeWrite } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { O_CLOEXEC } from '../../native/layout.js';
import {
  prepCloseDirect,
  prepOpenatDirect,
  prepWrite,
  SQE_FIXED_FILE,
  SQE_IO_LINK,
  type Sqe,
} from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { NO_SLOT } from '../engine/ticket.js';
import type { DirectSlots } from './direct-slots.js';
import { encodePath } from './open-operation.js';

const ENTRY_COUNT = 3;

/** Writes on where one operation does not do: the file is open at `index`. */
export interface FurtherWriter {
  writeOn(
    path: Path,
    write: WholeWrite,
    index: number,
    bytesWritten: number,
    signal: AbortSignal | undefined,
  ): Promise<void>;
}

export class WholeWriteOperation extends Operation<void> {
  readonly #path: Path;
  /** SAFETY: path and content, kept alive until the terminal completion. */
  readonly #encoded: Buffer;
  readonly #write: WholeWrite;
  readonly #dispatcher: Dispatcher;
  readonly #slots: DirectSlots;
  readonly #index: number;
  readonly #writer: FurtherWriter;
  readonly #signal: AbortSignal | undefined;
  #opened = ECANCELED;
  #written = ECANCELED;

  constructor(
    path: Path,
    write: WholeWrite,
    dispatcher: Dispatcher,
    slots: DirectSlots,
    index: number,
    writer: FurtherWriter,
    signal: AbortSignal | undefined,
  ) {
    super();
    this.ticket.setEntryCount(ENTRY_COUNT);
    this.#path = path;
    this.#encoded = encodePath(path);
    this.#write = write;
    this.#dispatcher = dispatcher;
    this.#slots = slots;
    this.#index = index;
    this.#writer = writer;
    this.#signal = signal;
  }

  override get isByPath(): boolean {
    return true;
  }

  override fill(sqe: Sqe, _storage: SlotStorage, index: number): void {
    const { content, flags, mode } = this.#write;
    if (index === 0) {
      // Close-on-exec means nothing in a file table, and is refused.
      const openFlags = flags & ~O_CLOEXEC;
      prepOpenatDirect(sqe, SQE_IO_LINK, addressOf(this.#encoded), openFlags, mode, this.#index);
    } else if (index === 1) {
      const address = addressWithin(content.view, 0, content.bytes);
      const entryFlags = SQE_FIXED_FILE | SQE_IO_LINK;
      prepWrite(sqe, this.#index, entryFlags, address, content.bytes, CURRENT_POSITION);
    } else {
      prepCloseDirect(sqe, this.#index, 0);
    }
  }

  override complete(result: number): void {
    if (this.entriesLeft === 2) this.#opened = result;
    else if (this.entriesLeft === 1) this.#written = result;
    else this.#finish(result);
    // The request to end has met an entry that ended all the same: now another one is under way.
    if (this.entriesLeft === 1 || this.cancelReason === undefined || this.#opened < 0) return;
    if (this.entriesLeft === 2) this.#dispatcher.cancel(this, this.cancelReason);
  }

  #finish(closed: number): void {
    const written = this.#written;
    if (this.#opened < 0) {
      this.#slots.release(this.#index);
      this.fail(this.#opened);
    } else if (written < 0) {
      void this.#slots.close(this.#index);
      this.fail(written);
    } else if (written < this.#write.content.bytes || closed < 0) {
      this.fulfilLater(this.#writer.writeOn(this.#path, this.#write, this.#index, written, this.#signal));
    } else {
      this.#slots.release(this.#index);
      this.fulfil();
    }
  }

  override failWith(create: () => Error): void {
    // Never started.
    if (this.entriesLeft === ENTRY_COUNT && this.slot === NO_SLOT) this.#slots.release(this.#index);
    super.failWith(create);
  }

  protected override errorFor(errno: number): Error {
    return this.#opened < 0 ? systemError(errno, 'open', this.#path) : systemError(errno, 'write');
  }

  override describe(): OperationFacts {
    return { kind: 'writeFile', path: String(this.#path) };
  }
}
