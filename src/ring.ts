/** Ring: the unit of I/O that users make, configure and close, and the default one behind `fs`. */
import type { Backend, RingProfile, RingStats } from './backend/backend.js';
import { selectBackend } from './backend/select.js';
import { listSqPollGroups, type SqPollGroup } from './backend/sq-poll-groups.js';
import { invalidArgType, outOfRange, ringClosedError } from './errors.js';
import { createFs, type Fs } from './fs/promises.js';
import { Interval } from './interval.js';
import type { LatencyRecording } from './latency.js';
import { type RingOptions, readRingOptions } from './options.js';
import { monotonicMs } from './timer-queue.js';
import { checkObject, checkSignal } from './validate.js';

export interface WaitOptions {
  signal?: AbortSignal;
}

const MILLISECONDS_MAX = 2 ** 41;

function checkMilliseconds(value: unknown, name: string, min: number): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!(value >= min && value <= MILLISECONDS_MAX)) {
    throw outOfRange(name, `>= ${min} && <= ${MILLISECONDS_MAX}`, value);
  }
}

export class Ring {
  readonly #backend: Backend;
  readonly #backendReason: string | null;
  readonly #fs: Fs;
  #isClosed = false;

  /**
   * Makes a ring at once.
   *
   * @param options see `RingOptions`; each has a default.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE, naming the option;
   * ERR_RINGLET_UNAVAILABLE when `backend` is 'io_uring' and the system has none to give.
   */
  constructor(options?: RingOptions) {
    const { backend, reason } = selectBackend(readRingOptions(options));
    this.#backend = backend;
    this.#backendReason = reason;
    this.#fs = createFs(() => this.#backend.files);
    backends.set(this, backend);
  }

  /** `fs/promises` calls on this ring. */
  get fs(): Fs {
    return this.#fs;
  }

  /** What carries this ring's operations. */
  get backend(): 'io_uring' | 'node' {
    return this.#backend.name;
  }

  /** Why an `'auto'` ring runs on Node's own modules; null when it does not, or was asked to. */
  get backendReason(): string | null {
    return this.#backendReason;
  }

  /** How the ring really runs: flags in force, sizes, and what was given up and why. */
  get profile(): RingProfile {
    return this.#backend.profile;
  }

  /**
   * What the kernel behind this ring can do: the names of its IORING_FEAT_* bits without the prefix
   * (io_uring_setup(2)), such as 'NODROP' or 'MIN_TIMEOUT'. Empty on the node backend. `probe()` says more.
   */
  get features(): readonly string[] {
    return this.#backend.features;
  }

  /** Counters since the ring was made; the last ones when it is closed. */
  stats(): RingStats {
    return this.#backend.stats();
  }

  /**
   * Begins to record how long operations take, a `perf_hooks` histogram a kind, until the recording's
   * `stop()`. Several recordings may run at once, each with histograms of its own. A ring without one
   * reads no clock; with one, an operation costs about a microsecond more.
   *
   * ```js
   * const recording = ring.recordLatency();
   * await serve();
   * console.log(recording.histograms.get('read')?.percentile(99));
   * recording.stop();
   * ```
   */
  recordLatency(): LatencyRecording {
    return this.#backend.observation.record();
  }

  /**
   * Resolves after `ms` milliseconds or soon after, never before.
   *
   * All timers of a ring share one kernel timeout, so thousands of them cost no more requests than
   * their earliest deadlines change.
   *
   * @param ms 0 to 2^41, fractions included.
   * @throws AbortError when `signal` is aborted; ERR_RINGLET_CLOSED when the ring is closed.
   */
  async sleep(ms: number, options: WaitOptions = {}): Promise<void> {
    checkMilliseconds(ms, 'ms', 0);
    checkObject(options, 'options');
    await this.#backend.timers.waitUntil(monotonicMs() + ms, checkSignal(options.signal));
  }

  /**
   * A beat every `ms` milliseconds: yields how many periods have passed since the last iteration, at
   * least 1. It does not drift. `break` ends it; an abort rejects the iteration.
   *
   * @param ms the period, 1 to 2^41.
   */
  interval(ms: number, options: WaitOptions = {}): AsyncIterableIterator<number> {
    checkMilliseconds(ms, 'ms', 1);
    checkObject(options, 'options');
    return new Interval(this.#backend.timers, ms, checkSignal(options.signal));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Lets pending operations keep the process alive again. That is how a ring begins. */
  ref(): this {
    this.#backend.ref();
    return this;
  }

  /** Lets the process exit although operations of this ring are pending. */
  unref(): this {
    this.#backend.unref();
    return this;
  }

  /**
   * Ends the ring: refuses new work with ERR_RINGLET_CLOSED, cancels what is pending (that rejects
   * with the same), closes its sockets, and resolves when the kernel has let go of everything. Files
   * stay open until their own `close()`. Leased messages stay readable. Safe to call again.
   */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Every SQ-poll thread group of the process, whichever thread made it. */
  static groups(): SqPollGroup[] {
    return listSqPollGroups();
  }
}

const backends = new WeakMap<Ring, Backend>();
let defaultRing: Ring | undefined;

/** The ring behind `fs` and behind sockets that name none: made at the first call. */
export function theDefaultRing(): Ring {
  if (defaultRing === undefined || defaultRing.isClosed) defaultRing = new Ring();
  return defaultRing;
}

/** For the other public classes: what carries a ring's operations. */
export function backendOf(ring: Ring | undefined): Backend {
  const backend = backends.get(ring ?? theDefaultRing());
  if (backend === undefined) throw invalidArgType('options.ring', 'an instance of Ring', ring);
  if (ring?.isClosed) throw ringClosedError();
  return backend;
}
