/**
 * What a backend must do for stream sockets and listeners, as types only.
 *
 * Addresses are literal and checked; host names and the choice between addresses are the public classes'.
 */

import type { Span } from '../base/views.js';
import type { SocketAddress } from './address.js';
import type { ChunkQueue } from './chunk-queue.js';
import type { ReadResult } from './files.js';

/** What a socket can be told to do, before it connects or later; undefined leaves the system's default. */
export interface StreamOptions {
  noDelay?: boolean | undefined;
  /** Seconds of silence before the first probe; 0 leaves the system's; -1 turns probing off. */
  keepAliveSeconds?: number | undefined;
  /** Seconds between probes, and how many until the peer is given up; 0 leaves the system's. */
  keepAliveIntervalSeconds?: number | undefined;
  keepAliveProbes?: number | undefined;
  /** IP_TOS, IPV6_TCLASS: 0 to 255. */
  typeOfService?: number | undefined;
  quickAck?: boolean | undefined;
  /** Seconds; -1 for off. */
  lingerSeconds?: number | undefined;
  receiveBufferBytes?: number | undefined;
  sendBufferBytes?: number | undefined;
}

/** Bounds of what a socket keeps in memory of its own. */
export interface StreamBounds {
  /** Received bytes that may wait for a reader before receiving stops. */
  receiveQueueBytes: number;
  /** Bytes of writes that may wait for the kernel before further ones are refused. */
  writeQueueBytes: number;
  /** Chooses among the ring's receive buffers; 0 for the first. */
  chunkBytes: number;
  /** Whether long writes may go without a copy. */
  isZeroCopy: boolean;
}

export interface StreamTarget {
  remote: SocketAddress;
  /** Where to connect from. */
  local: SocketAddress | undefined;
  options: StreamOptions;
  bounds: StreamBounds;
}

export interface ListenTarget {
  local: SocketAddress;
  /** Whether 0.0.0.0 will do where the machine has no IPv6: `local` is `::`. */
  isAnyAddress: boolean;
  backlog: number;
  reusePort: boolean;
  ipv6Only: boolean;
  incomingCpu: number | undefined;
  /** Whether connections may do without a descriptor, where there is a table for them. */
  hasDirectDescriptors: boolean;
  /** Of accepted connections. */
  options: StreamOptions;
  bounds: StreamBounds;
}

/** The process at the other end of a Unix socket, as it was when it connected or began to listen (SO_PEERCRED). */
export interface PeerCredentials {
  /** The process's id; 0 where this PID namespace has none for it. */
  processId: number;
  /** The id of its effective user. */
  userId: number;
  /** The id of its effective group. */
  groupId: number;
}

/** A connection. Every method but `setOptions` may be called in any state; errors are the public ones. */
export interface BackendStream {
  /** -1 where there is none to tell. */
  readonly fd: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress | undefined;
  /**
   * Bytes that have arrived and not been taken. Ends with the peer's end and when the socket is closed,
   * fails when receiving fails.
   */
  readonly incoming: ChunkQueue;
  /** Starts receiving into `incoming` if it has stopped. `isLeasing` asks for views instead of copies. */
  receive(isLeasing: boolean): void;
  /** Stops that. Resolves when nothing more will be added to `incoming`. */
  pause(): Promise<void>;
  /**
   * Receives into the view, while `incoming` is empty and the stream is quiet; 0 at the end.
   *
   * @param isFilling waits until `length` bytes have come, or the end.
   */
  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    isFilling: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>>;
  /** Whether a `read` is under way. */
  readonly isReading: boolean;
  /** Whether nothing is being received, by `receive` or `read`. */
  readonly isQuiet: boolean;
  /**
   * Resolves when the kernel has all bytes. Writes keep their order.
   *
   * @param data in one piece or several.
   * @param fds descriptors to pass with the first byte, over a Unix socket.
   */
  write(
    data: Span | readonly Span[],
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number>;
  /**
   * The same, but what the kernel takes at once has left when this returns. If that is all, the result is the number
   * of bytes, and if not, the promise of it.
   *
   * @throws what keeps the kernel from taking any.
   */
  writeNow(data: readonly Span[]): number | Promise<number>;
  /**
   * Gives the kernel the first bytes of a view, as many as it takes at once. They are the caller's again when this
   * returns.
   *
   * @returns how many it has taken; 0 while other writes wait, and where there is no such call.
   * @throws what keeps the kernel from taking any.
   */
  sendNow(view: Uint8Array, bytes: number): number;
  /** Bytes that the kernel has taken, of a write that is under way too. */
  readonly sentBytes: number;
  /** As `read`, and with it descriptors that the peer has passed; for Unix sockets. */
  receiveDescriptors(
    view: Uint8Array,
    countMax: number,
    signal: AbortSignal | undefined,
  ): Promise<{ bytesRead: number; fds: number[] }>;
  /** Who connected, or listens, on the other side of a Unix socket. */
  peerCredentials(): PeerCredentials;
  /** Lets go of the descriptor without closing it. */
  detach(): Promise<number>;
  /** Whether it has been closed, by its owner or with its ring. */
  readonly isClosing: boolean;
  /** Bytes of writes that have not settled, and some for each of them. */
  readonly queuedWriteBytes: number;
  /** Tells the peer that nothing more follows, after the writes before it. */
  end(): Promise<void>;
  setOptions(options: StreamOptions): void;
  /** It has no owner any more: closes it once the calls that may be awaited are over. */
  abandon(): Promise<void>;
  /** Cancels what is pending and gives the descriptor back; with `isReset` so that the peer gets ECONNRESET. */
  close(isReset: boolean): Promise<void>;
  /** Whether what is pending keeps the process alive. It does to begin with. */
  setRef(isRef: boolean): void;
}

/** One of Node's handles of a connection, which has no public type. */
export interface NativeHandle {
  readonly fd: number;
  close(): void;
}

/** Where a listener's connections go. */
export interface ConnectionSink {
  onConnection(stream: BackendStream): void;
  /** An accept has failed, for the first time since one succeeded; the listener goes on. */
  onAcceptError(error: Error): void;
  /** The listener has been closed, if not by its owner then with its ring. */
  onClosed(): void;
}

export interface BackendListener {
  /** -1 where there is none to tell. */
  readonly fd: number;
  /** Of what is not bound yet, what was asked for. */
  readonly local: SocketAddress;
  /** Settles when it listens, or rejects with why it can't; undefined where it does from the start. */
  readonly listening: Promise<void> | undefined;
  /** Accepts until `pause`, which some connections may still overtake. */
  resume(): void;
  pause(): void;
  /** Whether it has been closed, by its owner or with its ring. */
  readonly isClosing: boolean;
  /** Stops accepting and frees the address before it returns; after the promise nothing goes to the sink. */
  close(): Promise<void>;
  /** Whether what is pending keeps the process alive. It does to begin with. */
  setRef(isRef: boolean): void;
}

export interface StreamBackend {
  /** Whether its streams can be detached. */
  readonly givesDescriptors: boolean;
  connect(target: StreamTarget, signal: AbortSignal | undefined): Promise<BackendStream>;
  /** @throws what keeps it from listening, if that is known at once. */
  listen(target: ListenTarget, sink: ConnectionSink): BackendListener;
  /** Takes over a connected stream socket that was opened elsewhere. */
  adopt(fd: number, bounds: StreamBounds): BackendStream;
  /** The same for a connection that Node has accepted or connected, and does not read. */
  adoptHandle(handle: NativeHandle, bounds: StreamBounds): BackendStream;
  /** Calls back when the ring is closed, unless what is returned has been called before. */
  onEnd(callback: () => void): () => void;
}
