/** One variant: its contenders in turns, and what comparing them says. */
import { loadWorkload } from './cases.js';
import { runTrial } from './launch.js';
import type { ContenderResult, VariantResult } from './results.js';
import { onEachNode, type Runtime, suffixOf } from './runtimes.js';
import { type Summary, summarize } from './statistics.js';
import { type Baseline, type Contender, Unavailable, type Variant } from './workload.js';

/** How often, on which releases of Node (none for this one), and beside how many busy processes. */
export interface Extent {
  roundCount: number;
  nodes: readonly Runtime[];
  busyCount: number;
}

/** A contender on what runs it. */
interface Entry {
  contender: Contender<unknown>;
  runtime: Runtime | undefined;
  result: ContenderResult;
}

export async function runVariant(
  caseName: string,
  { row, title, goals, growth, parameters }: Variant<unknown>,
  { roundCount, nodes }: Extent,
): Promise<VariantResult> {
  const { contenders, operations, baselines, judgedBy = 'rate' } = await loadWorkload(caseName);
  const entries = contenders.flatMap((contender) => entriesOf(contender, nodes));
  for (let round = 0; round < roundCount; round++) {
    for (const entry of entries)
      if (entry.result.absence === null) await takeTurn(caseName, entry, parameters);
  }
  // A contender that failed in any round has no figures: half a result would look like a whole one.
  for (const { result } of entries) if (result.absence === null) result.summary = summarize(result.trials);
  for (const entry of entries) for (const baseline of baselines) compare(entry, baseline, entries);
  const results = entries.map(({ result }) => result);
  return { row, title, operations, baselines, contenders: results, goals, judgedBy, growth };
}

function entriesOf(contender: Contender<unknown>, nodes: readonly Runtime[]): Entry[] {
  return onEachNode(contender, nodes).map(({ name, runtime }) => ({
    contender,
    runtime,
    result: {
      name,
      trials: [],
      summary: null,
      ratios: {},
      cpuRatios: {},
      latencyRatios: {},
      absence: null,
      hasFailed: false,
    },
  }));
}

async function takeTurn(
  caseName: string,
  { contender, runtime, result }: Entry,
  parameters: unknown,
): Promise<void> {
  try {
    const measurement = await runTrial(caseName, contender, runtime, parameters);
    result.trials.push(measurement);
    result.runtime = measurement.runtime;
  } catch (error) {
    result.absence = error instanceof Error ? error.message : String(error);
    result.hasFailed = !(error instanceof Unavailable);
  }
}

function compare(
  { runtime, result }: Entry,
  { title, contender }: Baseline,
  entries: readonly Entry[],
): void {
  const baseline = summaryOf(contender, runtime, entries);
  if (!baseline || !result.summary) return;
  const { median, cpuUsPerOperation, latencyUs } = result.summary;
  result.ratios[title] = median / baseline.median;
  result.cpuRatios[title] = baseline.cpuUsPerOperation / cpuUsPerOperation;
  const { latencyUs: other } = baseline;
  if (!latencyUs || !other) return;
  result.latencyRatios[title] = Math.min(other.p50 / latencyUs.p50, other.p99 / latencyUs.p99);
}

/** Of a contender on the same release of Node if it is there, or else on the first of them, or on what it has alone. */
function summaryOf(
  contender: string,
  runtime: Runtime | undefined,
  entries: readonly Entry[],
): Summary | null | undefined {
  const candidates = entries.filter((entry) => entry.contender.name === contender);
  const same = candidates.find(({ result }) => result.name === contender + suffixOf(runtime));
  return (same ?? candidates[0])?.result.summary;
}
