/**
 * Watching a ring's operations: latencies for recordings, and a tracing channel for its subscribers.
 *
 * Both begin where an operation is submitted, behind one question (`isWanted`), and both ride on the
 * promise that is there anyway; so an operation that is not watched carries nothing for them.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import { OURS } from '../base/construction.js';
import { LatencyRecording } from './latency.js';
import type { BackendName } from './reports.js';

/** What an operation is about, as far as it knows. */
export interface OperationFacts {
  /** The name that an error of the operation has as `syscall`, such as 'read' or 'rename'. */
  kind: string;
  /** The descriptor. */
  fd?: number;
  /** The path. */
  path?: string;
  /** The other path of a call that takes two. */
  dest?: string;
  /** The IP address, or the path of a Unix socket. */
  address?: string;
  /** The port, from 0 to 65535. */
  port?: number;
  /** Bytes asked for; how many it came to is in `result`. */
  bytes?: number;
}

/**
 * What subscribers of `diagnostics_channel.tracingChannel('ringlet:operation')` receive, one object an
 * operation, at the events that Node defines for a call that returns a promise: `start` before it is
 * staged, `end` after that, then (`error`, if it failed,) `asyncStart` and `asyncEnd`.
 */
export interface OperationTrace extends OperationFacts {
  /** Which of them carries it out. */
  backend: BackendName;
  /** What the promise was fulfilled with; there from `asyncStart` on. */
  result?: unknown;
  /** What it was rejected with; there from `error` on. */
  error?: unknown;
}

const channel = tracingChannel<unknown, OperationTrace>('ringlet:operation');

export class Observation {
  readonly #backend: BackendName;
  /** Undefined rather than empty, and replaced rather than changed: running operations keep theirs. */
  #recordings: readonly LatencyRecording[] | undefined;

  constructor(backend: BackendName) {
    this.#backend = backend;
  }

  /** Whether there is a watcher. */
  get isWanted(): boolean {
    return this.#recordings !== undefined || channel.hasSubscribers;
  }

  record(): LatencyRecording {
    const recording = new LatencyRecording(OURS, (stopped) => {
      const others = this.#recordings?.filter((other) => other !== stopped) ?? [];
      this.#recordings = others.length > 0 ? others : undefined;
    });
    this.#recordings = [...(this.#recordings ?? []), recording];
    return recording;
  }

  /** Runs a call that is over when it returns, watched as if it had a promise. */
  observeCall<Result>(facts: OperationFacts, call: () => Result): Result {
    let outcome: (() => Result) | undefined;
    const submit = async (): Promise<Result> => {
      try {
        const result = call();
        outcome = () => result;
      } catch (error) {
        outcome = () => {
          throw error;
        };
      }
      return outcome();
    };
    this.observe(facts, submit).catch(() => {});
    return (outcome as unknown as () => Result)();
  }

  /** Runs `submit` watched. The promise returned settles as the operation's own does. */
  observe<Result>(facts: OperationFacts, submit: () => Promise<Result>): Promise<Result> {
    const recordings = this.#recordings;
    const startedAt = performance.now();
    const promise = channel.hasSubscribers
      ? channel.tracePromise(submit, { backend: this.#backend, ...facts })
      : submit();
    if (recordings === undefined) return promise;
    const note = (): void => {
      const milliseconds = performance.now() - startedAt;
      for (const recording of recordings) recording.note(facts.kind, milliseconds);
    };
    // One reaction, whose promise is the caller's: V8 can still tell who awaits a failure.
    return promise.then(
      (result) => {
        note();
        return result;
      },
      (error: unknown) => {
        note();
        throw error;
      },
    );
  }
}
