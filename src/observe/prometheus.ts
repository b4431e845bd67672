/** `ringlet/prometheus`: this thread's rings in a registry of prom-client, which the program brings. */
import { Counter, register as defaultRegistry, Gauge, type Registry } from 'prom-client';
import type { RingStats } from '../contract/reports.js';
import { Ring } from '../ring/ring.js';
import { METRICS } from './metrics.js';

/**
 * Adds the counters of all rings of this thread to a registry: `ringlet_submitted_total` and so on, with the labels
 * `ring`, the ring's name, and `backend`. They are read when the registry is, and cost nothing in between. Rings of
 * one name are added up; what a ring had counted is gone when it closes.
 *
 * ```js
 * import { observeRings } from 'ringlet/prometheus';
 * import { register } from 'prom-client';
 *
 * const stop = observeRings();
 * console.log(await register.metrics());
 * stop();
 * ```
 *
 * @param registry prom-client's own one for the process when left out. It can have the metrics once.
 * @returns takes the metrics out of the registry again.
 */
export function observeRings(registry: Registry = defaultRegistry): () => void {
  // All metrics of a registry are read in one go: a ring is asked for its numbers once.
  let looked: [labels: { ring: string; backend: string }, stats: RingStats][] | undefined;
  const look = (): NonNullable<typeof looked> => {
    if (looked === undefined) {
      looked = Ring.all().map((ring) => [{ ring: ring.name, backend: ring.backend }, ring.stats()]);
      queueMicrotask(() => {
        looked = undefined;
      });
    }
    return looked;
  };
  for (const { name, kind, help, read } of METRICS) {
    const Metric = kind === 'counter' ? Counter : Gauge;
    new Metric({
      name,
      help,
      labelNames: ['ring', 'backend'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, stats] of look()) this.inc(labels, read(stats));
      },
    });
  }
  return () => {
    for (const { name } of METRICS) registry.removeSingleMetric(name);
  };
}
