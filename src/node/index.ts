/**
 * The same interface over Node's own modules, for where io_uring can't be had.
 *
 * What differs, because Node's thread pool cannot be told to stop: an abort rejects at once but the call
 * goes on in the background, `unref` does not release the process from a call on a file, and `close`
 * rejects what is pending without waiting for the pool.
 */

import type { Backend, RingProfile, RingStats } from '../contract/backend.js';
import { Observation } from '../contract/observation.js';
import { TimerQueue } from '../contract/timer-queue.js';
import { ringClosedError } from '../errors/index.js';
import { EpollPolls } from '../native/epoll-polls.js';
import { Admission } from './admission.js';
import { NodeAlarm } from './alarm.js';
import { NodeChains } from './chains.js';
import { NodeDatagrams } from './datagrams.js';
import { NodeFiles } from './files.js';
import { NodeLoopRefs } from './loop-refs.js';
import { NodePools } from './pools.js';
import { NodeStreams } from './streams.js';

interface NodeBackendOptions {
  inFlightMax: number;
  receiveBuffers: readonly { bytes: number }[];
}

export function createNodeBackend(options: NodeBackendOptions): Backend {
  return new NodeBackend(options);
}

class NodeBackend implements Backend {
  readonly name = 'node';
  readonly files: NodeFiles;
  readonly datagrams: NodeDatagrams;
  readonly streams: NodeStreams;
  readonly chains: NodeChains;
  readonly pools = new NodePools();
  readonly loopRefs = new NodeLoopRefs();
  readonly timers = new TimerQueue((listener) => new NodeAlarm(listener, this.loopRefs));
  readonly profile: RingProfile;
  readonly features: readonly string[] = [];
  readonly observation = new Observation('node');
  readonly polls = new EpollPolls(this.loopRefs, this.observation);
  readonly #admission: Admission;
  #closing: Promise<void> | undefined;

  constructor(options: NodeBackendOptions) {
    this.#admission = new Admission(options.inFlightMax, this.observation);
    // Polls of its own: waits of reads are no calls of `Ring.poll`.
    this.files = new NodeFiles(this.#admission, new EpollPolls(this.loopRefs), this.pools);
    this.chains = new NodeChains(this.#admission, this.files);
    this.datagrams = new NodeDatagrams(this.#admission, options.receiveBuffers);
    this.streams = new NodeStreams(this.#admission);
    this.profile = {
      kind: 'node',
      flags: [],
      submissionEntries: 0,
      completionEntries: 0,
      inFlightMax: options.inFlightMax,
      registeredFds: 0,
      degraded: [],
    };
  }

  get pendingCount(): number {
    return this.#admission.pendingCount + this.polls.pendingCount;
  }

  stats(): RingStats {
    const { started, ended, running, waiting, runningPeak } = this.#admission.counts;
    return {
      submitted: started,
      inlineReads: 0,
      inlinePaths: 0,
      completed: ended,
      enters: 0,
      batches: 0,
      wakeups: 0,
      turns: 0,
      budgetStops: 0,
      sqThreadWakeups: 0,
      overflows: 0,
      resizes: 0,
      gathers: 0,
      rearms: 0,
      bufferExhaustions: 0,
      cancels: 0,
      timerRequests: 0,
      epollFallbacks: 0,
      staleCompletions: 0,
      inFlight: running,
      waiting,
      inFlightPeak: runningPeak,
      armed: 0,
      freeSlots: Math.max(0, this.profile.inFlightMax - running),
      fdTable: { slots: 0, used: 0, free: 0, exhaustions: 0, refusals: 0 },
      datagramsDropped: this.datagrams.droppedCount,
      zeroCopySends: 0,
      zeroCopyCopies: 0,
      receiveBuffers: [],
    };
  }

  cancelAll(): number {
    return this.#admission.cancel() + this.timers.cancelAll() + this.polls.cancelAll();
  }

  // Node holds the process for its calls on files, and offers no say in it.
  setRef(isRef: boolean): void {
    this.loopRefs.setRef(isRef);
    this.datagrams.setRef(isRef);
    this.streams.setRef(isRef);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.timers.close(ringClosedError);
    this.polls.close();
    this.#admission.close();
    this.pools.close();
    await Promise.all([this.datagrams.close(), this.streams.close()]);
  }
}
