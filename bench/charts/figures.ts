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
  const found = /^ringlet(?:,)? *(on node|epoll|sqPoll)?(?:,)? *(.*)$/.exec(name);
  const kinds: Record<string, Kind> = { 'on node': 'node', epoll: 'epoll', sqPoll: 'SQ polling' };
  return { kind: kinds[found?.[1] ?? ''] ?? 'io_uring', style: found?.[2] ?? '' };
}

/** Of the trials where there are any; a summary alone knows no spread of it. */
export function cpuSpread({ trials, summary }: ContenderResult): Spread {
  const median = summary?.cpuUsPerOperation ?? Number.NaN;
  const each = trials.map(({ cpuUs, operationCount }: Measurement) => cpuUs / operationCount);
  if (each.length === 0) return { median, min: median, max: median };
  return { median, min: Math.min(...each), max: Math.max(...each) };
}

/** The contender that stands for Node: the one that the column of that title is taken against. */
export function nodeOf({ baselines, contenders }: VariantResult): ContenderResult | undefined {
  const name = baselines.find(({ title }) => title === 'Node')?.contender;
  return contenders.find((contender) => contender.name === name && contender.summary !== null);
}

export function compare(mine: Spread, nodes: Spread, isMoreBetter: boolean): Comparison {
  const ratio = mine.median / nodes.median;
  const areAlone = mine.min === mine.max && nodes.min === nodes.max;
  const doOverlap = mine.min <= nodes.max && nodes.min <= mine.max;
  if (areAlone || doOverlap) return { ratio, verdict: 'equal' };
  return { ratio, verdict: ratio > 1 === isMoreBetter ? 'better' : 'worse' };
}

/** Undefined for what has no figures, or no Node to stand beside. */
export function standingOf(variant: VariantResult, contender: ContenderResult): Standing | undefined {
  const node = nodeOf(variant);
  if (!node?.summary || !contender.summary || familyOf(contender.name) !== 'ringlet') return undefined;
  return {
    variant,
    name: contender.name,
    rate: compare(contender.summary, node.summary, true),
    cpu: compare(cpuSpread(contender), cpuSpread(node), false),
  };
}

export function standingsOf({ variants }: RunResult): Standing[] {
  return variants.flatMap((variant) =>
    variant.contenders.flatMap((contender) => standingOf(variant, contender) ?? []),
  );
}

/** How many times worse than Node, in what it is worst in; at most 1 for what is not. */
export function lossOf({ rate, cpu }: Standing): number {
  return Math.max(1 / rate.ratio, cpu.ratio);
}

/** Those that have a median worse than Node's, the worst first: beyond doubt, and within the spread. */
export function lossesOf(standings: readonly Standing[]): { certain: Standing[]; doubtful: Standing[] } {
  const losses = standings.filter((each) => lossOf(each) > 1).sort((a, b) => lossOf(b) - lossOf(a));
  const isCertain = ({ rate, cpu }: Standing): boolean => rate.verdict === 'worse' || cpu.verdict === 'worse';
  return { certain: losses.filter(isCertain), doubtful: losses.filter((each) => !isCertain(each)) };
}
