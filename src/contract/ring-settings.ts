/** The options of a ring as its backend gets them: checked, with their defaults filled in. */

import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkString,
  mapArray,
  type OptionNames,
} from '../base/validate.js';
import { invalidArgValue } from '../errors/index.js';
import type {
  CoalesceOptions,
  IoWorkerOptions,
  ReceiveBufferOptions,
  RingOptions,
  SqPollOptions,
} from './ring-options.js';

/** All options with their defaults filled in. */
export interface RingSettings {
  name: string | undefined;
  submissionEntries: number;
  completionEntries: number;
  completionEntriesMin: number;
  completionEntriesMax: number;
  inFlightMax: number;
  submitBatchMax: number;
  drainBatchMax: number;
  sqPoll: SqPollSettings | undefined;
  registeredFds: number;
  /** At least one; the first is for sockets that do not choose. */
  receiveBuffers: readonly ReceiveBufferSettings[];
  /** Those that streams use where the kernel can fill buffers in parts. */
  streamBuffers: readonly ReceiveBufferSettings[];
  busyPollUs: number;
  coalesceCount: number;
  coalesceUs: number;
  isCoalesceAdaptive: boolean;
  collectMax: number;
  inlineReads: boolean;
  ioWorkersBounded: number;
  ioWorkersUnbounded: number;
  registerRingFd: boolean;
  taskRun: 'best' | 'defer' | 'cooperative' | 'interrupt';
  backend: 'auto' | 'io_uring' | 'epoll' | 'node';
}

export interface ReceiveBufferSettings {
  count: number;
  countMax: number;
  bytes: number;
  hugePages: boolean;
  incremental: boolean;
}

/** Undefined means: what the group has, or the default if this ring founds it. */
interface SqPollSettings {
  group: string | undefined;
  threads: number | undefined;
  cpus: readonly number[] | undefined;
  idleMs: number | undefined;
}

const RING_OPTIONS: OptionNames<RingOptions> = {
  name: true,
  submissionEntries: true,
  completionEntries: true,
  completionEntriesMin: true,
  completionEntriesMax: true,
  inFlightMax: true,
  submitBatchMax: true,
  drainBatchMax: true,
  sqPoll: true,
  registeredFds: true,
  receiveBuffers: true,
  busyPollUs: true,
  coalesce: true,
  submitImmediately: true,
  inlineReads: true,
  ioWorkers: true,
  registerRingFd: true,
  taskRun: true,
  backend: true,
};

const SQ_POLL_OPTIONS: OptionNames<SqPollOptions> = { group: true, threads: true, cpus: true, idleMs: true };
const RECEIVE_BUFFER_OPTIONS: OptionNames<ReceiveBufferOptions> = {
  count: true,
  countMax: true,
  bytes: true,
  hugePages: true,
  incremental: true,
};
const COALESCE_OPTIONS: OptionNames<CoalesceOptions> = { minCompletions: true, timeoutUs: true };
const IO_WORKER_OPTIONS: OptionNames<IoWorkerOptions> = { bounded: true, unbounded: true };

const SQ_ENTRIES_MAX = 32_768;
const CQ_ENTRIES_MAX = 65_536;
const NAME_LENGTH_MAX = 64;
const THREADS_MAX = 64;
const CPU_MAX = 1023;
const IDLE_MS_MAX = 60_000;
const BUSY_POLL_US_MAX = 10_000;
const COALESCE_COMPLETIONS_MAX = 4096;
const COALESCE_US_MAX = 100_000;
/** What trickles in faster than a turn of the loop takes comes in handfuls then. */
const COALESCE_ADAPTIVE: CoalesceOptions = { minCompletions: 16, timeoutUs: 100 };
const IO_WORKERS_MAX = 65_535;
const COMPLETION_ENTRIES_GROWN = 16_384;
const RECEIVE_BUFFERS_MAX = 32_768;
const RECEIVE_BYTES_MAX = 65_536;
const RECEIVE_SIZES_MAX = 16;
const RECEIVE_COUNT_GROWN = 1024;
/** Few and large, since they are filled in parts: bulk comes in large pieces, and 512 KiB last for most rings. */
const STREAM_BUFFERS: ReceiveBufferSettings = {
  count: 8,
  countMax: 64,
  bytes: 65_536,
  hugePages: false,
  incremental: true,
};

function integer(value: unknown, name: string, min: number, max: number, fallback: number): number {
  if (value === undefined) return fallback;
  checkInteger(value, name, min, max);
  return value as number;
}

function checkName(value: unknown, name: string): void {
  checkString(value, name);
  const { length } = value as string;
  if (length === 0 || length > NAME_LENGTH_MAX) {
    throw invalidArgValue(name, value, `must have 1 to ${NAME_LENGTH_MAX} characters`);
  }
}

function powerOfTwoAtLeast(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

function readSqPoll(value: unknown): SqPollSettings | undefined {
  const none = { group: undefined, threads: undefined, cpus: undefined, idleMs: undefined };
  if (value === undefined || value === false) return undefined;
  if (value === true) return none;
  const options = checkOptions<SqPollOptions>(value, SQ_POLL_OPTIONS, 'options.sqPoll');
  const { group, threads, cpus, idleMs } = options;
  if (group !== undefined) checkName(group, 'options.sqPoll.group');
  if (threads !== undefined) {
    checkInteger(threads, 'options.sqPoll.threads', 1, THREADS_MAX);
    if (group === undefined && threads > 1) {
      throw invalidArgValue('options.sqPoll.threads', threads, 'needs options.sqPoll.group');
    }
  }
  if (idleMs !== undefined) checkInteger(idleMs, 'options.sqPoll.idleMs', 1, IDLE_MS_MAX);
  return { group, threads, cpus: cpus === undefined ? undefined : readCpus(cpus), idleMs };
}

function readCpus(value: unknown): number[] {
  const name = 'options.sqPoll.cpus';
  const cpus = mapArray(value, name, (cpu, index) => checkInteger(cpu, `${name}[${index}]`, 0, CPU_MAX));
  if (cpus.length === 0) throw invalidArgValue(name, value, 'must name at least one CPU');
  if (new Set(cpus).size < cpus.length) throw invalidArgValue(name, value, 'names a CPU twice');
  return cpus;
}

function readReceiveBuffers(value: unknown): ReceiveBufferSettings[] {
  const name = 'options.receiveBuffers';
  if (!Array.isArray(value)) return [readReceiveBuffer(value ?? {}, name)];
  const buffers = mapArray(value, name, (each, index) => readReceiveBuffer(each, `${name}[${index}]`));
  if (buffers.length === 0 || buffers.length > RECEIVE_SIZES_MAX) {
    throw invalidArgValue(name, value, `must have 1 to ${RECEIVE_SIZES_MAX} elements`);
  }
  return buffers;
}

function readReceiveBuffer(value: unknown, name: string): ReceiveBufferSettings {
  const options = checkOptions<ReceiveBufferOptions>(value, RECEIVE_BUFFER_OPTIONS, name);
  const { hugePages = false, incremental = true } = options;
  checkBoolean(hugePages, `${name}.hugePages`);
  checkBoolean(incremental, `${name}.incremental`);
  const count = integer(options.count, `${name}.count`, 1, RECEIVE_BUFFERS_MAX, 256);
  const grown = options.count === undefined ? Math.max(count, RECEIVE_COUNT_GROWN) : count;
  return {
    count,
    countMax: integer(options.countMax, `${name}.countMax`, count, RECEIVE_BUFFERS_MAX, grown),
    bytes: integer(options.bytes, `${name}.bytes`, 1, RECEIVE_BYTES_MAX, 4096),
    hugePages,
    incremental,
  };
}

type CoalesceSettings = Pick<RingSettings, 'coalesceCount' | 'coalesceUs' | 'isCoalesceAdaptive'>;

function readCoalesce(value: unknown, buffersLeast: number): CoalesceSettings {
  if (value === false) return { coalesceCount: 0, coalesceUs: 0, isCoalesceAdaptive: false };
  const isAdaptive = value === 'adaptive';
  const wanted = isAdaptive ? COALESCE_ADAPTIVE : value;
  const { minCompletions, timeoutUs }: Partial<CoalesceOptions> = checkOptions<CoalesceOptions>(
    wanted,
    COALESCE_OPTIONS,
    'options.coalesce',
  );
  const count = checkInteger(minCompletions, 'options.coalesce.minCompletions', 1, COALESCE_COMPLETIONS_MAX);
  return {
    // More than there are buffers for could never come.
    coalesceCount: Math.min(count, buffersLeast),
    coalesceUs: checkInteger(timeoutUs, 'options.coalesce.timeoutUs', 1, COALESCE_US_MAX),
    isCoalesceAdaptive: isAdaptive,
  };
}

function readIoWorkers(value: unknown): { ioWorkersBounded: number; ioWorkersUnbounded: number } {
  if (value === undefined) return { ioWorkersBounded: 0, ioWorkersUnbounded: 0 };
  const { bounded, unbounded } = checkOptions<IoWorkerOptions>(value, IO_WORKER_OPTIONS, 'options.ioWorkers');
  return {
    ioWorkersBounded: integer(bounded, 'options.ioWorkers.bounded', 1, IO_WORKERS_MAX, 0),
    ioWorkersUnbounded: integer(unbounded, 'options.ioWorkers.unbounded', 1, IO_WORKERS_MAX, 0),
  };
}

/** Checks every option and fills in the defaults. Throws Node's own codes, naming the option. */
export function readRingOptions(options: RingOptions = {}): RingSettings {
  checkOptions<RingOptions>(options, RING_OPTIONS);
  const { taskRun, backend = 'auto', registerRingFd = true, submitImmediately = false } = options;
  const { inlineReads = true, name } = options;
  if (name !== undefined) checkName(name, 'options.name');
  if (taskRun !== undefined) checkOneOf(taskRun, 'options.taskRun', ['defer', 'cooperative', 'interrupt']);
  checkOneOf(backend, 'options.backend', ['auto', 'io_uring', 'epoll', 'node']);
  checkBoolean(registerRingFd, 'options.registerRingFd');
  checkBoolean(submitImmediately, 'options.submitImmediately');
  checkBoolean(inlineReads, 'options.inlineReads');
  const receiveBuffers = readReceiveBuffers(options.receiveBuffers);
  const streamBuffers = options.receiveBuffers === undefined ? [STREAM_BUFFERS] : receiveBuffers;
  const buffersLeast = Math.min(...receiveBuffers.map(({ count }) => count));
  const growsByDefault = options.completionEntries === undefined;
  const sqPoll = readSqPoll(options.sqPoll);
  const busyPollUs = integer(options.busyPollUs, 'options.busyPollUs', 0, BUSY_POLL_US_MAX, 0);
  const { coalesce = 'adaptive' } = options;
  const drainBatchMax = integer(options.drainBatchMax, 'options.drainBatchMax', 1, CQ_ENTRIES_MAX, 256);
  if (sqPoll !== undefined && taskRun !== undefined) {
    throw invalidArgValue(
      'options.taskRun',
      taskRun,
      'excludes options.sqPoll: its thread runs completion work',
    );
  }
  const submissionEntries = integer(
    options.submissionEntries,
    'options.submissionEntries',
    1,
    SQ_ENTRIES_MAX,
    256,
  );
  // The kernel refuses a completion queue that is smaller than the (rounded) submission queue.
  const completionsLeast = powerOfTwoAtLeast(submissionEntries);
  const completionEntries = integer(
    options.completionEntries,
    'options.completionEntries',
    completionsLeast,
    CQ_ENTRIES_MAX,
    Math.max(4096, completionsLeast),
  );
  return {
    name,
    submissionEntries,
    completionEntries,
    completionEntriesMin: integer(
      options.completionEntriesMin,
      'options.completionEntriesMin',
      1,
      completionEntries,
      Math.min(256, completionEntries),
    ),
    completionEntriesMax: integer(
      options.completionEntriesMax,
      'options.completionEntriesMax',
      completionEntries,
      CQ_ENTRIES_MAX,
      growsByDefault ? Math.max(completionEntries, COMPLETION_ENTRIES_GROWN) : completionEntries,
    ),
    inFlightMax: integer(options.inFlightMax, 'options.inFlightMax', 1, CQ_ENTRIES_MAX, 4096),
    submitBatchMax: submitImmediately
      ? 1
      : integer(options.submitBatchMax, 'options.submitBatchMax', 1, SQ_ENTRIES_MAX, 128),
    drainBatchMax,
    sqPoll,
    registeredFds: integer(options.registeredFds, 'options.registeredFds', 0, SQ_ENTRIES_MAX, 0),
    receiveBuffers,
    streamBuffers,
    ...readCoalesce(coalesce, buffersLeast),
    // The other half of the buffers is for what comes meanwhile.
    collectMax: Math.min(drainBatchMax, Math.floor(buffersLeast / 2)),
    inlineReads,
    ...readIoWorkers(options.ioWorkers),
    busyPollUs,
    registerRingFd,
    taskRun: taskRun ?? 'best',
    backend,
  };
}
