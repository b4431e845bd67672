/** The rings that ringlet's contenders run on, one name each, the same in every case. */
import type { Ring, RingOptions } from 'ringlet';
import { Unavailable } from './workload.js';

/**
 * `loop` is what a program gets that asks for nothing, and `ringOnly` the same without reads on the spot. `sqPoll` is the throughput end: a kernel thread
 * submits, and the loop spins briefly for completions before it sleeps.
 */
const RING_OPTIONS = {
  loop: { backend: 'io_uring' },
  ringOnly: { backend: 'io_uring', inlineReads: false },
  /** Never waits in the kernel for more of what trickles in. */
  uncoalesced: { backend: 'io_uring', coalesce: false },
  fileTable: { backend: 'io_uring', registeredFds: 64 },
  sqPoll: { backend: 'io_uring', sqPoll: true, busyPollUs: 50 },
  /** Whose thread other rings of the process share. */
  sqPollGroup: { backend: 'io_uring', sqPoll: { group: 'bench' } },
  /** What a program gets where io_uring is refused. */
  epoll: { backend: 'epoll' },
  node: { backend: 'node' },
} as const satisfies Record<string, RingOptions>;

export type RingName = keyof typeof RING_OPTIONS;

export async function makeRing(name: RingName): Promise<Ring> {
  const { Ring } = await import('ringlet');
  let ring: Ring;
  try {
    ring = new Ring(RING_OPTIONS[name]);
  } catch (error) {
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
  const kind = 'sqPoll' in RING_OPTIONS[name] ? 'sqPoll' : 'loop';
  if (name !== 'node' && ring.profile.kind !== kind) {
    const reasons = ring.profile.degraded.map(({ what, reason }) => `${what}: ${reason}`);
    await ring.close();
    throw new Unavailable(`the ring is not ${kind} here: ${reasons.join('; ')}`);
  }
  return ring;
}
