/**
 * One received datagram.
 *
 * `data` is the reader's own copy by default. With `{ lease: true }` it is a view into a
 * receive buffer that the kernel gets back at `release()`; reading it after that is a bug
 * (the bytes will be another message's), writing it while held is allowed.
 */
import { inspect } from 'node:util';
import type { SocketAddress } from './address.js';
import type { Ancillary, ProcessCredentials } from './ancillary.js';

/** A datagram that has been received, with its sender. */
export abstract class DatagramMessage implements Disposable {
  /** The payload, or as much of it as the receive buffer held. A datagram may be empty. */
  readonly data: Buffer;
  /** The datagram's real length in bytes; more than `data.length` when it was truncated. */
  readonly byteLength: number;

  constructor(data: Buffer, byteLength: number) {
    this.data = data;
    this.byteLength = byteLength;
  }

  /** Whether the sender sent more than the receive buffer could take. */
  get isTruncated(): boolean {
    return this.byteLength > this.data.length;
  }

  /** Who sent it. */
  abstract get remote(): SocketAddress;

  protected get ancillary(): Ancillary | undefined {
    return undefined;
  }

  /**
   * Whether the kernel had ancillary data that found no room and is lost (MSG_CTRUNC), such as descriptors
   * that a sender has passed through a Unix socket. What was asked for at `bind` always has room.
   */
  get isControlTruncated(): boolean {
    return false;
  }

  /**
   * Which of the machine's addresses the sender wrote to, a group's or a broadcast one included, with the
   * socket's port. Only if `bind` was asked for 'local'.
   */
  get local(): SocketAddress | undefined {
    return this.ancillary?.local;
  }

  /** The index of the interface that it came in by, as `ip link` numbers them. Only with 'local'. */
  get interfaceIndex(): number | undefined {
    return this.ancillary?.interfaceIndex;
  }

  /** The congestion mark of its IP header, 0 to 3: 3 is "congestion experienced". Only with 'ecn'. */
  get ecn(): number | undefined {
    return this.ancillary?.ecn;
  }

  /** When the kernel got it, in nanoseconds since 1970. Only with 'timestamp'. */
  get timestamp(): bigint | undefined {
    return this.ancillary?.timestamp;
  }

  /**
   * Messages that the kernel had dropped at this socket, for want of room in its buffer, by the time when
   * it queued this one; counted since the socket was made, modulo 2^32. With `receiveOffload` the kernel counts
   * the pieces in which datagrams come up, and not the datagrams in them (380 lost and 38 counted, of ten each;
   * Linux 6.18). Only with 'droppedCount'.
   */
  get droppedCount(): number | undefined {
    return this.ancillary?.droppedCount;
  }

  /** The process that sent it through a Unix socket. Only with 'credentials'. */
  get credentials(): ProcessCredentials | undefined {
    return this.ancillary?.credentials;
  }

  /** Gives a leased buffer back to the kernel. Does nothing for a copy, or when called again. */
  release(): void {}

  /** Gives a leased buffer back, as `release` does. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** What `util.inspect` and `console.log` show: the fields, without what is behind them. */
  [inspect.custom](): object {
    const { data, remote, byteLength, isTruncated, ancillary } = this;
    return { data, remote, byteLength, isTruncated, ...ancillary };
  }
}
