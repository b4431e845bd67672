/**
 * `watch` on a real directory, on both sides: the events of each iterator, how it ends, what it refuses.
 *
 * A watch begins with the first `next()`. It has seen all that came before once it tells of `last`.
 */
import { expect } from 'chai';
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { isNodeAtLeast } from '#ringlet/base/node-version.js';
import { comparisonForSuite } from './comparison.js';
import { describeError, describeValue, type Surroundings } from './describe-value.js';

type Promises = typeof import('node:fs/promises');
type Watched = { eventType: string; filename: string | null };
type Watch = (path: unknown, options?: unknown) => AsyncIterableIterator<Watched>;

const NO_SURROUNDINGS: Surroundings = { given: [] };

/** The events of `path` while `change` is made, up to the first of a file called `last`, which this makes. */
async function eventsOf(watch: Watch, path: string, options: object, change: () => void): Promise<string[]> {
  const iterator = watch(path, options);
  let next = iterator.next();
  change();
  writeFileSync('dir/last', '');
  const events: string[] = [];
  for (;;) {
    const { value, done } = await next;
    if (done || isLast(value.filename)) break;
    const { eventType, filename } = value as Watched;
    events.push(`${eventType} ${filename} ${Object.keys(value).join(' ')}`);
    next = iterator.next();
  }
  const returned = await iterator.return?.();
  events.push(`returned ${JSON.stringify(returned)}, then ${JSON.stringify(await iterator.next())}`);
  return events;
}

function isLast(filename: string | null): boolean {
  return filename?.endsWith('last') === true;
}

async function outcomeOf(watch: Watch, path: unknown, options?: unknown): Promise<unknown> {
  try {
    const iterator = watch(path, options);
    const first = await iterator.next();
    await iterator.return?.();
    return first;
  } catch (error) {
    return describeError(error, NO_SURROUNDINGS);
  }
}

function changeOften(): void {
  writeFileSync('dir/made', 'x');
  appendFileSync('dir/made', 'y');
  renameSync('dir/made', 'dir/renamed');
  mkdirSync('dir/inner');
  rmSync('dir/inner', { recursive: true });
  unlinkSync('dir/renamed');
}

/** Options that are refused, or the reason why there is nothing to iterate over. */
const REFUSED: readonly unknown[] = [
  null,
  5,
  'utf8',
  { encoding: 'no encoding' },
  { encoding: 'buffer' },
  { persistent: 'yes' },
  { recursive: 1 },
  { signal: {} },
  { signal: AbortSignal.abort('why') },
  { signal: AbortSignal.abort(new Error('the reason')) },
  { maxQueue: -1, overflow: 'none' },
  { maxQueue: 'many' },
  { maxQueue: 1.5 },
  { overflow: 'throw' },
  { ignore: 5, signal: AbortSignal.abort() },
  { ignore: [''], signal: AbortSignal.abort() },
];

const SCRIPTS: Readonly<Record<string, (watch: Watch) => Promise<unknown>>> = {
  'files and directories that come, change and go': (watch) => eventsOf(watch, 'dir', {}, changeOften),
  'one file': async (watch) => {
    const iterator = watch('file');
    const events = [iterator.next(), iterator.next()];
    appendFileSync('file', 'x');
    chmodSync('file', 0o600);
    const seen = await Promise.all(events);
    await iterator.return?.();
    return seen;
  },
  'names in hex': async (watch) => {
    const iterator = watch('dir', { encoding: 'hex' });
    const first = iterator.next();
    writeFileSync('dir/made', 'x');
    const event = await first;
    await iterator.return?.();
    return event;
  },
  'a directory and what is below': (watch) => eventsOf(watch, 'dir', { recursive: true }, changeOften),
  'what a pattern ignores': async (watch) => {
    if (!isNodeAtLeast(24, 14)) return 'not by this Node';
    return await eventsOf(watch, 'dir', { ignore: ['m*', /renamed/] }, changeOften);
  },
  'a queue that overflows is cut off, or ends the iterator': async (watch) => {
    const outcomes: unknown[] = [];
    for (const overflow of ['ignore', 'error']) {
      const iterator = watch('dir', { maxQueue: 1, overflow });
      const first = iterator.next();
      changeOften();
      writeFileSync('dir/last', '');
      outcomes.push(await first);
      const second = iterator.next();
      outcomes.push(await second.catch((error: unknown) => describeError(error, NO_SURROUNDINGS)));
      await iterator.return?.();
    }
    return outcomes;
  },
  'an abort ends an iterator that waits': async (watch) => {
    const controller = new AbortController();
    const iterator = watch('dir', { signal: controller.signal });
    const waiting = iterator.next().catch((error: unknown) => describeError(error, NO_SURROUNDINGS));
    controller.abort(new Error('no longer wanted'));
    return [await waiting, await iterator.next()];
  },
  'an abort while the loop is in its body': async (watch) => {
    const controller = new AbortController();
    const seen: string[] = [];
    const iterator = watch('dir', { signal: controller.signal });
    const first = iterator.next();
    writeFileSync('dir/made', 'x');
    seen.push((await first).value.eventType);
    controller.abort('why');
    const rest = await iterator.next().catch((error: unknown) => describeError(error, NO_SURROUNDINGS));
    return [seen, rest];
  },
  'what is not there, or no path': async (watch) => {
    const outcomes: unknown[] = [];
    for (const path of ['missing', 'dir\0', 5, null, undefined, {}]) {
      outcomes.push(await outcomeOf(watch, path));
      outcomes.push(await outcomeOf(watch, path, { recursive: true }));
    }
    return outcomes;
  },
  'options that are refused': async (watch) => {
    const outcomes: unknown[] = [];
    for (const options of REFUSED) {
      // A watch that begins all the same ends with its own first event.
      setImmediate(() => writeFileSync('dir/last', ''));
      outcomes.push(await outcomeOf(watch, 'dir', options));
    }
    return outcomes;
  },
};

for (const backend of ['io_uring', 'node'] as const) {
  describe(`Compatibility with node:fs/promises: watch [${backend}]`, () => {
    const comparison = comparisonForSuite(backend, 'nothing here is drawn');

    for (const [title, script] of Object.entries(SCRIPTS)) {
      it(`watch: ${title}`, async () => {
        const outcomes: string[] = [];
        await comparison.run(title, async ({ api }) => {
          const { watch } = api as Promises;
          const outcome = describeValue(await script(watch as unknown as Watch), NO_SURROUNDINGS);
          outcomes.push(JSON.stringify(outcome));
          return outcome;
        });
        comparison.expectNone(title);
        // A script that failed would fail alike on both sides.
        expect(outcomes).to.have.length(2);
      });
    }
  });
}
