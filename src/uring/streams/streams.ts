/** The connections and listeners of a ring. */
import { EBADF } from '../../base/errno.js';
import { checkInteger } from '../../base/validate.js';
import type { SocketAddress } from '../../contract/address.js';
import type {
  BackendListener,
  BackendStream,
  ConnectionSink,
  ListenTarget,
  NativeHandle,
  StreamBackend,
  StreamBounds,
  StreamOptions,
  StreamTarget,
} from '../../contract/streams.js';
import { abortError, addressError, invalidFdType, listenError, ringClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../../native/layout.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import { CopySlab } from '../memory/copy-slab.js';
import { HeapTop } from '../memory/heap-top.js';
import type { ProvidedBuffers } from '../memory/provided-buffers.js';
import type { ReceiveBuffers } from '../memory/receive-buffers.js';
import { encodeName } from '../sockets/socket-names.js';
import type { ZeroCopyTally } from '../sockets/zero-copy.js';
import { DirectSockets } from './direct-sockets.js';
import { DescriptorHandle, type SocketHandle } from './socket-handle.js';
import { UringListener } from './stream-listener.js';
import { connectOf, streamError } from './stream-operations.js';
import { applyListenOptions, applyStreamOptions, areInherited, isStreamSocket } from './stream-options.js';
import { DirectPlaces } from './stream-receiver.js';
import { type StreamHost, UringStream } from './stream-socket.js';

function kernelFamily(family: SocketAddress['family']): number {
  if (family === 'Unix') return AF_UNIX;
  return family === 'IPv6' ? AF_INET6 : AF_INET;
}

function listenErrorOf(errno: number, local: SocketAddress): Error {
  return local.path === undefined
    ? listenError(errno, local.address, local.port)
    : listenError(errno, local.path);
}

export class UringStreams implements StreamBackend, StreamHost {
  readonly givesDescriptors = true;
  readonly dispatcher: Dispatcher;
  readonly table: FdTable;
  readonly copies = new CopySlab();
  readonly direct = new DirectPlaces();
  readonly heapTop = new HeapTop();
  readonly directSockets: DirectSockets;
  readonly zeroCopyTally: ZeroCopyTally;
  hasReceiveLimit = true;
  readonly #buffers: ReceiveBuffers;
  readonly #streams = new Set<UringStream>();
  readonly #listeners = new Set<UringListener>();
  readonly #onEnd = new Set<() => void>();
  rearmCount = 0;

  constructor(dispatcher: Dispatcher, table: FdTable, buffers: ReceiveBuffers, zeroCopyTally: ZeroCopyTally) {
    this.directSockets = new DirectSockets(dispatcher, table, () => {
      for (const listener of this.#listeners) listener.onSlotFreed();
    });
    this.dispatcher = dispatcher;
    this.zeroCopyTally = zeroCopyTally;
    this.table = table;
    this.#buffers = buffers;
  }

  noteRearmed(): void {
    this.rearmCount++;
  }

  buffersFor(chunkBytes: number): ProvidedBuffers {
    return this.#buffers.forStream(chunkBytes);
  }

  get hasBundles(): boolean {
    return this.dispatcher.trials.receives.bundled >= 0;
  }

  remove(stream: UringStream): void {
    this.#streams.delete(stream);
    for (const listener of this.#listeners) listener.onDescriptorFreed();
  }

  removeListener(listener: UringListener): void {
    this.#listeners.delete(listener);
  }

  /**
   * @param fd a connected socket that the environment owns.
   * @param options that have been set on it.
   * @param remote if it is known already.
   */
  wrap(fd: number, bounds: StreamBounds, options: StreamOptions, remote?: SocketAddress): UringStream {
    return this.keep(new DescriptorHandle(this.dispatcher, this.table, fd, remote), bounds, options);
  }

  keep(handle: SocketHandle, bounds: StreamBounds, options: StreamOptions): UringStream {
    const stream = new UringStream(this, handle, bounds, options);
    this.#streams.add(stream);
    return stream;
  }

  async connect(target: StreamTarget, signal: AbortSignal | undefined): Promise<BackendStream> {
    const { remote, local } = target;
    if (this.dispatcher.isClosing) throw ringClosedError();
    const name = encodeName(remote);
    if (typeof name === 'number') throw streamError(name, 'connect', remote);
    const fd = binding().openStream(kernelFamily(remote.family));
    if (fd < 0) throw streamError(fd, 'connect', remote);
    try {
      const error = applyStreamOptions(fd, remote.family === 'Unix', target.options);
      if (error < 0) throw addressError(error, 'setsockopt');
      if (local !== undefined) bindTo(fd, local);
      await this.dispatcher.submit(connectOf(fd, name, remote), signal);
      if (signal?.aborted) throw abortError(signal);
      if (this.dispatcher.isClosing) throw ringClosedError();
    } catch (error) {
      binding().closeFd(fd);
      throw error;
    }
    return this.wrap(fd, target.bounds, target.options, remote.path === undefined ? remote : undefined);
  }

  listen(target: ListenTarget, sink: ConnectionSink): BackendListener {
    if (this.dispatcher.isClosing) throw ringClosedError();
    const isDirect = this.#canBeDirect(target);
    try {
      return this.#listenOn(target, sink, isDirect);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const { local, isAnyAddress } = target;
      // As Node does where the machine has no IPv6.
      if (!isAnyAddress || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) throw error;
      const ofIPv4 = { ...local, address: '0.0.0.0', family: 'IPv4' } as const;
      return this.#listenOn({ ...target, local: ofIPv4, isAnyAddress: false }, sink, isDirect);
    }
  }

  #listenOn(target: ListenTarget, sink: ConnectionSink, isDirect: boolean): BackendListener {
    const { local } = target;
    const fd = binding().openStream(kernelFamily(local.family));
    if (fd < 0) throw listenErrorOf(fd, local);
    const fail = (error: Error): never => {
      binding().closeFd(fd);
      throw error;
    };
    const isUnix = local.family === 'Unix';
    const optionError =
      applyListenOptions(fd, target) || (isDirect ? applyStreamOptions(fd, isUnix, target.options) : 0);
    if (optionError < 0) fail(addressError(optionError, 'setsockopt'));
    const name = encodeName(local);
    const bound = typeof name === 'number' ? name : binding().bindSocket(fd, name);
    if (bound < 0) fail(listenErrorOf(bound, local));
    const listening = binding().listenOn(fd, target.backlog);
    if (listening < 0) fail(listenErrorOf(listening, local));
    const listener = new UringListener(this, fd, target, sink, isDirect);
    this.#listeners.add(listener);
    return listener;
  }

  /** Whether a listener's connections can do without descriptors. Those that would need one at once have it. */
  #canBeDirect({ hasDirectDescriptors, bounds, options, local }: ListenTarget): boolean {
    if (!hasDirectDescriptors || bounds.isZeroCopy) return false;
    return areInherited(options, local.family === 'Unix') && this.directSockets.isPossible;
  }

  adopt(fd: number, bounds: StreamBounds): BackendStream {
    if (this.dispatcher.isClosing) throw ringClosedError();
    const isStream = isStreamSocket(fd);
    if (isStream === EBADF) throw addressError(isStream, 'open');
    if (isStream !== true) throw invalidFdType('no stream socket');
    const adopted = binding().adoptFd(fd);
    if (adopted < 0) throw addressError(adopted, 'open');
    return this.wrap(fd, bounds, {});
  }

  adoptHandle(handle: NativeHandle, bounds: StreamBounds): BackendStream {
    const fd = binding().duplicateFd(checkInteger(handle.fd, 'options.handle.fd', 0));
    if (fd < 0) throw addressError(fd, 'dup');
    handle.close();
    try {
      return this.adopt(fd, bounds);
    } catch (error) {
      binding().closeFd(fd);
      throw error;
    }
  }

  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback);
    return () => void this.#onEnd.delete(callback);
  }

  /** Closes every connection and listener. */
  async close(): Promise<void> {
    for (const callback of this.#onEnd) callback();
    await Promise.all([
      ...[...this.#listeners].map((listener) => listener.close()),
      ...[...this.#streams].map((stream) => stream.close(false)),
    ]);
  }
}

function bindTo(fd: number, local: SocketAddress): void {
  const name = encodeName(local);
  const bound = typeof name === 'number' ? name : binding().bindSocket(fd, name);
  if (bound < 0) throw streamError(bound, 'bind', local);
}
