/** An open file as its operations see it. */
import type { PendingCount } from '../../base/pending-count.js';
import type { RegisteredBuffers } from '../memory/registered-buffers.js';

export interface OpenFile {
  readonly fd: number;
  /** What entries name it by, and the flags that go with that. */
  readonly target: number;
  readonly targetFlags: number;
  /** Whether it has positions, as a FIFO has not. */
  readonly isSeekable: boolean;
  /** Whether a short write leaves the cursor where it was, as the kernel's rings do. */
  readonly leavesCursor: boolean;
  /** Of the ring; undefined while it has none. */
  readonly pools: RegisteredBuffers | undefined;
  /** Operations on it: it stays open until they have ended. */
  readonly pending: PendingCount;
}
