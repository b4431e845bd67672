/** `probe()`: what this kernel, container and process allow, for people and for start-up checks. */
import { arch, constants, loadavg, release } from 'node:os';
import type { Degradation } from '../contract/reports.js';
import {
  type ContainerEngine,
  detectContainer,
  type ProcessLimits,
  readLimits,
  readSecurity,
  type SecuritySettings,
} from '../native/environment.js';
import { foreignRuntime, ruleOn } from '../native/ruling.js';
import { explainRefusal, reasonFor } from '../ring/select.js';
import {
  type Answer,
  type ProfileAnswer,
  type ProfileName,
  probeUring,
  probeUserSpace,
  type TrialName,
  type UringAnswers,
} from '../uring/probe.js';
import { type Host, readHost } from './host.js';

export type {
  ContainerEngine,
  ProcessLimits,
  ResourceLimit,
  SecuritySettings,
} from '../native/environment.js';
export type { Host } from './host.js';

/** What came of trying something. */
export interface ProbeTrial {
  /** Whether it worked. */
  isSupported: boolean;
  /**
   * 'ok', or the name of the errno that was the kernel's answer, such as 'EINVAL'. Some trials are made to
   * fail and still say yes: a multishot receive of what is no socket gets 'ENOTSOCK' where it is known.
   */
  answer: string;
}

/** What came of making a small ring of one kind. */
export interface ProbeProfile extends ProbeTrial {
  /** The IORING_SETUP_* flags that were in force, without the prefix. */
  flags: string[];
}

/** Everything in it survives JSON. What could not be found out is null. */
export interface Probe {
  /** Whether `new Ring({ backend: 'io_uring' })` works here; false without a try where `ruledOutBy` has decided. */
  isAvailable: boolean;
  /** Why not, in the words of `ring.backendReason`; null when it does. */
  reason: string | null;
  /**
   * What has decided so before the kernel was asked: 'runtime', which is not Node; 'environment', by RINGLET_BACKEND;
   * Node's 'permission' model. Null when the kernel was asked, or there is no addon to ask it with.
   */
  ruledOutBy: 'runtime' | 'environment' | 'permission' | null;
  /**
   * What `'auto'` rings run on instead: 'epoll', a ring in user space, or Node's own modules; null where io_uring
   * works.
   */
  fallback: 'epoll' | 'node' | null;
  /** The errno's name with which the kernel refused to make a ring; null when it made one, or was not asked. */
  refusal: string | null;
  /** 'linux', and otherwise never available. */
  platform: string;
  /** The kernel's release, such as '6.18.44'. */
  kernel: string;
  /** The processor's, as `process.arch` has it: 'x64', 'arm64'. */
  architecture: string;
  /** As `process.version` has it, such as 'v24.1.0'. */
  nodeVersion: string;
  /** What the process runs on. */
  host: Host;
  /** Whether the native addon could be loaded. */
  isAddonLoaded: boolean;
  /** The container engine that the process runs in; null where none is known of. */
  container: ContainerEngine | null;
  /** What may forbid io_uring. */
  security: SecuritySettings;
  /** What bounds rings and their threads. */
  limits: ProcessLimits;
  /** The kinds of ring, by trial: `taskRun` of a loop ring, and SQ polling alone, pinned, and shared. */
  profiles: Record<ProfileName, ProbeProfile>;
  /** How many CPUs the whole machine keeps busy, on the average of the last minute (getloadavg(3)). */
  busyCpus: number;
  /**
   * Whether SQ polling is allowed; and whether a CPU is to spare for it, by `limits` and `busyCpus`: three at least,
   * for its thread, the program and what that waits for, and one of them idle.
   */
  sqPoll: {
    /** Whether the kernel makes such rings for this process. */
    isAllowed: boolean;
    /** Whether there are CPUs enough for it to pay. */
    isAdvised: boolean;
  };
  /** Names of the kernel's IORING_FEAT_* bits, without the prefix. */
  features: string[];
  /** By name, IORING_OP_* without the prefix, up to Linux 6.18: whether the kernel's own probe has it. */
  opcodes: Record<string, boolean>;
  /** What the kernel's probe has no answer for, by trial. */
  trials: Record<TrialName, ProbeTrial>;
  /** The kernel's account of itself: how many opcodes there are, and the setup flags' bits (Linux 6.18). */
  query: {
    /** How many IORING_OP_* there are. */
    requestOpcodes: number;
    /** How many IORING_REGISTER_* there are. */
    registerOpcodes: number;
    /** The bits of all IORING_SETUP_* that it knows. */
    setupFlags: number;
  } | null;
  /** What rings do without on this kernel, as `ring.profile.degraded` has it. */
  degraded: Degradation[];
}

/** An SQ thread that is awake takes a CPU. On two, which the program and its peer need as well, it mostly loses. */
const SQ_POLL_CPUS_MIN = 3;

const PROFILE_NAMES: readonly ProfileName[] = [
  'defer',
  'cooperative',
  'interrupt',
  'sqPoll',
  'sqPollPinned',
  'sqPollShared',
];
const TRIAL_NAMES: readonly TrialName[] = [
  'multishotReceive',
  'zeroCopySend',
  'bufferRing',
  'incrementalBufferRing',
  'incrementalReceive',
  'bundledReceive',
  'sparseFileTable',
  'emptiedFileTable',
  'registeredRingFd',
  'resizedRing',
  'receivingRing',
];

function answerName(result: number): string {
  if (result >= 0) return 'ok';
  const known = Object.entries(constants.errno).find(([, number]) => number === -result);
  return known?.[0] ?? `errno ${-result}`;
}

function toTrial({ isSupported, result }: Answer): ProbeTrial {
  return { isSupported, answer: answerName(result) };
}

function toProfile(answer: ProfileAnswer): ProbeProfile {
  return { ...toTrial(answer), flags: answer.flags };
}

/** What comes of asking the kernel. */
type Found = Pick<Probe, 'profiles' | 'features' | 'opcodes' | 'trials' | 'query' | 'degraded'>;

/** The answers where there is no kernel to ask. */
function nothing(): Found {
  const untried = { isSupported: false, answer: 'not tried' };
  return {
    profiles: fromNames(PROFILE_NAMES, () => ({ ...untried, flags: [] })),
    features: [],
    opcodes: {},
    trials: fromNames(TRIAL_NAMES, () => ({ ...untried })),
    query: null,
    degraded: [],
  };
}

function fromNames<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>;
}

function fromAnswers(answers: UringAnswers): Found {
  return {
    profiles: fromNames(PROFILE_NAMES, (name) => toProfile(answers.profiles[name])),
    features: answers.features,
    opcodes: answers.opcodes,
    trials: fromNames(TRIAL_NAMES, (name) => toTrial(answers.trials[name])),
    query: answers.query,
    degraded: answers.degraded,
  };
}

function refusalReason(answers: UringAnswers): string | null {
  if (answers.setup < 0) return explainRefusal(answers.setup);
  return answers.isSufficient ? null : 'it needs Linux 6.0';
}

/** What is decided before the kernel is asked. */
function rule(): Pick<Probe, 'ruledOutBy' | 'reason'> & { isForNode: boolean } {
  if (foreignRuntime() !== null) return { ruledOutBy: 'runtime', reason: null, isForNode: true };
  try {
    const { choice, by, reason } = ruleOn('auto');
    return { ruledOutBy: by, reason, isForNode: choice === 'node' };
  } catch (error) {
    return { ruledOutBy: 'environment', reason: (error as Error).message, isForNode: true };
  }
}

function hasUserSpaceRing(): boolean {
  try {
    return probeUserSpace();
  } catch {
    return false;
  }
}

/** The answers, or why the addon can't be asked. */
function ask(): UringAnswers | string {
  try {
    return probeUring();
  } catch (error) {
    const reason = reasonFor(error);
    if (reason === undefined) throw error;
    return reason;
  }
}

/**
 * Finds out what can be had here. It makes a few small rings, one of them with an SQ thread, and closes
 * them again; it takes a few milliseconds, in which it blocks, and leaves nothing behind.
 *
 * ```js
 * import { probe } from 'ringlet';
 * const { isAvailable, reason, sqPoll } = probe();
 * ```
 *
 * Never throws for what is missing: that is the answer. `npx ringlet doctor` prints it, with advice.
 */
export function probe(): Probe {
  const ruling = rule();
  // A filter may end the process for the question alone, and an operator who has switched rings off has reasons.
  const answers = ruling.reason ?? ask();
  const limits = readLimits();
  const found = typeof answers === 'string' ? nothing() : fromAnswers(answers);
  const reason = typeof answers === 'string' ? answers : refusalReason(answers);
  const isSqPollAllowed = found.profiles.sqPoll.isSupported;
  const cpusWorth = Math.min(limits.cpus.length, limits.cpuQuota ?? Number.POSITIVE_INFINITY);
  const busyCpus = loadavg()[0] ?? 0;
  const hasSpareCpu = cpusWorth >= SQ_POLL_CPUS_MIN && limits.cpus.length - busyCpus >= 1;
  return {
    isAvailable: reason === null,
    reason,
    ruledOutBy: ruling.ruledOutBy,
    fallback: reason === null ? null : !ruling.isForNode && hasUserSpaceRing() ? 'epoll' : 'node',
    refusal: typeof answers !== 'string' && answers.setup < 0 ? answerName(answers.setup) : null,
    platform: process.platform,
    kernel: release(),
    architecture: arch(),
    nodeVersion: process.version,
    host: readHost(),
    isAddonLoaded: typeof answers !== 'string',
    container: detectContainer(),
    security: readSecurity(),
    limits,
    busyCpus,
    sqPoll: { isAllowed: isSqPollAllowed, isAdvised: isSqPollAllowed && hasSpareCpu },
    ...found,
  };
}
