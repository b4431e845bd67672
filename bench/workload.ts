/**
 * What a workload is: the interface between bench/run.ts, which decides who runs when, and bench/cases/,
 * which say what is done. No behaviour.
 *
 * A case exports its `workload` and one function a contender. A contender that is not JavaScript names a
 * program of bench/native/ instead. Case files import `ringlet` inside their functions, never at the top:
 * Node's own contender must not pay for loading it.
 */
import type { Runtime } from './runtimes.js';

/** How long operations took in microseconds: one in two, in ten, in a hundred, in a thousand took longer. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  p999: number;
}

/** What one trial measured, over the measured part alone. */
export interface Measurement {
  operationCount: number;
  elapsedNs: number;
  /** Processor time of every thread of the process in microseconds, the kernel's SQ thread included. */
  cpuUs: number;
  /** Calls of io_uring_enter made by the process, where a case counts them. */
  enterCount?: number;
  /** Of single operations, where a case takes it. */
  latencyUs?: Latency | undefined;
  /** What ran the trial, such as `node 26.12.1`; a program in C does not say. */
  runtime?: string;
}

/** Has either `run` or `native`. Parameters travel to a trial as JSON, so methods take them unchecked. */
export interface Contender<Parameters> {
  name: string;
  /** What runs the function: by default this Node, or each of those that the run was asked for. */
  runtime?: Runtime;
  /** Of its process, beside the run's own. */
  environment?: Readonly<Record<string, string>>;
  /** Has the process load `ringlet/register` before anything else. */
  isRegistered?: boolean;
  run?(parameters: Parameters): Promise<Measurement>;
  native?: NativeProgram<Parameters>;
}

/** A program of bench/native/ that prints a `Measurement` as one line of JSON. */
export interface NativeProgram<Parameters> {
  program: string;
  arguments(parameters: Parameters): (string | number)[];
}

/** What is promised of one contender. */
export interface Goal {
  contenders: readonly string[];
  /** How many times better than the baseline at least, by its title; better in what, the workload says. */
  ratios: Readonly<Record<string, number>>;
}

/** A contender that ratios are taken against, and its short name at the head of the column. */
export interface Baseline {
  title: string;
  contender: string;
}

/** A variant that should cost an operation no more than those with fewer of the same. */
export interface Growth {
  /** What there are more of, in the plural. */
  of: string;
  count: number;
}

export interface Variant<Parameters> {
  /** The row of the performance table this belongs to, such as `row1`. */
  row: string;
  title: string;
  parameters: Parameters;
  goals: readonly Goal[];
  growth?: Growth;
}

/** How long trials take, and where they may write. */
export interface Setting {
  isQuick: boolean;
  /** How long code may take to get compiled, at most. */
  warmUpMsMax: number;
  /** A folder of the run's own, on a file system whose page cache io_uring reads inline. */
  directory: string;
  /** Compiles a program of bench/native/ and returns its path; throws `Unavailable` where that cannot be. */
  compile(program: string): string;
  /** Registers what puts the machine back as it was; called whatever happens, and synchronous for that. */
  onEnd(restore: () => void): void;
}

export type Judgement = 'rate' | 'processor time' | 'latency';

export interface Workload<Parameters> {
  /** What is counted, in the plural: `reads`. */
  operations: string;
  baselines: readonly Baseline[];
  contenders: readonly Contender<Parameters>[];
  /**
   * What goals are for: the rate by default. Processor time where the case's client has its share of the same CPUs, and,
   * where a server is done sooner, falls asleep and costs it a wake-up. Latency where the operation is what others do
   * meanwhile: the median or the 99th percentile, whichever compares worse.
   */
  judgedBy?: Judgement;
  /** Makes what the trials share; runs once, before any of them. */
  prepare(setting: Setting): Promise<readonly Variant<Parameters>[]>;
}

/** A contender cannot run here, and that is no fault: its column says why it is empty. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/** The status that a trial's process ends with for it. */
export const UNAVAILABLE_STATUS = 3;
