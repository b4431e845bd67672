/**
 * Buffer pools on a ring: memory that the kernel has pinned beforehand (IORING_REGISTER_BUFFERS2,
 * io_uring_register(2)), so that an operation on it need not find and pin its pages.
 *
 * A pool takes one buffer index of a sparse table for all of its memory. It is found by address, so whatever view of
 * it a transfer is given; a ring without pools looks at nothing but that it has none.
 */
import { getSystemErrorName } from 'node:util';
import { ENOMEM } from '../../base/errno.js';
import { bufferOf, type View } from '../../base/views.js';
import type { BackendPool, PoolBackend, PoolBuffer, PoolRequest } from '../../contract/buffer-pools.js';
import { featureUnavailableError } from '../../errors/index.js';
import type { NativeRing } from '../../native/binding.js';
import { lockedMemoryHint } from '../../native/locked-memory.js';
import { PoolMemory } from '../../native/pool-memory.js';
import type { Dispatcher } from '../engine/dispatcher.js';

/** Pools of a ring that can be registered at a time. */
const SLOTS = 256;
export const NO_SLOT = -1;

export class RegisteredBuffers implements PoolBackend {
  /** While the ring has no pools. */
  isEmpty = true;
  readonly #native: NativeRing;
  readonly #dispatcher: Dispatcher;
  /** Those that transfers look for, and those that are closed and wait for the last transfer that names them. */
  readonly #pools = new Set<UringPool>();
  readonly #ending = new Set<UringPool>();
  #freeSlots: number[] | undefined;
  /** Addresses of all pools lie within these. */
  #low = Number.POSITIVE_INFINITY;
  #high = 0;

  constructor(native: NativeRing, dispatcher: Dispatcher) {
    this.#native = native;
    this.#dispatcher = dispatcher;
  }

  open({ count, bytes, registered }: PoolRequest): BackendPool {
    const memory = new PoolMemory(count, bytes);
    const pool = new UringPool(this, memory);
    if (registered !== false) pool.reason = this.#register(pool);
    if (registered === true && pool.reason !== null) {
      throw featureUnavailableError('a registered buffer pool', pool.reason);
    }
    pool.pieces = memory.buffers.map((buffer) => ({ buffer, slot: pool.slot }));
    this.#pools.add(pool);
    this.#noteAddresses();
    return pool;
  }

  /** The buffer of a pool that a transfer's memory lies in as a whole. */
  find(view: View, address: number, length: number): PooledMemory | undefined {
    if (address < this.#low || address >= this.#high) return undefined;
    for (const pool of this.#pools) {
      const start = address - pool.address;
      if (start < 0 || start >= pool.memory.byteLength) continue;
      // Its memory may have been transferred away and freed, and have another owner by now.
      if (bufferOf(view) !== pool.memory.bytes) return undefined;
      return pool.pieces[pool.memory.indexAt(start, length)];
    }
    return undefined;
  }

  /** @returns why the kernel does not know the memory; null when it does. */
  #register(pool: UringPool): string | null {
    if (this.#dispatcher.trials.kernel === 'epoll') return 'a ring on epoll has no table of buffers';
    if (this.#freeSlots === undefined) {
      const made = this.#native.registerBuffers(SLOTS);
      if (made < 0) return `the kernel makes no table of buffers (${getSystemErrorName(made)})`;
      this.#freeSlots = Array.from({ length: SLOTS }, (_unused, index) => SLOTS - 1 - index);
    }
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return `the ring has ${SLOTS} registered pools already`;
    const { byteLength } = pool.memory;
    const registered = this.#native.updateBuffer(slot, pool.address, byteLength);
    if (registered < 0) {
      this.#freeSlots.push(slot);
      return refusalOf(registered, byteLength);
    }
    pool.slot = slot;
    return null;
  }

  /** From now on transfers don't find it. */
  hide(pool: UringPool): void {
    this.#pools.delete(pool);
    this.#ending.add(pool);
    this.#noteAddresses();
  }

  /** For a hidden pool, when nothing is under way on it. */
  forget(pool: UringPool): void {
    this.#ending.delete(pool);
    if (pool.slot === NO_SLOT || this.#dispatcher.isClosed) return;
    this.#native.updateBuffer(pool.slot, 0, 0);
    this.#freeSlots?.push(pool.slot);
    pool.slot = NO_SLOT;
  }

  get isRingClosed(): boolean {
    return this.#dispatcher.isClosing;
  }

  #noteAddresses(): void {
    const pools = [...this.#pools];
    this.#low = Math.min(...pools.map(({ address }) => address));
    this.#high = Math.max(0, ...pools.map(({ address, memory }) => address + memory.byteLength));
    this.isEmpty = pools.length === 0;
  }

  /** The ring is being closed, and the kernel lets go of the memory with it. */
  close(): void {
    for (const pool of this.#pools) pool.onRingClosed?.();
  }
}

export interface PooledMemory {
  readonly buffer: PoolBuffer;
  /** Of the table of registered buffers, or `NO_SLOT`. */
  readonly slot: number;
}

class UringPool implements BackendPool {
  readonly #owner: RegisteredBuffers;
  /** SAFETY: kept alive by `RegisteredBuffers` until the buffer index is empty or the ring is closed. */
  readonly memory: PoolMemory;
  slot = NO_SLOT;
  /** What transfers find, by the buffer's index. */
  pieces: readonly PooledMemory[] = [];
  reason: string | null = null;
  onRingClosed: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(owner: RegisteredBuffers, memory: PoolMemory) {
    this.#owner = owner;
    this.memory = memory;
  }

  get address(): number {
    return this.memory.address as number;
  }

  get buffers(): readonly PoolBuffer[] {
    return this.memory.buffers;
  }

  get alignment(): number {
    return this.memory.alignment;
  }

  get isRegistered(): boolean {
    return this.slot !== NO_SLOT;
  }

  get isRingClosed(): boolean {
    return this.#owner.isRingClosed;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#owner.hide(this);
    // An operation that waits for its turn has the buffer index already.
    await this.memory.pending.whenIdle();
    this.#owner.forget(this);
  }
}

function refusalOf(errno: number, bytes: number): string {
  const refusal = `the kernel refuses to pin ${bytes} bytes (${getSystemErrorName(errno)})`;
  return errno === ENOMEM ? `${refusal}${lockedMemoryHint()}` : refusal;
}
