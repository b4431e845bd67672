/**
 * What a backend must do, as types only: the whole, and by kind in the modules that this one passes on.
 *
 * The public classes validate every argument and then speak to one of these interfaces;
 * `uring` and `node` implement them and never import each other.
 * Every rejection already has the shape of `errors.ts`.
 */

import type { PoolBackend } from './buffer-pools.js';
import type { ChainBackend } from './chain-steps.js';
import type { DatagramBackend } from './datagrams.js';
import type { FileBackend } from './files.js';
import type { Observation } from './observation.js';
import type { LoopRefs, PollBackend } from './polls.js';
import type { BackendName, RingProfile, RingStats } from './reports.js';
import type { StreamBackend } from './streams.js';
import type { TimerQueue } from './timer-queue.js';

export type * from './datagrams.js';
export * from './files.js';
export type * from './reports.js';

/** A backend in use by one `Ring`. */
export interface Backend {
  readonly name: BackendName;
  readonly files: FileBackend;
  readonly datagrams: DatagramBackend;
  readonly streams: StreamBackend;
  readonly chains: ChainBackend;
  readonly pools: PoolBackend;
  readonly timers: TimerQueue;
  readonly polls: PollBackend;
  /** For what waits without an operation. */
  readonly loopRefs: LoopRefs;
  readonly profile: RingProfile;
  /** Names of the kernel's features (IORING_FEAT_*, without the prefix); none without a ring. */
  readonly features: readonly string[];
  readonly observation: Observation;
  /** Operations that have not settled yet, waiting or in the kernel. */
  readonly pendingCount: number;
  stats(): RingStats;
  /** Asks every pending call to end; returns how many there were. What serves several calls goes on. */
  cancelAll(): number;
  /** Whether what is pending keeps the process alive. It does to begin with. */
  setRef(isRef: boolean): void;
  /** Refuses new work, cancels what is pending, and resolves when nothing is left. */
  close(): Promise<void>;
}
