/** What a run ends with, as it is written to build/bench/results.json. */
import type { Machine } from './machine.js';
import type { Summary } from './statistics.js';
import type { Goal, Measurement } from './workload.js';

export interface ContenderResult {
  name: string;
  trials: Measurement[];
  /** Null when no trial succeeded. */
  summary: Summary | null;
  /** Medians against Node's and the C program's; null where either is missing. */
  timesNode: number | null;
  shareOfC: number | null;
  /** Why the contender did not run, or how it failed. */
  absence: string | null;
  hasFailed: boolean;
}

export interface VariantResult {
  row: string;
  title: string;
  operations: string;
  contenders: ContenderResult[];
  goals: readonly Goal[];
}

export interface RunResult {
  machine: Machine;
  roundCount: number;
  isQuick: boolean;
  variants: VariantResult[];
}
