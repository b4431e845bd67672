/**
 * The writes of a connection, in order: one send in the kernel at a time, which takes all that wait.
 *
 * The kernel goes on by itself until it has taken everything (MSG_WAITALL); a send that ends early leaves
 * the rest at the head of the queue. A write that is aborted before any of its bytes were taken simply
 * goes; one that is cut short leaves the peer in the middle of it, so that nothing may follow.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../../abort.js';
import { abortError, addressError, tracedRejection } from '../../../errors.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import { SendOperation, type TransferTarget } from './stream-operations.js';

type View = NodeJS.ArrayBufferView;

const EINTR = -4;
const EPIPE = -32;
/** Of one send; the kernel takes 1024 (IOV_MAX). */
const VIEWS_MAX = 256;
const SEND_BYTES_MAX = 2 ** 30;
/** What a waiting write counts for, beside its bytes. */
const WRITE_COST_BYTES = 64;

/** A write that has not settled. */
class PendingWrite implements Abortable {
  readonly writer: StreamWriter;
  readonly views: readonly View[];
  readonly bytes: number;
  readonly promise: Promise<number>;
  /** Descriptors that go with its first byte. */
  readonly fds: readonly number[] | undefined;
  /** Bytes that the kernel has taken. */
  taken = 0;
  abortedBy: AbortSignal | undefined;
  #resolve!: (result: number | PromiseLike<number>) => void;
  readonly #signal: AbortSignal | undefined;

  constructor(
    writer: StreamWriter,
    views: readonly View[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds: readonly number[] | undefined,
  ) {
    this.fds = fds;
    this.writer = writer;
    this.views = views;
    this.bytes = bytes;
    this.#signal = signal;
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (signal !== undefined) watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.abortedBy = signal;
    this.writer.onAbort(this);
  }

  fulfil(): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.#resolve(this.bytes);
  }

  reject(create: () => Error): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    const bytesWritten = this.taken;
    this.#resolve(tracedRejection(() => Object.assign(create(), { bytesWritten })));
  }
}

export class StreamWriter {
  readonly #dispatcher: Dispatcher;
  readonly #socket: TransferTarget;
  #queue: PendingWrite[] = [];
  #sending: SendOperation | undefined;
  #queuedBytes = 0;
  /** Whether the send under way has been cancelled for the sake of an aborted write. */
  #isAborting = false;
  #hasBeenCut = false;
  #endReason: (() => Error) | undefined;
  #onIdle: (() => void) | undefined;
  isHolding = true;

  constructor(dispatcher: Dispatcher, socket: TransferTarget) {
    this.#dispatcher = dispatcher;
    this.#socket = socket;
  }

  /** Bytes of writes that have not settled, and some for each of them. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#sending === undefined;
  }

  write(
    views: readonly View[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number> {
    if (signal?.aborted) return Promise.reject(abortError(signal));
    if (this.#hasBeenCut) return Promise.reject(addressError(EPIPE, 'write'));
    if (bytes === 0 && this.#queue.length === 0) return Promise.resolve(0);
    const write = new PendingWrite(this, views, bytes, signal, fds);
    this.#queue.push(write);
    this.#queuedBytes += bytes + WRITE_COST_BYTES;
    if (this.#sending === undefined) this.#send();
    return write.promise;
  }

  /** Resolves when nothing is pending. */
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
  }

  onAbort(write: PendingWrite): void {
    const { abortedBy } = write;
    if (abortedBy === undefined) return;
    if (this.#sending === undefined) return;
    // It may be among those that the kernel is sending; what becomes of it is known when that has ended.
    this.#isAborting = true;
    this.#dispatcher.cancel(this.#sending, () => abortError(abortedBy));
  }

  #send(): void {
    const queue = this.#queue;
    const first = queue[0] as PendingWrite;
    let operation: SendOperation;
    if (first.fds !== undefined && first.taken === 0) {
      const { views, bytes } = gather([first]);
      operation = new SendOperation(this.#socket, views, 0, bytes, this.#onSent, first.fds);
    } else if (queue.length === 1 && first.views.length === 1) {
      const bytes = Math.min(first.bytes - first.taken, SEND_BYTES_MAX);
      operation = new SendOperation(this.#socket, first.views, first.taken, bytes, this.#onSent);
    } else {
      const { views, skippedBytes, bytes } = gather(queue);
      operation = new SendOperation(this.#socket, views, skippedBytes, bytes, this.#onSent);
    }
    operation.isHolding = this.isHolding;
    this.#sending = operation;
    void this.#dispatcher.submit(operation, undefined);
  }

  readonly #onSent = (result: number, reason: (() => Error) | undefined): void => {
    this.#sending = undefined;
    if (result >= 0) this.#take(result);
    const isAborting = this.#isAborting;
    this.#isAborting = false;
    if (this.#endReason !== undefined) this.#failAll(this.#endReason);
    else if (isAborting) this.#dropAborted();
    else if (reason !== undefined) this.#failAll(reason);
    else if (result < 0 && result !== EINTR) this.#failAll(() => addressError(result, 'write'));
    // Empty writes that have come to the head.
    this.#take(0);
    if (this.#queue.length > 0) this.#send();
    else this.#onIdle?.();
  };

  /** Settles the writes that the kernel has taken whole. */
  #take(bytes: number): void {
    let left = bytes;
    let count = 0;
    for (const write of this.#queue) {
      const rest = write.bytes - write.taken;
      if (rest > left) {
        write.taken += left;
        break;
      }
      left -= rest;
      count++;
      write.taken = write.bytes;
      this.#queuedBytes -= write.bytes + WRITE_COST_BYTES;
      write.fulfil();
    }
    if (count === this.#queue.length) this.#queue = [];
    else if (count > 0) this.#queue = this.#queue.slice(count);
  }

  #dropAborted(): void {
    const first = this.#queue[0];
    if (first?.abortedBy !== undefined && first.taken > 0) {
      const { abortedBy } = first;
      this.#queue.shift();
      first.reject(() => abortError(abortedBy));
      this.#hasBeenCut = true;
      this.#failAll(() => addressError(EPIPE, 'write'));
      return;
    }
    this.#queue = this.#queue.filter((write) => {
      const { abortedBy } = write;
      if (abortedBy === undefined) return true;
      this.#queuedBytes -= write.bytes + WRITE_COST_BYTES;
      write.reject(() => abortError(abortedBy));
      return false;
    });
  }

  #failAll(reason: () => Error): void {
    const failed = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    if (failed.some(({ taken }) => taken > 0)) this.#hasBeenCut = true;
    for (const write of failed) write.reject(reason);
  }
}

/** The views of the writes at the head of the queue, as far as one send takes them. */
function gather(queue: readonly PendingWrite[]): { views: View[]; skippedBytes: number; bytes: number } {
  const views: View[] = [];
  let skip = (queue[0] as PendingWrite).taken;
  let skippedBytes = 0;
  let bytes = 0;
  for (const write of queue) {
    if (write.fds !== undefined && write !== queue[0]) break;
    for (const view of write.views) {
      if (view.byteLength <= skip) {
        skip -= view.byteLength;
        continue;
      }
      if (views.length === 0) skippedBytes = skip;
      if (views.length === VIEWS_MAX || (views.length > 0 && bytes + view.byteLength > SEND_BYTES_MAX)) {
        return { views, skippedBytes, bytes };
      }
      bytes += view.byteLength - skip;
      skip = 0;
      views.push(view);
    }
  }
  return { views, skippedBytes, bytes };
}
