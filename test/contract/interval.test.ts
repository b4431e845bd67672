/** ring.interval: a beat that does not drift, counts what was missed, and ends when told to. */
import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { describeEventsOnEachBackend } from '../support/backends.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';

const HOUR_MS = 3_600_000;

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Holds up the event loop. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describeEventsOnEachBackend('Ring.interval', (makeRing) => {
  it('no beat comes before its time, counted from the first', async () => {
    const ring = makeRing();
    const startMs = nowMs();
    let beats = 0;
    for await (const count of ring.interval(4)) {
      expect(count).to.be.at.least(1);
      beats += count;
      expect(nowMs() - startMs).to.be.at.least(beats * 4);
      if (beats >= 10) break;
    }
  });

  it('beats that nobody waited for are counted and reported as one', async () => {
    const ring = makeRing();
    const interval = ring.interval(3);
    block(31);
    const first = await within('the first beat', interval.next());
    expect(first.value).to.be.at.least(10);
    const startMs = nowMs();
    const second = await within('the second beat', interval.next());
    expect(second.value).to.be.within(1, 1 + Math.ceil((nowMs() - startMs) / 3));
    await interval.return?.();
  });

  it('two who wait for the same beat do not both get it', async () => {
    const ring = makeRing();
    const startMs = nowMs();
    const interval = ring.interval(5);
    const steps = await within('both', Promise.all([interval.next(), interval.next()]));
    const beats = steps.reduce((sum, { value }) => sum + Number(value), 0);
    expect(nowMs() - startMs).to.be.at.least(5 * beats);
    expect(beats).to.be.at.least(2);
    await interval.return?.();
  });

  it('return() ends an iteration that is pending, and the iterator', async () => {
    const ring = makeRing();
    const interval = ring.interval(HOUR_MS);
    const pending = interval.next();
    expect(await isPending(pending)).to.equal(true);
    await interval.return?.();
    for (const step of [pending, interval.next()]) {
      expect(await within('the step', step)).to.deep.equal({ done: true, value: undefined });
    }
  });

  it('an abort rejects the pending iteration, then it is done; no listener stays', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const interval = ring.interval(HOUR_MS, { signal: controller.signal });
    const pending = interval.next();
    await turns(2);
    controller.abort('reason');
    expectAbort(await rejection(pending), 'reason');
    expect(await interval.next()).to.deep.equal({ done: true, value: undefined });
    expect(getEventListeners(controller.signal, 'abort')).to.have.lengthOf(0);
  });

  it('an abort between iterations rejects the next one, even when a beat is due', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const interval = ring.interval(1, { signal: controller.signal });
    block(5);
    controller.abort('reason');
    expectAbort(await rejection(interval.next()), 'reason');
  });

  it('Ring.close rejects the pending iteration', async () => {
    const ring = makeRing();
    const rejected = rejection(ring.interval(HOUR_MS).next());
    await turns(2);
    await within('the close', ring.close());
    expect((await rejected).code).to.equal('ERR_RINGLET_CLOSED');
    expect((await rejection(ring.interval(1).next())).code).to.equal('ERR_RINGLET_CLOSED');
  });

  it('misuse throws Node’s errors at once', () => {
    const ring = makeRing();
    const interval = ring.interval.bind(ring) as (...parameters: unknown[]) => unknown;
    const rows: [code: string, ...parameters: unknown[]][] = [
      ['ERR_INVALID_ARG_TYPE', '1'],
      ['ERR_OUT_OF_RANGE', 0],
      ['ERR_OUT_OF_RANGE', 0.5],
      ['ERR_OUT_OF_RANGE', Number.NaN],
      ['ERR_INVALID_ARG_TYPE', 1, { signal: 1 }],
    ];
    for (const [code, ...parameters] of rows) {
      expect(() => interval(...parameters))
        .to.throw()
        .with.property('code', code);
    }
  });
});
