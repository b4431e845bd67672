/** Tables for people: one a workload, with a bar to see it by and every missed goal said. */
import type { Machine } from './machine.js';
import type { ContenderResult, VariantResult } from './results.js';
import type { Goal } from './workload.js';

const BAR_CHARACTERS = 20;
const COLUMNS = ['', 'median/s', 'min – max', '× Node', 'of C', 'CPU µs each', ''] as const;

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

export function formatVariant({ row, title, operations, contenders, goals }: VariantResult): string {
  const fastest = Math.max(...contenders.map(({ summary }) => summary?.median ?? 0));
  const table = [[...COLUMNS], ...contenders.map((contender) => cellsOf(contender, fastest))];
  const lines = alignColumns(table);
  for (const { name, absence, hasFailed } of contenders) {
    if (absence !== null) lines.push(`  ${name}: ${hasFailed ? 'FAILED: ' : ''}${firstError(absence)}`);
  }
  for (const goal of goals) lines.push(...goalLines(goal, contenders));
  return `\n${row} · ${title}, ${operations}\n${lines.join('\n')}`;
}

function cellsOf({ name, summary, timesNode, shareOfC }: ContenderResult, fastest: number): string[] {
  if (!summary) return [name, '–', '', '', '', '', ''];
  const { median, min, max, cpuUsPerOperation } = summary;
  return [
    name,
    rate(median),
    `${rate(min)} – ${rate(max)}`,
    timesNode === null ? '–' : timesNode.toFixed(2),
    shareOfC === null ? '–' : shareOfC.toFixed(2),
    cpuUsPerOperation.toFixed(2),
    '█'.repeat(Math.round((median / fastest) * BAR_CHARACTERS)),
  ];
}

/** One line a contender: what was promised of it, and what came. */
function goalLines({ contenders, timesNode, shareOfC }: Goal, results: readonly ContenderResult[]): string[] {
  return results
    .filter(({ name, summary }) => summary && contenders.includes(name))
    .map((result) => {
      const parts = [
        compareWithGoal('× Node', result.timesNode, timesNode),
        compareWithGoal('of C', result.shareOfC, shareOfC),
      ];
      return `  goal, ${result.name}: ${parts.filter((part) => part !== null).join('; ')}`;
    });
}

function compareWithGoal(unit: string, ratio: number | null, goal: number | undefined): string | null {
  if (goal === undefined) return null;
  if (ratio === null) return `≥ ${goal} ${unit}, not measured`;
  return `≥ ${goal} ${unit} ${ratio >= goal ? 'met' : 'MISSED'} with ${ratio.toFixed(2)}`;
}

/** The line of a stack or a compiler's output that tells most; results.json has all of it. */
function firstError(text: string): string {
  const lines = text.split('\n');
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines[0] ?? '';
}

function rate(perSecond: number): string {
  return perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(0)}k` : perSecond.toFixed(0);
}

/** The first and the last column to the left, the figures between them to the right. */
function alignColumns(table: readonly string[][]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
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
