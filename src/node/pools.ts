/** Buffer pools on the node backend: the same memory, which no kernel knows beforehand. */

import { bufferOf, type Span } from '../base/views.js';
import type { BackendPool, PoolBackend, PoolBuffer, PoolRequest } from '../contract/buffer-pools.js';
import { featureUnavailableError } from '../errors/index.js';
import { PoolMemory } from '../native/pool-memory.js';

const REASON = 'the node backend has no ring to register memory with';

export class NodePools implements PoolBackend {
  readonly #memories = new WeakMap<ArrayBufferLike, PoolMemory>();
  readonly #pools = new Set<NodePool>();
  isRingClosed = false;

  open({ count, bytes, registered }: PoolRequest): BackendPool {
    if (registered === true) throw featureUnavailableError('a registered buffer pool', REASON);
    const memory = new PoolMemory(count, bytes);
    const pool = new NodePool(this, memory, registered === false ? null : REASON);
    this.#memories.set(memory.bytes, memory);
    this.#pools.add(pool);
    return pool;
  }

  /** The buffers of pools that the spans lie in. */
  find(spans: readonly Span[]): readonly PoolBuffer[] {
    if (this.#pools.size === 0) return [];
    return spans.flatMap(({ view }) => this.#memories.get(bufferOf(view))?.poolBufferOf(view) ?? []);
  }

  forget(pool: NodePool): void {
    this.#memories.delete(pool.memory.bytes);
    this.#pools.delete(pool);
  }

  close(): void {
    this.isRingClosed = true;
    for (const pool of this.#pools) pool.onRingClosed?.();
  }
}

class NodePool implements BackendPool {
  readonly #owner: NodePools;
  readonly memory: PoolMemory;
  readonly isRegistered = false;
  readonly reason: string | null;
  onRingClosed: (() => void) | undefined;

  constructor(owner: NodePools, memory: PoolMemory, reason: string | null) {
    this.#owner = owner;
    this.memory = memory;
    this.reason = reason;
  }

  get buffers(): readonly PoolBuffer[] {
    return this.memory.buffers;
  }

  get alignment(): number {
    return this.memory.alignment;
  }

  get isRingClosed(): boolean {
    return this.#owner.isRingClosed;
  }

  async close(): Promise<void> {
    this.#owner.forget(this);
    await this.memory.pending.whenIdle();
  }
}
