/** What monitoring systems see of rings, through the packages that programs bring for them. */
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { Ring } from 'ringlet';
import { observeRings as observeByOpenTelemetry } from 'ringlet/opentelemetry';
import { observeRings as observeByPrometheus } from 'ringlet/prometheus';
import { describeOnEachBackend } from '../support/backends.js';
import { PACKAGE_ROOT } from '../support/child.js';

/** Collects when it is asked to. */
class Reader extends MetricReader {
  override selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

describeOnEachBackend('ringlet/prometheus', (makeRing) => {
  it('each number of a ring, with its name and backend, as it is when the registry is read', async () => {
    const registry = new Registry();
    const stop = observeByPrometheus(registry);
    const ring = makeRing({ name: 'seen' });
    await Promise.all([ring.fs.mkdir('/').catch(() => {}), ring.sleep(1)]);
    const { submitted } = ring.stats();
    const text = await registry.metrics();
    expect(text).to.include('# TYPE ringlet_submitted_total counter');
    expect(text).to.include('# TYPE ringlet_in_flight gauge');
    expect(text).to.include(`ringlet_submitted_total{ring="seen",backend="${ring.backend}"} ${submitted}\n`);
    await new Ring({ name: 'closed', backend: 'node' }).close();
    expect(await registry.metrics()).to.not.include('closed');
    stop();
    expect(await registry.metrics()).to.equal('\n');
  });

  it('rings of one name are added up', async () => {
    const registry = new Registry();
    observeByPrometheus(registry);
    const [one, other] = [makeRing({ name: 'twin' }), makeRing({ name: 'twin' })];
    await Promise.all([one.fs.mkdir('/').catch(() => {}), other.fs.mkdir('/').catch(() => {})]);
    const sum = one.stats().submitted + other.stats().submitted;
    expect(await registry.metrics()).to.include(
      `ringlet_submitted_total{ring="twin",backend="${one.backend}"} ${sum}\n`,
    );
  });
});

describe('The page on observability', () => {
  it('has every field of the statistics', async () => {
    await using ring = new Ring({ backend: 'node' });
    const page = readFileSync(join(PACKAGE_ROOT, 'docs/observability.md'), 'utf8');
    const fields = [...page.matchAll(/^\| `(\w+)` \| (?:counter|gauge)/gm)].map(([, name]) => name);
    expect(fields).to.have.members(Object.keys(ring.stats()));
  });
});

describe('ringlet/opentelemetry', () => {
  it('each number of a ring, with its name and backend, as it is when the reader collects', async () => {
    const reader = new Reader();
    const provider = new MeterProvider({ readers: [reader] });
    const stop = observeByOpenTelemetry(provider.getMeter('test'));
    await using ring = new Ring({ name: 'seen' });
    await ring.fs.mkdir('/').catch(() => {});
    const submitted = async () => {
      const { resourceMetrics } = await reader.collect();
      const metric = resourceMetrics.scopeMetrics
        .flatMap(({ metrics }) => metrics)
        .find(({ descriptor }) => descriptor.name === 'ringlet.submitted');
      return metric?.dataPoints.find(({ attributes }) => attributes['ringlet.ring'] === 'seen');
    };
    const point = await submitted();
    expect(point?.attributes).to.deep.equal({ 'ringlet.ring': 'seen', 'ringlet.backend': ring.backend });
    const counted = ring.stats().submitted;
    expect(point?.value).to.equal(counted);
    stop();
    await ring.fs.mkdir('/').catch(() => {});
    expect((await submitted())?.value ?? counted).to.equal(counted);
    await provider.shutdown();
  });
});
