/**
 * Whether a send asks the kernel to read the caller's memory instead of a copy of it.
 *
 * That pays from some size on, and only if the packet really leaves by a device that reads memory: to
 * ourselves, and through most virtual devices, the kernel copies anyway, and says so. Then the socket goes
 * back to plain sends, and tries again after a while, because the next peer may be elsewhere.
 */
import { EINVAL, ENOBUFS, ENOMEM, EOPNOTSUPP } from '../../base/errno.js';

/** Below it, pinning pages and one more completion cost more than the copy. */
const ZERO_COPY_BYTES_MIN = 16_384;
/** Sends that could have been without a copy and are plain, after one that was copied. */
const PLAIN_SENDS = 1000;

/**
 * Whether an errno may mean that only a send without a copy is refused: more in flight than may be pinned for
 * it (RLIMIT_MEMLOCK), a protocol that can't, or a kernel before 6.2, which does not report what it did.
 */
export function mayRefuseZeroCopy(errno: number): boolean {
  return errno === ENOBUFS || errno === ENOMEM || errno === EOPNOTSUPP || errno === EINVAL;
}

export interface ZeroCopyTally {
  sends: number;
  copies: number;
}

export class ZeroCopyChoice {
  readonly #tally: ZeroCopyTally;
  readonly #isPossible: boolean;
  #plainLeft = 0;

  constructor(tally: ZeroCopyTally, isPossible: boolean) {
    this.#tally = tally;
    this.#isPossible = isPossible;
  }

  /** Whether a send of so many bytes should go without a copy; counts it if so. */
  take(bytes: number): boolean {
    if (bytes < ZERO_COPY_BYTES_MIN || !this.#isPossible) return false;
    if (this.#plainLeft > 0) {
      this.#plainLeft--;
      return false;
    }
    this.#tally.sends++;
    return true;
  }

  /** The kernel has copied, or has refused to go without. */
  noteCopied(): void {
    this.#tally.copies++;
    this.#plainLeft = PLAIN_SENDS;
  }
}
