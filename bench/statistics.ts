/** Medians and spread of a contender's trials. */
import type { Latency, Measurement } from './workload.js';

export interface Summary {
  trialCount: number;
  /** Operations a second. */
  median: number;
  min: number;
  max: number;
  /** Processor time an operation in microseconds, the median of the trials. */
  cpuUsPerOperation: number;
  /** Calls of io_uring_enter an operation, of all trials together; null where they were not counted. */
  entersPerOperation: number | null;
  /** Each the median of the trials'; absent where it was not taken. */
  latencyUs?: Latency | undefined;
}

export function summarize(trials: readonly Measurement[]): Summary {
  const rates = trials.map(({ operationCount, elapsedNs }) => (operationCount / elapsedNs) * 1e9);
  return {
    trialCount: trials.length,
    median: median(rates),
    min: Math.min(...rates),
    max: Math.max(...rates),
    cpuUsPerOperation: median(trials.map(({ cpuUs, operationCount }) => cpuUs / operationCount)),
    entersPerOperation: entersPerOperation(trials),
    latencyUs: medianLatency(trials.flatMap(({ latencyUs }) => latencyUs ?? [])),
  };
}

function medianLatency(latencies: readonly Latency[]): Latency | undefined {
  if (latencies.length === 0) return undefined;
  const of = (percentile: keyof Latency): number => median(latencies.map((each) => each[percentile]));
  return { p50: of('p50'), p90: of('p90'), p99: of('p99'), p999: of('p999') };
}

function entersPerOperation(trials: readonly Measurement[]): number | null {
  if (trials.some(({ enterCount }) => enterCount === undefined)) return null;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return (
    sum(trials.map(({ enterCount = 0 }) => enterCount)) /
    sum(trials.map(({ operationCount }) => operationCount))
  );
}

/** NaN for no values at all. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
