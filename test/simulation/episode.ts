/** One program on one simulated ring: operations of a seed, some of them left out, from the first to the last close. */
import { setImmediate as immediate } from 'node:timers/promises';
import { binding, type KernelGaps } from '#ringlet/native/binding.js';
import { Ring } from 'ringlet';
import { PATIENCE, turns, within } from '../support/eventually.js';
import { expectNothingHeld, expectNothingOpen, takeBaseline, threadsNamed } from '../support/leftovers.js';
import { createRandom } from '../support/random.js';
import { check } from './models.js';
import type { Stage } from './stage.js';
import { World } from './world.js';

/** How long calls may take to settle. Shorter while a seed that is known to fail is made small. */
const SETTLE_MS = Number(process.env.RINGLET_SIMULATION_SETTLE_MS || 15_000 * PATIENCE);
/** When calls that wait for others' buffers are helped. */
const STALLED_MS = 20;
/** Seeds whose ring is closed with calls under way. */
const CUT_PERCENT = 25;

export interface Episode {
  readonly seed: number;
  readonly gaps: KernelGaps;
  readonly operations: number;
  /** Whether an operation takes part. */
  readonly isKept: (index: number) => boolean;
}

/** What calls are under way, and the first thing that went wrong. */
class UnderWay {
  readonly #stage: Stage;
  readonly #world: World;
  readonly #names = new Map<number, string>();
  #failure: unknown;
  #wake: (() => void) | undefined;

  #relieved = 0;

  constructor(world: World) {
    this.#world = world;
    this.#stage = world.stage;
  }

  get count(): number {
    return this.#names.size;
  }

  add(index: number, name: string, call: Promise<void>): void {
    this.#names.set(index, name);
    const end = (): void => {
      this.#names.delete(index);
      this.#wake?.();
    };
    call.then(end, (error: unknown) => {
      if (!this.#stage.isEndedBy(error))
        this.#failure ??= new Error(`operation ${index}, ${name}: ${String(error)}`, { cause: error });
      end();
    });
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What waits in the queue of one socket, leased, may hold the buffers that others wait for. */
  #relieve(): void {
    for (const take of this.#world.takes) {
      const taking = take();
      if (taking !== undefined) this.add(-++this.#relieved, 'take', taking);
    }
  }

  /** Waits until no more than `count` are left. What calls hold on purpose, others may wait for. */
  async until(count: number): Promise<void> {
    const deadlineMs = performance.now() + SETTLE_MS;
    while (this.#names.size > count) {
      this.throwFailure();
      this.#stage.releaseAll();
      this.#stage.advance();
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(() => {
          this.#relieve();
          resolve();
        }, STALLED_MS);
      });
      clearTimeout(timer);
      const left = [...this.#names].map(([index, name]) => `${index} ${name}`).join(', ');
      check(performance.now() < deadlineMs, () => `still pending: ${left}`);
    }
    this.throwFailure();
  }
}

/** Has the trials of this kernel made, which are remembered, and which nothing must disturb. */
export async function tryKernel(gaps: KernelGaps): Promise<void> {
  binding().simulate(0, gaps);
  await using ring = new Ring({ backend: 'epoll' });
  void ring.profile.degraded;
  void ring.features;
}

/** How many operations were made. */
export async function play({ seed, gaps, operations, isKept }: Episode): Promise<number> {
  const baseline = takeBaseline();
  const random = createRandom(seed);
  binding().simulate(seed, gaps);
  let world: World | undefined;
  let made = 0;
  try {
    world = await within('the beginning', World.make(random));
    const { stage } = world;
    const underWay = new UnderWay(world);
    const inFlightMax = random.pick([8, 24, 64]);
    const isCut = random.chance(CUT_PERCENT);
    for (let index = 0; index < operations; index++) {
      if (!isKept(index)) continue;
      const choices = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
      stage.advance();
      const begun = world.act(choices);
      if (begun !== undefined) {
        made++;
        underWay.add(index, begun.name, begun.call);
      }
      if (underWay.count >= inFlightMax) await underWay.until(inFlightMax / 2);
      else if (begun === undefined || choices.chance(5)) await immediate();
      else if (choices.chance(0.1)) await turns(1);
    }
    await (isCut ? cut(world, underWay) : finish(world, underWay));
  } catch (error) {
    // What the ring and the models know helps to see why.
    const message = `${(error as Error).message}\n${world?.describe()}`;
    binding().simulate(0, gaps);
    // What has gone wrong may keep it from closing, too.
    await world?.closeRing().catch(() => {});
    throw new Error(message, { cause: error });
  }
  binding().simulate(0, gaps);
  await world.closeRing();
  await expectNothingOpen(baseline);
  check(threadsNamed('ringlet-worker').length === 0, () => 'a worker has outlived its ring');
  return made;
}

async function finish(world: World, underWay: UnderWay): Promise<void> {
  const { ring } = world.stage;
  const isOver = (): boolean => underWay.count === 0;
  const taking = world.takeOutstanding(isOver, immediate);
  await Promise.all([underWay.until(0), within('all that has left', taking, SETTLE_MS)]);
  await world.end();
  await expectNothingHeld(ring);
  const { inFlight, waiting, staleCompletions } = ring.stats();
  check(inFlight + waiting + staleCompletions === 0, () => {
    return `left: ${inFlight} in flight, ${waiting} waiting, ${staleCompletions} stale completions`;
  });
}

/** Closes the ring under all that: every call settles nevertheless, and what has been done is as the models say. */
async function cut(world: World, underWay: UnderWay): Promise<void> {
  world.stage.isEnding = true;
  const closing = world.closeRing();
  await Promise.all([underWay.until(0), closing]);
  await world.end();
}
