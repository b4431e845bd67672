/** What a ring can be asked for: each option with its unit, range and default, and the checks on it. */
import { invalidArgType, invalidArgValue } from './errors.js';
import { checkBoolean, checkInteger, checkObject, checkOneOf, checkString } from './validate.js';

export interface SqPollOptions {
  /**
   * Rings that name the same group, in any thread of the process, share its kernel threads.
   * 1 to 64 characters. Without a name the ring gets a thread of its own.
   */
  group?: string;
  /** Threads of the group, 1 to 64. Default 1. Only with `group`. */
  threads?: number;
  /** CPUs to pin the threads to, one each as long as there are enough. Default: not pinned. */
  cpus?: readonly number[];
  /** Milliseconds without work after which a thread sleeps, 1 to 60,000. Default 10. */
  idleMs?: number;
}

export interface ReceiveBufferOptions {
  /** Buffers that the ring's sockets share to begin with, 1 to 32,768. Default 256. */
  count?: number;
  /**
   * How many there may be under load, `count` to 32,768, in steps of `count`; they go again when they
   * have long been too many. Default: 1024, or `count` when that was given.
   */
  countMax?: number;
  /** The longest message received whole, in bytes, 1 to 65,536. Default 4096. */
  bytes?: number;
  /** Lays the buffers out on huge pages (MADV_HUGEPAGE, madvise(2)). Default false. */
  hugePages?: boolean;
  /**
   * Whether several pieces of what streams receive may share a buffer, one behind the other (Linux 6.12),
   * so that a short one takes no more than its length. A leased piece then holds the whole buffer: for many
   * short chunks that are held for long choose false, which gives each piece buffers of its own. Has no
   * effect on datagrams. Default true.
   */
  incremental?: boolean;
}

export interface CoalesceOptions {
  /** Completions worth waiting for, 1 to 4096; never more than can come. */
  minCompletions: number;
  /** The longest wait for them in microseconds, 1 to 100,000: by so much other handles may be delayed. */
  timeoutUs: number;
}

export interface IoWorkerOptions {
  /** Kernel threads for files, 1 to 65,535. Default: the kernel's own limit. */
  bounded?: number;
  /** Kernel threads for sockets and the like, 1 to 65,535. Default: the kernel's own limit. */
  unbounded?: number;
}

export interface RingOptions {
  /** Entries of the submission queue, 1 to 32,768; the kernel rounds up to a power of two. Default 256. */
  submissionEntries?: number;
  /** Entries of the completion queue, 1 to 65,536, at least `submissionEntries`. Default 4096. */
  completionEntries?: number;
  /** Where halving stops when the system refuses memory for `completionEntries`. Default 256. */
  completionEntriesMin?: number;
  /**
   * How far the completion queue may grow when it overflows, where the kernel can (Linux 6.13, not with
   * `sqPoll`), 1 to 65,536. Default: 16,384, or `completionEntries` when that was given.
   */
  completionEntriesMax?: number;
  /** Operations in the kernel at once, 1 to 65,536; more wait their turn. Default 4096. */
  inFlightMax?: number;
  /**
   * Operations staged before they are submitted without waiting for the turn's end, 1 to 32,768. Default 128.
   * With `sqPoll` a quarter of what is in flight is enough: the thread works on it while the program goes on.
   */
  submitBatchMax?: number;
  /** Completions settled in one go, 1 to 65,536. Default 256. */
  drainBatchMax?: number;
  /** Submission by a kernel thread instead of system calls. `true` is `{}`. Default: off. */
  sqPoll?: boolean | SqPollOptions;
  /** Slots of the registered-file table, 0 to 32,768; 0 for none. Default 0. */
  registeredFds?: number;
  /**
   * Made when the first socket that uses them receives. Several, of different `bytes`, serve sockets with
   * different messages: `DatagramSocket.bind({ messageBytes })` and a stream's `chunkBytes` choose. At most
   * 16. Streams have some of their own, as many and as large, where the kernel can fill buffers in parts
   * (`incremental`): unless anything is said here, 8 of 65,536 bytes, and up to 64 under load.
   */
  receiveBuffers?: ReceiveBufferOptions | readonly ReceiveBufferOptions[];
  /** Microseconds to spin for completions before the event loop sleeps, 0 to 10,000. Default 0. */
  busyPollUs?: number;
  /**
   * Waits in the kernel for more completions while the ring is busy, instead of one turn of the event loop for
   * each; once in a turn of the loop, and never on a ring that has been quiet for 200 µs. Everything else on
   * the loop is delayed by the length of the wait, and by what the kernel adds to timers (50 µs by default,
   * PR_SET_TIMERSLACK).
   *
   * - `'adaptive'`: for up to 16 completions or 50 µs, only while datagrams flow in and nothing is sent or
   *   otherwise submitted in answer, and only as long as that brings two or more at a time. Needs deferred task
   *   work (Linux 6.1), and does nothing without.
   * - numbers: so many completions, for so long, whatever the ring is busy with.
   * - `false`: never.
   *
   * Default `false`: on one machine `'adaptive'` gained nothing at 30,000 and 100,000 datagrams a second. Measure.
   */
  coalesce?: 'adaptive' | false | CoalesceOptions;
  /** Submits each operation as it is made, not at the end of the turn: `submitBatchMax: 1`. Default false. */
  submitImmediately?: boolean;
  /**
   * Makes reads that come alone on the spot when the page cache has what they want (preadv2(2) with
   * RWF_NOWAIT), at most 16 in a row and 64 KiB each; all others go through the ring. Not with `sqPoll`,
   * not with a `signal`, and not while operations are recorded or traced. `stat`, `lstat` and `readFile` of a
   * path likewise, at most 64 in a row, where the kernel has the whole answer in its caches (openat2(2) with
   * RESOLVE_CACHED, Linux 5.12) and the file system is a local one. Default true.
   */
  inlineReads?: boolean;
  /** Limits of the kernel's threads for what cannot complete at once. */
  ioWorkers?: IoWorkerOptions;
  /** Spares each system call the ring's descriptor look-up where the kernel can (5.18). Default true. */
  registerRingFd?: boolean;
  /** How the kernel runs completion work; not with `sqPoll`. Default: the best the kernel has. */
  taskRun?: 'defer' | 'cooperative' | 'interrupt';
  /** `'auto'` falls back to Node's own modules, and says why; the others are errors when absent. */
  backend?: 'auto' | 'io_uring' | 'node';
}

/** All options with their defaults filled in. */
export interface RingSettings {
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
  gatherCount: number;
  gatherUs: number;
  isGatherAdaptive: boolean;
  collectMax: number;
  inlineReads: boolean;
  ioWorkersBounded: number;
  ioWorkersUnbounded: number;
  registerRingFd: boolean;
  taskRun: 'best' | 'defer' | 'cooperative' | 'interrupt';
  backend: 'auto' | 'io_uring' | 'node';
}

export interface ReceiveBufferSettings {
  count: number;
  countMax: number;
  bytes: number;
  hugePages: boolean;
  incremental: boolean;
}

/** Undefined means: what the group has, or the default if this ring founds it. */
export interface SqPollSettings {
  group: string | undefined;
  threads: number | undefined;
  cpus: readonly number[] | undefined;
  idleMs: number | undefined;
}

const RING_OPTIONS = [
  'submissionEntries',
  'completionEntries',
  'completionEntriesMin',
  'completionEntriesMax',
  'inFlightMax',
  'submitBatchMax',
  'drainBatchMax',
  'sqPoll',
  'registeredFds',
  'receiveBuffers',
  'busyPollUs',
  'coalesce',
  'submitImmediately',
  'inlineReads',
  'ioWorkers',
  'registerRingFd',
  'taskRun',
  'backend',
];

const SQ_ENTRIES_MAX = 32_768;
const CQ_ENTRIES_MAX = 65_536;
const GROUP_NAME_LENGTH_MAX = 64;
const THREADS_MAX = 64;
const CPU_MAX = 1023;
const IDLE_MS_MAX = 60_000;
const BUSY_POLL_US_MAX = 10_000;
const COALESCE_COMPLETIONS_MAX = 4096;
const COALESCE_US_MAX = 100_000;
/** What trickles in faster than a turn of the loop takes comes in handfuls then. */
const COALESCE_ADAPTIVE: CoalesceOptions = { minCompletions: 16, timeoutUs: 50 };
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

function checkKnown(options: object, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw invalidArgValue(`${prefix}.${name}`, name, `is not an option; there are ${known.join(', ')}`);
  }
}

function integer(value: unknown, name: string, min: number, max: number, fallback: number): number {
  if (value === undefined) return fallback;
  checkInteger(value, name, min, max);
  return value as number;
}

function powerOfTwoAtLeast(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

function readSqPoll(value: unknown): SqPollSettings | undefined {
  const none = { group: undefined, threads: undefined, cpus: undefined, idleMs: undefined };
  if (value === undefined || value === false) return undefined;
  if (value === true) return none;
  checkObject(value, 'options.sqPoll');
  const options = value as SqPollOptions;
  checkKnown(options, ['group', 'threads', 'cpus', 'idleMs'], 'options.sqPoll');
  const { group, threads, cpus, idleMs } = options;
  if (group !== undefined) {
    checkString(group, 'options.sqPoll.group');
    if (group.length === 0 || group.length > GROUP_NAME_LENGTH_MAX) {
      throw invalidArgValue(
        'options.sqPoll.group',
        group,
        `must have 1 to ${GROUP_NAME_LENGTH_MAX} characters`,
      );
    }
  }
  if (threads !== undefined) {
    checkInteger(threads, 'options.sqPoll.threads', 1, THREADS_MAX);
    if (group === undefined && threads > 1) {
      throw invalidArgValue('options.sqPoll.threads', threads, 'needs options.sqPoll.group');
    }
  }
  if (idleMs !== undefined) checkInteger(idleMs, 'options.sqPoll.idleMs', 1, IDLE_MS_MAX);
  if (cpus !== undefined) checkCpus(cpus);
  return { group, threads, cpus: cpus === undefined ? undefined : [...cpus], idleMs };
}

function checkCpus(cpus: unknown): void {
  if (!Array.isArray(cpus)) throw invalidArgType('options.sqPoll.cpus', 'an instance of Array', cpus);
  if (cpus.length === 0) throw invalidArgValue('options.sqPoll.cpus', cpus, 'must name at least one CPU');
  cpus.forEach((cpu, index) => {
    checkInteger(cpu, `options.sqPoll.cpus[${index}]`, 0, CPU_MAX);
    if (cpus.indexOf(cpu) !== index) throw invalidArgValue('options.sqPoll.cpus', cpus, 'names a CPU twice');
  });
}

function readReceiveBuffers(value: unknown): ReceiveBufferSettings[] {
  if (!Array.isArray(value)) return [readReceiveBuffer(value ?? {}, 'options.receiveBuffers')];
  if (value.length === 0 || value.length > RECEIVE_SIZES_MAX) {
    throw invalidArgValue('options.receiveBuffers', value, `must have 1 to ${RECEIVE_SIZES_MAX} elements`);
  }
  return value.map((each, index) => readReceiveBuffer(each, `options.receiveBuffers[${index}]`));
}

function readReceiveBuffer(value: unknown, name: string): ReceiveBufferSettings {
  checkObject(value, name);
  const options = value as ReceiveBufferOptions;
  checkKnown(options, ['count', 'countMax', 'bytes', 'hugePages', 'incremental'], name);
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

type GatherSettings = Pick<RingSettings, 'gatherCount' | 'gatherUs' | 'isGatherAdaptive'>;

function readCoalesce(value: unknown, buffersLeast: number): GatherSettings {
  if (value === false) return { gatherCount: 0, gatherUs: 0, isGatherAdaptive: false };
  const isAdaptive = value === 'adaptive';
  const wanted = isAdaptive ? COALESCE_ADAPTIVE : value;
  checkObject(wanted, 'options.coalesce');
  const { minCompletions, timeoutUs } = wanted as Partial<CoalesceOptions>;
  checkKnown(wanted as object, ['minCompletions', 'timeoutUs'], 'options.coalesce');
  const count = checkInteger(minCompletions, 'options.coalesce.minCompletions', 1, COALESCE_COMPLETIONS_MAX);
  return {
    // More than there are buffers for could never come.
    gatherCount: Math.min(count, buffersLeast),
    gatherUs: checkInteger(timeoutUs, 'options.coalesce.timeoutUs', 1, COALESCE_US_MAX),
    isGatherAdaptive: isAdaptive,
  };
}

function readIoWorkers(value: unknown): { ioWorkersBounded: number; ioWorkersUnbounded: number } {
  if (value === undefined) return { ioWorkersBounded: 0, ioWorkersUnbounded: 0 };
  checkObject(value, 'options.ioWorkers');
  checkKnown(value as object, ['bounded', 'unbounded'], 'options.ioWorkers');
  const { bounded, unbounded } = value as IoWorkerOptions;
  return {
    ioWorkersBounded: integer(bounded, 'options.ioWorkers.bounded', 1, IO_WORKERS_MAX, 0),
    ioWorkersUnbounded: integer(unbounded, 'options.ioWorkers.unbounded', 1, IO_WORKERS_MAX, 0),
  };
}

/** Checks every option and fills in the defaults. Throws Node's own codes, naming the option. */
export function readRingOptions(options: RingOptions = {}): RingSettings {
  checkObject(options, 'options');
  checkKnown(options, RING_OPTIONS, 'options');
  const { taskRun, backend = 'auto', registerRingFd = true, submitImmediately = false } = options;
  const { inlineReads = true } = options;
  if (taskRun !== undefined) checkOneOf(taskRun, 'options.taskRun', ['defer', 'cooperative', 'interrupt']);
  checkOneOf(backend, 'options.backend', ['auto', 'io_uring', 'node']);
  checkBoolean(registerRingFd, 'options.registerRingFd');
  checkBoolean(submitImmediately, 'options.submitImmediately');
  checkBoolean(inlineReads, 'options.inlineReads');
  const receiveBuffers = readReceiveBuffers(options.receiveBuffers);
  const streamBuffers = options.receiveBuffers === undefined ? [STREAM_BUFFERS] : receiveBuffers;
  const buffersLeast = Math.min(...receiveBuffers.map(({ count }) => count));
  const growsByDefault = options.completionEntries === undefined;
  const sqPoll = readSqPoll(options.sqPoll);
  const busyPollUs = integer(options.busyPollUs, 'options.busyPollUs', 0, BUSY_POLL_US_MAX, 0);
  const { coalesce = false } = options;
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
