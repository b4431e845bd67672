/**
 * The benchmark: `npm run bench -- [rows…] [--quick] [--rounds=5] [--directory=path] [--write]`.
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
import { casesOf, loadWorkload, ROWS } from './cases.js';
import { runTrial } from './launch.js';
import { describeMachine } from './machine.js';
import { compile } from './native.js';
import { formatPage, pageName } from './page.js';
import { formatMachine, formatVariant } from './report.js';
import type { ContenderResult, RunResult, VariantResult } from './results.js';
import { summarize } from './statistics.js';
import { type Baseline, type Setting, Unavailable, type Variant } from './workload.js';

const ROUND_COUNT = 5;
const WARM_UP_MS_MAX = 5000;
const RESULTS = join(import.meta.dirname, 'results.json');
/** In the source tree: this file runs from build/bench. */
const PAGES = join(import.meta.dirname, '../../bench/results');

async function runVariant(
  caseName: string,
  variant: Variant<unknown>,
  roundCount: number,
): Promise<VariantResult> {
  const workload = await loadWorkload(caseName);
  const { row, title, goals, parameters } = variant;
  const contenders = workload.contenders.map((contender) => {
    const { name } = contender;
    const result: ContenderResult = {
      name,
      trials: [],
      summary: null,
      ratios: {},
      absence: null,
      hasFailed: false,
    };
    return { contender, result };
  });
  for (let round = 0; round < roundCount; round++) {
    for (const { contender, result } of contenders) {
      if (result.absence !== null) continue;
      try {
        result.trials.push(await runTrial(caseName, contender, parameters));
      } catch (error) {
        result.absence = error instanceof Error ? error.message : String(error);
        result.hasFailed = !(error instanceof Unavailable);
      }
    }
  }
  const results = contenders.map(({ result }) => ({ ...result, runtime: result.trials[0]?.runtime }));
  addRatios(results, workload.baselines);
  const { operations, baselines } = workload;
  return { row, title, operations, baselines, contenders: results, goals };
}

/** A contender that failed in any round has no figures: half a result would look like a whole one. */
function addRatios(results: readonly ContenderResult[], baselines: readonly Baseline[]): void {
  for (const result of results) if (result.absence === null) result.summary = summarize(result.trials);
  for (const { title, contender } of baselines) {
    const baseline = results.find(({ name }) => name === contender)?.summary;
    if (!baseline) continue;
    for (const { summary, ratios } of results) if (summary) ratios[title] = summary.median / baseline.median;
  }
}

async function run(rows: ReadonlySet<string>, roundCount: number, setting: Setting): Promise<RunResult> {
  const machine = describeMachine(setting.directory);
  console.log(formatMachine(machine, roundCount, setting.isQuick));
  const variants: VariantResult[] = [];
  for (const caseName of casesOf(rows)) {
    const workload = await loadWorkload(caseName);
    for (const variant of await workload.prepare(setting)) {
      if (!rows.has(variant.row)) continue;
      const result = await runVariant(caseName, variant, roundCount);
      console.log(formatVariant(result));
      variants.push(result);
    }
  }
  return { machine, roundCount, isQuick: setting.isQuick, variants };
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    directory: { type: 'string', default: tmpdir() },
    write: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((row) => !ROWS.includes(row));
if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(', ')}; there are ${ROWS.join(', ')}`);
const roundCount = Number(values.rounds ?? (values.quick ? 1 : ROUND_COUNT));
if (!Number.isInteger(roundCount) || roundCount < 1)
  throw new Error('--rounds must be a whole number from 1');
if (values.write && values.quick) throw new Error('a smoke run is too short for a page: --write or --quick');

const onEnd = restoreAtExit();
const directory = mkdtempSync(join(values.directory, 'ringlet-bench-'));
onEnd(() => rmSync(directory, { recursive: true, force: true }));
const rows = new Set(positionals.length > 0 ? positionals : ROWS);
const result = await run(rows, roundCount, {
  isQuick: values.quick,
  warmUpMsMax: values.quick ? 100 : WARM_UP_MS_MAX,
  directory,
  compile,
  onEnd,
});
writeFileSync(RESULTS, `${JSON.stringify(result, null, 2)}\n`);
console.log(`Written to ${RESULTS}`);
if (values.write) {
  const page = join(PAGES, pageName(result.machine, positionals));
  writeFileSync(page, formatPage(result));
  console.log(`Written to ${page}`);
}
if (result.variants.some(({ contenders }) => contenders.some(({ hasFailed }) => hasFailed)))
  process.exitCode = 1;
