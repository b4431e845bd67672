/** A ring as a `Backend`: makes it, describes it, and ends it in the right order. */
import { EACCES, EMFILE, ENOMEM, EPERM } from '../base/errno.js';
import type { Backend, Degradation, RingProfile, RingStats } from '../contract/backend.js';
import type { Observation } from '../contract/observation.js';
import type { LoopRefs } from '../contract/polls.js';
import type { RingSettings } from '../contract/ring-settings.js';
import { TimerQueue } from '../contract/timer-queue.js';
import {
  backendUnavailableError,
  invalidArgValue,
  outOfRange,
  ringClosedError,
  systemError,
} from '../errors/index.js';
import { binding, type NativeRing, type NativeRingDescription } from '../native/binding.js';
import { EpollPolls } from '../native/epoll-polls.js';
import {
  SHARED_SQ_THREAD_PASS,
  STAT_BATCHES,
  STAT_BUDGET_STOPS,
  STAT_COMPLETED,
  STAT_ENTERS,
  STAT_GATHERS,
  STAT_OVERFLOWS,
  STAT_RESIZES,
  STAT_SQ_WAKEUPS,
  STAT_SUBMITTED,
  STAT_TURNS,
  STAT_WAKEUPS,
  STAT_WORDS,
} from '../native/layout.js';
import { lockedMemoryHint } from '../native/locked-memory.js';
import { OP_FIXED_FD_INSTALL, OP_SEND_ZC } from '../native/sqe.js';
import { UringChains } from './chains/chains.js';
import { UringDatagrams } from './datagrams/datagrams.js';
import { Dispatcher } from './engine/dispatcher.js';
import { FdTable } from './engine/fd-table.js';
import { closeWhenDropped } from './engine/settle-link.js';
import { UringAlarm } from './events/alarm.js';
import { UringPolls } from './events/polls.js';
import { CachedPaths } from './files/cached-paths.js';
import { DIRECT_SLOTS_MAX, DirectSlots } from './files/direct-slots.js';
import { UringFiles } from './files/files.js';
import { InlineCredit } from './files/inline-reads.js';
import type { SharedByFiles } from './files/shared-by-files.js';
import { WHOLE_READ_ENTRIES } from './files/whole-read.js';
import { Identity } from './identity.js';
import { KEEPS_CLOSED_FILES, lossesOf, withinUserSpace } from './losses.js';
import { ReceiveBuffers, tryReceiveBuffers } from './memory/receive-buffers.js';
import { RegisteredBuffers } from './memory/registered-buffers.js';
import { featuresOf } from './probe.js';
import { UringStreams } from './streams/streams.js';
import { type RingKernel, type Trials, trialsOf } from './trials.js';

/** The kernel's refusal to make a ring at all, for `select.ts` to explain. */
export class RingRefusedError extends Error {
  readonly kernel: RingKernel;
  readonly errno: number;

  constructor(kernel: RingKernel, errno: number) {
    super(`${kernel} makes no ring: errno ${-errno}`);
    this.kernel = kernel;
    this.errno = errno;
  }
}

function checkCpusAllowed(settings: RingSettings): void {
  const cpus = settings.sqPoll?.cpus;
  if (cpus === undefined) return;
  const allowed = binding().allowedCpus();
  for (const cpu of cpus) {
    if (allowed.includes(cpu)) continue;
    const reason = `names CPU ${cpu}, and this process may only use ${allowed.join(', ')}`;
    throw invalidArgValue('options.sqPoll.cpus', cpus, reason);
  }
}

function checkMade(kernel: RingKernel, settings: RingSettings, made: NativeRingDescription): void {
  if (made.conflictingOption !== '') {
    const option = made.conflictingOption as 'threads' | 'cpus' | 'idleMs';
    const wanted = settings.sqPoll?.[option];
    throw invalidArgValue(
      `options.sqPoll.${option}`,
      wanted,
      `differs from the group '${settings.sqPoll?.group}', which has ${made.inForce}`,
    );
  }
  if (made.errno < 0) throw new RingRefusedError(kernel, made.errno);
}

function profileOf(
  kernel: RingKernel,
  settings: RingSettings,
  made: NativeRingDescription,
  degraded: Degradation[],
): RingProfile {
  const sqPoll = made.sqPoll && { ...made.sqPoll, cpu: made.sqPoll.cpu < 0 ? null : made.sqPoll.cpu };
  const kind = sqPoll ? 'sqPoll' : 'loop';
  let all: Degradation[] | undefined;
  return {
    kind,
    flags: made.flags,
    submissionEntries: made.submissionEntries,
    completionEntries: made.completionEntries,
    inFlightMax: settings.inFlightMax,
    registeredFds: settings.registeredFds,
    ...(sqPoll ? { sqPoll } : {}),
    // Not before it is asked for: some of it takes trials.
    get degraded() {
      all ??= [...degraded, ...lossesOf(kernel, kind)];
      return all;
    },
  };
}

interface MadeRing {
  native: NativeRing;
  made: NativeRingDescription;
  degraded: Degradation[];
}

/** A ring as asked for, or without its SQ thread where only that is refused. */
function makeRing(kernel: RingKernel, settings: RingSettings): MadeRing {
  if (kernel === 'epoll') {
    const native = new (binding().NativeRing)({ ...settings, isUserSpace: true });
    const made = native.describe();
    checkMade(kernel, settings, made);
    return { native, made, degraded: [...made.degraded] };
  }
  const native = new (binding().NativeRing)(settings);
  const made = native.describe();
  if (settings.sqPoll !== undefined && (made.errno === EPERM || made.errno === EACCES)) {
    const plain = new (binding().NativeRing)({ ...settings, sqPoll: undefined });
    const madePlain = plain.describe();
    const reason = `the kernel refuses SQPOLL with errno ${-made.errno}; before Linux 5.13 it needs a capability`;
    if (madePlain.errno === 0) {
      return {
        native: plain,
        made: madePlain,
        degraded: [{ what: 'sqPoll', reason }, ...madePlain.degraded],
      };
    }
  }
  checkMade(kernel, settings, made);
  return { native, made, degraded: [...made.degraded] };
}

/**
 * @param mustReceive whether a ring is of no use that can't have receive buffers, because there is something else.
 * @throws RingRefusedError when the kernel makes no ring; ERR_RINGLET_UNAVAILABLE for another reason; the addon's own
 * error when it can't be loaded.
 */
export function createUringBackend(kernel: RingKernel, wanted: RingSettings, mustReceive: boolean): Backend {
  checkCpusAllowed(wanted);
  const trials = trialsOf(kernel);
  const possible = kernel === 'epoll' ? withinUserSpace(wanted) : { settings: wanted, degraded: [] };
  const { native, made, degraded } = makeRing(kernel, possible.settings);
  degraded.unshift(...possible.degraded);
  const settings = withinKernel(trials, possible.settings, degraded);
  if (settings.registerRingFd && made.ringFdRegistration < 0) {
    degraded.push({ what: 'registerRingFd', reason: `refused with errno ${-made.ringFdRegistration}` });
  }
  try {
    const dispatcher = startDispatcher(native, trials, settings, made);
    if (tryReceiveBuffers(native, settings) === ENOMEM) {
      const reason = `io_uring_register failed with ENOMEM, memory was refused for receive buffers${lockedMemoryHint()}`;
      if (mustReceive) throw backendUnavailableError(reason);
      degraded.push({ what: 'receiveBuffers', reason });
    }
    const directSlots =
      settings.registeredFds > 0 ? registerTable(native, settings.registeredFds) : undefined;
    const slots = new DirectSlots(
      native,
      dispatcher,
      settings.registeredFds,
      directSlots,
      made.sqPoll !== undefined,
    );
    closeWhenDropped(dispatcher, native);
    return new UringBackend(native, dispatcher, slots, settings, profileOf(kernel, settings, made, degraded));
  } catch (error) {
    native.close();
    throw error;
  }
}

/** The settings as this kernel lets them be. */
function withinKernel(trials: Trials, settings: RingSettings, degraded: Degradation[]): RingSettings {
  if (settings.registeredFds === 0 || !trials.keepsClosedFiles) return settings;
  degraded.push({ what: 'registeredFds', reason: KEEPS_CLOSED_FILES });
  return { ...settings, registeredFds: 0 };
}

function startDispatcher(
  native: NativeRing,
  trials: Trials,
  settings: RingSettings,
  made: NativeRingDescription,
): Dispatcher {
  // The kernel thread of an SQ-poll ring acts for the user that the ring was made by.
  const identity = made.sqPoll === undefined ? undefined : new Identity();
  const dispatcher = new Dispatcher(native, { ...settings, trials }, made.submissionEntries, identity);
  if (!dispatcher.start()) throw backendUnavailableError('the event loop refuses the ring’s descriptor');
  // The kernel's own probe has no entry for multishot receive; SEND_ZC came in the same release.
  const isOld = trials.kernel === 'io_uring' && !dispatcher.supportsOp(OP_SEND_ZC);
  if (isOld) throw backendUnavailableError('it needs Linux 6.0');
  return dispatcher;
}

/**
 * Makes the file table, of `slots` and direct slots behind them. These are given up where they would exceed
 * the limit of open files.
 *
 * @returns how many direct slots there are.
 */
function registerTable(native: NativeRing, slots: number): number {
  if (native.registerFiles(slots + DIRECT_SLOTS_MAX) >= 0) return DIRECT_SLOTS_MAX;
  const registered = native.registerFiles(slots);
  if (registered === EMFILE) {
    throw outOfRange('options.registeredFds', 'within the limit of open files', slots);
  }
  if (registered < 0) throw systemError(registered, 'io_uring_register');
  return 0;
}

class UringBackend implements Backend {
  readonly name: RingKernel;
  readonly files: UringFiles;
  readonly datagrams: UringDatagrams;
  readonly streams: UringStreams;
  readonly chains: UringChains;
  readonly pools: RegisteredBuffers;
  readonly timers: TimerQueue;
  readonly loopRefs: LoopRefs;
  readonly polls: UringPolls;
  readonly #epoll: EpollPolls;
  readonly #featureWord: number;
  readonly #profile: RingProfile;
  readonly #native: NativeRing;
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #shared: SharedByFiles;
  readonly #buffers: ReceiveBuffers;
  #alarm: UringAlarm | undefined;
  #stats = new Float64Array(STAT_WORDS);
  #closing: Promise<void> | undefined;

  constructor(
    native: NativeRing,
    dispatcher: Dispatcher,
    slots: DirectSlots,
    settings: RingSettings,
    profile: RingProfile,
  ) {
    this.name = dispatcher.trials.kernel;
    this.#native = native;
    this.#featureWord = native.describe().features;
    this.#dispatcher = dispatcher;
    this.#profile = profile;
    this.#table = new FdTable(native, settings.registeredFds);
    const canReadWhole =
      profile.submissionEntries >= WHOLE_READ_ENTRIES && dispatcher.supportsOp(OP_FIXED_FD_INSTALL);
    this.pools = new RegisteredBuffers(native, dispatcher);
    // An SQ-poll ring is for programs that want no system call an operation.
    const isInline = settings.inlineReads && profile.sqPoll === undefined;
    this.#shared = {
      table: this.#table,
      pools: this.pools,
      inlineCredit: isInline ? new InlineCredit() : undefined,
      cachedPaths: isInline ? new CachedPaths(this.name) : undefined,
    };
    for (const observer of [this.#shared.inlineCredit, this.#shared.cachedPaths]) {
      if (observer !== undefined) dispatcher.completions.observe(observer);
    }
    this.files = new UringFiles(dispatcher, this.#shared, canReadWhole ? slots : undefined);
    this.chains = new UringChains(dispatcher, this.files, {
      submissionEntries: profile.submissionEntries,
      inFlightMax: profile.inFlightMax,
      sharedPass: profile.sqPoll?.group ? SHARED_SQ_THREAD_PASS : undefined,
    });
    this.timers = new TimerQueue((listener) => {
      this.#alarm = new UringAlarm(dispatcher, listener);
      return this.#alarm;
    });
    this.#buffers = new ReceiveBuffers(
      native,
      dispatcher.trials,
      settings.receiveBuffers,
      settings.streamBuffers,
    );
    this.loopRefs = dispatcher;
    this.#epoll = new EpollPolls(dispatcher);
    this.polls = new UringPolls(dispatcher, this.#epoll);
    this.datagrams = new UringDatagrams(dispatcher, this.#table, this.#buffers);
    const { zeroCopyTally } = this.datagrams;
    this.streams = new UringStreams(dispatcher, this.#table, this.#buffers, zeroCopyTally);
  }

  get features(): readonly string[] {
    return featuresOf(this.#featureWord, this.#dispatcher.trials);
  }

  get profile(): RingProfile {
    if (this.#dispatcher.isClosed) return this.#profile;
    // The kernel tells an SQ thread's number only after its first run, and the queues may have grown.
    const { sqPoll, completionEntries } = this.#native.describe();
    this.#profile.completionEntries = completionEntries;
    if (sqPoll && this.#profile.sqPoll) this.#profile.sqPoll.threadId = sqPoll.threadId;
    return this.#profile;
  }

  get observation(): Observation {
    return this.#dispatcher.observation;
  }

  get pendingCount(): number {
    return this.#dispatcher.pendingCount + this.#epoll.pendingCount;
  }

  stats(): RingStats {
    if (!this.#dispatcher.isClosed) this.#native.stats(this.#stats);
    const { slots } = this.#dispatcher;
    const stat = (index: number): number => this.#stats[index] as number;
    return {
      submitted: stat(STAT_SUBMITTED),
      completed: stat(STAT_COMPLETED),
      enters: stat(STAT_ENTERS),
      batches: stat(STAT_BATCHES),
      wakeups: stat(STAT_WAKEUPS),
      turns: stat(STAT_TURNS),
      budgetStops: stat(STAT_BUDGET_STOPS),
      sqThreadWakeups: stat(STAT_SQ_WAKEUPS),
      overflows: stat(STAT_OVERFLOWS),
      resizes: stat(STAT_RESIZES),
      gathers: stat(STAT_GATHERS),
      rearms: this.datagrams.rearmCount + this.streams.rearmCount,
      bufferExhaustions: this.#buffers.exhaustionCount,
      inlineReads: this.#shared.inlineCredit?.readCount ?? 0,
      inlinePaths: this.#shared.cachedPaths?.credit.readCount ?? 0,
      cancels: this.#dispatcher.cancelRequests.sentCount,
      timerRequests: this.#alarm?.setCount ?? 0,
      epollFallbacks: this.polls.fallbackCount,
      staleCompletions: this.#dispatcher.completions.staleCount,
      inFlight: slots.inFlightCount,
      waiting: this.#dispatcher.waitingCount,
      inFlightPeak: slots.inFlightPeak,
      armed: slots.exemptCount,
      freeSlots: slots.freeCount,
      fdTable: this.#table.stats,
      datagramsDropped: 0,
      zeroCopySends: this.datagrams.zeroCopyTally.sends,
      zeroCopyCopies: this.datagrams.zeroCopyTally.copies,
      receiveBuffers: this.#buffers.stats,
    };
  }

  cancelAll(): number {
    return this.#dispatcher.cancels.cancelCalls() + this.timers.cancelAll() + this.#epoll.cancelAll();
  }

  setRef(isRef: boolean): void {
    this.#native.setRef(isRef);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.timers.close(ringClosedError);
    this.#epoll.close();
    const drained = this.#dispatcher.drain();
    this.pools.close();
    await Promise.all([this.datagrams.close(), this.streams.close()]);
    this.#buffers.unregister();
    await drained;
    // What ended last may have been what the close of a handle waited for: that is an operation, too.
    while (this.#dispatcher.pendingCount > 0) await this.#dispatcher.whenIdle();
    this.stats();
    this.#dispatcher.close();
  }
}
