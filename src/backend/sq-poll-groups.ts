/** The process's SQ-poll groups, as far as this process has the addon at all. */
import { binding } from './uring/binding.js';

export interface SqPollThread {
  /** Its place in the group, from 0. */
  index: number;
  /** The kernel's id of the thread; 0 until it has run for the first time. */
  threadId: number;
  /** The CPU it is pinned to, or null. */
  cpu: number | null;
  /** Rings that it serves. */
  ringCount: number;
  /**
   * The share of time that it worked since the last look, 0 to 1: the kernel's own account, or one
   * microsecond for each entry and completion where that is more (the account leaves out receives).
   */
  busyShare: number;
  /** Microseconds that it ran in all, and those in which it had work (Linux 6.7; 0 before). */
  totalUs: number;
  workUs: number;
}

export interface SqPollGroup {
  name: string;
  idleMs: number;
  cpus: number[];
  /** Threads that are alive. */
  threads: SqPollThread[];
}

export function listSqPollGroups(): SqPollGroup[] {
  try {
    return binding().groups();
  } catch {
    // Without the addon there is no ring, and so no group.
    return [];
  }
}
