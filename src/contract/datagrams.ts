/**
 * What a backend must do for datagram sockets, as types only.
 *
 * Addresses are literal and checked; host names are the public class's.
 */

import type { Span } from '../base/views.js';
import type { SocketAddress } from './address.js';
import type { AncillaryField } from './ancillary.js';
import type { BatchQueue } from './batch-queue.js';
import type { DatagramMessage } from './datagram-message.js';

/** What `DatagramSocket.bind` hands down: validated, defaults filled in. */
export interface DatagramBinding {
  /** A bound socket to take over, of which address and options are what they are. */
  fd?: number | undefined;
  family: 'IPv4' | 'IPv6' | 'Unix';
  /** A literal address of `family`; empty for Unix. */
  address: string;
  /** For Unix alone: a path, an abstract name, or '' for an abstract name of the kernel's choice. */
  path: string | undefined;
  /** 0 asks the kernel for a free port. */
  port: number;
  reuseAddress: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
  broadcast: boolean;
  /** The longest message to be received whole, in bytes; 0 for what the ring's first buffers hold. */
  messageBytes: number;
  /** SO_RCVBUF and SO_SNDBUF in bytes; 0 leaves the system's default. */
  receiveBufferBytes: number;
  sendBufferBytes: number;
  /** What each message is to tell beside bytes and sender. */
  ancillary: readonly AncillaryField[];
  /** Whether the kernel may hand over several datagrams of one sender at once. */
  receiveOffload: boolean;
  /** The name of the only interface to receive from and send by; '' for any. */
  device: string;
  /** Whether the address need not be the machine's, or not yet. */
  nonLocal: boolean;
  /** IP_MTU_DISCOVER's number; -1 leaves the system's default. */
  pathMtuDiscovery: number;
}

/** Numbers that can be changed while a socket is open. */
export type DatagramSetting =
  | 'ttl'
  | 'broadcast'
  | 'multicastTTL'
  | 'multicastLoopback'
  | 'recvBufferSize'
  | 'sendBufferSize'
  | 'pathMtuDiscovery';

/** Numbers that can be asked for. */
export type DatagramReading = 'recvBufferSize' | 'sendBufferSize' | 'pathMtu';

export interface Membership {
  isJoining: boolean;
  group: string;
  /** A literal address, as Node wants it; undefined leaves the choice to the kernel. */
  interfaceAddress: string | undefined;
  /** The only sender to be heard. */
  source: string | undefined;
}

/** The bytes of one datagram, in one piece or several. */
export type Payload = Span | readonly Span[];

/** What is asked of a datagram beside its way; checked, and never empty. */
export interface SendExtras {
  /** Cuts it into datagrams of this size. */
  segmentBytes?: number;
  ecn?: number;
  /** A literal address. */
  localAddress?: string;
  interfaceIndex?: number;
}

/** A rejection of `sendMany`: how many datagrams had left before. */
export interface PartlySent {
  sentCount: number;
}

export interface BackendDatagramSocket {
  /** On a runtime that binds a socket only after the call, as Bun does: when it is bound. Else undefined. */
  readonly binding?: Promise<void> | undefined;
  readonly local: SocketAddress;
  /** The peer of a connected socket. */
  readonly remote: SocketAddress | undefined;
  /**
   * Messages that have arrived and not been taken. Ends when the socket is closed,
   * fails when receiving fails; the backend stops receiving while it is full.
   */
  readonly incoming: BatchQueue<DatagramMessage>;
  /** Starts receiving if it has stopped. `isLeasing` asks for views instead of copies. */
  receive(isLeasing: boolean): void;
  /** Stops receiving. What has been taken from the socket stays in `incoming`. */
  pause(): void;
  /** Stops receiving for now: a receive may stay in the kernel, but keeps nothing alive. */
  rest(): void;
  connect(remote: SocketAddress): Promise<void>;
  /** Throws when it fails. */
  disconnect(): void;
  /** Resolves to the bytes sent: all of them, or the call rejects. `remote` is left out when connected. */
  send(
    payload: Payload,
    remote: SocketAddress | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  /**
   * Sends in order, and resolves to how many that were: all. Rejects with the first error, which says how
   * many had left (`PartlySent`); `remotes` is left out when connected, and otherwise as long as `payloads`.
   */
  sendMany(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  /** These four throw when they fail, with `syscall`, the name of the method that the user called. */
  set(setting: DatagramSetting, value: number, syscall: string): void;
  get(setting: DatagramReading, syscall: string): number;
  setMulticastInterface(address: string, syscall: string): void;
  changeMembership(membership: Membership, syscall: string): void;
  readonly isClosing: boolean;
  /**
   * Frees the port or name before it returns, unless the kernel takes its time; cancels what is pending, and ends
   * `incoming` after what it still holds.
   */
  close(): Promise<void>;
  /** It has no owner any more: closes it once sends that may be awaited are over. */
  abandon(): Promise<void>;
  /** Whether a pending receive keeps the process alive. It does to begin with. */
  setRef(isRef: boolean): void;
}

export interface DatagramBackend {
  /** The longest message that any of the receive buffers holds, in bytes. */
  readonly messageBytesMax: number;
  /** @throws what keeps it from being bound. */
  bind(binding: DatagramBinding): BackendDatagramSocket;
}
