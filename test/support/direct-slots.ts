/** Rings whose small files go by direct descriptors, and the slots of their file tables as the kernel shows them. */
import { readFileSync } from 'node:fs';
import type { Ring, RingOptions } from 'ringlet';
import { frameRings } from './backends.js';
import { eventually } from './eventually.js';
import { withDescriptor } from './sq-poll.js';

const RINGS: readonly (readonly [title: string, options: RingOptions])[] = [
  ['loop', {}],
  ['loop, registeredFds', { registeredFds: 8 }],
  ['sqPoll', { sqPoll: true }],
  ['ring of 4 entries', { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }],
  ['4 in flight', { inFlightMax: 4 }],
];

/** Makes the suite's ring; the frame closes it after the test. */
type Make = () => { ring: Ring; fd: number };

/** Declares the suite once for every kind of ring. */
export function describeDirectSlots(title: string, body: (make: Make, options: RingOptions) => void): void {
  for (const [name, options] of RINGS) {
    describe(`${title} [${name}]`, () => {
      const makeRing = frameRings(options);
      body(() => withDescriptor(() => makeRing({ ...options, backend: 'io_uring' })), options);
    });
  }
}

/** How many slots of the ring's file table hold a file; null when the kernel was too busy to show them. */
export function slotsInUse(ringFd: number): number | null {
  const text = readFileSync(`/proc/self/fdinfo/${ringFd}`, 'utf8');
  const listing = /^UserFiles:\t\d+\n((?: *\d+: .*\n)*)/m.exec(text);
  return listing === null ? null : (listing[1] ?? '').split('\n').filter((row) => row !== '').length;
}

export async function expectNoSlotInUse(ringFd: number): Promise<void> {
  await eventually('no slot of the file table in use', () => slotsInUse(ringFd) === 0);
}
