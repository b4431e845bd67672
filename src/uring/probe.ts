/** What rings are possible here, found by making small ones and closing them again. */

import { EINVAL } from '../base/errno.js';
import type { Degradation } from '../contract/reports.js';
import type { RingOptions } from '../contract/ring-options.js';
import { readRingOptions } from '../contract/ring-settings.js';
import { binding } from '../native/binding.js';
import { featureNames, OPCODE_NAMES } from '../native/kernel-names.js';
import { OP_SEND_ZC } from '../native/sqe.js';
import { lossesOf } from './losses.js';
import { tryReceiveBuffers } from './memory/receive-buffers.js';
import { type Trials, trialsOf } from './trials.js';

/** The kernel's answer to a trial: a count or 0, or a negative errno. */
export interface Answer {
  isSupported: boolean;
  result: number;
}

export interface ProfileAnswer extends Answer {
  flags: string[];
}

/** The kinds of ring that are tried. */
export type ProfileName = 'defer' | 'cooperative' | 'interrupt' | 'sqPoll' | 'sqPollPinned' | 'sqPollShared';

/** What is tried because the kernel's probe does not tell. */
export type TrialName =
  | 'multishotReceive'
  | 'zeroCopySend'
  | 'bufferRing'
  | 'incrementalBufferRing'
  | 'incrementalReceive'
  | 'bundledReceive'
  | 'sparseFileTable'
  | 'emptiedFileTable'
  | 'registeredRingFd'
  | 'resizedRing'
  | 'receivingRing';

export interface UringAnswers {
  /** 0, or the negative errno with which even a small plain ring was refused. */
  setup: number;
  /** Whether the kernel has what every ring of ringlet needs. */
  isSufficient: boolean;
  features: string[];
  opcodes: Record<string, boolean>;
  profiles: Record<ProfileName, ProfileAnswer>;
  trials: Record<TrialName, Answer>;
  /** What IORING_REGISTER_QUERY (Linux 6.18) says of itself. */
  query: { requestOpcodes: number; registerOpcodes: number; setupFlags: number } | null;
  /** What rings do without on this kernel. */
  degraded: Degradation[];
}

const SMALL: RingOptions = { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 8 };
/** The probe's own: a group that exists would be joined, and its terms be in the way. */
const GROUP = `ringlet probe of process ${process.pid}`;

/** Makes a ring for each element, all open at once, and tells what became of the last one. */
function tryRings(...wanted: RingOptions[]): ProfileAnswer {
  const rings = wanted.map(
    (options) => new (binding().NativeRing)(readRingOptions({ ...SMALL, ...options })),
  );
  const described = rings.map((ring) => ring.describe());
  for (const ring of rings) ring.close();
  const refused = described.find(({ errno }) => errno < 0);
  const result = refused?.errno ?? 0;
  return { isSupported: result === 0, result, flags: result === 0 ? (described.at(-1)?.flags ?? []) : [] };
}

function profiles(): Record<ProfileName, ProfileAnswer> {
  const [cpu = 0] = binding().allowedCpus();
  const shared: RingOptions = { sqPoll: { group: GROUP } };
  return {
    defer: tryRings({ taskRun: 'defer' }),
    cooperative: tryRings({ taskRun: 'cooperative' }),
    interrupt: tryRings({ taskRun: 'interrupt' }),
    sqPoll: tryRings({ sqPoll: true }),
    sqPollPinned: tryRings({ sqPoll: { cpus: [cpu] } }),
    sqPollShared: tryRings(shared, shared),
  };
}

/** Whether a ring of the default size, and its receive buffers, are granted. */
function tryReceivingRing(): number {
  const settings = readRingOptions({});
  const ring = new (binding().NativeRing)(settings);
  const { errno } = ring.describe();
  const result = errno < 0 ? errno : tryReceiveBuffers(ring, settings);
  ring.close();
  return result;
}

/** For a trial that is refused by an errno of its own when the kernel does not know it. */
function unless(unknown: number, result: number): Answer {
  return { isSupported: result !== unknown, result };
}

function isDone(result: number): Answer {
  return { isSupported: result >= 0, result };
}

/** The names of the bits that are set, and of what receives get right besides (receive_trials.h). */
export function featuresOf(word: number, trials: Trials): string[] {
  const { incremental, bundled } = trials.receives;
  return [
    ...featureNames(word),
    ...(incremental < 0 ? [] : ['INCREMENTAL_RECEIVE']),
    ...(bundled < 0 ? [] : ['BUNDLED_RECEIVE']),
  ];
}

/** Whether there can be rings in user space. @throws the addon's own error when it can't be loaded. */
export function probeUserSpace(): boolean {
  return trialsOf('epoll').facts.setup === 0;
}

/** @throws the addon's own error when it can't be loaded. */
export function probeUring(): UringAnswers {
  const found = binding().probeKernel(false);
  const isRefused = found.setup < 0;
  const answer = (judged: Answer): Answer =>
    isRefused ? { isSupported: false, result: found.setup } : judged;
  const { incremental, bundled } = trialsOf('io_uring').receives;
  const count = Math.max(OPCODE_NAMES.length, found.opcodes.length);
  const opcodes = Array.from({ length: count }, (_unused, opcode) => [
    OPCODE_NAMES[opcode] ?? `opcode ${opcode}`,
    found.opcodes[opcode] === true,
  ]);
  return {
    setup: found.setup,
    isSufficient: found.opcodes[OP_SEND_ZC] === true,
    features: isRefused ? [] : featuresOf(found.features, trialsOf('io_uring')),
    opcodes: Object.fromEntries(opcodes) as Record<string, boolean>,
    profiles: profiles(),
    trials: {
      multishotReceive: answer(unless(EINVAL, found.multishotReceive)),
      zeroCopySend: answer(unless(EINVAL, found.zeroCopySend)),
      bufferRing: answer(isDone(found.bufferRing)),
      incrementalBufferRing: answer(isDone(found.incrementalBufferRing)),
      incrementalReceive: answer(isDone(incremental)),
      bundledReceive: answer(isDone(bundled)),
      sparseFileTable: answer(isDone(found.sparseFileTable)),
      emptiedFileTable: answer(isDone(trialsOf('io_uring').clearedSlot)),
      registeredRingFd: answer(isDone(found.registeredRingFd)),
      resizedRing: answer(isDone(found.resizedRing)),
      receivingRing: answer(isDone(tryReceivingRing())),
    },
    query: found.query ?? null,
    degraded: isRefused ? [] : lossesOf('io_uring', 'loop'),
  };
}
