/** `ringlet/opentelemetry`: this thread's rings as OpenTelemetry metrics, by the API package, which the program brings. */
import { type Meter, metrics, type Observable } from '@opentelemetry/api';
import { Ring } from '../ring/ring.js';
import { METRICS } from './metrics.js';

/**
 * Observes the counters of all rings of this thread: `ringlet.submitted` and so on, with the attributes
 * `ringlet.ring`, the ring's name, and `ringlet.backend`. They are read when the meter's reader collects, and cost
 * nothing in between.
 *
 * ```js
 * import { observeRings } from 'ringlet/opentelemetry';
 *
 * const stop = observeRings();
 * stop();
 * ```
 *
 * @param meter the global provider's for 'ringlet' when left out: have the provider registered before.
 * @returns ends the observation.
 */
export function observeRings(meter: Meter = metrics.getMeter('ringlet')): () => void {
  const observed = METRICS.map(({ name, kind, help: description, read }) => {
    const dotted = name.replace('ringlet_', 'ringlet.').replace(/_total$/, '');
    const instrument: Observable =
      kind === 'counter'
        ? meter.createObservableCounter(dotted, { description })
        : meter.createObservableGauge(dotted, { description });
    return { instrument, read };
  });
  const instruments = observed.map(({ instrument }) => instrument);
  const callback: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    for (const ring of Ring.all()) {
      const stats = ring.stats();
      const attributes = { 'ringlet.ring': ring.name, 'ringlet.backend': ring.backend };
      for (const { instrument, read } of observed) result.observe(instrument, read(stats), attributes);
    }
  };
  meter.addBatchObservableCallback(callback, instruments);
  return () => meter.removeBatchObservableCallback(callback, instruments);
}
