/**
 * The six configurations that every contract suite runs on, and the frame around each test:
 * rings made by a test are closed after it, and nothing of them may be left behind.
 *
 * Suites of events run on three more. RINGLET_TEST_ONLY narrows a run to one configuration by its title, or names 'auto'.
 */
import type { Context } from 'mocha';
import { Ring, type RingOptions } from 'ringlet';
import { binding } from '#ringlet/native/binding.js';
import { eventually, within } from './eventually.js';
import {
  type Baseline,
  expectNoLeftovers,
  expectNothingOpen,
  expectThreadsEnded,
  threadsSince,
  takeBaseline,
} from './leftovers.js';
import { skip } from './skip.js';

export interface Configuration {
  readonly title: string;
  readonly options: RingOptions;
  /** Whether a second ring of the same options is open for as long as the one under test. */
  readonly hasCompanion?: boolean;
}

export const CONFIGURATIONS: readonly Configuration[] = [
  { title: 'node', options: { backend: 'node' } },
  { title: 'loop', options: { backend: 'io_uring' } },
  { title: 'epoll', options: { backend: 'epoll' } },
  { title: 'sqPoll alone', options: { backend: 'io_uring', sqPoll: true } },
  {
    title: 'sqPoll in a shared group',
    options: { backend: 'io_uring', sqPoll: { group: 'contract', threads: 1, idleMs: 5 } },
    hasCompanion: true,
  },
  {
    title: 'ring of 4 entries',
    options: {
      backend: 'io_uring',
      submissionEntries: 4,
      completionEntries: 8,
      completionEntriesMin: 4,
      inFlightMax: 4096,
      inlineReads: false,
      registeredFds: 8,
      receiveBuffers: { count: 4, bytes: 2048 },
    },
  },
];

/** Those with a ring, the kernel's or one in user space, for suites of what the engine does. */
export const RING_CONFIGURATIONS: readonly Configuration[] = CONFIGURATIONS.filter(
  ({ options }) => options.backend !== 'node',
);

/** For suites of events and timers, which folly runs on backends of these kinds too. */
const EVENT_CONFIGURATIONS: readonly Configuration[] = [
  ...CONFIGURATIONS,
  { title: 'loop with a file table', options: { backend: 'io_uring', registeredFds: 64 } },
  { title: 'loop with busy polling', options: { backend: 'io_uring', busyPollUs: 100 } },
  {
    title: 'sqPoll with a file table and busy polling',
    options: { backend: 'io_uring', sqPoll: true, registeredFds: 64, busyPollUs: 100 },
  },
];

/** What users get who ask for nothing; for where io_uring is refused, and only by its title. */
const AUTO: Configuration = { title: 'auto', options: { backend: 'auto' } };

/** Makes a ring of the running configuration, with `overrides` on top. The frame closes it after the test. */
export type MakeRing = (overrides?: RingOptions) => Ring;

function chosenOf(configurations: readonly Configuration[]): readonly Configuration[] {
  const only = process.env.RINGLET_TEST_ONLY;
  if (!only) return configurations;
  if (only === AUTO.title) return [AUTO];
  const chosen = EVENT_CONFIGURATIONS.filter(({ title }) => title === only);
  if (chosen.length > 0) return chosen.filter((each) => configurations.includes(each));
  const titles = [...EVENT_CONFIGURATIONS, AUTO].map(({ title }) => `'${title}'`).join(', ');
  throw new Error(`RINGLET_TEST_ONLY is '${only}', which is none of ${titles}`);
}

/** Why io_uring can't be had for these options, or null when it can. */
export async function refusalOf(options: RingOptions): Promise<string | null> {
  let ring: Ring;
  try {
    ring = new Ring(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_RINGLET_UNAVAILABLE') throw error;
    return (error as Error).message;
  }
  await ring.close();
  return null;
}

/**
 * Skips the suite, aloud, where the kernel has no io_uring, and fails it where the addon can't be loaded. Call inside
 * `describe`.
 */
export function needsIoUring(options: RingOptions = { backend: 'io_uring' }): void {
  before(async function () {
    binding();
    const refusal = await refusalOf(options);
    if (refusal) skip(this, refusal);
  });
}

/** Why a ring does without something on this kernel, as `profile.degraded` names it; undefined when it does not. */
export function doesWithout(ring: Ring, what: string): string | undefined {
  return ring.profile.degraded.find((each) => each.what === what)?.reason;
}

/** Skips the running test, in the ring's own words, where the ring does without something. */
export function needsOfRing(context: Context, ring: Ring, what: string): void {
  const reason = doesWithout(ring, what);
  if (reason) skip(context, `${what}: ${reason}`);
}

/**
 * Skips a test for which the ring itself has to read and open what is at `path`, where workers do, because that might
 * wait for a server: on a root that is another machine's, as a guest's. To be called while a ring is open.
 */
export function needsLocalFiles(context: Context, path: string): void {
  if (binding().mayStall(path))
    skip(context, `${path} is reached through a file system that may wait for others`);
}

/** Skips the suite, in the ring's own words, where such rings do without something. Call inside `describe`. */
export function needsOfKernel(what: string, options: RingOptions = {}): void {
  before(async function () {
    const ring = new Ring({ ...options, backend: 'auto' });
    const reason = doesWithout(ring, what);
    await ring.close();
    if (reason) skip(this, `${what}: ${reason}`);
  });
}

/** Ends, after the suite, the rings that sockets and calls share which name none. Call inside `describe`. */
export function closesSharedRings(): void {
  after('the rings that those share which name none', async () => {
    const shared = Ring.all().filter(({ name }) => name === 'default' || name === 'ringlet/dgram');
    await Promise.all(shared.map((ring) => ring.close()));
  });
}

interface FrameOptions {
  /** Whether the rings get broken, and so keep what was in the kernel for good. */
  keepsSlots?: boolean;
  /**
   * Whether SQ-poll threads are waited for at the suite's end, and not after each test: the kernel ends one only
   * after a grace period of RCU, some 20 ms, and the next test can go on meanwhile unless it counts threads.
   */
  defersThreads?: boolean;
}

/** Notes what there was before each test; to be called before the suite declares its own hooks. */
function openFrame(
  configuration: Configuration,
  { keepsSlots = false, defersThreads = false }: FrameOptions,
): { makeRing: MakeRing; close: () => void } {
  const rings: Ring[] = [];
  const leftovers: string[] = [];
  /** Rings' threads that have yet to end, by the titles of the tests they are from. */
  const threads = new Map<number, string>();
  let baseline: Baseline;

  beforeEach(() => {
    baseline = takeBaseline();
  });

  const makeRing: MakeRing = (overrides) => {
    const options = { ...configuration.options, ...overrides };
    if (configuration.hasCompanion && rings.length === 0) rings.push(new Ring(options));
    const ring = new Ring(options);
    rings.push(ring);
    return ring;
  };

  /** Closes what each test made and looks at what is left; to be called after the suite's own hooks. */
  const close = (): void => {
    afterEach('closing the rings', async function () {
      const made = rings.splice(0);
      await within('closing the rings of the test', Promise.all(made.map((ring) => ring.close())));
      // A test that failed may well have left things; its own failure is the finding.
      if (this.currentTest?.isFailed()) return;
      const title = `'${this.currentTest?.title}'`;
      const expectNone = defersThreads ? expectNothingOpen : expectNoLeftovers;
      await expectNone(baseline).catch((error: Error) => leftovers.push(`${title} ${error.message}`));
      for (const id of defersThreads ? threadsSince(baseline) : []) threads.set(id, title);
      for (const ring of keepsSlots ? [] : made) {
        // What Node's pool has begun goes on after an abort.
        const isIdle = (): boolean => ring.stats().inFlight + ring.stats().waiting === 0;
        await eventually('no slot held', isIdle).catch((error: Error) => {
          leftovers.push(`${title}: ${error.message}`);
        });
      }
    });
    // A suite of its own, because mocha runs nested suites after the tests beside them.
    describe('afterwards', () => {
      it('Ring.close: no test left a descriptor, a slot or a thread behind', async () => {
        await expectThreadsEnded(threads).catch((error: Error) => leftovers.push(error.message));
        if (leftovers.length > 0) throw new Error(leftovers.join('\n'));
      });
    });
  };
  return { makeRing, close };
}

/**
 * The same frame for a suite of one kind of ring, io_uring unless options name another, skipped aloud where there is none.
 * Call inside `describe`; the tests close handles and sockets themselves.
 *
 * @param keepsSlots whether the rings get broken, and so keep what was in the kernel for good.
 */
export function frameRings(options: RingOptions, keepsSlots = false): MakeRing {
  const configuration = { title: '', options: { backend: 'io_uring', ...options } as const };
  if (configuration.options.backend === 'io_uring') needsIoUring(configuration.options);
  const { makeRing, close } = openFrame(configuration, { keepsSlots });
  close();
  return makeRing;
}

type Suite = (makeRing: MakeRing, configuration: Configuration) => void;

/** Declares the suite once for every configuration. `makeRing` is to be called inside tests. */
export function describeOnEachBackend(title: string, body: Suite): void {
  describeOnEach(CONFIGURATIONS, title, body);
}

/** The same for a suite of events or timers. */
export function describeEventsOnEachBackend(title: string, body: Suite): void {
  describeOnEach(EVENT_CONFIGURATIONS, title, body);
}

function describeOnEach(configurations: readonly Configuration[], title: string, body: Suite): void {
  for (const configuration of chosenOf(configurations)) {
    describe(`${title} [${configuration.title}]`, () => {
      if (configuration.options.backend === 'io_uring') needsIoUring(configuration.options);
      const { makeRing, close } = openFrame(configuration, { defersThreads: true });
      body(makeRing, configuration);
      close();
    });
  }
}
