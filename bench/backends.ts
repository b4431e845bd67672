/**
 * The table of docs/backends.md, from the last run of the benchmark:
 *
 *     npm run bench -- row1 row2 row3 row4 row5 row6 row7 row9 row10 && node build/bench/backends.js
 *
 * Processor time against Node's own, because rates say little of a machine that does other things as well: of each
 * round the trial of Node over the trial of the backend, the median and the spread. The column of the node backend is
 * against Node's own call in ringlet's style, awaited or iterated, where the case has such a contender.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderResult, RunResult, VariantResult } from './results.js';
import type { Measurement } from './workload.js';

const ON_EPOLL = 'ringlet, epoll';

function cpuOf({ cpuUs, operationCount }: Measurement): number {
  return cpuUs / operationCount;
}

/** Such as `4.2 (3.9–4.4)`. */
function ratioOf(baseline: ContenderResult | undefined, contender: ContenderResult | undefined): string {
  if (!baseline?.summary || !contender?.summary) return '–';
  const ratios = contender.trials.map((trial, round) => {
    const other = baseline.trials[round];
    return other === undefined ? Number.NaN : cpuOf(other) / cpuOf(trial);
  });
  ratios.sort((a, b) => a - b);
  const [least, median, most] = [ratios[0], ratios[ratios.length >> 1], ratios.at(-1)];
  return `${median?.toFixed(2)} (${least?.toFixed(2)}–${most?.toFixed(2)})`;
}

/** A line for each way in which a ring on epoll takes part. */
function linesOf({ row, title, contenders, baselines }: VariantResult): string[] {
  const named = (name: string | undefined): ContenderResult | undefined =>
    contenders.find((contender) => contender.name === name);
  const node = named(baselines.find((baseline) => baseline.title === 'Node')?.contender);
  const awaited = contenders.find(({ name, summary }) => /^node:.*await/.test(name) && summary !== null);
  return contenders
    .filter(({ name }) => name.startsWith(ON_EPOLL))
    .map((epoll) => {
      const style = epoll.name.slice(ON_EPOLL.length);
      const cells = [
        `${row.replace('row', '')}: ${title}${style === '' ? '' : `,${style}`}`,
        node?.summary?.cpuUsPerOperation.toFixed(2) ?? '–',
        ratioOf(node, named(`ringlet${style}`)),
        ratioOf(node, epoll),
        ratioOf(awaited ?? node, named(`ringlet on node${style}`)),
      ];
      return `| ${cells.join(' | ')} |`;
    });
}

const { machine, roundCount, variants } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'results.json'), 'utf8'),
) as RunResult;
const { kernel, cpu, cpuCount, node } = machine;
console.log(
  `${machine.startedAt.slice(0, 10)}, Node ${node}, ${kernel}, ${cpu} × ${cpuCount}, ${roundCount} rounds.`,
);
console.log('\n| row | Node, µs | io_uring | epoll | node |');
console.log('|---|---|---|---|---|');
for (const variant of variants) for (const line of linesOf(variant)) console.log(line);
