/**
 * UDP over node:dgram.
 *
 * node:dgram cannot stop receiving, so datagrams that come without a reader wait here, up to a limit,
 * and beyond it are dropped, as the kernel drops what finds a socket's buffer full.
 */
import type dgram from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ENOTSUP } from '../base/errno.js';
import { nodeModule } from '../base/node-modules.js';
import { PendingCount } from '../base/pending-count.js';
import { byteCountOf, Span } from '../base/views.js';
import type { SocketAddress } from '../contract/address.js';
import type {
  BackendDatagramSocket,
  DatagramBackend,
  DatagramBinding,
  DatagramReading,
  DatagramSetting,
  Membership,
  Payload,
  PoolCallback,
  SendExtras,
} from '../contract/backend.js';
import { BatchQueue } from '../contract/batch-queue.js';
import { DatagramMessage } from '../contract/datagram-message.js';
import {
  addressError,
  featureUnavailableError,
  ringClosedError,
  socketClosedError,
} from '../errors/index.js';
import type { Admission, Begin } from './admission.js';

const KEPT_MESSAGES_MAX = 16_384;
/** Sends of a `sendMany` that are under way at once. */
const SENDS_AT_ONCE = 64;
const NOT_IN_NODE = 'node:dgram has nothing of the kind';

/** First releases with the `reusePort` option of dgram.createSocket. */
function hasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

interface RoundOutcome {
  sentCount: number;
  /** The first one. */
  error: Error | undefined;
}

function extrasError(extras: SendExtras): Error {
  return featureUnavailableError(`Sending with ${Object.keys(extras).join(', ')}`, NOT_IN_NODE);
}

class NodeMessage extends DatagramMessage {
  readonly #remote: SocketAddress;

  constructor(data: Buffer, remote: dgram.RemoteInfo) {
    super(data, remote.size);
    this.#remote = { address: remote.address, port: remote.port, family: remote.family };
  }

  override get remote(): SocketAddress {
    return this.#remote;
  }
}

class NodeDatagramSocket implements BackendDatagramSocket {
  readonly binding: Promise<void> | undefined;
  #local: SocketAddress;
  #remote: SocketAddress | undefined;
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly #backend: NodeDatagrams;
  readonly #socket: dgram.Socket;
  readonly #admission: Admission;
  readonly #pending = new PendingCount();
  #isReceiving = false;
  #isRef = true;
  #isFlushing = false;
  #closing: Promise<void> | undefined;

  constructor(backend: NodeDatagrams, socket: dgram.Socket, admission: Admission, messageBytesMax: number) {
    this.#backend = backend;
    this.#socket = socket;
    this.#admission = admission;
    this.binding = bindingOf(socket)?.then(() => {
      this.#local = toAddress(socket.address());
    });
    this.#local = this.binding === undefined ? toAddress(socket.address()) : UNBOUND;
    this.incoming = new BatchQueue(KEPT_MESSAGES_MAX, () => {});
    socket.on('message', (data, remote) => {
      if (this.incoming.isFull) {
        this.#backend.noteDropped();
        return;
      }
      this.incoming.append(new NodeMessage(data.subarray(0, messageBytesMax), remote));
      this.#flushSoon();
    });
    socket.on('error', (error) => this.incoming.fail(error));
    this.#updateRef();
  }

  get local(): SocketAddress {
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    return this.#remote;
  }

  /** Datagrams that came in one go make one batch. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.incoming.flush();
    });
  }

  receive(): void {
    if (this.#isReceiving || this.#closing) return;
    this.#isReceiving = true;
    this.#updateRef();
  }

  pause(): void {
    this.#isReceiving = false;
    this.updateRef();
  }

  rest(): void {
    this.pause();
  }

  /** Applies what `ref` and `unref`, its own or the ring's, have come to. */
  updateRef(): void {
    if (!this.#closing) this.#updateRef();
  }

  #updateRef(): void {
    if (this.#isReceiving && this.#isRef && this.#backend.isRef) this.#socket.ref();
    else this.#socket.unref();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.updateRef();
  }

  async connect(remote: SocketAddress): Promise<void> {
    if (this.#closing) throw socketClosedError();
    await new Promise<void>((resolve, reject) => {
      // Node tells a failure by the callback only, although it types it as one without an argument.
      const onConnected = (error?: Error): void => (error ? reject(error) : resolve());
      this.#socket.connect(remote.port, remote.address, onConnected);
    });
    this.#refreshNames();
  }

  disconnect(): void {
    if (this.#closing) throw socketClosedError();
    this.#socket.disconnect();
    this.#refreshNames();
  }

  #refreshNames(): void {
    this.#local = toAddress(this.#socket.address());
    try {
      this.#remote = toAddress(this.#socket.remoteAddress());
    } catch {
      this.#remote = undefined;
    }
  }

  set(setting: DatagramSetting, value: number): void {
    if (this.#closing) throw socketClosedError();
    const socket = this.#socket;
    if (setting === 'ttl') socket.setTTL(value);
    else if (setting === 'broadcast') socket.setBroadcast(value !== 0);
    else if (setting === 'multicastTTL') socket.setMulticastTTL(value);
    else if (setting === 'multicastLoopback') socket.setMulticastLoopback(value !== 0);
    else if (setting === 'recvBufferSize') socket.setRecvBufferSize(value);
    else if (setting === 'sendBufferSize') socket.setSendBufferSize(value);
    else throw featureUnavailableError('Path MTU discovery', NOT_IN_NODE);
  }

  get(setting: DatagramReading): number {
    if (this.#closing) throw socketClosedError();
    if (setting === 'recvBufferSize') return this.#socket.getRecvBufferSize();
    if (setting === 'sendBufferSize') return this.#socket.getSendBufferSize();
    throw featureUnavailableError('The path MTU', NOT_IN_NODE);
  }

  setMulticastInterface(address: string): void {
    if (this.#closing) throw socketClosedError();
    this.#socket.setMulticastInterface(address);
  }

  changeMembership({ isJoining, group, interfaceAddress, source }: Membership): void {
    if (this.#closing) throw socketClosedError();
    const socket = this.#socket;
    if (source === undefined) {
      if (isJoining) socket.addMembership(group, interfaceAddress);
      else socket.dropMembership(group, interfaceAddress);
    } else if (isJoining) {
      socket.addSourceSpecificMembership(source, group, interfaceAddress);
    } else {
      socket.dropSourceSpecificMembership(source, group, interfaceAddress);
    }
  }

  send(
    payload: Payload,
    remote: SocketAddress | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.#closing) return Promise.reject(socketClosedError());
    if (extras !== undefined) return Promise.reject(extrasError(extras));
    const begin: Begin<number> = (done) => this.#begin(payload, remote, done);
    const { address, port } = remote ?? this.#remote ?? this.#local;
    const bytes = payload instanceof Span ? payload.bytes : byteCountOf(payload);
    return this.#admission.call(begin, { signal, facts: { kind: 'send', address, port, bytes } });
  }

  /** Throws what Node throws, and has begun nothing then. */
  #begin(payload: Payload, remote: SocketAddress | undefined, done: PoolCallback<number>): void {
    if (this.#closing) throw socketClosedError();
    // Node has a shorter way for one piece.
    const data = payload instanceof Span ? payload.toBytes() : payload.map((span) => span.toBytes());
    const onSent = (error: Error | null, bytes: number): void => {
      this.#pending.leave();
      if (error) done(this.#closing === undefined ? error : socketClosedError());
      else done(null, bytes);
    };
    if (remote === undefined) this.#socket.send(data, onSent);
    else this.#socket.send(data, remote.port, remote.address, onSent);
    // Node never calls back before it returns.
    this.#pending.enter();
  }

  async sendMany(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let sentCount = 0;
    try {
      if (extras !== undefined) throw extrasError(extras);
      for (let first = 0; first < payloads.length; first += SENDS_AT_ONCE) {
        const round = payloads.slice(first, first + SENDS_AT_ONCE);
        const outcome = await this.#sendRound(round, remotes?.slice(first, first + SENDS_AT_ONCE), signal);
        sentCount += outcome.sentCount;
        if (outcome.error !== undefined) throw outcome.error;
        // Node finishes sends within the turn in which they begin.
        await nextTurn();
      }
    } catch (error) {
      throw Object.assign(error as Error, { sentCount });
    }
    return sentCount;
  }

  /** One call of the backend's, however many datagrams. Resolves when Node is through with all of them. */
  #sendRound(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<RoundOutcome> {
    if (this.#closing) return Promise.reject(socketClosedError());
    const begin: Begin<RoundOutcome> = (done) => {
      const outcome: RoundOutcome = { sentCount: 0, error: undefined };
      // One more, until all have begun.
      let leftCount = payloads.length + 1;
      const onSent: PoolCallback<number> = (error) => {
        if (error) outcome.error ??= error;
        else outcome.sentCount++;
        if (--leftCount === 0) done(null, outcome);
      };
      payloads.forEach((payload, index) => {
        try {
          this.#begin(payload, remotes?.[index], onSent);
        } catch (error) {
          onSent(error as Error);
        }
      });
      if (--leftCount === 0) done(null, outcome);
    };
    const { address, port } = remotes?.[0] ?? this.#remote ?? this.#local;
    const bytes = payloads.reduce(
      (sum, payload) => sum + (payload instanceof Span ? payload.bytes : byteCountOf(payload)),
      0,
    );
    return this.#admission.call(begin, { signal, facts: { kind: 'send', address, port, bytes } });
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  async abandon(): Promise<void> {
    await this.#pending.whenIdle();
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#socket.ref();
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve);
    });
    // Node ends what it has not sent.
    await this.#pending.whenIdle();
    this.#backend.remove(this);
    this.incoming.flush();
    this.incoming.end();
  }
}

export class NodeDatagrams implements DatagramBackend {
  readonly #admission: Admission;
  readonly #sizes: readonly { bytes: number }[];
  readonly #sockets = new Set<NodeDatagramSocket>();
  isRef = true;
  #droppedCount = 0;

  /** @param sizes what the ring's receive buffers would hold, here only for where messages are cut. */
  constructor(admission: Admission, sizes: readonly { bytes: number }[]) {
    this.#admission = admission;
    this.#sizes = sizes;
  }

  bind(wanted: DatagramBinding): BackendDatagramSocket {
    if (this.#admission.isClosed) throw ringClosedError();
    if (wanted.family === 'Unix') throw featureUnavailableError('A Unix datagram socket', NOT_IN_NODE);
    if (wanted.ancillary.length > 0) throw featureUnavailableError('Ancillary data', NOT_IN_NODE);
    if (wanted.device !== '') throw featureUnavailableError('Binding to a device', NOT_IN_NODE);
    if (wanted.nonLocal) throw featureUnavailableError('Binding to an address of others', NOT_IN_NODE);
    if (wanted.pathMtuDiscovery >= 0) throw featureUnavailableError('Path MTU discovery', NOT_IN_NODE);
    if (wanted.receiveOffload) throw featureUnavailableError('Receive offload', NOT_IN_NODE);
    if (wanted.reusePort && !hasReusePort()) {
      throw addressError(ENOTSUP, 'setsockopt', wanted.address, wanted.port);
    }
    const options: dgram.SocketOptions & { reusePort?: boolean } = {
      type: wanted.family === 'IPv6' ? 'udp6' : 'udp4',
      reuseAddr: wanted.reuseAddress,
      ipv6Only: wanted.ipv6Only,
    };
    if (wanted.reusePort) options.reusePort = true;
    if (wanted.receiveBufferBytes > 0) options.recvBufferSize = wanted.receiveBufferBytes;
    if (wanted.sendBufferBytes > 0) options.sendBufferSize = wanted.sendBufferBytes;
    const socket = boundSocket(options, wanted);
    const wrapped = new NodeDatagramSocket(
      this,
      socket,
      this.#admission,
      this.#bytesFor(wanted.messageBytes),
    );
    if (wanted.broadcast && wrapped.binding === undefined) socket.setBroadcast(true);
    else if (wanted.broadcast) socket.once('listening', () => socket.setBroadcast(true));
    this.#sockets.add(wrapped);
    return wrapped;
  }

  setRef(isRef: boolean): void {
    this.isRef = isRef;
    for (const socket of this.#sockets) socket.updateRef();
  }

  /** Datagrams that came while too many waited. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  noteDropped(): void {
    this.#droppedCount++;
  }

  get messageBytesMax(): number {
    return Math.max(...this.#sizes.map(({ bytes }) => bytes));
  }

  #bytesFor(messageBytes: number): number {
    const first = this.#sizes[0]?.bytes ?? 0;
    if (messageBytes === 0) return first;
    const holding = this.#sizes.map(({ bytes }) => bytes).filter((bytes) => bytes >= messageBytes);
    return holding.length > 0 ? Math.min(...holding) : first;
  }

  remove(socket: NodeDatagramSocket): void {
    this.#sockets.delete(socket);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
  }
}

function toAddress({ address, port, family }: AddressInfo): SocketAddress {
  return { address, port, family: family as SocketAddress['family'] };
}

/**
 * Addresses are literal here. Node asks even for these, and its own look-up answers on the next tick; with this
 * one a socket is bound, and sends, when the call returns.
 */
const atOnce: dgram.SocketOptions['lookup'] = (address, _options, found) => found(null, address, 0);

const UNBOUND: SocketAddress = { address: '', port: 0, family: 'IPv4' };

/** Undefined with Node, which has bound it by now. */
function bindingOf(socket: dgram.Socket): Promise<void> | undefined {
  try {
    socket.address();
    return undefined;
  } catch {
    return new Promise((resolve, reject) => {
      socket.once('listening', resolve);
      socket.once('error', reject);
    });
  }
}

function boundSocket(options: dgram.SocketOptions, wanted: DatagramBinding): dgram.Socket {
  const socket = nodeModule('node:dgram').createSocket({ ...options, lookup: atOnce });
  let failure: unknown;
  socket.once('error', (error) => {
    failure = error;
  });
  try {
    socket.bind(
      wanted.fd === undefined
        ? { port: wanted.port, address: wanted.address, exclusive: true }
        : { fd: wanted.fd, exclusive: true },
    );
  } catch (error) {
    failure = error;
  }
  if (failure === undefined) {
    socket.removeAllListeners('error');
    return socket;
  }
  socket.close();
  throw failure;
}
