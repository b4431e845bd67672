/** How long single operations took. Runs in the trial's own process. */
import type { Latency } from './workload.js';

/** More than that many, and the first ones are forgotten. */
const SAMPLES_MAX = 2 ** 17;

export class LatencySamples {
  readonly #us = new Float64Array(SAMPLES_MAX);
  #count = 0;

  add(us: number): void {
    this.#us[this.#count % SAMPLES_MAX] = us;
    this.#count += 1;
  }

  /** Undefined where there were no samples. */
  percentiles(): Latency | undefined {
    const sorted = this.#us.slice(0, this.#count).sort();
    const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] as number;
    if (sorted.length === 0) return undefined;
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999) };
  }
}
