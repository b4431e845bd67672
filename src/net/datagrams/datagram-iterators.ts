/**
 * The iterators over a socket's messages, by hand: an async generator costs three promises a
 * message where one will do.
 *
 * A reader that leaves gives back what it has taken and not passed on, and the last one to leave
 * stops the receiving. Depends on the backend's socket and its queue, not on DatagramSocket.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../abort.js';
import type { BackendDatagramSocket } from '../../backend/backend.js';
import { abortError } from '../../errors.js';
import { DatagramMessage } from './datagram-message.js';
import type { SocketAddress } from '../address.js';
import type { Ancillary } from './ancillary.js';

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

abstract class Reader<Item> implements AsyncIterableIterator<Item, undefined>, Abortable {
  readonly #reception: Reception;
  readonly #isLeasing: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #isBrief: boolean;
  #hasBegun = false;
  #isDone = false;
  #failure: Error | undefined;
  #pending: PendingStep<Item> | undefined;

  /** @param isBrief whether another reader will probably follow this one soon. */
  constructor(reception: Reception, isLeasing: boolean, signal: AbortSignal | undefined, isBrief = false) {
    this.#isBrief = isBrief;
    this.#reception = reception;
    this.#isLeasing = isLeasing;
    this.#signal = signal;
  }

  /** The first step of a new batch, which the reader keeps until it is through. */
  protected abstract begin(batch: DatagramMessage[]): IteratorResult<Item, undefined>;

  /** What is left of the batch; the reader has nothing any more. */
  protected abstract giveUp(): DatagramMessage[];

  abstract next(): Promise<IteratorResult<Item, undefined>>;

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
    const pending = this.#pending;
    const error = abortError(signal);
    this.#finish();
    if (pending) pending.reject(error);
    else this.#failure = error;
  }

  /** The next step once the batch at hand is through. */
  protected advance(): Promise<IteratorResult<Item, undefined>> {
    if (this.#isDone) return this.#afterDone();
    if (this.#pending) {
      // Somebody asks ahead: each gets its own step, in the order of asking.
      const again = (): Promise<IteratorResult<Item, undefined>> => this.next();
      return this.#pending.promise.then(again, again);
    }
    if (!this.#hasBegun) this.#begin();
    if (this.#isDone) return this.#afterDone();
    const { socket } = this.#reception;
    socket.receive(this.#isLeasing);
    const taken = socket.incoming.take();
    if (taken === null) {
      this.#finish();
      return Promise.resolve({ done: true, value: undefined });
    }
    if (Array.isArray(taken)) return Promise.resolve(this.begin(this.#own(taken)));
    return this.#wait(taken);
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

  #wait(taken: Promise<DatagramMessage[] | null>): Promise<IteratorResult<Item, undefined>> {
    // A promise of its own, and not `taken.then`: `return` and an abort settle it before anything comes.
    let resolve!: PendingStep<Item>['resolve'];
    let reject!: PendingStep<Item>['reject'];
    const promise = new Promise<IteratorResult<Item, undefined>>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    this.#pending = { promise, resolve, reject };
    taken.then(this.#onTaken, this.#onFailed);
    return promise;
  }

  readonly #onTaken = (batch: DatagramMessage[] | null): void => {
    const pending = this.#pending;
    if (pending === undefined) {
      // This reader has left while it waited: the batch is for the next one.
      if (batch) this.#reception.socket.incoming.unshift(batch);
    } else if (batch) {
      this.#pending = undefined;
      pending.resolve(this.begin(this.#own(batch)));
    } else {
      this.#finish();
      pending.resolve({ done: true, value: undefined });
    }
  };

  readonly #onFailed = (reason: unknown): void => {
    const pending = this.#pending;
    if (pending === undefined) {
      this.#reception.socket.incoming.fail(reason);
      return;
    }
    this.#finish();
    pending.reject(reason);
  };

  #finish(): void {
    this.#pending = undefined;
    if (this.#isDone) return;
    this.#isDone = true;
    if (!this.#hasBegun) return;
    if (this.#signal) unwatchAbort(this.#signal, this);
    const { socket } = this.#reception;
    const unread = this.giveUp();
    if (unread.length > 0) socket.incoming.unshift(unread);
    this.#reception.readerCount--;
    if (this.#reception.readerCount > 0) return;
    // Leased messages that wait for nobody would keep buffers from others.
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

  next(): Promise<IteratorResult<DatagramMessage, undefined>> {
    if (this.#index < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#index++] as DatagramMessage });
    }
    return this.advance();
  }

  protected begin(batch: DatagramMessage[]): IteratorResult<DatagramMessage, undefined> {
    this.#batch = batch;
    this.#index = 1;
    return { done: false, value: batch[0] as DatagramMessage };
  }

  protected giveUp(): DatagramMessage[] {
    const unread = this.#batch.slice(this.#index);
    this.#batch = [];
    return unread;
  }
}

/** Messages in batches: all that have arrived by the time of asking. */
export class BatchIterator extends Reader<DatagramMessage[]> {
  next(): Promise<IteratorResult<DatagramMessage[], undefined>> {
    return this.advance();
  }

  protected begin(batch: DatagramMessage[]): IteratorResult<DatagramMessage[], undefined> {
    return { done: false, value: batch };
  }

  protected giveUp(): DatagramMessage[] {
    return [];
  }
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
