/** Scratch memory for reads whose size is not known yet: a stock of equal buffers, used again and again. */

/** What small files fit into in one read. */
export const SLAB_BYTES = 65_536;

/** Buffers kept for later: 2 MiB at most, and only once that many were in use at a time. */
const IDLE_SLABS_MAX = 32;

const idleSlabs: Buffer[] = [];

/** A buffer with old bytes in it. Give it back when nothing writes into it any more, or never. */
export function acquireSlab(): Buffer {
  return idleSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
}

export function releaseSlab(slab: Buffer): void {
  if (idleSlabs.length < IDLE_SLABS_MAX) idleSlabs.push(slab);
}

/** What a content may have at most to share memory with others: the pool has no place for more. */
const POOLED_BYTES_MAX = 4096;

/**
 * A copy that shares its memory with other Buffers, as those of Buffer.from do: an eighth of the time that a small file
 * takes on Node 20 goes into memory of its own. A short copy that is kept keeps that piece alive (Buffer.poolSize).
 */
export function pooledCopyOf(buffer: Buffer, byteCount: number): Buffer {
  if (byteCount > POOLED_BYTES_MAX) return copyOf(buffer, byteCount);
  const copy = Buffer.allocUnsafe(byteCount);
  buffer.copy(copy, 0, 0, byteCount);
  return copy;
}

/** In memory of exactly its size, so that a short content does not hold on to a long buffer. */
export function copyOf(buffer: Buffer, byteCount: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(byteCount);
  copy.set(buffer.subarray(0, byteCount));
  return copy;
}
