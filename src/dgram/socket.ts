/**
 * Socket of 'ringlet/dgram': node:dgram's events and callbacks on a DatagramSocket.
 *
 * Calls that need a bound socket wait in order until it is; what a listener throws is the process's, as
 * with Node.
 */
import { constants } from 'node:os';
import { EventEmitter } from 'node:events';
import { onAbortOf } from '../abort.js';
import {
  addressError,
  alreadyBoundError,
  badSocketType,
  socketClosedError,
  socketConnectedError,
  socketNotConnectedError,
} from '../errors.js';
import { checkPort, familyOf, type SocketAddress } from '../net/address.js';
import type { DatagramMessage } from '../net/datagrams/datagram-message.js';
import { DatagramSocket } from '../net/datagrams/datagram-socket.js';
import { backendOf } from '../ring.js';
import { checkSignal } from '../validate.js';
import { byteLengthOf } from '../views.js';
import { readBind, readSend, type SendCall } from './calls.js';
import {
  type AddressInfo,
  type RemoteInfo,
  readOptions,
  type SocketEvents,
  type SocketOptions,
  type SocketType,
} from './options.js';
import { MESSAGE_BYTES, theSharedRing } from './shared-ring.js';

type State = 'unbound' | 'binding' | 'bound' | 'closed';

export class Socket extends EventEmitter<SocketEvents> {
  readonly type: SocketType;
  readonly #options: SocketOptions;
  #state: State = 'unbound';
  #isConnecting = false;
  #isRef = true;
  #socket: DatagramSocket | undefined;
  /** What waits for the socket to be bound. */
  #waiting: (() => void)[] = [];
  #sendingCount = 0;
  #sendingBytes = 0;
  #onSent: (() => void) | undefined;

  constructor(options: SocketType | SocketOptions, listener?: (data: Buffer, remote: RemoteInfo) => void) {
    super();
    this.#options = typeof options === 'string' ? { type: options } : readOptions(options);
    this.type = this.#options.type;
    if (this.type !== 'udp4' && this.type !== 'udp6') throw badSocketType();
    if (typeof listener === 'function') this.on('message', listener);
    const signal = checkSignal(this.#options.signal);
    if (signal === undefined) return;
    const onAborted = (): void => {
      if (this.#state !== 'closed') this.close();
    };
    if (signal.aborted) {
      onAborted();
      return;
    }
    this.once('close', onAbortOf(signal, onAborted));
  }

  /** Begins to listen; emits 'listening', or 'error'. @throws ERR_SOCKET_ALREADY_BOUND. */
  bind(port?: number, address?: string, callback?: () => void): this;
  bind(port?: number, callback?: () => void): this;
  bind(callback?: () => void): this;
  bind(options: { port?: number; address?: string; exclusive?: boolean }, callback?: () => void): this;
  bind(...parameters: unknown[]): this {
    this.#checkOpen();
    if (this.#state !== 'unbound') throw alreadyBoundError();
    const { port, address, onListening } = readBind(parameters);
    if (onListening !== undefined) {
      const remove = (): void => {
        this.off('error', remove);
        this.off('listening', onBound);
      };
      const onBound = (): void => {
        remove();
        onListening.call(this);
      };
      this.on('error', remove);
      this.on('listening', onBound);
    }
    this.#state = 'binding';
    void this.#bind(port, address);
    return this;
  }

  async #bind(port: number, address: string | undefined): Promise<void> {
    const { reuseAddr, reusePort, ipv6Only, recvBufferSize, sendBufferSize } = this.#options;
    const ring = this.#options.ring ?? theSharedRing();
    try {
      const messageBytes = Math.min(MESSAGE_BYTES, backendOf(ring).datagrams.messageBytesMax);
      const socket = await DatagramSocket.bind({
        port,
        address: address && (await this.#resolve(address)),
        family: this.#family,
        reuseAddress: Boolean(reuseAddr),
        reusePort: Boolean(reusePort),
        ipv6Only: Boolean(ipv6Only),
        receiveBufferBytes: recvBufferSize,
        sendBufferBytes: sendBufferSize,
        messageBytes,
        ring,
      });
      this.#onBound(socket);
    } catch (error) {
      if (this.#state === 'binding') this.#state = 'unbound';
      this.#waiting = [];
      this.#emitError(error as Error);
    }
  }

  #onBound(socket: DatagramSocket): void {
    if (this.#state === 'closed') {
      void socket.close();
      return;
    }
    this.#socket = socket;
    this.#state = 'bound';
    if (!this.#isRef) socket.unref();
    void this.#receive(socket);
    emit(() => this.emit('listening'));
    for (const go of this.#waiting.splice(0)) go();
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    while (!socket.isClosed) {
      try {
        for await (const batch of socket.batches()) {
          for (const message of batch) this.#emitMessage(message);
        }
      } catch (error) {
        if (!socket.isClosed) this.#emitError(error as Error);
      }
    }
  }

  #emitMessage({ data, remote, byteLength }: DatagramMessage): void {
    if (this.#state === 'closed') return;
    const info = { ...toInfo(remote), size: byteLength };
    emit(() => this.emit('message', data, info));
  }

  #emitError(error: Error): void {
    emit(() => this.emit('error', error));
  }

  get #family(): 'IPv4' | 'IPv6' {
    return this.type === 'udp6' ? 'IPv6' : 'IPv4';
  }

  /** A name by the `lookup` of the options, if there is one; otherwise DatagramSocket looks it up. */
  #resolve(host: string): Promise<string> | string {
    const { lookup } = this.#options;
    if (lookup === undefined || familyOf(host) !== undefined) return host;
    return new Promise((resolve, reject) => {
      lookup(host, { family: this.type === 'udp6' ? 6 : 4 }, (error, found) => {
        if (error) reject(error);
        else resolve(typeof found === 'string' ? found : (found[0]?.address ?? host));
      });
    });
  }

  /** Runs `go` once the socket is bound, which it is made if nobody has. */
  #whenBound(go: () => void): void {
    if (this.#state === 'unbound') this.bind({ port: 0 });
    if (this.#state === 'bound') go();
    else this.#waiting.push(go);
  }

  /** As node:dgram's, in all its forms. @throws ERR_SOCKET_BAD_PORT, ERR_INVALID_ARG_TYPE and others. */
  send(
    message: string | NodeJS.ArrayBufferView | readonly (string | NodeJS.ArrayBufferView)[],
    ...parameters: unknown[]
  ): void {
    const call = readSend([message, ...parameters], this.#socket?.remoteAddress !== undefined);
    this.#checkOpen();
    this.#sendingCount++;
    const bytes = call.list.reduce((sum, view) => sum + byteLengthOf(view), 0);
    this.#sendingBytes += bytes;
    this.#whenBound(() => void this.#send(call, bytes));
  }

  async #send({ list, port, address, callback }: SendCall, bytes: number): Promise<void> {
    let failure: Error | undefined;
    let sentBytes = 0;
    let isLookUp = address !== undefined && familyOf(address) === undefined;
    try {
      const socket = this.#socket as DatagramSocket;
      const host = address ?? (this.type === 'udp6' ? '::1' : '127.0.0.1');
      const remote = port === undefined ? undefined : { address: await this.#resolve(host), port };
      isLookUp = isLookUp && remote?.address === address;
      sentBytes = await socket.send(list, remote);
    } catch (error) {
      isLookUp = isLookUp && (error as NodeJS.ErrnoException).syscall === 'getaddrinfo';
      failure = error as Error;
    }
    this.#sendingCount--;
    this.#sendingBytes -= bytes;
    if (this.#sendingCount === 0) this.#onSent?.();
    if (callback !== undefined) {
      emit(() => (failure ? callback.call(this, failure) : callback.call(this, null, sentBytes)));
    } else if (failure !== undefined && isLookUp) {
      // A name that cannot be looked up is an 'error' if nobody else hears of it; a failed send is nothing.
      this.#emitError(failure);
    }
  }

  /** Gives the socket a peer; emits 'connect', or 'error'. A callback hears of both. */
  connect(port: number, address?: string, callback?: (error?: Error) => void): void;
  connect(port: number, callback?: (error?: Error) => void): void;
  connect(port: number, ...parameters: unknown[]): void {
    const [first, second] = parameters;
    const remotePort = checkPort(port, 'Port', false);
    const callback = typeof first === 'function' ? first : second;
    const address = typeof first === 'string' && first !== '' ? first : undefined;
    this.#checkOpen();
    if (this.#isConnecting || this.#socket?.remoteAddress !== undefined) throw socketConnectedError();
    this.#isConnecting = true;
    const onConnected = typeof callback === 'function' ? (callback as (error?: Error) => void) : undefined;
    this.#whenBound(() => void this.#connect(remotePort, address, onConnected));
  }

  async #connect(
    port: number,
    address: string | undefined,
    callback: ((error?: Error) => void) | undefined,
  ): Promise<void> {
    try {
      const host = address ?? (this.type === 'udp6' ? '::1' : '127.0.0.1');
      await this.#socket?.connect({ address: await this.#resolve(host), port });
      this.#isConnecting = false;
      if (callback !== undefined) this.once('connect', callback);
      emit(() => this.emit('connect'));
    } catch (error) {
      this.#isConnecting = false;
      if (callback !== undefined) emit(() => callback(error as Error));
      else this.#emitError(error as Error);
    }
  }

  disconnect(): void {
    if (this.#socket?.remoteAddress === undefined) throw socketNotConnectedError();
    this.#socket.disconnect();
  }

  /** Stops listening and emits 'close', once sends that were called before have been made. */
  close(callback?: () => void): this {
    if (typeof callback === 'function') this.on('close', callback);
    if (this.#state === 'binding') {
      this.#waiting.push(() => this.close());
      return this;
    }
    this.#checkOpen();
    this.#state = 'closed';
    void this.#close();
    return this;
  }

  async #close(): Promise<void> {
    try {
      if (this.#sendingCount > 0) {
        await new Promise<void>((resolve) => {
          this.#onSent = resolve;
        });
      }
      await this.#socket?.close();
    } finally {
      emit(() => this.emit('close'));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'closed') resolve();
      else this.close(resolve);
    });
  }

  /** @throws EBADF before the socket is bound. */
  address(): AddressInfo {
    return toInfo(this.#bound('getsockname').address);
  }

  remoteAddress(): AddressInfo {
    this.#checkOpen();
    const remote = this.#socket?.remoteAddress;
    if (remote === undefined) throw socketNotConnectedError();
    return toInfo(remote);
  }

  #checkOpen(): void {
    if (this.#state === 'closed') throw socketClosedError();
  }

  /** For what needs a bound socket at once. */
  #bound(syscall: string): DatagramSocket {
    this.#checkOpen();
    if (this.#socket === undefined) throw addressError(-constants.errno.EBADF, syscall);
    return this.#socket;
  }

  setBroadcast(flag: boolean): void {
    this.#bound('setBroadcast').setBroadcast(flag);
  }

  setTTL(ttl: number): number {
    return this.#bound('setTTL').setTTL(ttl);
  }

  setMulticastTTL(ttl: number): number {
    return this.#bound('setMulticastTTL').setMulticastTTL(ttl);
  }

  setMulticastLoopback(flag: boolean): boolean {
    return this.#bound('setMulticastLoopback').setMulticastLoopback(flag);
  }

  setMulticastInterface(interfaceAddress: string): void {
    this.#bound('setMulticastInterface').setMulticastInterface(interfaceAddress);
  }

  addMembership(multicastAddress: string, interfaceAddress?: string): void {
    this.#bound('addMembership').addMembership(multicastAddress, interfaceAddress);
  }

  dropMembership(multicastAddress: string, interfaceAddress?: string): void {
    this.#bound('dropMembership').dropMembership(multicastAddress, interfaceAddress);
  }

  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this.#bound('addSourceSpecificMembership').addSourceSpecificMembership(source, group, interfaceAddress);
  }

  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this.#bound('dropSourceSpecificMembership').dropSourceSpecificMembership(source, group, interfaceAddress);
  }

  setRecvBufferSize(size: number): void {
    this.#bound('setRecvBufferSize').setRecvBufferSize(size);
  }

  getRecvBufferSize(): number {
    return this.#bound('getRecvBufferSize').getRecvBufferSize();
  }

  setSendBufferSize(size: number): void {
    this.#bound('setSendBufferSize').setSendBufferSize(size);
  }

  getSendBufferSize(): number {
    return this.#bound('getSendBufferSize').getSendBufferSize();
  }

  /** Bytes of sends that are under way or wait for the socket to be bound. */
  getSendQueueSize(): number {
    return this.#sendingBytes;
  }

  getSendQueueCount(): number {
    return this.#sendingCount;
  }

  ref(): this {
    this.#isRef = true;
    this.#socket?.ref();
    return this;
  }

  unref(): this {
    this.#isRef = false;
    this.#socket?.unref();
    return this;
  }
}

/** What is thrown by the user's code is nobody's rejection: it reaches the process, and nothing of ours stops. */
function emit(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

function toInfo({ address, port, family }: SocketAddress): AddressInfo {
  return { address, family: family === 'IPv6' ? 'IPv6' : 'IPv4', port };
}
