/** LatencyRecording: how long the operations of a ring take, a histogram a kind. */
import type { RecordableHistogram } from 'node:perf_hooks';
import { checkOurs, type OURS } from '../base/construction.js';

/** An hour; whatever takes longer is counted in the histogram's `exceeds`. */
const HIGHEST_NS = 3_600 * 1e9;
/** Two digits keep a histogram near 40 KiB, and its percentiles within one per cent. */
const FIGURES = 2;

/**
 * Latencies since `ring.recordLatency()`, until `stop()`.
 *
 * An operation's latency runs from the call to the moment its promise settles, so time spent waiting
 * for a place in the kernel is part of it; a failure counts as a success does. What merely waits for
 * something to happen (`timeout`, `recvmsg` of a receiving socket, `poll`) shows how long it waited.
 */
export class LatencyRecording {
  readonly #histograms = new Map<string, RecordableHistogram>();
  readonly #onStop: (recording: LatencyRecording) => void;
  #isStopped = false;

  /** @internal Recordings come from `Ring.recordLatency`. */
  constructor(key: typeof OURS, onStop: (recording: LatencyRecording) => void) {
    checkOurs(key);
    this.#onStop = onStop;
  }

  /**
   * Nanoseconds, by the kind of operation: what its error would have as `syscall`, such as 'read',
   * 'write', 'open', 'fsync' or 'send', and 'readv' and 'writev' for vectored transfers. A kind appears
   * with its first completion. Percentiles are true to one per cent; `reset()` is the reader's to call.
   */
  get histograms(): ReadonlyMap<string, RecordableHistogram> {
    return this.#histograms;
  }

  /** Whether `stop` has been called: then nothing is added any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** @internal */
  note(kind: string, milliseconds: number): void {
    if (this.#isStopped) return;
    let histogram = this.#histograms.get(kind);
    if (histogram === undefined) {
      const { createHistogram } = process.getBuiltinModule('node:perf_hooks');
      histogram = createHistogram({ lowest: 1, highest: HIGHEST_NS, figures: FIGURES });
      this.#histograms.set(kind, histogram);
    }
    histogram.record(Math.max(1, Math.round(milliseconds * 1e6)));
  }

  /** Ends the recording; what it has recorded stays. Safe to call again. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#onStop(this);
  }

  /** Stops recording, as `stop` does. */
  [Symbol.dispose](): void {
    this.stop();
  }
}
