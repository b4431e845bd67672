/**
 * What a process holds that it ought to give back: descriptors, ring mappings, rings' threads, and a ring's slots and
 * receive buffers. Reads /proc, and the ring's own counts.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { foreignRuntime } from '#ringlet/native/ruling.js';
import type { Ring } from 'ringlet';
import { eventually } from './eventually.js';

/** The kernel takes rings apart in the background, and takes its time on a busy machine. */
const TEARDOWN_DEADLINE_MS = 20_000;

// libuv opens a spare descriptor with a process's first stream and keeps it: before any baseline, please.
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
server.close();
await once(server, 'close');

/** Open descriptors by number, each with what it points at. */
export function openDescriptors(): Map<number, string> {
  const descriptors = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      descriptors.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // The listing's own descriptor is gone by now, and so may another thread's be.
    }
  }
  return descriptors;
}

/** The descriptors of io_uring instances, ours or not. */
export function ringDescriptors(): number[] {
  return [...openDescriptors()].filter(([, target]) => target.includes('[io_uring]')).map(([fd]) => fd);
}

/** The ids of this process's threads whose name starts with `prefix`. */
export function threadsNamed(prefix: string): number[] {
  const ids: number[] = [];
  for (const id of readdirSync('/proc/self/task')) {
    try {
      if (readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith(prefix)) ids.push(Number(id));
    } catch {
      // The thread ended between the listing and the look.
    }
  }
  return ids;
}

/** The kernel's SQ-poll threads working for this process. */
export function sqPollThreads(): number[] {
  return threadsNamed('iou-sqp-');
}

/** Those, and the threads of rings in user space. */
function ringThreads(): number[] {
  return [...sqPollThreads(), ...threadsNamed('ringlet-worker')];
}

/** How many parts of rings' queues are mapped into this process: each keeps its ring alive. */
export function ringMappingCount(): number {
  return readFileSync('/proc/self/maps', 'utf8').split('anon_inode:[io_uring]').length - 1;
}

/** What is here now and was not when `baseline` was taken. */
export interface Baseline {
  readonly descriptors: ReadonlyMap<number, string>;
  readonly threads: readonly number[];
  readonly mappingCount: number;
}

export function takeBaseline(): Baseline {
  return { descriptors: openDescriptors(), threads: ringThreads(), mappingCount: ringMappingCount() };
}

function openedSince({ descriptors, mappingCount }: Baseline): string[] {
  const left: string[] = [];
  // Bun and Deno open and close descriptors of their own as they go.
  if (foreignRuntime() !== null) return left;
  for (const [fd, target] of openDescriptors()) {
    if (descriptors.get(fd) !== target) left.push(`descriptor ${fd} -> ${target}`);
  }
  const added = ringMappingCount() - mappingCount;
  if (added > 0) left.push(`${added} mappings of ring queues`);
  return left;
}

/** The ids of rings' threads that were not there at the baseline. */
export function threadsSince({ threads }: Baseline): number[] {
  return ringThreads().filter((id) => !threads.includes(id));
}

/** Descriptors, mappings and threads that were not there at the baseline, in words; empty when none. */
export function leftoversSince(baseline: Baseline): string[] {
  return [...openedSince(baseline), ...threadsSince(baseline).map((id) => `thread ${id}`)];
}

/** Waits until nothing is left over; the error lists what still is at the deadline. */
export async function expectNoLeftovers(
  baseline: Baseline,
  deadlineMs = TEARDOWN_DEADLINE_MS,
): Promise<void> {
  await expectNone(() => leftoversSince(baseline), deadlineMs);
}

/** The same without the threads; an SQ-poll thread lasts for tens of milliseconds beyond its last ring. */
export async function expectNothingOpen(baseline: Baseline): Promise<void> {
  await expectNone(() => openedSince(baseline), TEARDOWN_DEADLINE_MS);
}

/** Waits until none of the threads is left; the error says whose they are. */
export async function expectThreadsEnded(owners: ReadonlyMap<number, string>): Promise<void> {
  const left = (): string[] => {
    return ringThreads().flatMap((id) => (owners.has(id) ? [`thread ${id} by ${owners.get(id)}`] : []));
  };
  await expectNone(left, TEARDOWN_DEADLINE_MS);
}

async function expectNone(look: () => string[], deadlineMs: number): Promise<void> {
  let left: string[] = [];
  const isClean = (): boolean => {
    left = look();
    return left.length === 0;
  };
  await eventually('nothing left over', isClean, deadlineMs).catch((cause: unknown) => {
    throw new Error(`left behind: ${left.join(', ')}`, { cause });
  });
}

/** Waits until the ring has no operation in flight; then every receive buffer has to be free. */
export async function expectNothingHeld(ring: Ring): Promise<void> {
  await eventually('no operation in flight', () => ring.stats().inFlight + ring.stats().waiting === 0);
  for (const { count, available, bytes } of ring.stats().receiveBuffers) {
    if (available !== count) throw new Error(`${count - available} buffers of ${bytes} bytes are held`);
  }
}
