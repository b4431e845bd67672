/** What the kernel says of a ring's SQ-poll thread, read from /proc. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Ring } from 'ringlet';
import { eventually } from './eventually.js';
import { ringDescriptors } from './leftovers.js';

/** Makes a ring and finds its descriptor, which the public API does not tell. */
export function withDescriptor(make: () => Ring): { ring: Ring; fd: number } {
  const before = new Set(ringDescriptors());
  const ring = make();
  const made = ringDescriptors().filter((fd) => !before.has(fd));
  const [fd] = made;
  if (fd === undefined || made.length !== 1)
    throw new Error(`${made.length} ring descriptors were made, not 1`);
  return { ring, fd };
}

function fieldOf(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S.*)$`, 'm').exec(text)?.[1];
}

/**
 * The id of the thread that polls the ring's submission queue. Waits until the thread has run for the first
 * time: before that fdinfo shows the number of the thread that made the ring.
 */
export async function sqThreadOf(ringFd: number): Promise<number> {
  let id = 0;
  await eventually(`the SQ thread of descriptor ${ringFd}`, () => {
    id = Number(fieldOf(readFileSync(`/proc/self/fdinfo/${ringFd}`, 'utf8'), 'SqThread') ?? 0);
    return id > 0 && readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('iou-sqp-');
  });
  return id;
}

/** How many entries the kernel has taken from the ring's submission queue; undefined while it holds the ring. */
export function submissionHead(ringFd: number): number | undefined {
  const head = fieldOf(readFileSync(`/proc/self/fdinfo/${ringFd}`, 'utf8'), 'SqHead');
  return head === undefined ? undefined : Number(head);
}

/** "0-3,7" as numbers. */
function parseCpuList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
  });
}

/** The CPUs that a thread of this process may run on; `'self'` for the process's main thread. */
export function cpusAllowed(threadId: number | 'self'): number[] {
  const path = threadId === 'self' ? '/proc/self/status' : `/proc/self/task/${threadId}/status`;
  return parseCpuList(fieldOf(readFileSync(path, 'utf8'), 'Cpus_allowed_list') ?? '');
}

/** A CPU number that no machine of this kind has. */
export function absentCpu(): number {
  return Math.max(cpus().length, ...cpusAllowed('self')) + 500;
}

/** Waits until the SQ thread has gone to sleep, so that only a wake-up makes it look again. */
export async function untilAsleep(threadId: number): Promise<void> {
  await eventually(`SQ thread ${threadId} falling asleep`, () => {
    const stat = readFileSync(`/proc/self/task/${threadId}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('S');
  });
}
