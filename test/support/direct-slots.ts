/** Rings whose small files go by direct descriptors, and how many slots of their file tables are in use. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
  ['epoll', { backend: 'epoll' }],
];

/** How many slots of the ring's file table hold a file; null when the kernel was too busy to show them. */
type SlotsInUse = () => number | null;
/** Makes the suite's ring; the frame closes it after the test. */
type Make = () => { ring: Ring; slotsInUse: SlotsInUse };

/** Declares the suite once for every kind of ring. */
export function describeDirectSlots(title: string, body: (make: Make, options: RingOptions) => void): void {
  for (const [name, options] of RINGS) {
    describe(`${title} [${name}]`, () => {
      const makeRing = frameRings(options);
      body(() => {
        if (options.backend === 'epoll') {
          const before = new Set(filesOpen());
          const slotsInUse: SlotsInUse = () => filesOpen().filter((file) => !before.has(file)).length;
          return { ring: makeRing(options), slotsInUse };
        }
        const { ring, fd } = withDescriptor(() => makeRing({ ...options, backend: 'io_uring' }));
        return { ring, slotsInUse: () => slotsShown(fd) };
      }, options);
    });
  }
}

/** In user space a slot's file has a descriptor of the process: these are all that tests may have made, and their names. */
function filesOpen(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const name = readlinkSync(`/proc/self/fd/${fd}`);
      return name.startsWith(tmpdir()) ? [`${fd} ${name}`] : [];
    } catch {
      // That of the listing itself, or one that a thread has just closed.
      return [];
    }
  });
}

function slotsShown(ringFd: number): number | null {
  const text = readFileSync(`/proc/self/fdinfo/${ringFd}`, 'utf8');
  const listing = /^UserFiles:\t\d+\n((?: *\d+: .*\n)*)/m.exec(text);
  return listing === null ? null : (listing[1] ?? '').split('\n').filter((row) => row !== '').length;
}

export async function expectNoSlotInUse(slotsInUse: SlotsInUse): Promise<void> {
  await eventually('no slot of the file table in use', () => slotsInUse() === 0);
}
