/**
 * The iterators over a socket's messages, by hand: an async generator costs three promises a
 * message where one will do.
 *
 * A reader that leaves gives back what it has taken and not passed on, and the last one to leave
 * stops the receiving. Depends on the backend's socket and its queue, not on DatagramSocket.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../base/abort.js';
import type { SocketAddress } from '../../contract/address.js';
import type { Ancillary } from '../../contract/ancillary.js';
import type { BackendDatagramSocket } from '../../contract/backend.js';
import type { BatchReader, Waiting } from '../../contract/batch-queue.js';
import { DatagramMessage } from '../../contract/datagram-message.js';
import { abortError } from '../../errors/index.js';
import { StepsAhead } from '../steps-ahead.js';

/** What the readers of one socket share. */
export interface Reception {
  readonly socket: BackendDatagramSocket;
  /** Readers that have asked for a message and not left since. */
  readerCount: number;
  /** Whether messages with leased buffers may be waiting. */
  hasLeased: boolean;
  /** Whose socket it is: not collected while an iterator is in use. */
  readonly owner: object;
}

interface PendingStep<Item> {
  promise: Promise<IteratorResult<Item, undefined>>;
  resolve: (step: IteratorResult<Item, undefined>) => void;
  reject: (reason: unknown) => void;
}

abstract class Reader<Item>
  implements AsyncIterableIterator<Item, undefined>, Abortable, BatchReader<DatagramMessage>
{
  readonly #reception: Reception;
  readonly #isLeasing: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #isBrief: boolean;
  #hasBegun = false;
  #isDone = false;
  #failure: unknown;
  #pending: PendingStep<Item> | undefined;
  #waiting: Waiting<DatagramMessage> | undefined;
  #ahead: StepsAhead<IteratorResult<Item, undefined>> | undefined;

  /** @param isBrief whether another reader will probably follow this one soon. */
  constructor(reception: Reception, isLeasing: boolean, signal: AbortSignal | undefined, isBrief = false) {
    this.#isBrief = isBrief;
    this.#reception = reception;
    this.#isLeasing = isLeasing;
    this.#signal = signal;
  }

  /** A step of the batch that the reader has, if there is one left. */
  protected abstract fromBatch(): IteratorResult<Item, undefined> | undefined;

  /** The first step of a new batch, which the reader keeps until it is through. */
  protected abstract begin(batch: DatagramMessage[]): IteratorResult<Item, undefined>;

  /** What is left of the batch; the reader has nothing any more. */
  protected abstract giveUp(): DatagramMessage[];

  next(): Promise<IteratorResult<Item, undefined>> {
    const before = this.#ahead?.last ?? this.#pending?.promise;
    if (before === undefined) return this.#step();
    this.#ahead ??= new StepsAhead(() => this.#step());
    return this.#ahead.ask(before);
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    const pending = this.#pending;
    this.#finish();
    pending?.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  onAbort(signal: AbortSignal): void {
    this.#fail(abortError(signal));
  }

  #step(): Promise<IteratorResult<Item, undefined>> {
    const left = this.fromBatch();
    if (left !== undefined) return Promise.resolve(left);
    if (!this.#hasBegun && !this.#isDone) this.#begin();
    if (this.#isDone) return this.#afterDone();
    const { socket } = this.#reception;
    const { incoming } = socket;
    socket.receive(this.#isLeasing);
    const batch = incoming.take();
    if (batch !== undefined) return Promise.resolve(this.begin(this.#own(batch)));
    const failure = incoming.takeFailure();
    if (failure !== undefined) {
      this.#fail(failure.reason);
      return this.#afterDone();
    }
    if (incoming.isEnded) {
      this.#finish();
      return this.#afterDone();
    }
    return this.#wait();
  }

  #begin(): void {
    this.#hasBegun = true;
    if (this.#signal?.aborted) {
      this.#isDone = true;
      this.#failure = abortError(this.#signal);
      return;
    }
    if (this.#signal) watchAbort(this.#signal, this);
    this.#reception.readerCount++;
    if (this.#isLeasing) this.#reception.hasLeased = true;
  }

  #wait(): Promise<IteratorResult<Item, undefined>> {
    let resolve!: PendingStep<Item>['resolve'];
    let reject!: PendingStep<Item>['reject'];
    const promise = new Promise<IteratorResult<Item, undefined>>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    this.#pending = { promise, resolve, reject };
    this.#waiting = this.#reception.socket.incoming.wait(this);
    return promise;
  }

  onBatch(batch: DatagramMessage[]): void {
    const pending = this.#pending as PendingStep<Item>;
    this.#pending = undefined;
    this.#waiting = undefined;
    pending.resolve(this.begin(this.#own(batch)));
  }

  onEnd(): void {
    void this.return();
  }

  onFailure(reason: unknown): void {
    this.#fail(reason);
  }

  /** Ends it with an error: for the step that is pending, or else for the next one. */
  #fail(reason: unknown): void {
    const pending = this.#pending;
    this.#finish();
    if (pending) pending.reject(reason);
    else this.#failure = reason;
  }

  #finish(): void {
    this.#pending = undefined;
    if (this.#isDone) return;
    this.#isDone = true;
    if (!this.#hasBegun) return;
    if (this.#signal) unwatchAbort(this.#signal, this);
    const { socket } = this.#reception;
    if (this.#waiting !== undefined) socket.incoming.leave(this.#waiting);
    this.#waiting = undefined;
    const unread = this.giveUp();
    if (unread.length > 0) socket.incoming.unshift(unread);
    if (socket.incoming.isEnded) ownUnread(this.#reception);
    this.#reception.readerCount--;
    if (this.#reception.readerCount > 0) return;
    // Leased messages without a reader would keep buffers from others.
    if (this.#isBrief && !this.#isLeasing) socket.rest();
    else socket.pause();
  }

  #afterDone(): Promise<IteratorResult<Item, undefined>> {
    const failure = this.#failure;
    if (failure === undefined) return Promise.resolve({ done: true, value: undefined });
    this.#failure = undefined;
    return Promise.reject(failure);
  }

  /** A reader of copies may find leases that a reader before it asked for; it would never release them. */
  #own(batch: DatagramMessage[]): DatagramMessage[] {
    if (this.#isLeasing || !this.#reception.hasLeased) return batch;
    return batch.map((message) => new OwnedMessage(message));
  }
}

/** Messages one by one. */
export class MessageIterator extends Reader<DatagramMessage> {
  #batch: DatagramMessage[] = [];
  #index = 0;

  protected fromBatch(): IteratorResult<DatagramMessage, undefined> | undefined {
    if (this.#index === this.#batch.length) return undefined;
    return { done: false, value: this.#batch[this.#index++] as DatagramMessage };
  }

  protected begin(batch: DatagramMessage[]): IteratorResult<DatagramMessage, undefined> {
    this.#batch = batch;
    this.#index = 1;
    return { done: false, value: batch[0] as DatagramMessage };
  }

  protected giveUp(): DatagramMessage[] {
    const unread = this.#batch.slice(this.#index);
    this.#batch = [];
    this.#index = 0;
    return unread;
  }
}

/** Messages in batches: all that have arrived by the time of asking. */
export class BatchIterator extends Reader<DatagramMessage[]> {
  protected fromBatch(): undefined {
    return undefined;
  }

  protected begin(batch: DatagramMessage[]): IteratorResult<DatagramMessage[], undefined> {
    return { done: false, value: batch };
  }

  protected giveUp(): DatagramMessage[] {
    return [];
  }
}

/**
 * Once a socket has been closed: readers may still come for what is left, or not. It is copied, so that it keeps no
 * receive buffers from other sockets.
 */
export function ownUnread({ socket: { incoming }, hasLeased }: Reception): void {
  const unread = hasLeased ? incoming.take() : undefined;
  if (unread !== undefined) incoming.unshift(unread.map((message) => new OwnedMessage(message)));
}

/** What another message said, in memory of its own; the other is released. */
class OwnedMessage extends DatagramMessage {
  readonly remote: SocketAddress;
  readonly #ancillary: Ancillary;
  readonly #isControlTruncated: boolean;

  constructor(message: DatagramMessage) {
    super(Buffer.from(message.data), message.byteLength);
    this.remote = message.remote;
    this.#ancillary = ancillaryOf(message);
    this.#isControlTruncated = message.isControlTruncated;
    message.release();
  }

  protected override get ancillary(): Ancillary {
    return this.#ancillary;
  }

  override get isControlTruncated(): boolean {
    return this.#isControlTruncated;
  }
}

function ancillaryOf(message: DatagramMessage): Ancillary {
  const { local, interfaceIndex, ecn, timestamp, droppedCount, credentials } = message;
  return {
    ...(local && { local }),
    ...(interfaceIndex !== undefined && { interfaceIndex }),
    ...(ecn !== undefined && { ecn }),
    ...(timestamp !== undefined && { timestamp }),
    ...(droppedCount !== undefined && { droppedCount }),
    ...(credentials && { credentials }),
  };
}
