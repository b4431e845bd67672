/** What a backend must do for buffer pools, and one of their buffers with what is under way on it. */
import { PendingCount } from '../base/pending-count.js';

export class PoolBuffer {
  readonly data: Buffer<ArrayBuffer>;
  /** Operations on this buffer. */
  readonly pending = new PendingCount();
  readonly #pendingOfPool: PendingCount;

  constructor(pendingOfPool: PendingCount, data: Buffer<ArrayBuffer>) {
    this.#pendingOfPool = pendingOfPool;
    this.data = data;
  }

  /** An operation on it has begun; `leave` must follow, once. */
  enter(): void {
    this.pending.enter();
    this.#pendingOfPool.enter();
  }

  leave(): void {
    this.pending.leave();
    this.#pendingOfPool.leave();
  }
}

/** What `Ring.bufferPool` hands down: validated, defaults filled in. */
export interface PoolRequest {
  count: number;
  bytes: number;
  /** Whether the kernel is to know the memory beforehand; undefined for where it can. */
  registered: boolean | undefined;
}

export interface BackendPool {
  readonly buffers: readonly PoolBuffer[];
  /** Bytes that each buffer begins at a multiple of. */
  readonly alignment: number;
  readonly isRegistered: boolean;
  /** Why it is not; null when it is, or was not to be. */
  readonly reason: string | null;
  /** Whether its ring is closed. */
  readonly isRingClosed: boolean;
  /** Called when the ring is closed; set only by a caller that waits. */
  onRingClosed: (() => void) | undefined;
  /** From now on its memory is like any other. Resolves when the kernel knows nothing of it any more. */
  close(): Promise<void>;
}

export interface PoolBackend {
  /** @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM when it must be registered and can't be. */
  open(request: PoolRequest): BackendPool;
}
