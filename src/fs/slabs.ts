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

/** In memory of exactly its size, so that a short content does not hold on to a long buffer. */
export function copyOf(buffer: Buffer, byteCount: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(byteCount);
  copy.set(buffer.subarray(0, byteCount));
  return copy;
}
