/** DatagramSocket: UDP as users hold it. Checks what they pass, and asks the backend's socket. */
import { constants } from 'node:os';
import { types } from 'node:util';
import type { BackendDatagramSocket, DatagramBinding } from '../backend/backend.js';
import {
  abortError,
  addressError,
  invalidArgType,
  invalidArgValue,
  outOfRange,
  socketClosedError,
} from '../errors.js';
import { backendOf, type Ring } from '../ring.js';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkOneOf,
  checkSignal,
  checkString,
} from '../validate.js';
import {
  type AddressFamily,
  anyAddress,
  checkPort,
  familyOf,
  resolveAddress,
  type SocketAddress,
} from './address.js';
import { ANCILLARY_FIELDS, type AncillaryField } from './ancillary.js';
import { BatchIterator, MessageIterator, type Reception } from './datagram-iterators.js';
import type { DatagramMessage } from './datagram-message.js';

const MESSAGE_BYTES_MAX = 65_536;
/** The most that the kernel merges: the payload of the longest IPv4 datagram. */
const MERGED_BYTES_MAX = 65_507;
const SOCKET_BUFFER_BYTES_MAX = 2 ** 31 - 1;
const FAMILIES = ['IPv4', 'IPv6'] as const;

export interface DatagramBindOptions {
  /** 0 to 65535; 0 takes a free one. Default 0. */
  port?: number | undefined;
  /** A literal address, or a name to look up. Default: every address of the machine. */
  address?: string | undefined;
  /** Default: the address's own, and IPv4 for names and without one. */
  family?: AddressFamily | undefined;
  /** For an IPv6 socket: whether IPv4 is left out. Otherwise it comes as `::ffff:1.2.3.4`. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEADDR. Default false. */
  reuseAddress?: boolean | undefined;
  /** SO_REUSEPORT: sockets that all ask for it share a port, and the kernel spreads what comes. Default false. */
  reusePort?: boolean | undefined;
  /** Whether broadcast addresses may be sent to. Default false. */
  broadcast?: boolean | undefined;
  /** SO_RCVBUF in bytes, which Linux doubles and limits (net.core.rmem_max). Default: the system's. */
  receiveBufferBytes?: number | undefined;
  /** SO_SNDBUF in bytes, which Linux doubles and limits (net.core.wmem_max). Default: the system's. */
  sendBufferBytes?: number | undefined;
  /**
   * The longest message to be received whole, in bytes, up to 65,536: the socket uses the smallest of the
   * ring's `receiveBuffers` that hold it. Default: 0, the first of them. A longer message is truncated.
   */
  messageBytes?: number | undefined;
  /**
   * What each message is to tell beside its bytes and its sender: 'local' (with `interfaceIndex`), 'ecn',
   * 'timestamp', 'droppedCount'; see DatagramMessage. Costs nothing where it is not asked for. Default: none.
   * io_uring only.
   */
  ancillary?: readonly AncillaryField[] | undefined;
  /**
   * Whether the kernel may hand over datagrams that one sender has sent in a row, of one size, in one piece
   * (UDP_GRO, Linux 5.0), which costs far less each. They come as the messages that they were. Takes
   * `receiveBuffers` of 65,507 bytes or more. Default false. io_uring only.
   */
  receiveOffload?: boolean | undefined;
  /** The ring to run on. Default: the one that `fs` uses. */
  ring?: Ring | undefined;
  /** Ends the look-up of a name. */
  signal?: AbortSignal | undefined;
}

export interface SendOptions {
  /** Cancels the call, which then rejects with an AbortError; the datagram may have left. */
  signal?: AbortSignal | undefined;
}

export interface ReceiveOptions {
  /**
   * Whether messages are views into the ring's receive buffers, to be given back by `release`.
   * A buffer that is held receives nothing: with all of them held, the socket stops. Default false.
   */
  lease?: boolean | undefined;
  /** Ends the iteration with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Where a datagram goes. */
export interface DatagramDestination {
  /** A literal address of the socket's family, or a name to look up. */
  address: string;
  /** 1 to 65535. */
  port: number;
}

export class DatagramSocket implements AsyncIterable<DatagramMessage> {
  readonly #backend: BackendDatagramSocket;
  readonly #reception: Reception;
  #closing: Promise<void> | undefined;

  private constructor(backend: BackendDatagramSocket) {
    this.#backend = backend;
    this.#reception = { socket: backend, readerCount: 0, hasLeased: false };
  }

  /**
   * Makes a socket and binds it. From then on the kernel keeps what arrives, as far as its buffer goes.
   *
   * Rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE or ERR_SOCKET_BAD_PORT;
   * with `syscall`, `code`, `address` and `port` (EADDRINUSE, EADDRNOTAVAIL, EACCES); ENOTFOUND for a
   * name; AbortError; ERR_RINGLET_CLOSED.
   */
  static async bind(options: DatagramBindOptions = {}): Promise<DatagramSocket> {
    const { ring } = checkObject(options, 'options') as DatagramBindOptions;
    const wanted = readBindOptions(options);
    const signal = checkSignal(options.signal);
    if (signal?.aborted) throw abortError(signal);
    const { datagrams } = backendOf(ring);
    if (wanted.messageBytes > datagrams.messageBytesMax) {
      if (wanted.receiveOffload) {
        const reason = `needs a ring with receiveBuffers of at least ${MERGED_BYTES_MAX} bytes`;
        throw invalidArgValue('options.receiveOffload', true, reason);
      }
      const range = `<= ${datagrams.messageBytesMax}, the largest of the ring's receiveBuffers`;
      throw outOfRange('options.messageBytes', range, wanted.messageBytes);
    }
    const address = await resolveAddress(wanted.address, wanted.family, signal);
    if (familyOf(address) !== wanted.family) {
      throw addressError(-constants.errno.EINVAL, 'bind', address, wanted.port);
    }
    const backend = await datagrams.bind({ ...wanted, address });
    if (signal?.aborted) {
      await backend.close();
      throw abortError(signal);
    }
    return new DatagramSocket(backend);
  }

  /** What the socket is bound to, with the port that it really got. */
  get address(): SocketAddress {
    return this.#backend.local;
  }

  /** Whether the socket has been closed, or its ring. */
  get isClosed(): boolean {
    return this.#closing !== undefined || this.#backend.incoming.isEnded;
  }

  /**
   * Sends one datagram.
   *
   * @param data text as UTF-8, or bytes, which are the operation's until the promise settles. May be
   * empty; an IPv4 datagram takes 65,507 bytes at most.
   * @returns the bytes sent: always all of them.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_PORT; EMSGSIZE, EACCES, ENETUNREACH and others
   * with `address` and `port`; ENOTFOUND for a name; AbortError; ERR_SOCKET_DGRAM_NOT_RUNNING when closed.
   */
  send(
    data: string | NodeJS.ArrayBufferView | ArrayBuffer,
    remote: DatagramDestination,
    options?: SendOptions,
  ): Promise<number> {
    try {
      const bytes = toBytes(data);
      const { address, port } = checkObject(remote, 'remote') as DatagramDestination;
      checkString(address, 'remote.address');
      checkPort(port, 'Port', false);
      const signal = options === undefined ? undefined : readSignal(options);
      if (this.isClosed) throw socketClosedError();
      const family = familyOf(address);
      if (family === undefined) return this.#sendToName(bytes, remote, signal);
      return this.#sendTo(bytes, { address, port: Number(port), family }, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Messages one by one, each with its own copy of the bytes, until the socket is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<DatagramMessage> {
    return new MessageIterator(this.#reception, false, undefined);
  }

  /**
   * Messages one by one, until the socket is closed.
   *
   * What is left unread by a `break` stays for the next reader; several readers share what comes.
   */
  messages(options?: ReceiveOptions): AsyncIterableIterator<DatagramMessage> {
    const { isLeasing, signal } = readReceiveOptions(options);
    return new MessageIterator(this.#reception, isLeasing, signal);
  }

  /** Everything that has arrived, in arrays of at least one message: the fast way to take a flood. */
  batches(options?: ReceiveOptions): AsyncIterableIterator<DatagramMessage[]> {
    const { isLeasing, signal } = readReceiveOptions(options);
    return new BatchIterator(this.#reception, isLeasing, signal);
  }

  /** Lets a pending receive keep the process alive again. That is how a socket begins. */
  ref(): this {
    this.#backend.ref();
    return this;
  }

  /** Lets the process exit although a receive is pending. */
  unref(): this {
    this.#backend.unref();
    return this;
  }

  /**
   * Ends iterations quietly after what has already been received, and frees the port.
   * Safe to call again: the promise is the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#backend.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sendTo(
    bytes: NodeJS.ArrayBufferView,
    remote: SocketAddress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    // The kernel would say EAFNOSUPPORT or EINVAL, depending on the family; Node says EINVAL.
    if (remote.family !== this.#backend.local.family) {
      throw addressError(-constants.errno.EINVAL, 'send', remote.address, remote.port);
    }
    return this.#backend.send(bytes, remote, signal);
  }

  async #sendToName(
    bytes: NodeJS.ArrayBufferView,
    remote: DatagramDestination,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const family = this.#backend.local.family === 'IPv6' ? 'IPv6' : 'IPv4';
    const port = Number(remote.port);
    const address = await resolveAddress(remote.address, family, signal);
    if (this.isClosed) throw socketClosedError();
    return await this.#sendTo(bytes, { address, port, family }, signal);
  }
}

function toBytes(data: unknown): NodeJS.ArrayBufferView {
  if (types.isArrayBufferView(data)) return data;
  if (typeof data === 'string') return Buffer.from(data);
  if (types.isArrayBuffer(data)) return new Uint8Array(data);
  throw invalidArgType(
    'data',
    'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer',
    data,
  );
}

function readSignal(options: unknown): AbortSignal | undefined {
  return checkSignal((checkObject(options, 'options') as SendOptions).signal);
}

function readReceiveOptions(options: unknown): { isLeasing: boolean; signal: AbortSignal | undefined } {
  if (options === undefined) return { isLeasing: false, signal: undefined };
  const { lease = false, signal } = checkObject(options, 'options') as ReceiveOptions;
  return { isLeasing: checkBoolean(lease, 'options.lease'), signal: checkSignal(signal) };
}

function readBindOptions(options: DatagramBindOptions): DatagramBinding {
  const flag = (name: 'ipv6Only' | 'reuseAddress' | 'reusePort' | 'broadcast' | 'receiveOffload'): boolean =>
    checkBoolean(options[name] ?? false, `options.${name}`);
  const bytes = (name: 'receiveBufferBytes' | 'sendBufferBytes'): number =>
    checkInteger(options[name] ?? 0, `options.${name}`, 0, SOCKET_BUFFER_BYTES_MAX);
  const given = options.address === undefined ? undefined : checkString(options.address, 'options.address');
  const family =
    options.family === undefined
      ? (familyOf(given ?? '') ?? 'IPv4')
      : checkOneOf(options.family, 'options.family', FAMILIES);
  const messageBytes = checkInteger(options.messageBytes ?? 0, 'options.messageBytes', 0, MESSAGE_BYTES_MAX);
  const receiveOffload = flag('receiveOffload');
  return {
    family,
    address: given || anyAddress(family),
    port: checkPort(options.port ?? 0, 'options.port'),
    ipv6Only: flag('ipv6Only'),
    reuseAddress: flag('reuseAddress'),
    reusePort: flag('reusePort'),
    broadcast: flag('broadcast'),
    receiveBufferBytes: bytes('receiveBufferBytes'),
    sendBufferBytes: bytes('sendBufferBytes'),
    ancillary: readAncillaryFields(options.ancillary ?? []),
    receiveOffload,
    messageBytes: receiveOffload ? Math.max(messageBytes, MERGED_BYTES_MAX) : messageBytes,
  };
}

function readAncillaryFields(value: unknown): readonly AncillaryField[] {
  if (!Array.isArray(value)) throw invalidArgType('options.ancillary', 'an instance of Array', value);
  return value.map((each, index) => checkOneOf(each, `options.ancillary[${index}]`, ANCILLARY_FIELDS));
}
