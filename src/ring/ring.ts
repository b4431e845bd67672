/** Ring: the unit of I/O that users make, configure and close, and the default one behind `fs`. */
import { type InspectOptions, inspect } from 'node:util';
import { OURS } from '../base/construction.js';
import { showAs } from '../base/shown.js';
import { checkInteger, checkSignalOptions } from '../base/validate.js';
import type { Backend, BackendName, RingProfile, RingStats } from '../contract/backend.js';
import type { LatencyRecording } from '../contract/latency.js';
import type { RingOptions } from '../contract/ring-options.js';
import { readRingOptions } from '../contract/ring-settings.js';
import { monotonicMs } from '../contract/timer-queue.js';
import { invalidArgType, outOfRange, ringClosedError } from '../errors/index.js';
import { Interval } from '../events/interval.js';
import { type PollEvent, toPollBits, toPollEvents } from '../events/poll-events.js';
import { readSignalNames, type SignalArrival, SignalStream } from '../events/signals.js';
import { Watch } from '../events/watch.js';
import { BufferPool, type BufferPoolOptions } from '../fs/buffer-pool.js';
import { Chain, type ChainOptions, type ChainPart, type ChainResults } from '../fs/chain.js';
import { createFs, type Fs } from '../fs/fs.js';
import { listSqPollGroups, type SqPollGroup } from '../native/sq-poll-groups.js';
import { logMade, nextName } from './made-rings.js';
import { selectBackend } from './select.js';

/** What a wait can be asked for. */
export interface WaitOptions {
  /** Ends the wait, which then rejects with an AbortError. */
  signal?: AbortSignal;
}

const MILLISECONDS_MAX = 2 ** 41;
const FD_MAX = 2 ** 31 - 1;

function checkMilliseconds(value: unknown, name: string, min: number): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!(value >= min && value <= MILLISECONDS_MAX)) {
    throw outOfRange(name, `>= ${min} && <= ${MILLISECONDS_MAX}`, value);
  }
}

/** For `Ring.all`; what was dropped without `close` is not kept alive by it. */
const openRings = new Set<WeakRef<Ring>>();

/**
 * An io_uring ring, or Node's own modules in its place where there can be none: files, chains, sockets, signals and
 * timers, settled in batches. To be closed when it is done with.
 */
export class Ring {
  readonly #name: string;
  readonly #reference = new WeakRef<Ring>(this);
  readonly #backend: Backend;
  readonly #backendReason: string | null;
  readonly #fs: Fs;
  readonly #signalStreams = new Set<SignalStream>();
  /** Of chains that wait for handles: what ends the waiting. */
  readonly #waitingChains = new Set<() => void>();
  #isClosed = false;

  /**
   * Makes a ring at once.
   *
   * @param options see `RingOptions`; each has a default.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE, naming the option;
   * ERR_RINGLET_UNAVAILABLE when `backend` is 'io_uring' and the system has none to give;
   * ERR_INVALID_ARG_VALUE when RINGLET_BACKEND has none of its words (see `RingOptions.backend`).
   */
  constructor(options?: RingOptions) {
    const settings = readRingOptions(options);
    const { backend, reason } = selectBackend(settings);
    const numbered = nextName();
    this.#name = settings.name ?? numbered;
    this.#backend = backend;
    this.#backendReason = reason;
    logMade(this.#name, backend, reason);
    openRings.add(this.#reference);
    this.#fs = createFs(() => this.#backend.files);
    backends.set(this, backend);
  }

  /** What it was called by `RingOptions.name`, or 'ring 1' and so on, as the thread made them; 'default' for that one. */
  get name(): string {
    return this.#name;
  }

  /** `fs/promises` calls on this ring. */
  get fs(): Fs {
    return this.#fs;
  }

  /** What carries this ring's operations. */
  get backend(): BackendName {
    return this.#backend.name;
  }

  /** Why an `'auto'` ring is not one of io_uring; null when it is, or its options asked for something else. */
  get backendReason(): string | null {
    return this.#backendReason;
  }

  /** How the ring really runs: flags in force, sizes, and what was given up and why. */
  get profile(): RingProfile {
    return this.#backend.profile;
  }

  /**
   * What the kernel behind this ring can do: the names of its IORING_FEAT_* bits without the prefix
   * (io_uring_setup(2)), such as 'NODROP' or 'MIN_TIMEOUT'; INCREMENTAL_RECEIVE and BUNDLED_RECEIVE where a
   * trial has shown that streams can receive so. Empty on the node backend. `probe()` says more.
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
  async sleep(ms: number, options?: WaitOptions): Promise<void> {
    checkMilliseconds(ms, 'ms', 0);
    await this.#backend.timers.waitUntil(monotonicMs() + ms, checkSignalOptions(options));
  }

  /**
   * A beat every `ms` milliseconds: yields how many periods have passed since the last iteration, at
   * least 1. It does not drift. `break` ends it; an abort rejects the iteration.
   *
   * @param ms the period, 1 to 2^41.
   */
  interval(ms: number, options?: WaitOptions): AsyncIterableIterator<number> {
    checkMilliseconds(ms, 'ms', 1);
    return new Interval(this.#backend.timers, ms, checkSignalOptions(options));
  }

  /**
   * Waits until something can be done with a descriptor, wherever it was opened: a socket, pipe, terminal,
   * eventfd, inotify instance, character device and so on.
   *
   * ```js
   * const events = await ring.poll(fd, ['readable'], { signal: AbortSignal.timeout(1000) });
   * if (events.includes('readable')) readSync(fd, buffer);
   * ```
   *
   * Files, directories and /dev/null are always readable and writable. What a ring refuses to poll, epoll
   * polls, as it does everything that is to tell of 'priority', of which a ring does not hear; and so it
   * does for the node backend, which needs the addon for it.
   *
   * @param fd must stay open until the promise settles: it is looked up when the request is submitted.
   * @param events at least one; it is enough for one of them to be so.
   * @returns those that are so, and 'hangup' and 'error' if they are, asked for or not. Never empty.
   * @throws EBADF for a descriptor that is not open; EPERM for one with which none of the events can ever
   * happen; AbortError; ERR_RINGLET_CLOSED; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend when
   * the addon can't be loaded; ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE.
   */
  async poll(fd: number, events: readonly PollEvent[], options?: WaitOptions): Promise<PollEvent[]> {
    checkInteger(fd, 'fd', 0, FD_MAX);
    const bits = toPollBits(events);
    return toPollEvents(await this.#backend.polls.poll(fd, bits, checkSignalOptions(options)));
  }

  /**
   * The events of a descriptor as they happen, by one request that stays in the kernel (multishot poll).
   *
   * ```js
   * for await (const events of ring.watch(fd, ['readable'])) {
   *   if (events.includes('hangup')) break;
   *   while (readSome(fd) > 0);
   * }
   * ```
   *
   * The first iteration yields what is so already; after that each yields what has happened since the one
   * before, merged, and waits for something to happen if nothing has. So it tells of news and not of what
   * is left over (edge-triggered, epoll(7)): read until there is nothing left, EAGAIN, and write likewise.
   * It may yield an event that is over by then. What is always ready (see `poll`) is so at each iteration.
   *
   * Nothing is watched before the first `next()`. A `break` cancels the request in the kernel and waits
   * until that has let go of the descriptor; close it after that, because a watched file or socket stays
   * open in the kernel whatever becomes of its number. A pending iteration keeps the process alive.
   *
   * @param fd must be open at the first iteration, and until the last.
   * @throws as `poll`; the errors of arguments at once, the others from the iteration, which ends it.
   */
  watch(fd: number, events: readonly PollEvent[], options?: WaitOptions): AsyncIterableIterator<PollEvent[]> {
    checkInteger(fd, 'fd', 0, FD_MAX);
    const bits = toPollBits(events);
    return new Watch(this.#backend.polls, fd, bits, checkSignalOptions(options));
  }

  /**
   * Signals sent to the process, from now on, instead of what they would do otherwise.
   *
   * ```js
   * for await (const { signal, count } of ring.signals(['SIGHUP', 'SIGTERM'])) {
   *   if (signal === 'SIGTERM') break;
   *   await reload();
   * }
   * ```
   *
   * A signal that comes again before it has been reported is counted, not queued. Every iterator, and
   * every listener on `process`, gets each signal. With the last iterator (`break`, `return()`, an abort,
   * the ring's close) a signal does again what it did before, SIGUSR1 and SIGPIPE too; without the addon,
   * and after listeners on `process`, it is left with its default action. A pending iteration keeps the
   * process alive.
   *
   * @param signals names as `os.constants.signals` has them.
   * @throws at once: ERR_UNKNOWN_SIGNAL; EINVAL for those that can't be caught, such as SIGKILL;
   * ERR_WORKER_UNSUPPORTED_OPERATION in a worker, where Node delivers no signals; ERR_RINGLET_CLOSED.
   * From the iteration: AbortError, and ERR_RINGLET_CLOSED when the ring is closed.
   */
  signals(signals: readonly NodeJS.Signals[], options?: WaitOptions): AsyncIterableIterator<SignalArrival> {
    const names = readSignalNames(signals);
    const signal = checkSignalOptions(options);
    if (this.#isClosed) throw ringClosedError();
    const stream = new SignalStream(names, this.#backend.loopRefs, signal, (ended) => {
      this.#signalStreams.delete(ended);
    });
    if (!stream.isDone) this.#signalStreams.add(stream);
    return stream;
  }

  /**
   * Does several file operations one after another, without a turn of the event loop between them, and the
   * next only when the one before has ended well.
   *
   * On a ring, transfers are linked with what follows them, and the kernel goes on by itself
   * (IOSQE_IO_LINK). It would also go on after a failed sync, rename or other operation; so the part after
   * one of these is submitted when its result is known.
   *
   * ```js
   * const [written, synced, renamed] = await ring.chain((chain) => [
   *   chain.write(file, data, { position: 0 }),
   *   chain.datasync(file),
   *   chain.rename('settings.new', 'settings.json'),
   * ], { timeoutMs: 500 });
   * ```
   *
   * A part that fails keeps those after it from beginning, and so does a transfer that moves fewer bytes than
   * asked: it is fulfilled with what it did move. What was done stays done. On the node backend the calls are
   * made one by one, with the same results.
   *
   * @param build called once, at once, to add the parts; not async. It may return all parts in order, which
   * gives the results their types.
   * @returns as Promise.allSettled: for each part, in order, what became of it. A part that never began has
   * the reason ECANCELED with `failedPartIndex` and `cause`; what the time limit ended has ETIMEDOUT.
   * @throws (rejects) what is wrong with a part, before anything is done; ERR_OUT_OF_RANGE, naming the limit,
   * for linked parts that do not fit the ring together: each takes one entry of `submissionEntries`, `inFlightMax` and, in an SQ-poll group, the 8 that its thread takes at once;
   * AbortError when aborted and ERR_RINGLET_CLOSED when the ring is closed meanwhile, both with `results`
   * unless it had not begun.
   */
  chain<const Parts extends readonly ChainPart<unknown>[]>(
    build: (chain: Chain) => Parts,
    options?: ChainOptions | null,
  ): Promise<ChainResults<Parts>>;
  chain(
    build: (chain: Chain) => void,
    options?: ChainOptions | null,
  ): Promise<PromiseSettledResult<unknown>[]>;
  chain(build: (chain: Chain) => unknown, options?: ChainOptions | null): Promise<unknown> {
    return Chain.run(this.#backend.chains, build, options, this.#isClosed ? undefined : this.#waitingChains);
  }

  /**
   * Memory for reads and writes that is made once and lent: aligned for direct I/O, and known to the kernel
   * beforehand, so that it need not look it up and pin it for each operation. What reads and writes of this
   * ring's handles find in it they treat so by themselves.
   *
   * ```js
   * import { constants } from 'node:fs';
   *
   * const pool = ring.bufferPool({ count: 16, bytes: 4096 });
   * const direct = await ring.fs.open('data.bin', constants.O_RDONLY | constants.O_DIRECT);
   * const buffer = await pool.acquire();
   * const { bytesRead } = await direct.read(buffer.data, { position: 8192 });
   * console.log(bytesRead, pool.isRegistered);
   * buffer.release();
   * ```
   *
   * Made at once, which takes a millisecond for some megabytes. Without `close` the memory goes back when the
   * pool is collected or the ring closed; what is lent and dropped without `release` is missing until then.
   *
   * @param options see `BufferPoolOptions`; `count` and `bytes` have no defaults.
   * @throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE, naming the option; RangeError when there is no memory;
   * ERR_FEATURE_UNAVAILABLE_ON_PLATFORM, with the reason, when `registered` is true and the kernel refuses or
   * the backend is 'node'; ERR_RINGLET_CLOSED.
   */
  bufferPool(options: BufferPoolOptions): BufferPool {
    if (this.#isClosed) throw ringClosedError();
    return new BufferPool(OURS, this.#backend.pools, options);
  }

  /**
   * Asks every pending call of the ring to end: on files and paths, sends, sleeps, polls, chains. Each
   * rejects with ECANCELED, at once if it was still waiting for its turn and otherwise when the kernel lets
   * go of it; what the kernel cannot give up any more ends as it would have. The ring, its handles and its
   * sockets stay open, sockets go on receiving, and watches and signals go on.
   *
   * @returns how many were asked. They may end after this promise is fulfilled.
   */
  async cancelAll(): Promise<number> {
    return this.#backend.cancelAll();
  }

  /** Whether `close` has been called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Lets pending operations keep the process alive again. That is how a ring begins. */
  ref(): this {
    this.#backend.setRef(true);
    return this;
  }

  /** Lets the process exit although operations of this ring are pending. */
  unref(): this {
    this.#backend.setRef(false);
    return this;
  }

  /**
   * Ends the ring: refuses new work with ERR_RINGLET_CLOSED, cancels what is pending (that rejects
   * with the same), closes its sockets, and resolves when the kernel has let go of everything. Files
   * stay open until their own `close()`. Leased messages stay readable. Safe to call again.
   */
  close(): Promise<void> {
    this.#isClosed = true;
    openRings.delete(this.#reference);
    for (const stream of this.#signalStreams) stream.fail(ringClosedError);
    for (const end of this.#waitingChains) end();
    return this.#backend.close();
  }

  /** Closes the ring, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What `console.log` shows: how it runs, and what is under way. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { name, backend, backendReason, isClosed } = this;
    const { kind } = this.profile;
    const { inFlight, waiting, armed } = this.stats();
    const state = { name, backend, backendReason, kind, inFlight, waiting, armed, isClosed };
    return showAs('Ring', state, depth, options);
  }

  /**
   * The rings of this thread that are open, in the order in which they were made, the default one too if it has
   * been used: for a reader that watches a program. Makes none.
   */
  static all(): Ring[] {
    const rings: Ring[] = [];
    for (const reference of openRings) {
      const ring = reference.deref();
      if (ring === undefined) openRings.delete(reference);
      else rings.push(ring);
    }
    return rings;
  }

  /**
   * The ring behind `fs`, `ringlet/fs/promises` and sockets that name none, to ask it for its backend, reason and
   * statistics, or to close it at a program's end. Made at the first use, and again at the first one after `close()`.
   *
   * ```js
   * console.log(Ring.default.backend, Ring.default.backendReason, Ring.default.stats().submitted);
   * ```
   */
  static get default(): Ring {
    return theDefaultRing();
  }

  /** Every SQ-poll thread group of the process, whichever thread made it. */
  static groups(): SqPollGroup[] {
    return listSqPollGroups();
  }
}

const backends = new WeakMap<Ring, Backend>();
let defaultRing: Ring | undefined;

/** The ring behind `fs` and behind sockets that name none: made at the first call. */
function theDefaultRing(): Ring {
  if (defaultRing === undefined || defaultRing.isClosed) {
    defaultRing = new Ring({ name: 'default' });
  }
  return defaultRing;
}

/** For the other public classes: what carries a ring's operations. */
export function backendOf(ring: Ring | undefined): Backend {
  const backend = backends.get(ring ?? theDefaultRing());
  if (backend === undefined) throw invalidArgType('options.ring', 'an instance of Ring', ring);
  if (ring?.isClosed) throw ringClosedError();
  return backend;
}
