/** A stream.Duplex that tells of both ends of its connection by net.Socket's names. */
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { adopting } from '../../base/callable.js';
import type { SocketAddress } from '../../contract/address.js';

/** Both ends, as far as they are known. */
export const ends = Symbol('ends');

export abstract class DuplexWithEnds extends adopting(Duplex) {
  protected abstract get [ends](): { remote: SocketAddress | undefined; local: SocketAddress | undefined };

  /** The peer's IP address; undefined for a Unix socket, and without a connection. */
  get remoteAddress(): string | undefined {
    return this[ends].remote?.address || undefined;
  }

  /** The peer's port; undefined for a Unix socket, and without a connection. */
  get remotePort(): number | undefined {
    return this[ends].remote?.port || undefined;
  }

  /** 'IPv4' or 'IPv6'; undefined for a Unix socket, and without a connection. */
  get remoteFamily(): string | undefined {
    return this[ends].remote?.family === 'Unix' ? undefined : this[ends].remote?.family;
  }

  /** The IP address of this end; undefined for a Unix socket, and without a connection. */
  get localAddress(): string | undefined {
    return this[ends].local?.address || undefined;
  }

  /** The port of this end; undefined for a Unix socket, and without a connection. */
  get localPort(): number | undefined {
    return this[ends].local?.port || undefined;
  }

  /** 'IPv4' or 'IPv6'; undefined for a Unix socket, and without a connection. */
  get localFamily(): string | undefined {
    const family = this[ends].local?.family;
    return family === 'Unix' ? undefined : family;
  }

  /** The three of this end; an empty object for a Unix socket, and without a connection. */
  address(): Partial<AddressInfo> {
    const local = this[ends].local;
    if (local === undefined || local.family === 'Unix') return {};
    const { address, port, family } = local;
    return { address, port, family };
  }
}
