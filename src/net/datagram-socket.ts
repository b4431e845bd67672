/** DatagramSocket: UDP with promises for sending and async iterators for receiving. */
import { types } from 'node:util';
import { type Abortable, unwatchAbort, watchAbort } from '../abort.js';
import type { BackendDatagramSocket, DatagramBinding } from '../backend/backend.js';
import { abortError, invalidArgType, socketClosedError } from '../errors.js';
import { backendOf, type Ring } from '../ring.js';
import { checkBoolean, checkInteger, checkObject, checkOneOf, checkSignal, checkString } from '../validate.js';
import { type AddressFamily, checkRemote, familyOf, resolveAddress, type SocketAddress, toPort } from './address.js';
import type { DatagramMessage } from './datagram-message.js';

export interface DatagramBindOptions {
  /** The port to receive on; 0 (the default) has the system choose a free one. */
  port?: number;
  /** The local address, or a host name. Default: every address of the family. */
  address?: string;
  /** Default: that of a literal `address`, otherwise 'IPv4'. */
  family?: AddressFamily;
  /** Keeps an IPv6 socket from receiving IPv4 as well. Default false. */
  ipv6Only?: boolean;
  /** SO_REUSEADDR (socket(7)). Default false. */
  reuseAddress?: boolean;
  /** SO_REUSEPORT: several sockets share a port and the kernel spreads what arrives. Default false. */
  reusePort?: boolean;
  /** Allows sending to broadcast addresses. Default false. */
  broadcast?: boolean;
  /** SO_RCVBUF in bytes, up to net.core.rmem_max; the kernel doubles it. Default: the system's. */
  receiveBufferBytes?: number;
  /** SO_SNDBUF in bytes, up to net.core.wmem_max; the kernel doubles it. Default: the system's. */
  sendBufferBytes?: number;
  /** The ring to receive and send on. Default: the default ring. */
  ring?: Ring;
  signal?: AbortSignal;
}

export interface ReceiveOptions {
  /**
   * True for views into the ring's receive buffers instead of copies. Each must be `release()`d, or
   * the buffers run out and receiving waits for them. Default false.
   */
  lease?: boolean;
  /** Rejects the iteration with an AbortError. The socket stays open. */
  signal?: AbortSignal;
}

export interface SendOptions {
  signal?: AbortSignal;
}

/** What `send` takes. A string goes out as UTF-8. */
export type DatagramData = string | NodeJS.ArrayBufferView | ArrayBufferLike;

const BUFFER_BYTES_MAX = 2 ** 31 - 1;

function flag(value: unknown, name: string): boolean {
  return value === undefined ? false : checkBoolean(value, `options.${name}`);
}

function bufferBytes(value: unknown, name: string): number {
  return value === undefined ? 0 : checkInteger(value, `options.${name}`, 1, BUFFER_BYTES_MAX);
}

/** Checks what `bind` was given; `address` may still be a host name. */
function readBindOptions(options: DatagramBindOptions): DatagramBinding {
  checkObject(options, 'options');
  const { address, family } = options;
  if (address !== undefined) checkString(address, 'options.address');
  if (family !== undefined) checkOneOf(family, 'options.family', ['IPv4', 'IPv6']);
  const chosen = family ?? (address === undefined ? undefined : familyOf(address)) ?? 'IPv4';
  return {
    family: chosen,
    address: address ?? (chosen === 'IPv6' ? '::' : '0.0.0.0'),
    port: options.port === undefined ? 0 : toPort(options.port, 'options.port'),
    reuseAddress: flag(options.reuseAddress, 'reuseAddress'),
    reusePort: flag(options.reusePort, 'reusePort'),
    ipv6Only: flag(options.ipv6Only, 'ipv6Only'),
    broadcast: flag(options.broadcast, 'broadcast'),
    receiveBufferBytes: bufferBytes(options.receiveBufferBytes, 'receiveBufferBytes'),
    sendBufferBytes: bufferBytes(options.sendBufferBytes, 'sendBufferBytes'),
  };
}

function toView(data: unknown): NodeJS.ArrayBufferView {
  if (typeof data === 'string') return Buffer.from(data);
  if (types.isArrayBufferView(data)) return data;
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  throw invalidArgType('data', 'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer', data);
}

export class DatagramSocket {
  readonly #backend: BackendDatagramSocket;
  readonly #family: AddressFamily;
  readonly #readers = new Set<Reader>();
  #isClosed = false;

  private constructor(backend: BackendDatagramSocket, family: AddressFamily) {
    this.#backend = backend;
    this.#family = family;
  }

  /**
   * A socket that can send, and receives into the system's buffer from now on.
   *
   * @returns the socket; `address` tells the port that the system chose.
   * @throws EADDRINUSE, EADDRNOTAVAIL, EACCES and so on, with `syscall`, `address` and `port`;
   * ERR_SOCKET_BAD_PORT and the other argument errors; the look-up's error for a host name.
   */
  static async bind(options: DatagramBindOptions = {}): Promise<DatagramSocket> {
    const binding = readBindOptions(options);
    const signal = checkSignal(options.signal);
    if (signal?.aborted) throw abortError(signal);
    const { datagrams } = backendOf(options.ring);
    binding.address = await resolveAddress(binding.address, binding.family, signal);
    return new DatagramSocket(await datagrams.bind(binding), binding.family);
  }

  /** Where it receives. */
  get address(): SocketAddress {
    return this.#backend.local;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends one datagram.
   *
   * @param data at most 65,507 bytes over IPv4. Must not be changed until the promise settles.
   * @param remote where to; a host name is looked up.
   * @returns the bytes sent, which are all of them.
   * @throws EMSGSIZE for a datagram that is too long, ECONNREFUSED, ENETUNREACH, EPERM and so on, with
   * `address` and `port`; ERR_SOCKET_DGRAM_NOT_RUNNING after `close()`.
   */
  send(data: DatagramData, remote: { address: string; port: number }, options?: SendOptions): Promise<number> {
    try {
      if (this.#isClosed) throw socketClosedError();
      const view = toView(data);
      const { address, port } = checkRemote(remote);
      const signal = options === undefined ? undefined : checkSignal(options.signal);
      const family = familyOf(address);
      if (family === undefined) return this.#sendToHost(view, address, port, signal);
      return this.#backend.send(view, { address, port, family }, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #sendToHost(
    view: NodeJS.ArrayBufferView,
    host: string,
    port: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const address = await resolveAddress(host, this.#family, signal);
    return await this.#backend.send(view, { address, port, family: this.#family }, signal);
  }

  /** The messages as they come, one an iteration, each in memory of its own. */
  [Symbol.asyncIterator](): AsyncIterableIterator<DatagramMessage> {
    return this.messages();
  }

  /**
   * The messages as they come, one an iteration. Receiving starts with the first `next()` and stops
   * when no iterator is left; what was received and not read is kept for the next one.
   *
   * Ends when the socket or its ring is closed. Several iterators share the messages between them.
   */
  messages(options?: ReceiveOptions): AsyncIterableIterator<DatagramMessage> {
    return new MessageIterator(this.#read(options));
  }

  /** As `messages`, but each iteration brings all that have come since the last: the fastest way. */
  batches(options?: ReceiveOptions): AsyncIterableIterator<DatagramMessage[]> {
    return new BatchIterator(this.#read(options));
  }

  #read(options: ReceiveOptions = {}): Reader {
    checkObject(options, 'options');
    const isLeasing = flag(options.lease, 'lease');
    return new Reader(this.#backend, this.#readers, isLeasing, checkSignal(options.signal));
  }

  /** Has a pending receive keep the process alive again. That is how a socket begins. */
  ref(): this {
    this.#backend.ref();
    return this;
  }

  /** Lets the process exit although somebody waits for messages. */
  unref(): this {
    this.#backend.unref();
    return this;
  }

  /** Ends the iterators quietly, rejects pending sends, and closes the socket. Safe to call again. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One iterator's share in the messages of a socket. */
class Reader implements Abortable {
  readonly #socket: BackendDatagramSocket;
  readonly #readers: Set<Reader>;
  readonly #isLeasing: boolean;
  readonly #signal: AbortSignal | undefined;
  #rejectAborted: ((reason: Error) => void) | undefined;
  #isStarted = false;
  #isDone = false;

  constructor(
    socket: BackendDatagramSocket,
    readers: Set<Reader>,
    isLeasing: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#socket = socket;
    this.#readers = readers;
    this.#isLeasing = isLeasing;
    this.#signal = signal;
  }

  /** The messages that have come, or a promise of the next ones; null at the end. */
  take(): DatagramMessage[] | null | Promise<DatagramMessage[] | null> {
    if (this.#isDone) return null;
    const signal = this.#signal;
    if (signal?.aborted) {
      this.finish();
      return Promise.reject(abortError(signal));
    }
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#readers.add(this);
    }
    this.#socket.receive(this.#isLeasing);
    const taken = this.#socket.incoming.take();
    if (signal === undefined || !(taken instanceof Promise)) return taken;
    return this.#untilAborted(taken, signal);
  }

  /** As `taken`, unless the signal comes first; what arrives after that goes back to the queue. */
  #untilAborted(
    taken: Promise<DatagramMessage[] | null>,
    signal: AbortSignal,
  ): Promise<DatagramMessage[] | null> {
    return new Promise((resolve, reject) => {
      let isAborted = false;
      this.#rejectAborted = (reason) => {
        isAborted = true;
        this.finish();
        reject(reason);
      };
      watchAbort(signal, this);
      taken.then(
        (batch) => {
          unwatchAbort(signal, this);
          if (!isAborted) resolve(batch);
          else if (batch !== null) this.#socket.incoming.unshift(batch);
        },
        (error: unknown) => {
          unwatchAbort(signal, this);
          reject(error);
        },
      );
    });
  }

  onAbort(signal: AbortSignal): void {
    this.#rejectAborted?.(abortError(signal));
  }

  giveBack(messages: DatagramMessage[]): void {
    if (messages.length > 0) this.#socket.incoming.unshift(messages);
  }

  finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#readers.delete(this);
    if (this.#readers.size === 0) this.#socket.pause();
  }
}

const DONE = { done: true, value: undefined } as const;

class MessageIterator implements AsyncIterableIterator<DatagramMessage> {
  readonly #reader: Reader;
  #batch: DatagramMessage[] = [];
  #index = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  next(): Promise<IteratorResult<DatagramMessage>> {
    if (this.#index < this.#batch.length) return Promise.resolve(this.#shift());
    const taken = this.#reader.take();
    return taken instanceof Promise ? taken.then((batch) => this.#begin(batch)) : Promise.resolve(this.#begin(taken));
  }

  #shift(): IteratorResult<DatagramMessage> {
    return { done: false, value: this.#batch[this.#index++] as DatagramMessage };
  }

  #begin(batch: DatagramMessage[] | null): IteratorResult<DatagramMessage> {
    if (batch === null) {
      this.#reader.finish();
      return DONE;
    }
    // Somebody who calls `next` again before the last promise settled: keep the order.
    this.#batch = this.#index < this.#batch.length ? this.#batch.slice(this.#index).concat(batch) : batch;
    this.#index = 0;
    return this.#shift();
  }

  return(): Promise<IteratorResult<DatagramMessage>> {
    this.#reader.giveBack(this.#batch.slice(this.#index));
    this.#batch = [];
    this.#index = 0;
    this.#reader.finish();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

class BatchIterator implements AsyncIterableIterator<DatagramMessage[]> {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  next(): Promise<IteratorResult<DatagramMessage[]>> {
    const taken = this.#reader.take();
    return taken instanceof Promise ? taken.then((batch) => this.#toResult(batch)) : Promise.resolve(this.#toResult(taken));
  }

  #toResult(batch: DatagramMessage[] | null): IteratorResult<DatagramMessage[]> {
    if (batch !== null) return { done: false, value: batch };
    this.#reader.finish();
    return DONE;
  }

  return(): Promise<IteratorResult<DatagramMessage[]>> {
    this.#reader.finish();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
