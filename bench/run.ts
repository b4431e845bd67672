/**
 * The benchmark: `npm run bench -- [rows…] [--quick] [--rounds=5] [--nodes=20,24,26] [--busy=4] [--directory=path] [--write]`.
 *
 * Contenders take turns, A B C A B C, each trial in a process of its own, so that a change in the machine's
 * mood during the run touches all alike. Prints one table a workload and writes build/bench/results.json;
 * with --write also a page of bench/results/.
 * Status 1 when a contender failed; one that cannot run here is no failure.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBusyProcesses } from './busy.js';
import { casesOf, loadWorkload, ROWS } from './cases.js';
import { describeMachine } from './machine.js';
import { compile } from './native.js';
import { formatPage, pageName } from './page.js';
import { formatGrowth, formatMachine, formatVariant } from './report.js';
import type { RunResult, VariantResult } from './results.js';
import { nodesNamed } from './runtimes.js';
import { type Extent, runVariant } from './turns.js';
import { type Setting, Unavailable, type Variant } from './workload.js';

const ROUND_COUNT = '5';
const WARM_UP_MS_MAX = 5000;
const RESULTS = join(import.meta.dirname, 'results.json');
/** In the source tree: this file runs from build/bench. */
const PAGES = join(import.meta.dirname, '../../bench/results');

async function run(rows: ReadonlySet<string>, extent: Extent, setting: Setting): Promise<RunResult> {
  const { roundCount, busyCount } = extent;
  const machine = describeMachine(setting.directory);
  console.log(formatMachine(machine, roundCount, busyCount, setting.isQuick));
  const variants: VariantResult[] = [];
  for (const caseName of casesOf(rows)) {
    for (const variant of await prepare(caseName, setting)) {
      if (!rows.has(variant.row)) continue;
      const result = await runVariant(caseName, variant, extent);
      console.log(formatVariant(result));
      variants.push(result);
    }
  }
  for (const table of formatGrowth(variants)) console.log(table);
  return { machine, roundCount, isQuick: setting.isQuick, busyCount, variants };
}

/** What a case wants to have run, which is nothing where it lacks something for all of it. */
async function prepare(caseName: string, setting: Setting): Promise<readonly Variant<unknown>[]> {
  const workload = await loadWorkload(caseName);
  try {
    return await workload.prepare(setting);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`\n${caseName} is left out: ${error.message}`);
    return [];
  }
}

/** Runs the registered restorers, the last first, however the process ends. */
function restoreAtExit(): Setting['onEnd'] {
  const restorers: (() => void)[] = [];
  process.on('exit', () => {
    for (const restore of restorers.reverse()) restore();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  return (restore) => restorers.push(restore);
}

function countFrom(least: number, option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= least) return count;
  throw new Error(`--${option} must be a whole number from ${least}`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    nodes: { type: 'string' },
    busy: { type: 'string', default: '0' },
    directory: { type: 'string', default: tmpdir() },
    write: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((row) => !ROWS.includes(row));
if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(', ')}; there are ${ROWS.join(', ')}`);
const roundCount = countFrom(1, 'rounds', values.rounds ?? (values.quick ? '1' : ROUND_COUNT));
const busyCount = countFrom(0, 'busy', values.busy);
if (values.write && values.quick) throw new Error('a smoke run is too short for a page: --write or --quick');
const nodes = values.nodes === undefined ? [] : nodesNamed(values.nodes);

const onEnd = restoreAtExit();
const directory = mkdtempSync(join(values.directory, 'ringlet-bench-'));
onEnd(() => rmSync(directory, { recursive: true, force: true }));
startBusyProcesses(busyCount, onEnd);
const rows = new Set(positionals.length > 0 ? positionals : ROWS);
const warmUpMsMax = values.quick ? 100 : WARM_UP_MS_MAX;
const setting = { isQuick: values.quick, warmUpMsMax, directory, compile, onEnd };
const result = await run(rows, { roundCount, nodes, busyCount }, setting);
writeFileSync(RESULTS, `${JSON.stringify(result, null, 2)}\n`);
console.log(`Written to ${RESULTS}`);
if (values.write) {
  const page = join(PAGES, pageName(result.machine, positionals));
  writeFileSync(page, formatPage(result));
  console.log(`Written to ${page}`);
}
if (result.variants.some(({ contenders }) => contenders.some(({ hasFailed }) => hasFailed)))
  process.exitCode = 1;
