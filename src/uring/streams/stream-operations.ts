/** What connects, accepts, receives and sends of streams show the kernel. */

import { ECANCELED } from '../../base/errno.js';
import type { View } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { ReadResult } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { addressError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { CQE_MORE, CQE_NOTIFICATION, MSG_NOSIGNAL, MSG_WAITALL } from '../../native/layout.js';
import { writeMsghdr } from '../../native/msghdr.js';
import {
  prepConnect,
  prepRecv,
  prepSend,
  prepSendmsg,
  prepSendmsgZc,
  prepSendZc,
  SQE_REPORT_USAGE,
  type Sqe,
} from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import { PlainCall } from '../engine/plain-call.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { Vectors } from '../engine/vectors.js';
import { encodeDescriptors } from './descriptor-passing.js';
import type { LostErrors } from './lost-errors.js';

/** What operations on a socket name it by. */
export interface SocketTarget {
  /** Its descriptor's number; -1 while it has none. */
  readonly knownFd: number;
  /** The descriptor or table slot for submission entries, and the flag that says which. */
  readonly target: number;
  readonly targetFlags: number;
}

/** A connection, which wants to know what its transfers come to. */
export interface TransferTarget extends SocketTarget {
  readonly lostErrors: LostErrors;
}

/** How errors name an address: host and port, or the path. */
export function streamError(errno: number, syscall: string, address: SocketAddress | undefined): Error {
  if (address === undefined) return addressError(errno, syscall);
  if (address.path !== undefined) return addressError(errno, syscall, address.path);
  return addressError(errno, syscall, address.address, address.port);
}

export function connectOf(fd: number, name: Uint8Array, remote: SocketAddress): PlainCall {
  return new PlainCall({
    prepare: (sqe) => prepConnect(sqe, fd, addressOf(name), name.length),
    errorFor: (errno) => streamError(errno, 'connect', remote),
  });
}

/** One receive, straight into the caller's view. */
export class ReadOperation<Data extends View> extends Operation<ReadResult<Data>> {
  readonly #socket: TransferTarget;
  /** SAFETY: written by the kernel until the terminal completion. */
  readonly #buffer: Data;
  readonly #offset: number;
  readonly #length: number;
  readonly #isFilling: boolean;
  #errno = 0;
  readonly #onOver: (errno: number) => void;

  /** @param onOver called with the errno it failed with, unless it was cancelled, or 0. */
  constructor(
    socket: TransferTarget,
    buffer: Data,
    offset: number,
    length: number,
    isFilling: boolean,
    onOver: (errno: number) => void,
  ) {
    super();
    this.#socket = socket;
    this.#buffer = buffer;
    this.#offset = offset;
    this.#length = length;
    this.#isFilling = isFilling;
    this.#onOver = onOver;
  }

  override fill(sqe: Sqe): void {
    const { target, targetFlags } = this.#socket;
    const flags = this.#isFilling ? MSG_WAITALL : 0;
    const address = addressWithin(this.#buffer, this.#offset, this.#length);
    prepRecv(sqe, target, targetFlags, address, this.#length, flags);
  }

  override complete(completed: number): void {
    const { lostErrors } = this.#socket;
    const result = completed === 0 && this.#length > 0 ? lostErrors.errnoOfEnd() : completed;
    this.#errno = this.cancelReason === undefined ? Math.min(result, 0) : 0;
    if (this.#isFilling && result > 0 && result < this.#length && this.cancelReason === undefined) {
      lostErrors.noteCutShort();
    }
    if (result >= 0) this.fulfil({ bytesRead: result, buffer: this.#buffer });
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    return addressError(errno, 'read');
  }

  override describe(): OperationFacts {
    return { kind: 'read', fd: this.#socket.knownFd, bytes: this.#length };
  }

  protected override onSettled(): void {
    this.#onOver(this.#errno);
  }
}

/** What hears of a send's outcome, and settles the writes. */
export interface SendOwner {
  /** @param isHeld whether the kernel goes on reading the views, until `onReleased`. */
  onSent(operation: SendOperation, result: number, reason: (() => Error) | undefined, isHeld: boolean): void;
  /** @param isCopied whether the kernel has copied the views after all. */
  onReleased(operation: SendOperation, isCopied: boolean): void;
}

/** One send, of one view or several. */
export class SendOperation extends Operation<void> {
  readonly #owner: SendOwner;
  readonly #socket: TransferTarget;
  /** SAFETY: read by the kernel until the terminal completion. */
  readonly #memory: View | Vectors;
  readonly #skippedBytes: number;
  readonly #bytes: number;
  readonly #control: Uint32Array | undefined;
  readonly isZeroCopy: boolean;
  readonly #isWhole: boolean;
  /** The errno of a send that failed, and whose views the kernel has not let go of yet. */
  #failure = 0;
  #isHeld = false;
  #isTold = false;

  /**
   * @param skippedBytes of a view, which have been sent before.
   * @param bytes in all, without those.
   * @param isZeroCopy whether the kernel is to read the views where they lie, until it says that it no longer does.
   * @param fds descriptors to pass along.
   * @param isWhole whether the kernel goes on until all bytes are taken, or tells of the first of them.
   */
  constructor(
    owner: SendOwner,
    socket: TransferTarget,
    memory: View | Vectors,
    skippedBytes: number,
    bytes: number,
    isZeroCopy: boolean,
    fds: readonly number[] | undefined,
    isWhole: boolean,
  ) {
    super();
    this.#owner = owner;
    this.#socket = socket;
    this.#memory = memory;
    this.#skippedBytes = skippedBytes;
    this.#bytes = bytes;
    this.isZeroCopy = isZeroCopy;
    this.#isWhole = isWhole;
    this.#control = fds && encodeDescriptors(fds);
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    const { target, targetFlags } = this.#socket;
    const { isZeroCopy } = this;
    const memory = this.#memory;
    const flags = this.#isWhole ? MSG_NOSIGNAL | MSG_WAITALL : MSG_NOSIGNAL;
    if (!(memory instanceof Vectors)) {
      const address = addressWithin(memory, this.#skippedBytes, this.#bytes);
      if (isZeroCopy) prepSendZc(sqe, target, SQE_REPORT_USAGE | targetFlags, address, this.#bytes, flags);
      else prepSend(sqe, target, targetFlags, address, this.#bytes, flags);
      return;
    }
    const [words, at] = [storage.words(this.slot), storage.wordOffset(this.slot)];
    const control = this.#control === undefined ? 0 : addressOf(this.#control);
    const controllen = this.#control === undefined ? 0 : this.#control.byteLength;
    writeMsghdr(words, at, 0, 0, memory.fill(), memory.count, control, controllen);
    const msg = storage.address(this.slot);
    if (isZeroCopy) prepSendmsgZc(sqe, target, SQE_REPORT_USAGE | targetFlags, msg, flags);
    else prepSendmsg(sqe, target, targetFlags, msg, flags);
  }

  /** Has its owner go on, ahead of the completion, which has been seen to come. */
  tellNow(result: number): void {
    this.#isTold = true;
    this.#tell(result, false);
  }

  override complete(result: number, flags: number): void {
    if (this.#isTold) {
      this.fulfil();
      return;
    }
    if ((flags & CQE_NOTIFICATION) !== 0) {
      this.fulfil();
      if (this.#isHeld) this.#owner.onReleased(this, result < 0);
      else this.#tell(this.#failure, false);
      return;
    }
    const hasMore = (flags & CQE_MORE) !== 0;
    if (!hasMore) this.fulfil();
    // Of what has failed the writes settle when the views are free, which is at once.
    else if (result < 0) this.#failure = result;
    else this.#isHeld = true;
    if (!hasMore || result >= 0) this.#tell(result, hasMore);
  }

  #tell(result: number, isHeld: boolean): void {
    const isShort = result < this.#bytes;
    if (this.cancelReason === undefined && isShort) {
      if (result < 0) this.#socket.lostErrors.noteFailed(result);
      else if (this.#isWhole) this.#socket.lostErrors.noteCutShort();
    }
    this.#owner.onSent(this, result, isShort ? this.cancelReason : undefined, isHeld);
  }

  /** It never started, or the ring broke. */
  override failWith(create: () => Error): void {
    this.fulfil();
    if (this.#isTold) return;
    if (this.#isHeld) this.#owner.onReleased(this, false);
    else this.#owner.onSent(this, ECANCELED, create, false);
  }

  /** What has been sent can't be cancelled. */
  override get isCall(): boolean {
    return !this.#isHeld;
  }

  protected override errorFor(errno: number): Error {
    return addressError(errno, 'write');
  }

  override describe(): OperationFacts {
    return { kind: 'write', fd: this.#socket.knownFd, bytes: this.#bytes };
  }
}
