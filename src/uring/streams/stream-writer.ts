/**
 * The writes of a connection, in order: one send in the kernel at a time, which takes all that wait.
 *
 * The kernel goes on by itself until it has taken everything (MSG_WAITALL); a send that ends early leaves
 * the rest at the head of the queue. A write that is aborted before any of its bytes were taken simply
 * goes; one that is cut short leaves the peer in the middle of it, so that nothing may follow.
 *
 * A long write may go without a copy (SEND_ZC): then the next one follows as soon as the kernel has taken its
 * bytes, and its promise settles when the kernel has let go of its memory, which is once the peer has
 * acknowledged them.
 */

import { EAGAIN, EINTR, EPIPE } from '../../base/errno.js';
import { IdleWait } from '../../base/idle-wait.js';
import { clearTimeout, setTimeout } from '../../base/real-timers.js';
import { byteCountOf, Span, type View } from '../../base/views.js';
import { abortError, addressError } from '../../errors/index.js';
import { addressWithin } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { Vectors } from '../engine/vectors.js';
import { SO_SNDBUF, SOL_SOCKET } from '../sockets/socket-options.js';
import { mayRefuseZeroCopy, type ZeroCopyChoice } from '../sockets/zero-copy.js';
import { vectorsOf, PendingWrite, SEND_BYTES_MAX, VIEWS_MAX } from './pending-write.js';
import { SendOperation, type SendOwner, type TransferTarget } from './stream-operations.js';

/** Below it no write goes without a copy, however small the send buffer. */
const ZERO_COPY_WRITE_BYTES_MIN = 65_536;
/** How many times the socket's send buffer a write must have to go without a copy. */
const SEND_BUFFERS_MIN = 4;
/** What a waiting write counts for, beside its bytes. */
const WRITE_COST_BYTES = 64;

/** Of a writer that has nothing to do. */
const NO_WRITES: PendingWrite[] = [];

export class StreamWriter implements SendOwner {
  readonly #dispatcher: Dispatcher;
  readonly #socket: TransferTarget;
  /** None where every write is a plain one. */
  readonly #zeroCopy: ZeroCopyChoice | undefined;
  #queue = NO_WRITES;
  #sending: SendOperation | undefined;
  /** Sends whose bytes have been taken and whose memory the kernel still reads, and the writes of each. */
  #held: Map<SendOperation, PendingWrite[]> | undefined;
  /** Bytes of writes that have not settled, and some for each of them. */
  queuedBytes = 0;
  /** Bytes that the kernel has taken. */
  sentBytes = 0;
  /** Whether the kernel is to tell as it takes bytes, instead of when it has all of a send. */
  #isStepwise = false;
  /** Whether the send under way has been cancelled for the sake of an aborted write. */
  #isAborting = false;
  #hasBeenCut = false;
  #isHurried = false;
  #endReason: (() => Error) | undefined;
  #idle: IdleWait | undefined;
  #onReleased: ((isReleased: boolean) => void) | undefined;
  isRef = true;

  constructor(dispatcher: Dispatcher, socket: TransferTarget, zeroCopy: ZeroCopyChoice | undefined) {
    this.#dispatcher = dispatcher;
    this.#socket = socket;
    this.#zeroCopy = zeroCopy;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#sending === undefined;
  }

  write(
    data: Span | readonly Span[],
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number> {
    const bytes = data instanceof Span ? data.bytes : byteCountOf(data);
    if (signal?.aborted) return Promise.reject(abortError(signal));
    if (this.#hasBeenCut) return Promise.reject(addressError(EPIPE, 'write'));
    if (bytes === 0 && this.#queue.length === 0) return Promise.resolve(0);
    return this.#enqueue(new PendingWrite(this, data, bytes, signal, fds, 0));
  }

  /** For a stream that wants to know how its writes get on; see BackendStream. */
  writeNow(data: readonly Span[]): number | Promise<number> {
    this.#isStepwise = true;
    const bytes = byteCountOf(data);
    const { knownFd } = this.#socket;
    const mayWaitForPeer = this.#zeroCopy !== undefined && bytes >= ZERO_COPY_WRITE_BYTES_MIN;
    if (!this.isIdle || this.#hasBeenCut || bytes === 0 || mayWaitForPeer) return this.write(data, undefined);
    if (knownFd < 0) return this.#submitNow(data, bytes);
    const taken = this.#callNow(knownFd, data, bytes);
    if (taken === bytes) return bytes;
    return this.#enqueue(new PendingWrite(this, data, bytes, undefined, undefined, taken));
  }

  /** See BackendStream. */
  sendNow(view: Uint8Array, bytes: number): number {
    const { knownFd } = this.#socket;
    if (knownFd < 0 || !this.isIdle || this.#hasBeenCut) return 0;
    this.#isStepwise = true;
    return this.#callNow(knownFd, view, bytes);
  }

  /** By a system call: a ring would take it at the end of the turn, and tell in the next one. */
  #callNow(fd: number, data: Uint8Array | readonly Span[], bytes: number): number {
    const { observation } = this.#dispatcher;
    const taken = observation.isWanted
      ? observation.observeCall({ kind: 'write', fd, bytes }, () =>
          this.#takenOf(sendAtOnce(fd, data, bytes)),
        )
      : this.#takenOf(sendAtOnce(fd, data, bytes));
    this.#dispatcher.completions.noteAnswered();
    this.sentBytes += taken;
    return taken;
  }

  #takenOf(result: number): number {
    if (result >= 0) return result;
    if (result === EAGAIN || result === EINTR) return 0;
    this.#socket.lostErrors.noteFailed(result);
    throw addressError(result, 'write');
  }

  /** What has no descriptor goes by the ring, and is handed over at once. */
  #submitNow(data: readonly Span[], bytes: number): number | Promise<number> {
    const sent = this.write(data, undefined);
    const operation = this.#sending;
    if (operation === undefined || this.#dispatcher.resultNow(operation, 0) !== bytes) return sent;
    operation.tellNow(bytes);
    return bytes;
  }

  #enqueue(write: PendingWrite): Promise<number> {
    // An array that begins empty is given room for sixteen more.
    if (this.#queue.length === 0) this.#queue = [write];
    else this.#queue.push(write);
    this.queuedBytes += write.bytes + WRITE_COST_BYTES;
    if (this.#sending === undefined) this.#send();
    return write.promise;
  }

  /** Whether the kernel reads memory of bytes that it has taken. */
  get isHeld(): boolean {
    return this.#held !== undefined && this.#held.size > 0;
  }

  /**
   * Whether the peer acknowledges in time what it was sent without a copy. While it has not, the descriptor must
   * stay: who has none can't end the kernel's reading, for which a ring's close would have to wait.
   *
   * @param msMax how long to wait, unless `hurry` is called or the ring closes; Infinity for any time.
   */
  async isReleasedIn(msMax: number): Promise<boolean> {
    if (!this.isHeld) return true;
    if (this.#isHurried || this.#dispatcher.isClosing) return false;
    let timer: NodeJS.Timeout | undefined;
    const isReleased = await new Promise<boolean>((resolve) => {
      this.#onReleased = resolve;
      if (Number.isFinite(msMax)) timer = setTimeout(resolve, msMax, false);
    });
    clearTimeout(timer);
    return isReleased;
  }

  /** Ends that wait, or keeps it from beginning. */
  hurry(): void {
    this.#isHurried = true;
    this.#onReleased?.(false);
  }

  /** Resolves when the kernel has taken all bytes of all writes, or their end. */
  whenIdle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    this.#idle ??= new IdleWait();
    return this.#idle.promise;
  }

  /** Ends what is pending with `reason`. */
  cancel(reason: () => Error): void {
    this.#endReason = reason;
    if (this.#sending !== undefined) this.#dispatcher.cancel(this.#sending, reason);
  }

  setRef(isRef: boolean): void {
    this.isRef = isRef;
    if (this.#sending !== undefined) this.#dispatcher.setRef(this.#sending, isRef);
    for (const operation of this.#held?.keys() ?? []) this.#dispatcher.setRef(operation, isRef);
  }

  onAbort(write: PendingWrite): void {
    const { abortedBy } = write;
    if (abortedBy === undefined) return;
    if (this.#sending === undefined) return;
    // It may be among those that the kernel is sending; what becomes of it is known when that has ended.
    this.#isAborting = true;
    this.#dispatcher.cancel(this.#sending, () => abortError(abortedBy));
  }

  /** Sends what waits, if anything does that still can be sent. */
  #send(): void {
    this.#dropRefused();
    const queue = this.#queue;
    const first = queue[0];
    if (first === undefined) {
      this.#idle?.end();
      return;
    }
    const { data, taken } = first;
    const fds = taken === 0 ? first.fds : undefined;
    if (queue.length === 1 && data instanceof Span && fds === undefined) {
      this.#submit(data.view, taken, Math.min(first.bytes - taken, SEND_BYTES_MAX), undefined);
    } else {
      const vectors = vectorsOf(fds === undefined ? queue : [first]);
      this.#submit(vectors, 0, vectors.bytes, fds);
    }
  }

  #submit(
    memory: View | Vectors,
    skippedBytes: number,
    bytes: number,
    fds: readonly number[] | undefined,
  ): void {
    const isZeroCopy = fds === undefined && this.#isWithoutCopy(bytes);
    const isWhole = isZeroCopy || !this.#isStepwise;
    const operation = new SendOperation(
      this,
      this.#socket,
      memory,
      skippedBytes,
      bytes,
      isZeroCopy,
      fds,
      isWhole,
    );
    operation.isRef = this.isRef;
    this.#sending = operation;
    this.#dispatcher.begin(operation);
  }

  /**
   * Without a copy a write waits until the peer has acknowledged all of it. One that is much longer than the
   * socket's send buffer waits for most of that anyway; a shorter one would have to wait where it need not.
   */
  #isWithoutCopy(bytes: number): boolean {
    if (this.#zeroCopy === undefined || bytes < ZERO_COPY_WRITE_BYTES_MIN) return false;
    const room = binding().getSocketOption(this.#socket.knownFd, SOL_SOCKET, SO_SNDBUF);
    return bytes >= SEND_BUFFERS_MIN * room && this.#zeroCopy.take(bytes);
  }

  onSent(operation: SendOperation, result: number, reason: (() => Error) | undefined, isHeld: boolean): void {
    this.#sending = undefined;
    const heldWrites: PendingWrite[] | undefined = isHeld ? [] : undefined;
    if (heldWrites !== undefined) {
      this.#held ??= new Map();
      this.#held.set(operation, heldWrites);
    }
    if (result >= 0) {
      this.sentBytes += result;
      this.#take(result, heldWrites);
    }
    const isRefused = operation.isZeroCopy && !isHeld && mayRefuseZeroCopy(result);
    if (isRefused) this.#zeroCopy?.noteCopied();
    const isAborting = this.#isAborting;
    this.#isAborting = false;
    if (this.#endReason !== undefined) this.#failAll(this.#endReason);
    else if (isAborting) this.#dropRefused();
    else if (reason !== undefined && !this.#dropRefused()) this.#failAll(reason);
    else if (result < 0 && result !== EINTR && !isRefused) this.#failAll(() => addressError(result, 'write'));
    // Empty writes that have come to the head.
    this.#take(0);
    if (this.#queue.length > 0) this.#send();
    else this.#idle?.end();
  }

  onReleased(operation: SendOperation, isCopied: boolean): void {
    const writes = this.#held?.get(operation) ?? [];
    this.#held?.delete(operation);
    if (isCopied) this.#zeroCopy?.noteCopied();
    for (const write of writes) write.release();
    if (!this.isHeld) this.#onReleased?.(true);
  }

  onSettled(write: PendingWrite): void {
    this.queuedBytes -= write.bytes + WRITE_COST_BYTES;
  }

  /**
   * Settles the writes that the kernel has taken whole.
   *
   * @param heldWrites gets those of which it has taken anything, if it goes on reading them.
   */
  #take(bytes: number, heldWrites?: PendingWrite[]): void {
    let left = bytes;
    let count = 0;
    for (const write of this.#queue) {
      const rest = write.bytes - write.taken;
      if (heldWrites !== undefined && rest > 0 && left > 0) {
        write.hold();
        heldWrites.push(write);
      }
      if (rest > left) {
        write.taken += left;
        break;
      }
      left -= rest;
      count++;
      write.taken = write.bytes;
      write.fulfil();
    }
    if (count === this.#queue.length) this.#queue = NO_WRITES;
    else if (count > 0) this.#queue = this.#queue.slice(count);
  }

  /** Whether there was any that can't be sent, or not to its end. */
  #dropRefused(): boolean {
    const queue = this.#queue;
    const refused = queue.filter(({ refusal }) => refusal !== undefined);
    if (refused.length === 0) return false;
    this.#queue = queue.filter(({ refusal }) => refusal === undefined);
    for (const write of refused) write.reject(write.refusal as () => Error);
    if (refused.some(({ taken }) => taken > 0)) {
      this.#hasBeenCut = true;
      this.#failAll(() => addressError(EPIPE, 'write'));
    }
    return true;
  }

  #failAll(reason: () => Error): void {
    const failed = this.#queue;
    this.#queue = NO_WRITES;
    if (failed.some(({ taken }) => taken > 0)) this.#hasBeenCut = true;
    for (const write of failed) write.reject(reason);
  }
}

/** What the kernel takes at once, or a negative errno. @throws ERR_BUFFER_OUT_OF_BOUNDS when memory is gone. */
function sendAtOnce(fd: number, data: Uint8Array | readonly Span[], bytes: number): number {
  const view = viewOf(data);
  if (view !== undefined) {
    const count = Math.min(bytes, SEND_BYTES_MAX);
    return binding().sendNow(fd, addressWithin(view, 0, count), count);
  }
  const spans = data as readonly Span[];
  const pieces = new Vectors(spans.length > VIEWS_MAX ? spans.slice(0, VIEWS_MAX) : spans);
  return binding().sendPiecesNow(fd, pieces.fill(), pieces.count);
}

/** The one view, where there is one. */
function viewOf(data: Uint8Array | readonly Span[]): View | undefined {
  if (data instanceof Uint8Array) return data;
  return data.length === 1 ? data[0]?.view : undefined;
}
