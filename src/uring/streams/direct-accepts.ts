/**
 * Accepting straight into the file table: a few accepts that each bring a direct descriptor along.
 *
 * One multishot accept could take them by itself (IORING_FILE_INDEX_ALLOC, Linux 5.19). But it finds out that
 * there is none when it has accepted, and then closes the connection at hand (io_fixed_fd_install in the kernel's
 * io_uring/filetable.c): a peer that had connected would be turned away. An accept that names its own always has
 * one, and it alone can say who has connected.
 */
import type { OperationFacts } from '../../contract/observation.js';
import { prepAcceptDirect, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import type { DirectSockets } from './direct-sockets.js';
import type { SocketTarget } from './stream-operations.js';

/** Accepts that a listener has in the kernel: as many connections come in one go. */
const DIRECT_ACCEPTS_MAX = 8;
/** struct sockaddr_storage (socket(7)). */
const STORAGE_NAME_BYTES = 128;

/** The listener. */
export interface DirectAcceptOwner extends SocketTarget {
  /** @param remoteName the peer, as a struct sockaddr. */
  onDirectConnection(index: number, remoteName: Uint8Array): void;
  /** An accept has ended without a connection. */
  onDirectFailure(errno: number): void;
}

export class DirectAccepts {
  readonly #sockets: DirectSockets;
  readonly #owner: DirectAcceptOwner;
  readonly #armed = new Set<DirectAccept>();

  constructor(sockets: DirectSockets, owner: DirectAcceptOwner) {
    this.#sockets = sockets;
    this.#owner = owner;
  }

  /** What is armed. */
  get operations(): readonly ArmedOperation[] {
    return [...this.#armed].map(({ operation }) => operation);
  }

  get isArmed(): boolean {
    return this.#armed.size > 0;
  }

  /** Whether enough direct descriptors are free to leave ordinary accepts for them. */
  get hasRoom(): boolean {
    const { freeCount, slotCount } = this.#sockets.table;
    return freeCount >= Math.min(DIRECT_ACCEPTS_MAX, Math.ceil(slotCount / 2));
  }

  /** Has as many accepts in the kernel as there are direct descriptors for, within bounds. */
  arm(isRef: boolean): void {
    while (this.#armed.size < DIRECT_ACCEPTS_MAX) {
      const index = this.#sockets.acquire();
      if (index < 0) return;
      const accept = new DirectAccept(this, this.#owner, index);
      accept.operation.isRef = isRef;
      this.#armed.add(accept);
      this.#sockets.dispatcher.begin(accept.operation);
    }
  }

  cancel(reason: () => Error): void {
    for (const { operation } of this.#armed) this.#sockets.dispatcher.cancel(operation, reason);
  }

  setRef(isRef: boolean): void {
    for (const { operation } of this.#armed) this.#sockets.dispatcher.setRef(operation, isRef);
  }

  onAccepted(accept: DirectAccept, remoteName: Uint8Array): void {
    this.#armed.delete(accept);
    this.#owner.onDirectConnection(accept.index, remoteName);
  }

  onFailed(accept: DirectAccept, errno: number): void {
    this.#armed.delete(accept);
    // The owner first: it may want to wait before it tries again, with this one or another.
    this.#owner.onDirectFailure(errno);
    this.#sockets.release(accept.index);
  }
}

/** One accept into one direct descriptor. */
class DirectAccept implements ArmedOwner {
  readonly operation = new ArmedOperation(this);
  readonly index: number;
  readonly #accepts: DirectAccepts;
  readonly #socket: SocketTarget;
  #storage: SlotStorage | undefined;
  #storageSlot = 0;

  constructor(accepts: DirectAccepts, socket: SocketTarget, index: number) {
    this.#accepts = accepts;
    this.#socket = socket;
    this.index = index;
  }

  /** The address and its length lie in the slot's storage. A direct descriptor is close-on-exec without being told. */
  prepareArmed(sqe: Sqe, storage: SlotStorage, { slot }: ArmedOperation): void {
    this.#storage = storage;
    this.#storageSlot = slot;
    const address = storage.address(slot);
    storage.words(slot)[storage.wordOffset(slot) + STORAGE_NAME_BYTES / 4] = STORAGE_NAME_BYTES;
    const { target, targetFlags } = this.#socket;
    prepAcceptDirect(sqe, target, targetFlags, address, address + STORAGE_NAME_BYTES, this.index);
  }

  describeArmed(): OperationFacts {
    return { kind: 'accept' };
  }

  onCompletion(result: number): void {
    if (result >= 0) this.#accepts.onAccepted(this, this.#remoteName());
  }

  onDisarmed(result: number): void {
    if (result < 0) this.#accepts.onFailed(this, result);
  }

  /** Read before another operation takes the request slot, which is free by now. */
  #remoteName(): Uint8Array {
    const storage = this.#storage as SlotStorage;
    const slot = this.#storageSlot;
    const bytes = storage.words(slot)[storage.wordOffset(slot) + STORAGE_NAME_BYTES / 4] as number;
    return new Uint8Array(storage.bytes(slot).subarray(0, Math.min(bytes, STORAGE_NAME_BYTES)));
  }
}
