/**
 * One received datagram.
 *
 * `data` is the reader's own copy by default. With `{ lease: true }` it is a view into a
 * receive buffer that the kernel gets back at `release()`; reading it after that is a bug
 * (the bytes will be another message's), writing it while held is allowed.
 */
import { inspect } from 'node:util';
import type { SocketAddress } from './address.js';

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

  /** Gives a leased buffer back to the kernel. Does nothing for a copy, or when called again. */
  release(): void {}

  [Symbol.dispose](): void {
    this.release();
  }

  [inspect.custom](): object {
    const { data, remote, byteLength, isTruncated } = this;
    return { data, remote, byteLength, isTruncated };
  }
}
