/** ring.sleep: never early, in the order of the deadlines, any number on few requests, cancelled at once. */
import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describeEventsOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const HOUR_MS = 3_600_000;

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

describeEventsOnEachBackend('Ring.sleep', (makeRing, { options }) => {
  const directory = temporaryDirectory();
  const isUring = options.backend === 'io_uring';

  it('resolves to nothing, and never before its time', async () => {
    const ring = makeRing();
    for (const ms of [0, 0.25, 1, 3.7, 10, 25]) {
      const startMs = nowMs();
      expect(await within(`${ms} ms`, ring.sleep(ms))).to.equal(undefined);
      expect(nowMs() - startMs).to.be.at.least(ms);
    }
  });

  it('sleepers wake in the order of their deadlines, whatever the order in which they began', async () => {
    const ring = makeRing();
    // Each deadline is known to lie between two readings of the clock.
    const woken: { earliestMs: number; latestMs: number }[] = [];
    const sleepers = Array.from({ length: 100 }, (_unused, index) => {
      const ms = ((index * 37) % 100) * 2;
      const earliestMs = nowMs() + ms;
      const sleeper = ring.sleep(ms);
      const latestMs = nowMs() + ms;
      return sleeper.then(() => woken.push({ earliestMs, latestMs }));
    });
    await Promise.all(sleepers);
    let passedMs = 0;
    for (const { earliestMs, latestMs } of woken) {
      expect(latestMs).to.be.at.least(passedMs);
      passedMs = Math.max(passedMs, earliestMs);
    }
  });

  it('of 5000 at once none wakes early and none is forgotten', async () => {
    const ring = makeRing();
    const bytes = pattern(5000);
    const sleepers = [...bytes].map(async (byte) => {
      const ms = byte / 4;
      const startMs = nowMs();
      await ring.sleep(ms);
      return nowMs() - startMs - ms;
    });
    const lateMs = await within('5000 sleepers', Promise.all(sleepers));
    expect(Math.min(...lateMs)).to.be.at.least(0);
    // Far fewer requests than sleepers: one serves all that are due when it ends.
    if (isUring) expect(ring.stats().timerRequests).to.be.within(1, 2500);
  });

  if (isUring) {
    it('1000 later deadlines cause no request to the kernel', async () => {
      const ring = makeRing();
      const { signal } = new AbortController();
      const rejections = [rejection(ring.sleep(HOUR_MS, { signal }))];
      await turns(3);
      const before = ring.stats();
      expect(before.timerRequests).to.equal(1);
      for (let index = 1; index <= 1000; index += 1) rejections.push(rejection(ring.sleep(HOUR_MS + index)));
      await turns(3);
      const after = ring.stats();
      expect([after.timerRequests, after.submitted]).to.deep.equal([1, before.submitted]);
      await ring.close();
      const codes = (await Promise.all(rejections)).map(({ code }) => code);
      expect(new Set(codes)).to.deep.equal(new Set(['ERR_RINGLET_CLOSED']));
    });

    it('1000 deadlines, each earlier than the one before, cause three requests', async () => {
      const ring = makeRing();
      for (let index = 1000; index > 0; index -= 1) ring.sleep(HOUR_MS + index).catch(() => {});
      const earliest = ring.sleep(20);
      const startMs = nowMs();
      await within('the earliest', earliest);
      expect(nowMs() - startMs).to.be.at.least(19);
      // One to arm, one to move it at once, one to move it to the last; a fourth after the earliest is over.
      expect(ring.stats().timerRequests).to.be.within(3, 4);
    });
  }

  it('an earlier deadline wakes first, and the later one still wakes', async () => {
    const ring = makeRing();
    const startMs = nowMs();
    const late = ring.sleep(60);
    await turns(3);
    await within('the earlier', ring.sleep(5));
    await within('the later', late);
    expect(nowMs() - startMs).to.be.at.least(60);
  });

  it('an abort rejects that sleeper alone, at once, and leaves no listener', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const others = [ring.sleep(30), ring.sleep(40)];
    const rejections = [20, HOUR_MS, 2 * HOUR_MS].map((ms) =>
      rejection(ring.sleep(ms, { signal: controller.signal })),
    );
    expect(getEventListeners(controller.signal, 'abort')).to.have.lengthOf(1);
    controller.abort('reason');
    for (const error of await Promise.all(rejections)) expectAbort(error, 'reason');
    await within('the others', Promise.all(others));
    expect(getEventListeners(controller.signal, 'abort')).to.have.lengthOf(0);
    expectAbort(await rejection(ring.sleep(1, { signal: controller.signal })), 'reason');
  });

  it('leaves no listener on a signal that was never aborted', async () => {
    const ring = makeRing();
    const { signal } = new AbortController();
    await Promise.all([ring.sleep(1, { signal }), ring.sleep(2, { signal })]);
    expect(getEventListeners(signal, 'abort')).to.have.lengthOf(0);
  });

  it('Ring.close rejects every sleeper, and whoever comes after', async () => {
    const ring = makeRing();
    const rejections = [105, 600, HOUR_MS].map((ms) => rejection(ring.sleep(ms)));
    await turns(2);
    await within('the close', ring.close());
    for (const error of await Promise.all([...rejections, rejection(ring.sleep(1))])) {
      expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    }
  });

  it('does not wait for a place within inFlightMax, nor take one', async () => {
    const ring = makeRing({ inFlightMax: 1 });
    const writer = openSync(directory.fifo('fifo'), 'r+');
    const handle = await ring.fs.open(directory.at('fifo'), 'r+');
    const long = ring.sleep(HOUR_MS).catch(() => {});
    expect((await within('a call beside a sleeper', ring.fs.stat('/'))).isDirectory()).to.equal(true);
    const reading = handle.read(Buffer.alloc(1));
    await within('a sleeper beside a blocked call', ring.sleep(5));
    expect(await isPending(reading)).to.equal(true);
    writeSync(writer, 'x');
    await within('the read', reading);
    expect(ring.stats().inFlightPeak).to.equal(1);
    closeSync(writer);
    await handle.close();
    await ring.close();
    await long;
  });

  it('misuse rejects with Node’s errors', async () => {
    const ring = makeRing();
    const sleep = ring.sleep.bind(ring) as (...parameters: unknown[]) => Promise<void>;
    const rows: [code: string, ...parameters: unknown[]][] = [
      ['ERR_INVALID_ARG_TYPE', '1'],
      ['ERR_INVALID_ARG_TYPE', undefined],
      ['ERR_INVALID_ARG_TYPE', 1n],
      ['ERR_OUT_OF_RANGE', -1],
      ['ERR_OUT_OF_RANGE', Number.NaN],
      ['ERR_OUT_OF_RANGE', Number.POSITIVE_INFINITY],
      ['ERR_OUT_OF_RANGE', 2 ** 41 + 1],
      ['ERR_INVALID_ARG_TYPE', 1, null],
      ['ERR_INVALID_ARG_TYPE', 1, { signal: {} }],
    ];
    for (const [code, ...parameters] of rows) {
      expect((await rejection(sleep(...parameters))).code, String(parameters[0])).to.equal(code);
    }
  });

  it('a sleeper keeps the process alive; Ring.unref lets it end', async () => {
    const source = `
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      await ring.sleep(50);
      console.log('woken');
      process.on('exit', () => console.log('exit'));
      ring.unref();
      ring.sleep(${HOUR_MS}).then(() => console.log('?'));
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('woken\nexit\n');
  });

  it('aborted sleepers do not keep the process alive', async () => {
    const source = `
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      const controller = new AbortController();
      const sleepers = [1, 2, 3].map((n) => ring.sleep(n * ${HOUR_MS}, { signal: controller.signal }));
      await ring.sleep(5);
      controller.abort();
      const outcomes = await Promise.allSettled(sleepers);
      console.log(outcomes.map(({ status }) => status).join());
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('rejected,rejected,rejected\n');
  });
});
