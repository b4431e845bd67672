/**
 * Connections with direct descriptors, places in the ring's file table, and no other descriptor.
 *
 * Such a connection has been accepted straight into its place. That spares the process a descriptor, of which it
 * may have but so many (RLIMIT_NOFILE), and the ring the calls that put a descriptor into the table and take it
 * out. A descriptor is made (FIXED_FD_INSTALL, Linux 6.8) when one is needed, within the call: the operation
 * never waits, so its result is there when it has been submitted.
 */
import { EAGAIN, EBADF } from '../../base/errno.js';
import type { SocketAddress } from '../../contract/address.js';
import { addressError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import {
  OP_FIXED_FD_INSTALL,
  prepSetsockopt,
  prepShutdown,
  SQE_FIXED_FILE,
  type Sqe,
} from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import { PlainCall } from '../engine/plain-call.js';
import { closeOfSlot } from '../engine/slot-close.js';
import { closeDescriptor } from '../files/closing.js';
import { installOf } from '../files/whole-read.js';
import { decodeName, localName } from '../sockets/socket-names.js';
import { SOL_SOCKET } from '../sockets/socket-options.js';
import type { SocketHandle } from './socket-handle.js';
import { SO_LINGER } from './stream-options.js';

const SHUT_WR = 1;
/** How long an SQ thread may let a descriptor wait that is needed. */
const INSTALL_MS_MAX = 1000;
const ANY_ADDRESSES = ['::', '0.0.0.0'];

/** The direct descriptors that a ring has for them: those of `registeredFds`. */
export class DirectSockets {
  readonly dispatcher: Dispatcher;
  readonly table: FdTable;
  readonly #onSlotFreed: () => void;

  constructor(dispatcher: Dispatcher, table: FdTable, onSlotFreed: () => void) {
    this.dispatcher = dispatcher;
    this.table = table;
    this.#onSlotFreed = onSlotFreed;
  }

  /** Whether the ring has them, and an ordinary descriptor can be made of one. */
  get isPossible(): boolean {
    return this.table.slotCount > 0 && this.dispatcher.supportsOp(OP_FIXED_FD_INSTALL);
  }

  /** A direct descriptor, or a negative number. */
  acquire(): number {
    return this.table.reserve();
  }

  /** Gives back one with which nothing is open. */
  release(index: number): void {
    this.table.giveBack(index);
    this.#onSlotFreed();
  }

  /** @param mayBlock for a socket that lingers. */
  async close(index: number, mayBlock: boolean): Promise<void> {
    // With the ring its table has gone, and what was in it.
    if (this.dispatcher.isClosed) return;
    await this.dispatcher.submitAnyway(closeOfSlot(index, mayBlock));
    this.release(index);
  }

  /**
   * Makes an ordinary descriptor of a direct one.
   *
   * @returns the descriptor or a negative errno, and when the ring is through with making it: before that it
   * must be neither closed nor given away.
   */
  install(index: number): { fd: number; isThrough: Promise<unknown> } {
    const { dispatcher } = this;
    if (dispatcher.isClosed) return { fd: EBADF, isThrough: Promise.resolve() };
    const operation = installOf(index, true);
    const making = dispatcher.submitAnyway(operation);
    const fd = dispatcher.resultNow(operation, INSTALL_MS_MAX) ?? EAGAIN;
    const isThrough = making.then(
      // There is no caller to wait for it.
      (made) => (fd === EAGAIN ? closeDescriptor(dispatcher, this.table, made.fd) : undefined),
      () => {},
    );
    return { fd, isThrough };
  }
}

export class DirectHandle implements SocketHandle {
  readonly target: number;
  readonly targetFlags = SQE_FIXED_FILE;
  readonly #sockets: DirectSockets;
  readonly #listenerLocal: SocketAddress;
  #remoteName: Uint8Array | undefined;
  #local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  #fd = -1;
  #installing: Promise<unknown> | undefined;
  #isOpen = true;

  /**
   * @param index its direct descriptor.
   * @param listenerLocal what the listener that it came to is bound to.
   * @param remoteName the peer, as a struct sockaddr.
   */
  constructor(sockets: DirectSockets, index: number, listenerLocal: SocketAddress, remoteName: Uint8Array) {
    this.#sockets = sockets;
    this.target = index;
    this.#listenerLocal = listenerLocal;
    this.#remoteName = remoteName;
  }

  get knownFd(): number {
    return this.#fd;
  }

  descriptor(): number {
    if (this.#fd >= 0) return this.#fd;
    if (!this.#isOpen) return EBADF;
    const { fd, isThrough } = this.#sockets.install(this.target);
    if (fd < 0) return fd;
    this.#fd = fd;
    this.#installing = isThrough;
    return fd;
  }

  get isUnix(): boolean {
    return this.#listenerLocal.family === 'Unix';
  }

  /** One of the machine's addresses is known to the kernel alone; after the end it is the listener's. */
  get local(): SocketAddress {
    if (this.#local !== undefined) return this.#local;
    const isKnown = this.isUnix || !ANY_ADDRESSES.includes(this.#listenerLocal.address);
    if (isKnown || !this.#isOpen) {
      this.#local = this.#listenerLocal;
    } else {
      const fd = this.descriptor();
      if (fd < 0) throw addressError(fd, 'getsockname');
      this.#local = localName(fd);
    }
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    if (this.#remoteName !== undefined) {
      this.#remote = decodeName(this.#remoteName, 0, this.#remoteName.length);
      this.#remoteName = undefined;
    }
    return this.#remote;
  }

  /** By a descriptor, which is a few microseconds quicker than the kernel thread that the operation takes. */
  shutDown(): number | Promise<number> {
    const fd = this.descriptor();
    if (fd >= 0) return binding().shutDown(fd, SHUT_WR);
    return this.#sockets.dispatcher.submitAnyway(
      onSlot((sqe) => prepShutdown(sqe, this.target, SQE_FIXED_FILE, SHUT_WR), 'shutdown'),
    );
  }

  async cutOff(): Promise<void> {
    if (this.isUnix || this.#sockets.dispatcher.isClosed) return;
    await this.#sockets.dispatcher.submitAnyway(onSlot((sqe) => prepReset(sqe, this.target), 'setsockopt'));
  }

  /** The direct descriptor first: only the last of the two that is closed may have to wait. */
  async close(mayBlock: boolean): Promise<void> {
    this.#isOpen = false;
    const { dispatcher, table } = this.#sockets;
    await this.#installing;
    await this.#sockets.close(this.target, mayBlock && this.#fd < 0);
    if (this.#fd >= 0) await closeDescriptor(dispatcher, table, this.#fd, mayBlock);
  }

  async disown(): Promise<void> {
    void this.local;
    this.#isOpen = false;
    await this.#installing;
    await this.#sockets.close(this.target, false);
    binding().disownFd(this.#fd);
  }
}

/** Something that is done to such a connection, with an errno or 0 as its result. */
function onSlot(prepare: (sqe: Sqe) => void, syscall: string): PlainCall<number> {
  const errorFor = (errno: number): Error => addressError(errno, syscall);
  return new PlainCall({ prepare, errorFor, accepts: () => true, finish: (errno) => errno, isCall: false });
}

/** struct linger, on for no time: a close that resets the connection. SAFETY: lives for good. */
const RESETTING = new Uint32Array([1, 0]);

/** Has the close reset the connection (setsockopt(2), SO_LINGER). */
function prepReset(sqe: Sqe, index: number): void {
  const [optval, optlen] = [addressOf(RESETTING), RESETTING.byteLength];
  prepSetsockopt(sqe, index, SQE_FIXED_FILE, SOL_SOCKET, SO_LINGER, optval, optlen);
}
