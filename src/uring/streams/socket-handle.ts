/** What a connection is known by, its names, and how it is given back: here, those that have a descriptor. */
import type { SocketAddress } from '../../contract/address.js';
import { binding } from '../../native/binding.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdReference, FdTable } from '../engine/fd-table.js';
import { closeDescriptor } from '../files/closing.js';
import { localName, peerName } from '../sockets/socket-names.js';
import type { SocketTarget } from './stream-operations.js';
import { applyStreamOptions } from './stream-options.js';

const SHUT_WR = 1;

/** A connection in the kernel. Nothing refers to it any more when it is given back. */
export interface SocketHandle extends SocketTarget {
  readonly isUnix: boolean;
  /** What it is bound to, as far as that can be told. */
  readonly local: SocketAddress;
  /** Whom it is connected to, unless that can't be told any more. */
  readonly remote: SocketAddress | undefined;
  /** A descriptor, made if there is none, or a negative errno. */
  descriptor(): number;
  /** Ends sending: 0, or a negative errno. */
  shutDown(): number | Promise<number>;
  /** Has the close reset the connection. */
  cutOff(): void | Promise<void>;
  /** @param mayBlock for a socket that lingers. */
  close(mayBlock: boolean): Promise<void>;
  /** Leaves the descriptor to the caller, who closes it. There must be one. */
  disown(): Promise<void>;
}

export class DescriptorHandle implements SocketHandle {
  readonly target: number;
  readonly targetFlags: number;
  readonly knownFd: number;
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  #local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  #isOpen = true;

  /**
   * @param fd a connected socket that the environment owns.
   * @param remote if it is known already.
   */
  constructor(dispatcher: Dispatcher, table: FdTable, fd: number, remote: SocketAddress | undefined) {
    const reference: FdReference = table.acquire(fd);
    this.target = reference.target;
    this.targetFlags = reference.flags;
    this.knownFd = fd;
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#remote = remote;
  }

  descriptor(): number {
    return this.knownFd;
  }

  get isUnix(): boolean {
    return this.local.family === 'Unix';
  }

  get local(): SocketAddress {
    this.#local ??= localName(this.knownFd);
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    this.#remote ??= this.#isOpen ? peerName(this.knownFd) : undefined;
    return this.#remote;
  }

  shutDown(): number {
    return binding().shutDown(this.knownFd, SHUT_WR);
  }

  cutOff(): void {
    if (!this.isUnix) applyStreamOptions(this.knownFd, false, { lingerSeconds: 0 });
  }

  close(mayBlock: boolean): Promise<void> {
    this.#noteGone();
    return closeDescriptor(this.#dispatcher, this.#table, this.knownFd, mayBlock);
  }

  async disown(): Promise<void> {
    this.#noteGone();
    this.#table.release(this.knownFd);
    binding().disownFd(this.knownFd);
  }

  /** The number may soon be another's: the name is asked for now. */
  #noteGone(): void {
    void this.local;
    this.#isOpen = false;
  }
}
