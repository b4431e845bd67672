/**
 * UDP over node:dgram.
 *
 * node:dgram cannot stop receiving, so datagrams that come while nobody reads wait here, up to a limit,
 * and beyond it are dropped, as the kernel drops what finds a socket's buffer full.
 */
import dgram from 'node:dgram';
import { constants } from 'node:os';
import { BatchQueue } from '../../batch-queue.js';
import { addressError, featureUnavailableError, socketClosedError } from '../../errors.js';
import type { SocketAddress } from '../../net/address.js';
import { DatagramMessage } from '../../net/datagram-message.js';
import type { BackendDatagramSocket, DatagramBackend, DatagramBinding } from '../backend.js';
import { PendingCount } from '../pending-count.js';
import type { Admission } from './admission.js';

const WAITING_MESSAGES_MAX = 16_384;
const NOT_IN_NODE = 'node:dgram has nothing of the kind';

/** First releases with the `reusePort` option of dgram.createSocket. */
function hasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
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
  readonly local: SocketAddress;
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
    const { address, port, family } = socket.address();
    this.local = { address, port, family: family as SocketAddress['family'] };
    this.incoming = new BatchQueue(WAITING_MESSAGES_MAX, () => {});
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

  /** Applies what `ref` and `unref`, its own or the ring's, have come to. */
  updateRef(): void {
    if (!this.#closing) this.#updateRef();
  }

  #updateRef(): void {
    if (this.#isReceiving && this.#isRef && this.#backend.isRef) this.#socket.ref();
    else this.#socket.unref();
  }

  ref(): void {
    this.#isRef = true;
    this.updateRef();
  }

  unref(): void {
    this.#isRef = false;
    this.updateRef();
  }

  send(
    data: NodeJS.ArrayBufferView,
    remote: SocketAddress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.#closing) return Promise.reject(socketClosedError());
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const start = (): Promise<number> => {
      if (this.#closing) return Promise.reject(socketClosedError());
      this.#pending.enter();
      return new Promise((resolve, reject) => {
        this.#socket.send(view, remote.port, remote.address, (error, bytes) => {
          this.#pending.leave();
          if (error) reject(error);
          else resolve(bytes);
        });
      });
    };
    const { address, port } = remote;
    const facts = { kind: 'send', address, port, bytes: data.byteLength };
    return this.#admission.run(start, signal, undefined, facts);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#socket.ref();
    await this.#pending.whenIdle();
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve);
    });
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

  async bind(wanted: DatagramBinding): Promise<BackendDatagramSocket> {
    if (wanted.ancillary.length > 0) throw featureUnavailableError('Ancillary data', NOT_IN_NODE);
    if (wanted.receiveOffload) throw featureUnavailableError('Receive offload', NOT_IN_NODE);
    if (wanted.reusePort && !hasReusePort()) {
      throw addressError(-constants.errno.ENOTSUP, 'setsockopt', wanted.address, wanted.port);
    }
    const options: dgram.SocketOptions & { reusePort?: boolean } = {
      type: wanted.family === 'IPv6' ? 'udp6' : 'udp4',
      reuseAddr: wanted.reuseAddress,
      ipv6Only: wanted.ipv6Only,
    };
    if (wanted.reusePort) options.reusePort = true;
    if (wanted.receiveBufferBytes > 0) options.recvBufferSize = wanted.receiveBufferBytes;
    if (wanted.sendBufferBytes > 0) options.sendBufferSize = wanted.sendBufferBytes;
    const start = (): Promise<dgram.Socket> => boundSocket(options, wanted);
    const { address, port } = wanted;
    const facts = { kind: 'bind', address, port };
    const socket = await this.#admission.run(start, undefined, (late) => late.close(), facts);
    if (wanted.broadcast) socket.setBroadcast(true);
    const wrapped = new NodeDatagramSocket(
      this,
      socket,
      this.#admission,
      this.#bytesFor(wanted.messageBytes),
    );
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

function boundSocket(options: dgram.SocketOptions, wanted: DatagramBinding): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(options);
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port: wanted.port, address: wanted.address, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
