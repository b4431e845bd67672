/**
 * Socket of 'ringlet/dgram': node:dgram's events and callbacks on a DatagramSocket.
 *
 * Calls that need a bound socket wait in order for 'listening'. What Node has the kernel do in a call is done in
 * the call here, too, and told in the same turn of the loop and the same asynchronous context. What a listener
 * throws is the process's.
 */
import { AsyncResource } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { onAbortOf } from '../../base/abort.js';
import { EBADF, ECANCELED, EINVAL } from '../../base/errno.js';
import { checkNumber, checkObject, checkSignal, checkString } from '../../base/validate.js';
import { Span } from '../../base/views.js';
import { anyAddress, checkPort, familyOf, type SocketAddress } from '../../contract/address.js';
import type { BackendDatagramSocket } from '../../contract/backend.js';
import type { DatagramMessage } from '../../contract/datagram-message.js';
import {
  addressError,
  alreadyBoundError,
  bufferSizeError,
  invalidArgValue,
  ipBlockedError,
  socketClosedError,
  socketConnectedError,
  socketNotConnectedError,
} from '../../errors/index.js';
import { bindAtOnce, type DatagramSocket } from '../../net/datagrams/datagram-socket.js';
import { isBlocked } from '../../net/streams/serve-on.js';
import { backendOf } from '../../ring/ring.js';
import { joined, loopbackOf, readBind, readSend, type SendCall, type SendCallback } from './calls.js';
import { NameLookup } from './name-lookup.js';
import {
  type AddressInfo,
  type RemoteInfo,
  readOptions,
  type SocketEvents,
  type SocketOptions,
  type SocketType,
  toInfo,
} from './options.js';
import { boundSocket, SettableSocket } from './settings.js';
import { MESSAGE_BYTES, theSharedRing } from './shared-ring.js';

const { nextTick } = process;
const channel = diagnostics.channel('udp.socket');

interface BoundSocket {
  socket: DatagramSocket;
  backend: BackendDatagramSocket;
}

type BindState = 'unbound' | 'binding' | 'bound';
type ConnectState = 'disconnected' | 'connecting' | 'connected';

/** A UDP socket with node:dgram's events and callbacks, on a DatagramSocket. */
export class CallableSocket extends SettableSocket {
  /** As it was made. */
  readonly type: SocketType;
  readonly #options: SocketOptions;
  readonly #names: NameLookup;
  /** As with Node, messages and errors of receiving come in the context in which the socket was made. */
  readonly #context = new AsyncResource('RingletDatagramSocket');
  #bindState: BindState = 'unbound';
  #connectState: ConnectState = 'disconnected';
  #isClosed = false;
  #isRef = true;
  #bound: BoundSocket | undefined;
  /** Calls that wait for 'listening'; a bind that fails drops them. */
  #queue: (() => void)[] | undefined;
  #sendingCount = 0;
  #sendingBytes = 0;

  constructor(options: SocketType | SocketOptions, listener?: (data: Buffer, remote: RemoteInfo) => void) {
    super();
    this.#options = readOptions(options);
    this.type = this.#options.type;
    this.#names = new NameLookup(this.#options.lookup, this.type);
    if (channel.hasSubscribers) channel.publish({ socket: this });
    if (typeof listener === 'function') this.on('message', listener);
    const signal = checkSignal(this.#options.signal);
    if (signal === undefined) return;
    const close = (): void => {
      if (!this.#isClosed) this.close();
    };
    if (signal.aborted) close();
    else this.once('close', onAbortOf(signal, close));
  }

  /**
   * Begins to listen: at once unless a name must be looked up. Emits 'listening', or 'error'.
   *
   * @throws ERR_SOCKET_ALREADY_BOUND.
   */
  bind(port?: number, address?: string, callback?: () => void): this;
  bind(port?: number, callback?: () => void): this;
  bind(callback?: () => void): this;
  bind(
    options: { port?: number; address?: string; exclusive?: boolean; fd?: number },
    callback?: () => void,
  ): this;
  bind(...parameters: unknown[]): this {
    this.#checkOpen();
    if (this.#bindState !== 'unbound') throw alreadyBoundError();
    const { port, address, fd, onListening } = readBind(parameters);
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
    this.#bindState = 'binding';
    if (fd !== undefined) {
      const failure = this.#tryBind(0, anyAddress(this.#family), fd);
      if (failure !== undefined) {
        this.#bindState = 'unbound';
        throw failure;
      }
      this.#onListening();
      return this;
    }
    const host = address ?? anyAddress(this.#family);
    this.#names.find(host, (error, found) => {
      if (this.#isClosed) return;
      const failure = error ?? this.#tryBind(port, found);
      const tell = (): void => {
        if (this.#isClosed) return;
        if (failure === undefined) this.#onListening();
        else this.#onBindFailed(failure);
      };
      // Node has it looked up all the same, which answers on the next tick.
      if (this.#names.isFoundAtOnce(host)) nextTick(tell);
      else tell();
    });
    return this;
  }

  #tryBind(port: number, address: string, fd?: number): Error | undefined {
    const { reuseAddr, reusePort, ipv6Only, recvBufferSize, sendBufferSize } = this.#options;
    try {
      const ring = this.#options.ring ?? theSharedRing();
      this.#bound = bindAtOnce(
        {
          port,
          address,
          family: this.#family,
          reuseAddress: Boolean(reuseAddr),
          reusePort: Boolean(reusePort),
          ipv6Only: Boolean(ipv6Only),
          receiveBufferBytes: recvBufferSize,
          sendBufferBytes: sendBufferSize,
          messageBytes: Math.min(MESSAGE_BYTES, backendOf(ring).datagrams.messageBytesMax),
          ring,
        },
        fd,
      );
      const { socket } = this.#bound;
      if (!this.#isRef) socket.unref();
      // It was made by others.
      if (fd !== undefined && recvBufferSize) socket.setRecvBufferSize(recvBufferSize);
      if (fd !== undefined && sendBufferSize) socket.setSendBufferSize(sendBufferSize);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #onListening(): void {
    const { socket } = this.#bound as BoundSocket;
    this.#bindState = 'bound';
    void this.#receive(socket);
    const queue = this.#queue;
    this.#queue = undefined;
    try {
      this.emit('listening');
    } finally {
      for (const go of queue ?? []) go();
    }
  }

  #onBindFailed(error: Error): void {
    this.#bindState = 'unbound';
    this.#connectState = 'disconnected';
    this.#queue = undefined;
    this.emit('error', error);
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    while (!socket.isClosed) {
      try {
        for await (const batch of socket.batches()) {
          // What a listener puts off to the next tick then comes before its promises, as with Node's.
          nextTick(() => {
            for (const message of batch) this.#emitMessage(message);
          });
        }
      } catch (error) {
        nextTick(() => {
          if (!socket.isClosed) this.#emitInContext('error', error as Error);
        });
      }
    }
  }

  #emitMessage({ data, remote, byteLength }: DatagramMessage): void {
    const isWanted = !this.#isClosed && !isBlocked(this.#options.receiveBlockList, remote);
    if (isWanted) this.#emitInContext('message', data, { ...toInfo(remote), size: byteLength });
  }

  /** What a listener throws is the process's, and nothing of ours stops. */
  #emitInContext<Name extends 'message' | 'error'>(name: Name, ...values: SocketEvents[Name]): void {
    try {
      this.#context.runInAsyncScope(() => (this as EventEmitter).emit(name, ...values));
    } catch (error) {
      nextTick(() => {
        throw error;
      });
    }
  }

  get #family(): 'IPv4' | 'IPv6' {
    return this.type === 'udp6' ? 'IPv6' : 'IPv4';
  }

  /** Runs `go` once the socket is bound, which it is made if it is not. */
  #whenBound(go: () => void): void {
    if (this.#bindState === 'unbound') this.bind({ port: 0, exclusive: true });
    if (this.#bindState === 'bound') {
      go();
    } else {
      this.#queue ??= [];
      this.#queue.push(go);
    }
  }

  /** As node:dgram's, in all its forms. @throws ERR_SOCKET_BAD_PORT, ERR_INVALID_ARG_TYPE and others. */
  send(
    message: string | NodeJS.ArrayBufferView | readonly (string | NodeJS.ArrayBufferView)[],
    ...parameters: unknown[]
  ): void {
    const call = readSend([message, ...parameters], this.#connectState === 'connected');
    this.#checkOpen();
    this.#whenBound(() => this.#send(call));
  }

  /** `send` with all of its parameters. */
  sendto(
    buffer: NodeJS.ArrayBufferView | string,
    offset: number,
    length: number,
    port: number,
    address: string,
    callback?: SendCallback,
  ): void {
    checkNumber(offset, 'offset');
    checkNumber(length, 'length');
    checkNumber(port, 'port');
    checkString(address, 'address');
    this.send(buffer, offset, length, port, address, callback);
  }

  #send(call: SendCall): void {
    const { port, address, callback } = call;
    if (port === undefined) {
      void this.#transmit(call, undefined);
      return;
    }
    this.#names.find(address ?? loopbackOf(this.#family), (error, found) => {
      // A name that cannot be looked up is an 'error' if no callback hears of it; a failed send is nothing.
      if (error) nextTick(() => (callback ? callback(error) : this.emit('error', error)));
      else if (this.#isKeptFrom(found)) callback && nextTick(callback, ipBlockedError(found));
      else void this.#transmit(call, { address: found, port, family: this.#family });
    });
  }

  #isKeptFrom(address: string): boolean {
    return isBlocked(this.#options.sendBlockList, { address, port: 0, family: this.#family });
  }

  /** The kernel has taken it when this returns, if it takes it at all. */
  async #transmit(
    { list, port, address, callback }: SendCall,
    remote: SocketAddress | undefined,
  ): Promise<void> {
    if (this.#isClosed || this.#bound === undefined) return;
    const data = new Span(joined(list));
    const { bytes } = data;
    this.#sendingCount++;
    this.#sendingBytes += bytes;
    let failure: Error | undefined;
    try {
      if (remote !== undefined && familyOf(remote.address) !== remote.family) {
        throw addressError(EINVAL, 'send');
      }
      await this.#bound.backend.sendMany([data], remote && [remote], undefined, undefined);
    } catch (error) {
      const { errno = ECANCELED } = error as NodeJS.ErrnoException;
      failure = addressError(errno, 'send', address, port);
    }
    this.#sendingCount--;
    this.#sendingBytes -= bytes;
    if (callback === undefined) return;
    if (failure === undefined) nextTick(callback, null, bytes);
    else nextTick(callback, failure);
  }

  /** Gives the socket a peer; emits 'connect', or 'error'. A callback hears of both. */
  connect(port: number, address?: string, callback?: (error?: Error) => void): void;
  connect(port: number, callback?: (error?: Error) => void): void;
  connect(port: number, ...parameters: unknown[]): void {
    const [first, second] = parameters;
    const remotePort = checkPort(port, 'Port', false);
    const callback = typeof first === 'function' ? first : second;
    const address = first === undefined || typeof first === 'function' ? '' : checkString(first, 'address');
    this.#checkOpen();
    if (this.#connectState !== 'disconnected') throw socketConnectedError();
    this.#connectState = 'connecting';
    const onConnected = typeof callback === 'function' ? (callback as (error?: Error) => void) : undefined;
    this.#whenBound(() => this.#connect(remotePort, address, onConnected));
  }

  #connect(port: number, address: string, callback: ((error?: Error) => void) | undefined): void {
    if (callback !== undefined) this.once('connect', callback);
    const onDone = (error?: Error): void => {
      if (this.#isClosed) return;
      this.#connectState = error ? 'disconnected' : 'connected';
      nextTick(() => {
        if (error === undefined) {
          this.emit('connect');
        } else if (callback !== undefined) {
          this.off('connect', callback);
          callback(error);
        } else {
          this.emit('error', error);
        }
      });
    };
    this.#names.find(address || loopbackOf(this.#family), (failure, found) => {
      if (this.#isClosed) return;
      if (failure) onDone(failure);
      else if (this.#isKeptFrom(found)) onDone(ipBlockedError(found));
      else
        this.#bound?.socket.connect({ address: found, port }).then(
          () => onDone(),
          (error: Error) => onDone(error),
        );
    });
  }

  /**
   * Binds to a literal address, and tells of it; 'listening' comes as from `bind`.
   *
   * @throws what `bind` makes an 'error' of, and leaves the socket unbound; ERR_INVALID_ARG_VALUE for a name.
   */
  bindSync(options: { port?: number; address?: string } = {}): AddressInfo {
    this.#checkOpen();
    const { port = 0, address } = checkObject(options, 'options') as typeof options;
    if (this.#bindState !== 'unbound') throw alreadyBoundError();
    const checkedPort = checkPort(port, 'options.port');
    const literal = address ? checkLiteral(address, 'options.address', 'bindSync') : anyAddress(this.#family);
    const failure = this.#tryBind(checkedPort, literal);
    if (failure !== undefined) throw failure;
    this.#bindState = 'binding';
    nextTick(() => {
      if (!this.#isClosed) this.#onListening();
    });
    return this.address();
  }

  /**
   * Connects to a literal address, of this machine by default; 'connect' comes as from `connect`.
   *
   * @throws what `connect` makes an 'error' of; ERR_INVALID_ARG_VALUE for a name.
   */
  connectSync(port: number, address?: string): void {
    this.#checkOpen();
    const remotePort = checkPort(port, 'Port', false);
    if (this.#connectState !== 'disconnected') throw socketConnectedError();
    const literal = address ? checkLiteral(address, 'address', 'connectSync') : loopbackOf(this.#family);
    if (this.#bindState === 'unbound') this.bindSync();
    if (this.#isKeptFrom(literal)) throw ipBlockedError(literal);
    this.#connectState = 'connecting';
    this.#connect(remotePort, literal, undefined);
  }

  /** Undoes `connect`. @throws ERR_SOCKET_DGRAM_NOT_CONNECTED. */
  disconnect(): void {
    if (this.#connectState !== 'connected') throw socketNotConnectedError();
    this[boundSocket]('connect').disconnect();
    this.#connectState = 'disconnected';
  }

  /**
   * Stops listening and emits 'close'. The port is free when this returns; unless something was to be sent first
   * while the socket was not bound yet.
   *
   * @throws ERR_SOCKET_DGRAM_NOT_RUNNING.
   */
  close(callback?: () => void): this {
    if (typeof callback === 'function') this.on('close', callback);
    if (this.#queue !== undefined) {
      this.#queue.push(() => this.close());
      return this;
    }
    this.#checkOpen();
    this.#isClosed = true;
    void this.#bound?.socket.close();
    nextTick(() => this.emit('close'));
    return this;
  }

  /** Closes the socket, as `close` does; does nothing to a closed one. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) resolve();
      else this.close(resolve);
    });
  }

  /** @throws EBADF before the socket is bound. */
  address(): AddressInfo {
    return toInfo(this[boundSocket]('getsockname').address);
  }

  /** Where the socket is connected to. @throws ERR_SOCKET_DGRAM_NOT_CONNECTED. */
  remoteAddress(): AddressInfo {
    this.#checkOpen();
    const remote = this.#bound?.socket.remoteAddress;
    if (remote === undefined) throw socketNotConnectedError();
    return toInfo(remote);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw socketClosedError();
  }

  protected override [boundSocket](syscall: string, mayBind = false): DatagramSocket {
    this.#checkOpen();
    if (mayBind && this.#bindState === 'unbound') this.bind({ port: 0, exclusive: true });
    if (this.#bound === undefined) {
      throw syscall.endsWith('BufferSize') ? bufferSizeError(EBADF, syscall) : addressError(EBADF, syscall);
    }
    return this.#bound.socket;
  }

  /** Bytes of sends that the kernel has had no room for yet. */
  getSendQueueSize(): number {
    return this.#sendingBytes;
  }

  /** Sends that the kernel has had no room for yet. */
  getSendQueueCount(): number {
    return this.#sendingCount;
  }

  /** Has the socket keep the process alive again, as it does from the beginning. */
  ref(): this {
    this.#isRef = true;
    this.#bound?.socket.ref();
    return this;
  }

  /** Lets the process end though the socket is open. */
  unref(): this {
    this.#isRef = false;
    this.#bound?.socket.unref();
    return this;
  }
}

function checkLiteral(address: unknown, name: string, call: string): string {
  const text = checkString(address, name);
  if (familyOf(text) !== undefined) return text;
  throw invalidArgValue(name, text, `must be a numeric IP address; ${call} does not perform DNS resolution`);
}
