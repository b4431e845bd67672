/** What a run ends with, as it is written to build/bench/results.json. */
import type { Machine } from './machine.js';
import type { Summary } from './statistics.js';
import type { Baseline, Goal, Growth, Judgement, Measurement } from './workload.js';

export interface ContenderResult {
  name: string;
  /** Such as `node 26.12.1`; absent for a program in C, and when no trial succeeded. */
  runtime?: string | undefined;
  trials: Measurement[];
  /** Null when no trial succeeded. */
  summary: Summary | null;
  /** Its median over each baseline's, by the baseline's title; a missing one was not measured. */
  ratios: Record<string, number>;
  /** The baseline's processor time an operation over its own, likewise. */
  cpuRatios: Record<string, number>;
  /** The baseline's latency over its own: of median and 99th percentile the lesser; a missing one was not taken. */
  latencyRatios: Record<string, number>;
  /** Why the contender did not run, or how it failed. */
  absence: string | null;
  hasFailed: boolean;
}

export interface VariantResult {
  row: string;
  title: string;
  operations: string;
  baselines: readonly Baseline[];
  contenders: ContenderResult[];
  goals: readonly Goal[];
  judgedBy: Judgement;
  growth?: Growth | undefined;
}

export interface RunResult {
  machine: Machine;
  roundCount: number;
  isQuick: boolean;
  /** Processes that did nothing but take processor time beside. */
  busyCount: number;
  variants: VariantResult[];
}
