/** The process's SQ-poll groups, as far as this process has the addon at all. */
import { type Binding, binding, type NativeSqPollGroup } from './binding.js';

/** A kernel thread that submits for the rings of a group. */
export interface SqPollThread {
  /** Its place in the group, from 0. */
  index: number;
  /** The kernel's id of the thread; 0 until it has run for the first time. */
  threadId: number;
  /** The CPU on which it may run now; null where there are several, or it has not run yet. */
  cpu: number | null;
  /**
   * All CPUs on which it may run now, which `taskset` or a cpuset may have changed since it was made; empty
   * until it has run for the first time.
   */
  cpus: number[];
  /** Rings that it serves. */
  ringCount: number;
  /**
   * The share of time that it worked since the last look, 0 to 1: the kernel's own account, or one
   * microsecond for each entry and completion where that is more (the account leaves out receives).
   */
  busyShare: number;
  /** Microseconds that it ran in all (Linux 6.7; 0 before). */
  totalUs: number;
  /** Of these, the microseconds in which it had work (Linux 6.7; 0 before). */
  workUs: number;
}

/** A group of SQ-poll threads, which rings of the process share. */
export interface SqPollGroup {
  /** As rings name it in `sqPoll.group`. */
  name: string;
  /** Milliseconds without work after which its threads sleep. */
  idleMs: number;
  /** Those that were asked for, to pin the threads to. */
  cpus: number[];
  /** Threads that are alive. */
  threads: SqPollThread[];
}

function toGroup(group: NativeSqPollGroup): SqPollGroup {
  const threads = group.threads.map((thread) => {
    const { cpus } = thread;
    return { ...thread, cpu: cpus.length === 1 ? (cpus[0] as number) : null };
  });
  return { ...group, threads };
}

export function listSqPollGroups(): SqPollGroup[] {
  let native: Binding;
  try {
    native = binding();
  } catch {
    // Without the addon there is no ring, and so no group.
    return [];
  }
  return native.groups().map(toGroup);
}
