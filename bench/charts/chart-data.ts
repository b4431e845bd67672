/** What is drawn, as data: made for the page (page.ts), read in the browser (draw.ts). */
import type { ContenderResult, VariantResult } from '../results.js';
import type { Latency } from '../workload.js';
import {
  cpuSpread,
  familyOf,
  judgedOf,
  kindOf,
  type Spread,
  type Standing,
  standingOf,
  type Verdict,
} from './figures.js';

/** By whose figure it is, and for ringlet's by how it stands to Node's. */
export type Colour = Verdict | 'node' | 'other';

export interface Bar extends Spread {
  label: string;
  colour: Colour;
}

/** Lying bars, each with a line from the least to the most. */
export interface BarChart {
  kind: 'bars';
  id: string;
  unit: string;
  /** Where bars begin: at 0, or on a logarithmic scale at 1. */
  origin: 0 | 1;
  bars: Bar[];
}

/** A line a contender over `PERCENTILES`, on a logarithmic scale. */
export interface LatencyChart {
  kind: 'latency';
  id: string;
  lines: { label: string; isNodes: boolean; us: number[] }[];
}

export type ChartData = BarChart | LatencyChart;

export const PERCENTILES: readonly { name: keyof Latency; title: string }[] = [
  { name: 'p50', title: 'p50' },
  { name: 'p90', title: 'p90' },
  { name: 'p99', title: 'p99' },
  { name: 'p999', title: 'p99.9' },
];

function colourOf(variant: VariantResult, contender: ContenderResult, what: 'rate' | 'cpu'): Colour {
  const family = familyOf(contender.name);
  if (family !== 'ringlet') return family;
  return standingOf(variant, contender)?.[what].verdict ?? 'equal';
}

export function rateChart(id: string, variant: VariantResult): BarChart {
  const bars = variant.contenders.flatMap((contender): Bar[] => {
    const { name, summary } = contender;
    if (summary === null) return [];
    const { median, min, max } = summary;
    return [{ label: name, median, min, max, colour: colourOf(variant, contender, 'rate') }];
  });
  return { kind: 'bars', id, unit: `${variant.operations} a second`, origin: 0, bars };
}

export function cpuChart(id: string, variant: VariantResult): BarChart {
  const bars = variant.contenders.flatMap((contender): Bar[] => {
    if (contender.summary === null) return [];
    const colour = colourOf(variant, contender, 'cpu');
    return [{ label: contender.name, ...cpuSpread(contender), colour }];
  });
  return { kind: 'bars', id, unit: 'µs of processor time each', origin: 0, bars };
}

/** Undefined where no latency was taken. */
export function latencyChart(id: string, { contenders }: VariantResult): LatencyChart | undefined {
  const lines = contenders.flatMap(({ name, summary }) => {
    const latency = summary?.latencyUs;
    if (latency === undefined) return [];
    const isNodes = familyOf(name) === 'node';
    return [{ label: name, isNodes, us: PERCENTILES.map((each) => latency[each.name]) }];
  });
  return lines.length === 0 ? undefined : { kind: 'latency', id, lines };
}

/** How many times better than Node, the least first. */
export function ratioChart(id: string, standings: readonly Standing[]): BarChart {
  const bars = standings
    .flatMap((standing): Bar[] => {
      const judged = judgedOf(standing);
      if (judged === undefined) return [];
      const { ratio, verdict } = judged;
      return [{ label: titleOfStanding(standing), median: ratio, min: ratio, max: ratio, colour: verdict }];
    })
    .sort((a, b) => a.median - b.median);
  return { kind: 'bars', id, unit: 'times better than Node', origin: 1, bars };
}

/** Row, way and, unless it is the rate, what it is judged by. */
export function titleOfStanding({ variant, name }: Standing): string {
  const { row, title, judgedBy } = variant;
  const { style } = kindOf(name);
  const parts = [`${row}: ${title}`, ...(style === '' ? [] : [style])];
  return `${parts.join(', ')}${judgedBy === 'rate' ? '' : ` (${judgedBy})`}`;
}
