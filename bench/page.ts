/**
 * A run as a page for bench/results/: everything that results.json has but the single trials, by date and machine.
 *
 * Only a full run makes one (`npm run bench -- --write`); the page is generated and not edited afterwards.
 */
import type { Machine } from './machine.js';
import { columnsOf, describeMisses, figuresOf, formatGrowth, formatRate } from './report.js';
import type { RunResult, VariantResult } from './results.js';

/**
 * Such as `2026-11-29-linux-6.18-amd-epyc-2-cpus.md`.
 *
 * @param rows those that were asked for by name: a run of some does not replace the page of all.
 */
export function pageName({ startedAt, kernel, cpu, cpuCount }: Machine, rows: readonly string[]): string {
  const [system = '', series = ''] = /^(\w+) (\d+\.\d+)/.exec(kernel)?.slice(1) ?? [];
  const words = [startedAt.slice(0, 10), system, series, cpu, cpuCount, 'cpus', ...rows].join(' ');
  return `${words.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-')}.md`;
}

export function formatPage({ machine, roundCount, busyCount, variants }: RunResult): string {
  const { startedAt, kernel, cpu, cpuCount, memoryGiB, node, fileSystem, loadAverage } = machine;
  const parts = [
    `# ${startedAt.slice(0, 10)}, ${kernel}, ${cpu}`,
    `${cpu} × ${cpuCount}, ${memoryGiB} GiB, Node ${node}, files on ${fileSystem}. ` +
      `${roundCount} rounds, contenders in turn, a process a trial. ` +
      (busyCount > 0 ? `${busyCount} busy processes beside. ` : '') +
      `Load ${loadAverage.toFixed(2)} at the start, ${startedAt}.`,
    'Medians a second, with the least and the most; ratios of medians; processor time of the whole process, ' +
      'SQ thread included, in microseconds an operation. Written by `npm run bench -- --write`.',
    ...variants.map(formatVariant),
    ...formatGrowth(variants).map((table) => `\`\`\`${table}\n\`\`\``),
  ];
  return `${parts.join('\n\n')}\n`;
}

function formatVariant(result: VariantResult): string {
  const columns = columnsOf(result);
  const head = ['', result.operations, ...columns.map(({ title }) => title)];
  const measured = result.contenders.flatMap((contender) => {
    const { name, summary } = contender;
    return summary === null ? [] : [[name, formatRate(summary.median), ...figuresOf(contender, columns)]];
  });
  const table = [head, head.map(() => '---'), ...measured];
  const notes = [
    ...result.contenders.flatMap(({ name, absence }) =>
      absence === null ? [] : [`${name}: not measured, ${absence.split('\n')[0]}`],
    ),
    ...describeMisses(result),
  ];
  const parts = [
    `## ${result.row}: ${result.title}`,
    table.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
  ];
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  return parts.join('\n\n');
}
