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
import { type Abortable, unwatchAbort, watchAbort } from '../../../abort.js';
import { abortError, addressError, memoryGoneError, tracedRejection } from '../../../errors.js';
import { byteCountOf, Span, type View } from '../../../views.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import { binding } from '../binding.js';
import { Vectors } from '../dispatch/vectors.js';
import { SO_SNDBUF, SOL_SOCKET } from '../sockets/socket-options.js';
import { mayRefuseZeroCopy, type ZeroCopyChoice } from '../sockets/zero-copy.js';
import { SendOperation, type SendOwner, type TransferTarget } from './stream-operations.js';

const EINTR = -4;
const EPIPE = -32;
/** Of one send; the kernel takes 1024 (IOV_MAX). */
const VIEWS_MAX = 256;
/** Below it no write goes without a copy, however small the send buffer. */
const ZERO_COPY_BYTES_MIN = 65_536;
/** How many times the socket's send buffer a write must have to go without a copy. */
const SEND_BUFFERS_MIN = 4;
const SEND_BYTES_MAX = 2 ** 30;
/** What a waiting write counts for, beside its bytes. */
const WRITE_COST_BYTES = 64;

type Resolve = (result: number | PromiseLike<number>) => void;

/** Of a writer that has nothing to do. */
const NO_WRITES: PendingWrite[] = [];

/** A write that has not settled. */
class PendingWrite implements Abortable {
  readonly writer: StreamWriter;
  readonly data: Span | readonly Span[];
  readonly bytes: number;
  readonly promise: Promise<number>;
  /** Descriptors that go with its first byte. */
  readonly fds: readonly number[] | undefined;
  /** Bytes that the kernel has taken. */
  taken = 0;
  abortedBy: AbortSignal | undefined;
  /** Sends of its bytes whose memory the kernel still reads; it settles when there are none. */
  #holdCount = 0;
  #outcome: (() => number | PromiseLike<number>) | undefined;
  readonly #resolve: Resolve;
  readonly #signal: AbortSignal | undefined;

  constructor(
    writer: StreamWriter,
    data: Span | readonly Span[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds: readonly number[] | undefined,
  ) {
    this.fds = fds;
    this.writer = writer;
    this.data = data;
    this.bytes = bytes;
    this.#signal = signal;
    let resolvePromise!: Resolve;
    // V8 makes no closure of an executor that it sees.
    this.promise = new Promise<number>((resolve) => {
      resolvePromise = resolve;
    });
    this.#resolve = resolvePromise;
    if (signal !== undefined) watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.abortedBy = signal;
    this.writer.onAbort(this);
  }

  /** Why the rest of it can't be sent, if there is anything. */
  get refusal(): (() => Error) | undefined {
    const { abortedBy, data } = this;
    if (abortedBy !== undefined) return () => abortError(abortedBy);
    const isGone = data instanceof Span ? data.isGone : data.some((span) => span.isGone);
    return isGone ? memoryGoneError : undefined;
  }

  fulfil(): void {
    // Mostly nothing is held, and there is no need to remember what comes of it.
    if (this.#holdCount > 0) this.#settle(() => this.bytes);
    else this.#end(this.bytes);
  }

  reject(create: () => Error): void {
    const bytesWritten = this.taken;
    this.#settle(() => tracedRejection(() => Object.assign(create(), { bytesWritten })));
  }

  hold(): void {
    this.#holdCount++;
  }

  release(): void {
    if (--this.#holdCount === 0 && this.#outcome !== undefined) this.#settle(this.#outcome);
  }

  #settle(outcome: () => number | PromiseLike<number>): void {
    if (this.#holdCount === 0) {
      this.#end(outcome());
      return;
    }
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.#outcome = outcome;
  }

  #end(result: number | PromiseLike<number>): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.writer.onSettled(this);
    this.#resolve(result);
  }
}

export class StreamWriter implements SendOwner {
  readonly #dispatcher: Dispatcher;
  readonly #socket: TransferTarget;
  /** None where every write is a plain one. */
  readonly #zeroCopy: ZeroCopyChoice | undefined;
  #queue = NO_WRITES;
  #sending: SendOperation | undefined;
  /** Sends whose bytes have been taken and whose memory the kernel still reads, and the writes of each. */
  #held: Map<SendOperation, PendingWrite[]> | undefined;
  #queuedBytes = 0;
  /** Whether the send under way has been cancelled for the sake of an aborted write. */
  #isAborting = false;
  #hasBeenCut = false;
  #isHurried = false;
  #endReason: (() => Error) | undefined;
  #onIdle: (() => void) | undefined;
  #onReleased: ((isReleased: boolean) => void) | undefined;
  isHolding = true;

  constructor(dispatcher: Dispatcher, socket: TransferTarget, zeroCopy: ZeroCopyChoice | undefined) {
    this.#dispatcher = dispatcher;
    this.#socket = socket;
    this.#zeroCopy = zeroCopy;
  }

  /** Bytes of writes that have not settled, and some for each of them. */
  get queuedBytes(): number {
    return this.#queuedBytes;
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
    const write = new PendingWrite(this, data, bytes, signal, fds);
    // An array that begins empty is given room for sixteen more.
    if (this.#queue.length === 0) this.#queue = [write];
    else this.#queue.push(write);
    this.#queuedBytes += bytes + WRITE_COST_BYTES;
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
    return new Promise((resolve) => {
      const before = this.#onIdle;
      this.#onIdle = () => {
        before?.();
        resolve();
      };
    });
  }

  /** Ends what is pending with `reason`. */
  cancel(reason: () => Error): void {
    this.#endReason = reason;
    if (this.#sending !== undefined) this.#dispatcher.cancel(this.#sending, reason);
  }

  setHolding(isHolding: boolean): void {
    this.isHolding = isHolding;
    if (this.#sending !== undefined) this.#dispatcher.setHolding(this.#sending, isHolding);
    for (const operation of this.#held?.keys() ?? []) this.#dispatcher.setHolding(operation, isHolding);
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
      this.#onIdle?.();
      return;
    }
    const { data, taken } = first;
    const fds = taken === 0 ? first.fds : undefined;
    if (queue.length === 1 && data instanceof Span && fds === undefined) {
      this.#submit(data.view, taken, Math.min(first.bytes - taken, SEND_BYTES_MAX), undefined);
    } else {
      const vectors = gather(fds === undefined ? queue : [first]);
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
    const operation = new SendOperation(this, this.#socket, memory, skippedBytes, bytes, isZeroCopy, fds);
    operation.isHolding = this.isHolding;
    this.#sending = operation;
    this.#dispatcher.begin(operation);
  }

  /**
   * Without a copy a write waits until the peer has acknowledged all of it. One that is much longer than the
   * socket's send buffer waits for most of that anyway; a shorter one would have to wait where it need not.
   */
  #isWithoutCopy(bytes: number): boolean {
    if (this.#zeroCopy === undefined || bytes < ZERO_COPY_BYTES_MIN) return false;
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
    if (result >= 0) this.#take(result, heldWrites);
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
    else this.#onIdle?.();
  }

  onReleased(operation: SendOperation, isCopied: boolean): void {
    const writes = this.#held?.get(operation) ?? [];
    this.#held?.delete(operation);
    if (isCopied) this.#zeroCopy?.noteCopied();
    for (const write of writes) write.release();
    if (!this.isHeld) this.#onReleased?.(true);
  }

  onSettled(write: PendingWrite): void {
    this.#queuedBytes -= write.bytes + WRITE_COST_BYTES;
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

/** The writes at the head of the queue, as far as one send takes them. */
function gather(queue: readonly PendingWrite[]): Vectors {
  const gathered: Span[] = [];
  let skip = (queue[0] as PendingWrite).taken;
  let skippedBytes = 0;
  let bytes = 0;
  for (const write of queue) {
    if (write.fds !== undefined && write !== queue[0]) break;
    const { data } = write;
    for (const span of data instanceof Span ? [data] : data) {
      if (span.bytes <= skip) {
        skip -= span.bytes;
        continue;
      }
      if (gathered.length === 0) skippedBytes = skip;
      if (gathered.length === VIEWS_MAX || (gathered.length > 0 && bytes + span.bytes > SEND_BYTES_MAX)) {
        return new Vectors(gathered, skippedBytes);
      }
      bytes += span.bytes - skip;
      skip = 0;
      gathered.push(span);
    }
  }
  return new Vectors(gathered, skippedBytes);
}
