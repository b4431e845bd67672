/** The clock and the processor time of a trial. Runs in the trial's own process. */
import type { Measurement } from './workload.js';

/** A stop-watch over the parts of a trial that count. */
export class Stopwatch {
  #elapsedNs = 0n;
  #cpuUs = 0;
  #startedNs = 0n;
  #cpuAtStart = process.cpuUsage();

  start(): void {
    this.#cpuAtStart = process.cpuUsage();
    this.#startedNs = process.hrtime.bigint();
  }

  stop(): void {
    this.#elapsedNs += process.hrtime.bigint() - this.#startedNs;
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    this.#cpuUs += user + system;
  }

  /** Forgets what was measured. */
  reset(): void {
    this.#elapsedNs = 0n;
    this.#cpuUs = 0;
  }

  get elapsedMs(): number {
    return Number(this.#elapsedNs) / 1e6;
  }

  measurement(operationCount: number): Measurement {
    return { operationCount, elapsedNs: Number(this.#elapsedNs), cpuUs: this.#cpuUs };
  }
}
