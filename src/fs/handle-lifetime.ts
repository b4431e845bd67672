/**
 * How long a handle's file may be used: while it is open, held by streams and operations of several steps,
 * lent to a chain that will close it, closing. It is closed when nothing uses it any more.
 */
import type { EventEmitter } from 'node:events';
import { PendingCount } from '../base/pending-count.js';
import type { BackendFile } from '../contract/backend.js';
import { fileClosedError, invalidState } from '../errors/index.js';
import { unwatchDropped, watchDropped } from './dropped-handles.js';

/** A handle's file for a stream or chain that goes on using it while the handle is being closed. */
export interface HeldFile {
  readonly file: BackendFile;
  /** Lets the handle's `close` go on; to be called once. */
  release(): void;
}

/** What a chain that closes a handle holds meanwhile. */
export interface LentFile {
  readonly file: BackendFile;
  /** Fulfilled when no operation of several steps is under way any more. */
  readonly ready: Promise<void>;
  /** The chain is over: `isClosed` says whether it came as far as closing the file. */
  giveBack(isClosed: boolean): void;
}

export class HandleLifetime {
  /** Undefined from the call of `close` on, and while a chain that closes it is under way. */
  file: BackendFile | undefined;
  /** The same file, for what may be asked of it even then. */
  readonly ownFile: BackendFile;
  /** Whether a reader or writer has the handle to itself. */
  isLocked = false;
  readonly #handle: EventEmitter;
  /** Settles when such a chain is over; resolves to whether the file is closed. */
  #lent: Promise<boolean> | undefined;
  #closing: Promise<void> | undefined;
  /** Streams and operations of several steps, which `close` lets finish. */
  readonly #holds = new PendingCount();

  /** @param handle emits 'close'; collected without having been closed, it is told of by `path`. */
  constructor(handle: EventEmitter, file: BackendFile, path: string) {
    this.#handle = handle;
    this.file = file;
    this.ownFile = file;
    watchDropped(handle, file, path);
  }

  fileFor(syscall: string): BackendFile {
    if (this.file === undefined) throw fileClosedError(syscall);
    return this.file;
  }

  /** Keeps the file open until `release`, also for calls that come after `close`. */
  hold(): HeldFile | undefined {
    const { file } = this;
    if (file === undefined) return undefined;
    this.#holds.enter();
    return { file, release: () => this.#holds.leave() };
  }

  /** For a caller that wants the handle to itself: throws ERR_INVALID_STATE where something is in the way. */
  checkFree(): void {
    if (this.file === undefined) {
      throw invalidState(`The FileHandle is ${this.#holds.isIdle ? 'closed' : 'closing'}`);
    }
    if (this.isLocked) throw invalidState('The FileHandle is locked');
  }

  /** The same as `hold`, with the handle locked, which is left to the holder to undo. */
  holdAlone(): HeldFile {
    this.checkFree();
    this.isLocked = true;
    return this.hold() as HeldFile;
  }

  /** Keeps the handle from being closed, and from being collected, between the steps of `task`. */
  async composite<Value>(task: () => Promise<Value>): Promise<Value> {
    const held = this.hold();
    try {
      return await task();
    } finally {
      held?.release();
    }
  }

  /** The same promise each time. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close();
      if (this.#lent === undefined) this.#handle.emit('close');
    }
    return this.#closing;
  }

  /** Has the descriptor closed when this returns; where something is pending on it, as soon as that has ended. */
  closeAtOnce(): void {
    if (this.#closing !== undefined) return;
    const file = this.fileFor('close');
    if (!this.#holds.isIdle || !file.closeAtOnce()) {
      void this.close();
      return;
    }
    this.file = undefined;
    this.#closing = Promise.resolve();
    unwatchDropped(this.#handle);
    this.#handle.emit('close');
  }

  async #close(): Promise<void> {
    if (this.#lent !== undefined) {
      if (await this.#lent) return;
      this.#handle.emit('close');
    }
    const file = this.fileFor('close');
    this.file = undefined;
    unwatchDropped(this.#handle);
    await this.#holds.whenIdle();
    await file.close();
  }

  lend(): LentFile | undefined {
    const { file } = this;
    if (file === undefined) return undefined;
    this.file = undefined;
    let end!: (isClosed: boolean) => void;
    this.#lent = new Promise((resolve) => {
      end = resolve;
    });
    return {
      file,
      ready: this.#holds.whenIdle(),
      giveBack: (isClosed) => {
        if (isClosed) {
          unwatchDropped(this.#handle);
          this.#closing ??= Promise.resolve();
          this.#handle.emit('close');
        } else {
          this.file = file;
        }
        this.#lent = undefined;
        end(isClosed);
      },
    };
  }
}
