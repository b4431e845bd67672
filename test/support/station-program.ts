/** The process behind a station: makes a ring, plays the roles of a module, and leaves nothing behind. */
import { Ring, type RingOptions } from 'ringlet';
import { expectNoLeftovers, expectNothingHeld, takeBaseline } from './leftovers.js';
import type { Order, Report, Roles, Stage } from './station.js';

const [modulePath = '', configuration = ''] = process.argv.slice(2);
const { roles } = (await import(modulePath)) as { roles: Roles };
const { options, hasCompanion } = JSON.parse(configuration) as {
  options: RingOptions;
  hasCompanion?: boolean;
};

const baseline = takeBaseline();
const rings: Ring[] = [];

function makeRing(overrides: RingOptions = {}): Ring {
  const ring = new Ring({ ...options, ...overrides });
  rings.push(ring);
  return ring;
}

const ring = makeRing();
if (hasCompanion) makeRing();

/** What the test has said to each call, and who waits for it. */
const words = new Map<number, { said: unknown[]; wake: () => void }>();

function report(what: Report): void {
  process.send?.(what);
}

function wordsOf(call: number): { said: unknown[]; wake: () => void } {
  const known = words.get(call) ?? { said: [], wake: () => {} };
  words.set(call, known);
  return known;
}

function stageOf(call: number): Stage {
  const mine = wordsOf(call);
  return {
    ring,
    makeRing,
    tell: (value) => report({ kind: 'told', call, value }),
    async heard() {
      while (mine.said.length === 0) {
        await new Promise<void>((resolve) => {
          mine.wake = resolve;
        });
      }
      return mine.said.shift();
    },
  };
}

/** Every ring without an operation in flight and with all receive buffers free; then without a ring. */
async function close(): Promise<void> {
  for (const each of rings) {
    await expectNothingHeld(each);
    await each.close();
  }
  await expectNoLeftovers(baseline);
}

async function attempt(call: number, action: () => Promise<unknown>): Promise<void> {
  try {
    report({ kind: 'ended', call, value: await action() });
  } catch (error) {
    report({ kind: 'failed', call, stack: error instanceof Error ? `${error.stack}` : String(error) });
  }
}

process.on('message', (order: Order) => {
  const { call } = order;
  if (order.kind === 'close') {
    void attempt(call, close);
  } else if (order.kind === 'say') {
    wordsOf(call).said.push(order.value);
    wordsOf(call).wake();
  } else {
    void attempt(call, async () => {
      const role = roles[order.role] as (stage: Stage, parameters: unknown) => Promise<unknown>;
      return role(stageOf(call), order.parameters);
    });
  }
});
// The test's own end is this one's too, whatever it was doing.
process.on('disconnect', () => process.exit());
report({ kind: 'told', call: -1, value: 'open' });
