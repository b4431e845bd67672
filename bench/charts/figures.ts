/** What a run's figures say of ringlet beside Node: ratios, and whether the spreads leave room for doubt. No page. */
import type { ContenderResult, RunResult, VariantResult } from '../results.js';
import type { Measurement } from '../workload.js';

/** A median with the least and the most of the trials. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Of two medians whose spreads overlap neither is the better one, and of two single trials it can't be told. */
export type Verdict = 'better' | 'worse' | 'equal';

export interface Comparison {
  /** The contender's median over Node's. */
  ratio: number;
  verdict: Verdict;
}

/** One of ringlet's contenders, of one variant, beside Node's. */
export interface Standing {
  variant: VariantResult;
  name: string;
  rate: Comparison;
  cpu: Comparison;
  /** Of median and 99th percentile the one that compares worse; undefined where no latency was taken. */
  latency: Comparison | undefined;
}

/** Whose contender it is. */
export type Family = 'ringlet' | 'node' | 'other';

export function familyOf(name: string): Family {
  if (name.startsWith('ringlet')) return 'ringlet';
  return /^node\b/i.test(name) ? 'node' : 'other';
}

/** On what ringlet runs, for the overview's columns. */
export const KINDS = ['io_uring', 'SQ polling', 'epoll', 'node'] as const;
export type Kind = (typeof KINDS)[number];

/** The kind of ring in a contender's name, and the rest of it: how the contender goes about it. */
export function kindOf(name: string): { kind: Kind; style: string } {
  // Such as `ringlet, epoll for await`, `ringlet/register`, `ringlet, two of an SQ-poll group`.
  const [, ring = '', rest = ''] = /^ringlet,? *(on node|epoll|sqPoll)?,? *(.*)$/.exec(name) ?? [];
  const kinds: Record<string, Kind> = { 'on node': 'node', epoll: 'epoll', sqPoll: 'SQ polling' };
  const kind = kinds[ring] ?? (rest.includes('SQ-poll') ? 'SQ polling' : 'io_uring');
  return { kind, style: rest.startsWith('/') ? `ringlet${rest}` : rest };
}

/** Of the trials where there are any; a summary alone knows no spread of it. */
export function cpuSpread({ trials, summary }: ContenderResult): Spread {
  const median = summary?.cpuUsPerOperation ?? Number.NaN;
  const each = trials.map(({ cpuUs, operationCount }: Measurement) => cpuUs / operationCount);
  if (each.length === 0) return { median, min: median, max: median };
  return { median, min: Math.min(...each), max: Math.max(...each) };
}

/** As bench/run.ts calls contenders where a run has several releases of Node. */
const RELEASE = / \(Node \d+\)$/;

/** What stands for Node beside a contender, on the same release: the one that the column of that title is against. */
export function nodeOf({ baselines, contenders }: VariantResult, name: string): ContenderResult | undefined {
  const baseline = baselines.find(({ title }) => title === 'Node')?.contender;
  const release = RELEASE.exec(name)?.[0] ?? '';
  const measured = contenders.filter(({ summary }) => summary !== null);
  return (
    measured.find((each) => each.name === `${baseline}${release}`) ??
    measured.find((each) => each.name.replace(RELEASE, '') === baseline)
  );
}

export function compare(mine: Spread, nodes: Spread, isMoreBetter: boolean): Comparison {
  const ratio = mine.median / nodes.median;
  const areAlone = mine.min === mine.max && nodes.min === nodes.max;
  const doOverlap = mine.min <= nodes.max && nodes.min <= mine.max;
  if (areAlone || doOverlap) return { ratio, verdict: 'equal' };
  return { ratio, verdict: ratio > 1 === isMoreBetter ? 'better' : 'worse' };
}

function latencySpread({ trials }: ContenderResult, percentile: 'p50' | 'p99'): Spread | undefined {
  const each = trials.flatMap(({ latencyUs }) => latencyUs?.[percentile] ?? []).sort((a, b) => a - b);
  const [min, median, max] = [each[0], each[each.length >> 1], each.at(-1)];
  if (min === undefined || median === undefined || max === undefined) return undefined;
  return { min, median, max };
}

function compareLatency(mine: ContenderResult, nodes: ContenderResult): Comparison | undefined {
  const comparisons = (['p50', 'p99'] as const).flatMap((percentile) => {
    const [own, other] = [latencySpread(mine, percentile), latencySpread(nodes, percentile)];
    return own && other ? [compare(own, other, false)] : [];
  });
  return comparisons.sort((a, b) => b.ratio - a.ratio)[0];
}

/** Undefined for what has no figures, or no Node to stand beside. */
export function standingOf(variant: VariantResult, contender: ContenderResult): Standing | undefined {
  const node = nodeOf(variant, contender.name);
  if (!node?.summary || !contender.summary || familyOf(contender.name) !== 'ringlet') return undefined;
  return {
    variant,
    name: contender.name,
    rate: compare(contender.summary, node.summary, true),
    cpu: compare(cpuSpread(contender), cpuSpread(node), false),
    latency: compareLatency(contender, node),
  };
}

/** How many times better than Node's, by what the variant is judged by; undefined where that was not taken. */
export function judgedOf({ variant, rate, cpu, latency }: Standing): Comparison | undefined {
  if (variant.judgedBy === 'rate') return rate;
  const less = variant.judgedBy === 'latency' ? latency : cpu;
  return less && { ratio: 1 / less.ratio, verdict: less.verdict };
}

export function standingsOf({ variants }: RunResult): Standing[] {
  return variants.flatMap((variant) =>
    variant.contenders.flatMap((contender) => standingOf(variant, contender) ?? []),
  );
}

/** How many times worse than Node, in what it is worst in; at most 1 for what is not. */
export function lossOf({ rate, cpu, latency }: Standing): number {
  return Math.max(1 / rate.ratio, cpu.ratio, latency?.ratio ?? 0);
}

/** Those that have a median worse than Node's, the worst first: beyond doubt, and within the spread. */
export function lossesOf(standings: readonly Standing[]): { certain: Standing[]; doubtful: Standing[] } {
  const losses = standings.filter((each) => lossOf(each) > 1).sort((a, b) => lossOf(b) - lossOf(a));
  const isCertain = ({ rate, cpu, latency }: Standing): boolean =>
    [rate, cpu, latency].some((each) => each?.verdict === 'worse');
  return { certain: losses.filter(isCertain), doubtful: losses.filter((each) => !isCertain(each)) };
}
