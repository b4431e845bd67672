/** Tables for people: one a workload, with a bar to see it by and every missed goal said. */
import type { Machine } from './machine.js';
import type { ContenderResult, VariantResult } from './results.js';
import type { Summary } from './statistics.js';
import type { Goal } from './workload.js';

const BAR_CHARACTERS = 20;
const MISSED = 'MISSED';

export function formatMachine(machine: Machine, roundCount: number, isQuick: boolean): string {
  const { kernel, cpu, cpuCount, memoryGiB, node, fileSystem, loadAverage } = machine;
  const lines = [
    `${kernel} · ${cpu} × ${cpuCount} · ${memoryGiB} GiB · Node ${node} · files on ${fileSystem}`,
    `${roundCount} rounds, contenders in turn, a process a trial · load ${loadAverage.toFixed(2)} at the start`,
  ];
  if (fileSystem === 'tmpfs')
    lines.push('tmpfs is never read inline by io_uring: these figures understate it.');
  if (isQuick) lines.push('A smoke run: too short to quote.');
  return lines.join('\n');
}

export function formatVariant(result: VariantResult): string {
  const { row, title, operations, baselines, contenders, goals } = result;
  const titles = baselines.map((baseline) => baseline.title);
  const fastest = Math.max(...contenders.map(({ summary }) => summary?.median ?? 0));
  const lines = alignColumns([
    ['', 'median/s', 'min – max', ...titles.map((name) => `× ${name}`), 'CPU µs each', ''],
    ...contenders.map((contender) => cellsOf(contender, titles, fastest)),
  ]);
  for (const { name, absence, hasFailed } of contenders) {
    if (absence !== null) lines.push(`  ${name}: ${hasFailed ? 'FAILED: ' : ''}${firstError(absence)}`);
  }
  for (const { name, summary } of contenders) {
    if (summary === null || summary.entersPerOperation === null) continue;
    lines.push(`  ${name}: ${summary.entersPerOperation.toFixed(6)} calls of io_uring_enter an operation`);
  }
  for (const goal of goals) {
    for (const line of describeGoal(goal, contenders)) lines.push(`  goal, ${line}`);
  }
  return `\n${row} · ${title}, ${operations}\n${lines.join('\n')}`;
}

function cellsOf(
  { name, summary, ratios }: ContenderResult,
  titles: readonly string[],
  fastest: number,
): string[] {
  if (!summary) return [name, '–', '', ...titles.map(() => ''), '', ''];
  const bar = '█'.repeat(Math.round((summary.median / fastest) * BAR_CHARACTERS));
  return [name, ...figuresOf(summary, ratios, titles), bar];
}

/** Median, spread, ratios in the order of `titles`, processor time. */
export function figuresOf(
  { median, min, max, cpuUsPerOperation }: Summary,
  ratios: Readonly<Record<string, number>>,
  titles: readonly string[],
): string[] {
  return [
    formatRate(median),
    `${formatRate(min)} – ${formatRate(max)}`,
    ...titles.map((title) => ratios[title]?.toFixed(2) ?? '–'),
    cpuUsPerOperation.toFixed(2),
  ];
}

/** The goals of a workload that some contender missed, in words. */
export function describeMisses({ goals, contenders }: VariantResult): string[] {
  return goals.flatMap((goal) => describeGoal(goal, contenders)).filter((line) => line.includes(MISSED));
}

/** One line a contender: what was promised of it, and what came. */
function describeGoal({ contenders, ratios }: Goal, results: readonly ContenderResult[]): string[] {
  return results
    .filter(({ name, summary }) => summary && contenders.includes(name))
    .map((result) => {
      const parts = Object.entries(ratios).map(([title, goal]) =>
        compareWithGoal(title, goal, result.ratios[title]),
      );
      return `${result.name}: ${parts.join('; ')}`;
    });
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
