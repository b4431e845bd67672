/**
 * Plays a case on both sides and tells where they differ: in what came of the call, in what became of the
 * arguments, in the cursors of the handles, and on the disk.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { describeError, type Surroundings, withoutDrawnNames } from './describe-value.js';
import { type Api, createSide, type Side } from './side.js';
import { createWorld } from './world.js';

const CASE_DEADLINE_MS = 10_000;
const SHOWN_MAX = 20;

/** What is done on each side; what it returns is compared. */
export type Script = (side: Side, around: Surroundings) => Promise<unknown>;

export interface Comparison {
  /** How many cases have been compared. */
  readonly count: number;
  run(title: string, script: Script): Promise<void>;
  /** Throws if any case since the last time came out differently, and shows the first of them. */
  expectNone(what: string): void;
  remove(): void;
}

/** @param hint what a failure is headed by, such as the seed. */
export function createComparison(api: Api, hint: string): Comparison {
  const parent = mkdtempSync(join(tmpdir(), 'ringlet-compat-'));
  const home = process.cwd();
  // Waits for whoever opens it, and so lies where only calls that don't open it will find it.
  execFileSync('mkfifo', [join(parent, 'fifo')]);
  // One path for both, so that no path can differ; what a call did is gone before the next.
  const world = createWorld(join(parent, 'world'));
  const node = createSide(nodeFs, world);
  const ours = createSide(api, world);
  const differences: string[] = [];
  let count = 0;
  let sinceLast = 0;

  async function play(side: Side, script: Script): Promise<Record<string, unknown>> {
    world.enter();
    const around: Surroundings = { given: [] };
    const outcome = await within('the case', script(side, around), CASE_DEADLINE_MS).catch(
      (error: unknown) => ({
        failed: describeError(error, around),
      }),
    );
    const descriptors = await side.closeAll();
    const disk = world.look();
    world.restore();
    return { outcome, descriptors, disk: withoutDrawnNames(disk) };
  }

  return {
    get count() {
      return count;
    },
    async run(title, script) {
      const wanted = await play(node, script);
      const actual = await play(ours, script);
      count++;
      sinceLast++;
      if (!isDeepStrictEqual(actual, wanted)) differences.push(`${title}\n${explain(wanted, actual)}`);
    },
    expectNone(what) {
      const found = differences.splice(0);
      const of = sinceLast;
      sinceLast = 0;
      if (found.length === 0) return;
      const head = `${found.length} of ${of} calls of ${what} differ from Node's; ${hint}`;
      throw new Error([head, ...found.slice(0, SHOWN_MAX)].join('\n'));
    },
    remove() {
      process.chdir(home);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** Call inside `describe`: a ring of the backend, compared with Node's module by all tests of the suite. */
export function comparisonForSuite(backend: 'io_uring' | 'node', hint: string): Comparison {
  if (backend === 'io_uring') needsIoUring();
  let ring: Ring;
  let comparison: Comparison | undefined;

  before(() => {
    ring = new Ring({ backend });
    comparison = createComparison(ring.fs, hint);
  });
  after(async () => {
    comparison?.remove();
    await ring?.close();
  });

  const made = (): Comparison => {
    if (!comparison) throw new Error('the comparison has not been made yet');
    return comparison;
  };
  return {
    get count() {
      return comparison?.count ?? 0;
    },
    run: (title, script) => made().run(title, script),
    expectNone: (what) => made().expectNone(what),
    remove: () => made().remove(),
  };
}

/** The parts that differ, each on two lines. */
function explain(wanted: Record<string, unknown>, actual: Record<string, unknown>): string {
  const { disk: wantedDisk, ...wantedRest } = wanted;
  const { disk: actualDisk, ...actualRest } = actual;
  const lines: string[] = [];
  addDifferences('', wantedRest, actualRest, lines);
  addDifferingLines(String(wantedDisk), String(actualDisk), lines);
  return lines.join('\n');
}

function addDifferences(where: string, wanted: unknown, actual: unknown, lines: string[]): void {
  if (isDeepStrictEqual(wanted, actual)) return;
  if (isRecord(wanted) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(actual)])) {
      addDifferences(`${where}.${key}`, wanted[key], actual[key], lines);
    }
    return;
  }
  lines.push(
    `  ${where} of Node  ${JSON.stringify(wanted)}`,
    `  ${where} here     ${JSON.stringify(actual)}`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function addDifferingLines(wanted: string, actual: string, lines: string[]): void {
  const [left, right] = [wanted.split('\n'), actual.split('\n')];
  for (const line of left) if (!right.includes(line)) lines.push(`  on disk by Node  ${line}`);
  for (const line of right) if (!left.includes(line)) lines.push(`  on disk here     ${line}`);
}
