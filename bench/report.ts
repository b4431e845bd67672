/** Tables for people: one a workload, with a bar to see it by and every missed goal said. */
import type { Machine } from './machine.js';
import type { ContenderResult, VariantResult } from './results.js';
import type { Summary } from './statistics.js';
import type { Goal } from './workload.js';

const BAR_CHARACTERS = 20;
const MISSED = 'MISSED';
/** What a cost may grow by that is called flat. */
const FLAT = 1.1;

export function formatMachine(
  machine: Machine,
  roundCount: number,
  busyCount: number,
  isQuick: boolean,
): string {
  const { kernel, cpu, cpuCount, memoryGiB, node, fileSystem, loadAverage } = machine;
  const lines = [
    `${kernel} · ${cpu} × ${cpuCount} · ${memoryGiB} GiB · Node ${node} · files on ${fileSystem}`,
    `${roundCount} rounds, contenders in turn, a process a trial · load ${loadAverage.toFixed(2)} at the start`,
  ];
  if (fileSystem === 'tmpfs')
    lines.push('tmpfs is never read inline by io_uring: these figures understate it.');
  if (busyCount > 0) lines.push(`${busyCount} busy processes beside.`);
  if (isQuick) lines.push('A smoke run: too short to quote.');
  return lines.join('\n');
}

export function formatVariant(result: VariantResult): string {
  const { row, title, operations, contenders, goals } = result;
  const columns = columnsOf(result);
  const fastest = Math.max(...contenders.map(({ summary }) => summary?.median ?? 0));
  const lines = alignColumns([
    ['', 'median/s', ...columns.map(({ title }) => title), ''],
    ...contenders.map((contender) => cellsOf(contender, columns, fastest)),
  ]);
  for (const { name, absence, hasFailed } of contenders) {
    if (absence !== null) lines.push(`  ${name}: ${hasFailed ? 'FAILED: ' : ''}${firstError(absence)}`);
  }
  for (const { name, summary } of contenders) {
    if (summary === null || summary.entersPerOperation === null) continue;
    lines.push(`  ${name}: ${summary.entersPerOperation.toFixed(6)} calls of io_uring_enter an operation`);
  }
  for (const goal of goals) {
    for (const line of describeGoal(goal, result)) lines.push(`  goal, ${line}`);
  }
  return `\n${row} · ${title}, ${operations}\n${lines.join('\n')}`;
}

function cellsOf(contender: ContenderResult, columns: readonly Column[], fastest: number): string[] {
  const { name, summary } = contender;
  if (!summary) return [name, '–', ...columns.map(() => ''), ''];
  const bar = '█'.repeat(Math.round((summary.median / fastest) * BAR_CHARACTERS));
  return [name, formatRate(summary.median), ...figuresOf(contender, columns), bar];
}

/** What is said of a contender beside its name and median. */
export interface Column {
  title: string;
  cell(summary: Summary, ratios: ContenderResult['ratios']): string;
}

/** Latencies only where they were taken. */
export function columnsOf({ baselines, contenders }: VariantResult): Column[] {
  const percentiles = [
    ['p50', 'p50 µs'],
    ['p99', 'p99 µs'],
  ] as const;
  const hasLatency = contenders.some(({ summary }) => summary?.latencyUs);
  return [
    { title: 'min – max', cell: ({ min, max }) => `${formatRate(min)} – ${formatRate(max)}` },
    ...baselines.map(({ title }): Column => {
      return { title: `× ${title}`, cell: (_summary, ratios) => ratios[title]?.toFixed(2) ?? '–' };
    }),
    { title: 'CPU µs', cell: ({ cpuUsPerOperation }) => cpuUsPerOperation.toFixed(2) },
    ...(hasLatency ? percentiles : []).map(([percentile, title]): Column => {
      return { title, cell: ({ latencyUs }) => (latencyUs ? formatUs(latencyUs[percentile]) : '–') };
    }),
  ];
}

export function figuresOf({ summary, ratios }: ContenderResult, columns: readonly Column[]): string[] {
  return summary === null ? [] : columns.map(({ cell }) => cell(summary, ratios));
}

/** Of each growth a table: what an operation costs at each number, and at the dearest against the cheapest. */
export function formatGrowth(variants: readonly VariantResult[]): string[] {
  const titleOf = ({ operations, growth }: VariantResult): string => `${operations} by ${growth?.of}`;
  const growing = variants.filter(({ growth }) => growth !== undefined);
  return [...new Set(growing.map(titleOf))].flatMap((title) => {
    const members = growing.filter((variant) => titleOf(variant) === title);
    if (members.length < 2) return [];
    const names = new Set(members.flatMap(({ contenders }) => contenders.map(({ name }) => name)));
    const rows = [...names].map((name) => {
      const costs = members.flatMap(({ contenders }) => {
        return contenders.find((each) => each.name === name)?.summary?.cpuUsPerOperation ?? [];
      });
      const growth = Math.max(...costs) / Math.min(...costs);
      if (costs.length < members.length) return [name, ...members.map(() => '–'), '', ''];
      return [name, ...costs.map((us) => us.toFixed(2)), growth.toFixed(2), growth > FLAT ? MISSED : 'flat'];
    });
    const head = ['', ...members.map(({ growth }) => String(growth?.count)), 'growth', ''];
    return `\n${title}: CPU µs each\n${alignColumns([head, ...rows]).join('\n')}`;
  });
}

/** The goals of a workload that some contender missed, in words. */
export function describeMisses(result: VariantResult): string[] {
  return result.goals.flatMap((goal) => describeGoal(goal, result)).filter((line) => line.includes(MISSED));
}

/** One line a contender: what was promised of it, and what came. */
function describeGoal({ contenders, ratios }: Goal, variant: VariantResult): string[] {
  const { contenders: results, judgedBy } = variant;
  return results
    .filter(({ name, summary }) => summary && contenders.some((each) => isOrRunsOnNode(name, each)))
    .map((result) => {
      const measured = {
        rate: result.ratios,
        'processor time': result.cpuRatios,
        latency: result.latencyRatios,
      }[judgedBy];
      const parts = Object.entries(ratios).map(([title, goal]) =>
        compareWithGoal(title, goal, measured[title]),
      );
      return `${result.name}${judgedBy === 'rate' ? '' : `, by ${judgedBy}`}: ${parts.join('; ')}`;
    });
}

/** Whether a result's name is the contender's, on whatever release of Node. */
function isOrRunsOnNode(name: string, contender: string): boolean {
  return name === contender || name.startsWith(`${contender} (Node `);
}

function compareWithGoal(title: string, goal: number, ratio: number | undefined): string {
  if (ratio === undefined) return `≥ ${goal} × ${title}, not measured`;
  return `≥ ${goal} × ${title} ${ratio >= goal ? 'met' : MISSED} with ${ratio.toFixed(2)}`;
}

/** The line of a stack or a compiler's output that tells most; results.json has all of it. */
function firstError(text: string): string {
  const lines = text.split('\n');
  return lines.find((line) => /Error( \[\w+\])?: |\berror: /.test(line)) ?? lines[0] ?? '';
}

export function formatUs(us: number): string {
  return us < 100 ? us.toFixed(1) : us.toFixed(0);
}

export function formatRate(perSecond: number): string {
  return perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(0)}k` : perSecond.toFixed(0);
}

/** The first and the last column to the left, the figures between them to the right. */
function alignColumns(table: readonly string[][]): string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  return table.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 || column === cells.length - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd()
      .replace(/^/, '  '),
  );
}
