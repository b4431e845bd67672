/** DatagramSocket: datagrams as users hold them. Checks what they pass, and asks the backend's socket. */
import { type InspectOptions, inspect } from 'node:util';
import { checkOurs, OURS } from '../../base/construction.js';
import { EINVAL } from '../../base/errno.js';
import { showAs } from '../../base/shown.js';
import { checkBoolean, checkOptions, checkSignal, mapArray, type OptionNames } from '../../base/validate.js';
import { resolveAddress, type SocketAddress } from '../../contract/address.js';
import type { BackendDatagramSocket, Payload, SendExtras } from '../../contract/backend.js';
import type { DatagramMessage } from '../../contract/datagram-message.js';
import {
  abortError,
  addressError,
  socketClosedError,
  socketConnectedError,
  socketNotConnectedError,
} from '../../errors/index.js';
import { backendOf } from '../../ring/ring.js';
import { unwatchDropped, watchDropped } from '../dropped-sockets.js';
import {
  checkMessageBytes,
  checkResolved,
  type DatagramBindOptions,
  isResolved,
  readBindOptions,
  resolveBinding,
} from './datagram-binding.js';
import { BatchIterator, MessageIterator, ownUnread, type Reception } from './datagram-iterators.js';
import {
  type CheckedDestination,
  checkDestination,
  type DatagramData,
  type DatagramDestination,
  type OutgoingDatagram,
  readSendOptions,
  type SendOptions,
  toPayload,
} from './datagram-sending.js';
import { DatagramSettings } from './datagram-settings.js';

/** How messages are to be received. */
export interface ReceiveOptions {
  /**
   * Whether messages are views into the ring's receive buffers, to be given back by `release`.
   * A buffer that is held receives nothing: with all of them held, the socket stops. Default false.
   */
  lease?: boolean | undefined;
  /** Ends the iteration with an AbortError. */
  signal?: AbortSignal | undefined;
}

const RECEIVE_OPTIONS: OptionNames<ReceiveOptions> = { lease: true, signal: true };

/**
 * For 'ringlet/dgram': a socket with a literal address, or of a descriptor that is bound, which is bound when this returns, and the backend's, which
 * sends at once. @throws what `bind` rejects with.
 */
export let bindAtOnce: (
  options: DatagramBindOptions,
  fd?: number,
) => {
  socket: DatagramSocket;
  backend: BackendDatagramSocket;
};

/**
 * A UDP socket, or a Unix datagram socket: messages by `for await`, in batches if wanted, and promises for sends.
 * `DatagramSocket.bind` makes one.
 */
export class DatagramSocket extends DatagramSettings implements AsyncIterable<DatagramMessage> {
  readonly #backend: BackendDatagramSocket;
  readonly #reception: Reception;
  #closing: Promise<void> | undefined;

  private constructor(key: typeof OURS, backend: BackendDatagramSocket) {
    super(backend);
    checkOurs(key);
    this.#backend = backend;
    this.#reception = { socket: backend, readerCount: 0, hasLeased: false, owner: this };
    watchDropped('DatagramSocket', this, backend);
  }

  static {
    bindAtOnce = (options, fd) => {
      const binding = readBindOptions(options);
      const { datagrams } = backendOf(options.ring);
      checkMessageBytes(binding, datagrams.messageBytesMax);
      checkResolved(binding);
      const backend = datagrams.bind({ ...binding, fd });
      // What becomes of it shows at the socket's first reader.
      backend.binding?.catch(() => {});
      return { socket: new DatagramSocket(OURS, backend), backend };
    };
  }

  /**
   * Makes a socket and binds it, UDP or, with `path` or the family 'Unix', a Unix datagram socket: when the call
   * returns, unless a name must be looked up. From then on the kernel keeps what arrives, as far as its buffer goes.
   *
   * Rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE or ERR_SOCKET_BAD_PORT;
   * with `syscall`, `code`, `address` and `port` (EADDRINUSE, EADDRNOTAVAIL, EACCES); ENOTFOUND for a
   * name; AbortError; ERR_RINGLET_CLOSED.
   */
  static override async bind(options: DatagramBindOptions = {}): Promise<DatagramSocket> {
    const wanted = readBindOptions(options);
    const signal = checkSignal(options.signal);
    if (signal?.aborted) throw abortError(signal);
    const { datagrams } = backendOf(options.ring);
    checkMessageBytes(wanted, datagrams.messageBytesMax);
    const binding = isResolved(wanted) ? wanted : await resolveBinding(wanted, signal);
    if (signal?.aborted) throw abortError(signal);
    const backend = datagrams.bind(binding);
    if (backend.binding !== undefined) await backend.binding;
    return new DatagramSocket(OURS, backend);
  }

  /** What the socket is bound to, with the port that it really got. */
  get address(): SocketAddress {
    return this.#backend.local;
  }

  /** What `console.log` shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { address, isClosed } = this;
    return showAs('DatagramSocket', { address, isClosed }, depth, options);
  }

  /** Whether the socket has been closed, or its ring. */
  override get isClosed(): boolean {
    return this.#closing !== undefined || this.#backend.incoming.isEnded;
  }

  /** Whom the socket is connected to, if it is. */
  get remoteAddress(): SocketAddress | undefined {
    return this.#backend.remote;
  }

  /**
   * Gives the socket a peer: it sends without naming it, hears no other, and is told when no socket listens
   * there: a send, a receive or an iteration then rejects with ECONNREFUSED, and can be tried again.
   *
   * @throws (rejects) ERR_SOCKET_DGRAM_IS_CONNECTED; what `send` does for the address; ENETUNREACH and
   * others with syscall `connect`; AbortError.
   */
  async connect(remote: DatagramDestination, options?: Pick<SendOptions, 'signal'>): Promise<void> {
    const destination = checkDestination(remote);
    const { signal } = readSendOptions(options);
    if (this.isClosed) throw socketClosedError();
    this.#checkUnconnected();
    const resolved = await this.#resolve(destination, signal);
    if (signal?.aborted) throw abortError(signal);
    if (this.isClosed) throw socketClosedError();
    this.#checkUnconnected();
    await this.#backend.connect(resolved);
  }

  /**
   * Takes the peer away. The socket keeps its port.
   *
   * @throws ERR_SOCKET_DGRAM_NOT_CONNECTED; ERR_SOCKET_DGRAM_NOT_RUNNING when closed.
   */
  disconnect(): void {
    if (this.isClosed) throw socketClosedError();
    if (this.#backend.remote === undefined) throw socketNotConnectedError();
    this.#backend.disconnect();
  }

  #checkUnconnected(): void {
    if (this.#backend.remote !== undefined) throw socketConnectedError();
  }

  /**
   * Sends one datagram.
   *
   * @param data text as UTF-8, or bytes, which are the operation's until the promise settles; or an array of
   * such, which make one datagram. May be empty; an IPv4 datagram takes 65,507 bytes at most.
   * @param remote must be left out on a connected socket.
   * @returns the bytes sent: always all of them. On a ring, 16 KiB and more are sent without a copy where
   * the network device can; the promise then waits until it has read them.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_PORT; EMSGSIZE, EACCES, ENETUNREACH and others
   * with `address` and `port`; ENOTFOUND for a name; ERR_SOCKET_DGRAM_IS_CONNECTED and
   * ERR_SOCKET_DGRAM_NOT_CONNECTED; AbortError; ERR_SOCKET_DGRAM_NOT_RUNNING when closed.
   */
  send(
    data: DatagramData | readonly DatagramData[],
    remote?: DatagramDestination,
    options?: SendOptions,
  ): Promise<number> {
    try {
      const destination = remote === undefined ? undefined : checkDestination(remote);
      const { extras, signal } = readSendOptions(options);
      const payload = toPayload(data);
      if (this.isClosed) throw socketClosedError();
      if (destination === undefined) {
        if (this.#backend.remote === undefined) throw socketNotConnectedError();
        return this.#backend.send(payload, undefined, extras, signal);
      }
      this.#checkUnconnected();
      if (isName(destination)) return this.#sendToName(payload, destination, extras, signal);
      return this.#backend.send(payload, this.#checkFamily(destination, 'send'), extras, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends many datagrams, in order, at a fraction of what as many `send` calls cost. Each has its own
   * destination; received messages can be passed as they are, and then go back to where they came from.
   *
   * @param options are about each of them; the signal about what has not left yet.
   * @returns how many were sent: all.
   * @throws (rejects) what `send` does, with the first error. Its `sentCount` says how many had left before;
   * those after it have not been tried. (On the node backend `sentCount` is how many left at all, and up to
   * 63 behind the failed one may be among them.)
   */
  async sendMany(messages: readonly OutgoingDatagram[], options?: SendOptions): Promise<number> {
    const { extras, signal } = readSendOptions(options);
    const destinations: (DatagramDestination | undefined)[] = [];
    const payloads = mapArray(messages, 'messages', (message) => {
      const { remote, data } = (message ?? {}) as Partial<OutgoingDatagram>;
      destinations.push(remote);
      return toPayload(data);
    });
    if (this.isClosed) throw socketClosedError();
    if (signal?.aborted) throw abortError(signal);
    const checked = this.#checkAll(destinations);
    // What is sent after this call does not overtake it, unless there is a name to be looked up.
    const remotes = checked?.some(isName) ? await this.#resolveAll(checked, signal) : checked;
    if (payloads.length === 0) return 0;
    return await this.#backend.sendMany(payloads, remotes as SocketAddress[] | undefined, extras, signal);
  }

  #checkAll(destinations: readonly (DatagramDestination | undefined)[]): CheckedDestination[] | undefined {
    if (this.#backend.remote !== undefined) {
      if (destinations.some((remote) => remote !== undefined)) throw socketConnectedError();
      return undefined;
    }
    let last: DatagramDestination | undefined;
    let checked: CheckedDestination | undefined;
    return destinations.map((remote) => {
      if (remote === undefined) throw socketNotConnectedError();
      if (remote !== last || checked === undefined) {
        checked = checkDestination(remote);
        if (!isName(checked)) checked = this.#checkFamily(checked, 'send');
        last = remote;
      }
      return checked;
    });
  }

  async #resolveAll(
    destinations: readonly CheckedDestination[],
    signal: AbortSignal | undefined,
  ): Promise<SocketAddress[]> {
    const found = new Map<CheckedDestination, SocketAddress>();
    for (const each of new Set(destinations)) found.set(each, await this.#resolve(each, signal));
    return destinations.map((each) => found.get(each) as SocketAddress);
  }

  /**
   * The next message, as a copy or leased. What else has come stays for later.
   *
   * @throws (rejects) ERR_SOCKET_DGRAM_NOT_RUNNING when the socket is closed; AbortError; ECONNREFUSED and
   * others that the network has told a connected socket.
   */
  async receive(options?: ReceiveOptions): Promise<DatagramMessage> {
    const { isLeasing, signal } = readReceiveOptions(options);
    const reader = new MessageIterator(this.#reception, isLeasing, signal, true);
    const { value } = await reader.next();
    void reader.return();
    if (value === undefined) throw socketClosedError();
    return value;
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
    this.#backend.setRef(true);
    return this;
  }

  /** Lets the process exit although a receive is pending. */
  unref(): this {
    this.#backend.setRef(false);
    return this;
  }

  /**
   * Ends iterations quietly after what has already been received. The port or name is free, and the file of a
   * Unix path removed, when the call returns; unless another file has taken its place, which stays.
   * Safe to call again: the promise is the same.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      unwatchDropped('DatagramSocket', this);
      this.#closing = this.#backend.close().then(() => ownUnread(this.#reception));
    }
    return this.#closing;
  }

  /** Closes the socket, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A literal address, which must be of the socket's family. */
  #checkFamily(destination: CheckedDestination, syscall: string): SocketAddress {
    const { address, port, family, path } = destination;
    // The kernel would say EAFNOSUPPORT or EINVAL, depending on the family; Node says EINVAL.
    if (family === undefined || family !== this.#backend.local.family) {
      throw addressError(EINVAL, syscall, path ?? address, port);
    }
    return destination as SocketAddress;
  }

  async #resolve(destination: CheckedDestination, signal: AbortSignal | undefined): Promise<SocketAddress> {
    const { family } = this.#backend.local;
    if (destination.family !== undefined || family === 'Unix')
      return this.#checkFamily(destination, 'connect');
    const address = await resolveAddress(destination.address, family, signal);
    return { address, port: destination.port, family };
  }

  async #sendToName(
    payload: Payload,
    destination: CheckedDestination,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const remote = await this.#resolve(destination, signal);
    if (this.isClosed) throw socketClosedError();
    return await this.#backend.send(payload, remote, extras, signal);
  }
}

/** Whether its address is to be looked up. */
function isName({ family }: CheckedDestination): boolean {
  return family === undefined;
}

function readReceiveOptions(options: unknown): { isLeasing: boolean; signal: AbortSignal | undefined } {
  if (options === undefined) return { isLeasing: false, signal: undefined };
  const { lease = false, signal } = checkOptions<ReceiveOptions>(options, RECEIVE_OPTIONS);
  return { isLeasing: checkBoolean(lease, 'options.lease'), signal: checkSignal(signal) };
}
