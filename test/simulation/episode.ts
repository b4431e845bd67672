/** One program on one simulated ring: operations of a seed, some of them left out, from the first to the last close. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { binding, type KernelGaps } from '#ringlet/native/binding.js';
import { Ring } from 'ringlet';
import { turns, within } from '../support/eventually.js';
import { expectNothingHeld, expectNothingOpen, takeBaseline } from '../support/leftovers.js';
import { createRandom, seedFor } from '../support/random.js';
import { ACTIONS } from './actions.js';
import { check } from './models.js';
import { persist, type SimulatedDatagrams, type SimulatedStream, World } from './world.js';

const IN_FLIGHT_MAX = 48;
const SETTLE_MS = 15_000;

export interface Episode {
  readonly seed: number;
  readonly gaps: KernelGaps;
  readonly operations: number;
  /** Whether an operation takes part. */
  readonly isKept: (index: number) => boolean;
}

/** What calls are under way, and the first thing that went wrong. */
class UnderWay {
  readonly #names = new Map<number, string>();
  #failure: unknown;
  #wake: (() => void) | undefined;

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
      this.#failure ??= new Error(`operation ${index}, ${name}: ${String(error)}`, { cause: error });
      end();
    });
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until no more than `count` are left. What calls hold on purpose, others may wait for. */
  async until(count: number, release: () => void): Promise<void> {
    const deadlineMs = performance.now() + SETTLE_MS;
    while (this.#names.size > count) {
      this.throwFailure();
      release();
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, SETTLE_MS);
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
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-simulation-'));
  const baseline = takeBaseline();
  const underWay = new UnderWay();
  let made = 0;
  binding().simulate(seed, gaps);
  let world: World | undefined;
  try {
    world = await within('the beginning', World.make(directory, createRandom(seed)));
    const release = (): void => world?.releaseAll();
    for (let index = 0; index < operations; index++) {
      if (!isKept(index)) continue;
      const random = createRandom(seedFor(seed, String(index)));
      const action = random.pick(ACTIONS);
      const call = action(world, random);
      made++;
      if (call !== undefined) underWay.add(index, action.name, call);
      if (underWay.count >= IN_FLIGHT_MAX) {
        await underWay.until(IN_FLIGHT_MAX / 2, release);
      } else if (random.chance(5)) {
        await (random.chance(90) ? immediate() : turns(1));
      }
    }
    const isOver = (): boolean => underWay.count === 0;
    await Promise.all([underWay.until(0, release), takeOutstanding(world, isOver)]);
    for (const { model } of world.datagrams) model.expectNone();
    await world.end();
    await expectNothingHeld(world.ring);
    const { inFlight, waiting, staleCompletions } = world.ring.stats();
    check(inFlight + waiting + staleCompletions === 0, () => {
      return `left: ${inFlight} in flight, ${waiting} waiting, ${staleCompletions} stale completions`;
    });
  } catch (error) {
    // What the ring and the models know helps to see why.
    const message = `${(error as Error).message}\n${world?.describe()}`;
    throw new Error(message, { cause: error });
  } finally {
    binding().simulate(0, gaps);
    await world?.closeRing();
    rmSync(directory, { recursive: true, force: true });
  }
  await expectNothingOpen(baseline);
  return made;
}

/**
 * Nothing that has left is lost: what has not been read yet comes. From all sockets at once, because what waits in
 * the queue of one, leased, may hold the buffers that another waits for; and for as long as calls bring more.
 */
async function takeOutstanding(world: World, isOver: () => boolean): Promise<void> {
  const takes = [
    ...world.datagrams.map((each) => () => takeDatagram(world, each)),
    ...world.streams.map((each) => () => takePiece(each)),
  ];
  const takeAll = async (take: () => Promise<void> | undefined): Promise<void> => {
    for (let wasOver = false; ; ) {
      const taking = take();
      if (taking === undefined && wasOver) return;
      wasOver = isOver();
      await (taking ?? turns(1));
    }
  };
  await Promise.all(takes.map(takeAll));
}

function takeDatagram(world: World, { receiver, model }: SimulatedDatagrams): Promise<void> | undefined {
  if (model.outstanding <= model.reserved) return undefined;
  world.releaseAll();
  const receiving = persist(() => receiver.receive()).then(({ data }) => model.received(data));
  return within('a datagram that has left', receiving, SETTLE_MS);
}

function takePiece(stream: SimulatedStream): Promise<void> | undefined {
  const { far, model } = stream;
  if (stream.isReading || model.isBroken || model.outstanding === 0) return undefined;
  stream.isReading = true;
  const buffer = Buffer.alloc(model.outstanding);
  const take = async (): Promise<void> => {
    const { bytesRead } = await persist(() => far.read(buffer));
    stream.isReading = false;
    model.read(buffer.subarray(0, bytesRead));
    check(bytesRead > 0, () => `a stream ended ${model.outstanding} bytes early`);
  };
  const taking = take().catch((error: unknown) => {
    // Closed meanwhile by what is still under way.
    if (!model.isBroken) throw error;
  });
  return within('the rest of a stream', taking, SETTLE_MS);
}
