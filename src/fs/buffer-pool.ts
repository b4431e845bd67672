/**
 * A pool of buffers for reads and writes: aligned for direct I/O, made once, lent and given back, and known to
 * the kernel beforehand where the ring can have it so.
 *
 * Knows which caller has which buffer, and which waits for one. What is under way on a buffer the backend counts.
 */
import { type InspectOptions, inspect } from 'node:util';
import { checkOurs, OURS } from '../base/construction.js';
import { ENOBUFS } from '../base/errno.js';
import { Line } from '../base/line.js';
import { showAs } from '../base/shown.js';
import { checkBoolean, checkInteger, checkOptions, type OptionNames } from '../base/validate.js';
import { Waiter } from '../base/waiter.js';
import type { BackendPool, PoolBackend, PoolBuffer } from '../contract/buffer-pools.js';
import { abortError, invalidState, outOfRange, ringClosedError, systemError } from '../errors/index.js';
import { POOL_BYTES_MAX, strideOf } from '../native/pool-memory.js';
import { readSignalAlone, type SignalOptions } from './options.js';

const POOL_BUFFERS_MAX = 65_536;
const WAITING_MAX = 1024;

/** What a pool of buffers is made with. */
export interface BufferPoolOptions {
  /** Buffers, 1 to 65,536. */
  count: number;
  /**
   * The length of each in bytes, from 1. Each takes whole pages of 4096 bytes; all of them together 1 GiB at
   * most.
   */
  bytes: number;
  /**
   * Whether the kernel is to pin the memory and know it beforehand. `true` makes it an error where it will not,
   * `false` spares the pinning. Default: where it will.
   */
  registered?: boolean | undefined;
  /** Calls of `acquire` that may wait at a time, 0 to 65,536; one more rejects with ENOBUFS. Default 1024. */
  waitingMax?: number | undefined;
}

const POOL_OPTIONS: OptionNames<BufferPoolOptions> = {
  count: true,
  bytes: true,
  registered: true,
  waitingMax: true,
};

interface PoolSettings {
  count: number;
  bytes: number;
  registered: boolean | undefined;
  waitingMax: number;
}

function readPoolOptions(options: unknown): PoolSettings {
  const given = checkOptions<BufferPoolOptions>(options, POOL_OPTIONS);
  const count = checkInteger(given.count, 'options.count', 1, POOL_BUFFERS_MAX);
  const bytes = checkInteger(given.bytes, 'options.bytes', 1, POOL_BYTES_MAX);
  const { registered, waitingMax = WAITING_MAX } = given;
  if (count * strideOf(bytes) > POOL_BYTES_MAX) {
    const bytesMax = Math.floor(POOL_BYTES_MAX / count / strideOf(1)) * strideOf(1);
    throw outOfRange('options.bytes', `<= ${bytesMax} for a count of ${count}`, bytes);
  }
  return {
    count,
    bytes,
    registered: registered === undefined ? undefined : checkBoolean(registered, 'options.registered'),
    waitingMax: checkInteger(waitingMax, 'options.waitingMax', 0, POOL_BUFFERS_MAX),
  };
}

/** Pools without an owner: their memory is taken from the kernel. */
const dropped = new FinalizationRegistry((pool: BackendPool) => void pool.close());

let giveBack: (pool: BufferPool, buffer: PoolBuffer) => void;

/** Buffers of one size that are used over and over; registered with the kernel where it can. From `Ring.bufferPool`. */
export class BufferPool {
  readonly #pool: BackendPool;
  readonly #settings: PoolSettings;
  readonly #free: PoolBuffer[];
  readonly #waiting = new Line<Waiter<PooledBuffer>>();
  #closing: Promise<void> | undefined;

  static {
    giveBack = (pool, buffer) => pool.#giveBack(buffer);
  }

  /** @internal Pools come from `Ring.bufferPool`. */
  constructor(key: typeof OURS, backend: PoolBackend, options: unknown) {
    checkOurs(key);
    this.#settings = readPoolOptions(options);
    this.#pool = backend.open(this.#settings);
    // The last one given back is the next one taken, for its bytes may still be in the CPU's cache.
    this.#free = [...this.#pool.buffers].reverse();
    dropped.register(this, this.#pool, this);
  }

  /** How many buffers it has. */
  get count(): number {
    return this.#settings.count;
  }

  /** The length of each in bytes. */
  get bytes(): number {
    return this.#settings.bytes;
  }

  /** Bytes that each buffer's memory begins at a multiple of: 4096, or 1 where there is no addon to tell. */
  get alignment(): number {
    return this.#pool.alignment;
  }

  /** Whether the kernel has pinned the memory and knows it beforehand. False once the pool is closed. */
  get isRegistered(): boolean {
    return this.#pool.isRegistered;
  }

  /** Why it is not registered; null when it is, was not to be, or is closed. */
  get reason(): string | null {
    return this.#pool.reason;
  }

  /** Buffers that can be had now. */
  get freeCount(): number {
    return this.#free.length;
  }

  /** Calls of `acquire` that wait for one. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** What `console.log` shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { count, bytes, freeCount, waitingCount, isRegistered, isClosed } = this;
    const state = { count, bytes, freeCount, waitingCount, isRegistered, isClosed };
    return showAs('BufferPool', state, depth, options);
  }

  /** Whether `close` has been called. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * A buffer, if one can be had now.
   *
   * @returns undefined when all are out.
   * @throws ERR_INVALID_STATE when the pool is closed, ERR_RINGLET_CLOSED when its ring is.
   */
  tryAcquire(): PooledBuffer | undefined {
    const closed = this.#closedError();
    if (closed !== undefined) throw closed;
    const buffer = this.#free.pop();
    return buffer && new PooledBuffer(OURS, this, buffer);
  }

  /**
   * A buffer, as soon as there is one: the longest wait comes first. Waiting does not keep the process alive.
   *
   * ```js
   * const pool = ring.bufferPool({ count: 8, bytes: 65_536 });
   * const buffer = await pool.acquire();
   * try {
   *   const { bytesRead } = await file.read(buffer.data, { position: 0 });
   *   console.log(bytesRead, 'bytes', buffer.data.subarray(0, 8));
   * } finally {
   *   buffer.release();
   * }
   * ```
   *
   * @returns it shows whatever its last user has left in it.
   * @throws (rejects) ENOBUFS when `waitingMax` calls wait already; AbortError; ERR_INVALID_STATE when the pool
   * is closed, ERR_RINGLET_CLOSED when its ring is, also when that happens meanwhile.
   */
  async acquire(options?: SignalOptions | null): Promise<PooledBuffer> {
    const signal = readSignalAlone(options);
    const closed = this.#closedError();
    if (closed !== undefined) throw closed;
    if (signal?.aborted) throw abortError(signal);
    const buffer = this.#free.pop();
    if (buffer !== undefined) return new PooledBuffer(OURS, this, buffer);
    if (this.#waiting.length >= this.#settings.waitingMax) throw systemError(ENOBUFS, 'acquire');
    const waiter = new Waiter<PooledBuffer>(signal, () => {
      this.#waiting.remove(place);
      this.#noteWaiting();
    });
    const place = this.#waiting.push(waiter);
    this.#noteWaiting();
    return await waiter.promise;
  }

  /**
   * Ends the pool: calls that wait reject. Buffers that are out stay readable and usable, as any other memory.
   * Safe to call again.
   *
   * @returns resolves when the last read or write that names the memory has ended, and the kernel knows nothing
   * of it any more.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      dropped.unregister(this);
      this.#closing = this.#pool.close();
      this.#failWaiting(() => invalidState('The buffer pool is closed'));
    }
    return this.#closing;
  }

  /** Closes the pool, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #giveBack(buffer: PoolBuffer): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      this.#free.push(buffer);
      return;
    }
    this.#noteWaiting();
    waiter.fulfil(new PooledBuffer(OURS, this, buffer));
  }

  #closedError(): Error | undefined {
    if (this.#pool.isRingClosed) return ringClosedError();
    return this.isClosed ? invalidState('The buffer pool is closed') : undefined;
  }

  #failWaiting(create: () => Error): void {
    const waiting = this.#waiting.take();
    this.#noteWaiting();
    for (const waiter of waiting) waiter.reject(create);
  }

  /** The ring, which would keep the pool alive, knows it only while a caller waits. */
  #noteWaiting(): void {
    const isAwaited = this.#waiting.length > 0;
    this.#pool.onRingClosed = isAwaited ? () => this.#failWaiting(ringClosedError) : undefined;
  }
}

/** A buffer of a pool, the caller's until its `release`. `using` releases it at the end of the block. */
export class PooledBuffer {
  readonly #pool: BufferPool;
  #buffer: PoolBuffer | undefined;

  /** @internal */
  constructor(key: typeof OURS, pool: BufferPool, buffer: PoolBuffer) {
    checkOurs(key);
    this.#pool = pool;
    this.#buffer = buffer;
  }

  /**
   * The memory: reads and writes of it by this ring's handles, whole or in part, know it as the pool's. Don't
   * keep it beyond `release`, when it shows the next user's bytes.
   *
   * @throws ERR_INVALID_STATE once it is released.
   */
  get data(): Buffer<ArrayBuffer> {
    if (this.#buffer === undefined) throw invalidState('The buffer has been released');
    return this.#buffer.data;
  }

  /** Whether `release` has been called: then the memory is not to be touched any more. */
  get isReleased(): boolean {
    return this.#buffer === undefined;
  }

  /**
   * Gives it back. While a read or write of it by one of the ring's handles is pending, also one that has been
   * aborted and is still the kernel's, no other caller gets it: it goes back when the last of them has ended. Of
   * other uses, on a socket or by another ring, the pool knows nothing. Safe to call again.
   */
  release(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    if (buffer.pending.isIdle) giveBack(this.#pool, buffer);
    else void buffer.pending.whenIdle().then(() => giveBack(this.#pool, buffer));
  }

  /** Gives the buffer back, as `release` does. */
  [Symbol.dispose](): void {
    this.release();
  }
}
