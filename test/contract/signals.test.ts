/** ring.signals: counted, merged, for every iterator; and afterwards all is as it was before. */
import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { SignalArrival } from 'ringlet';
import { describeEventsOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript, startWorker } from '../support/child.js';
import { eventually, isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';

const DONE = { done: true, value: undefined };

function send(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
}

/** What the process does with a signal, by the kernel's account (proc_pid_status(5)). */
function actionOf(signal: NodeJS.Signals): 'caught' | 'ignored' | 'default' {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  const isIn = (field: string): boolean =>
    (BigInt(`0x${new RegExp(`^${field}:\\s*(\\w+)`, 'm').exec(status)?.[1] ?? '0'}`) & bit) !== 0n;
  if (isIn('SigIgn')) return 'ignored';
  return isIn('SigCgt') ? 'caught' : 'default';
}

/** Sends the signal and waits until Node has dispatched it. */
async function sendAndWait(signal: NodeJS.Signals, count = 1): Promise<void> {
  let seen = 0;
  const listener = (): void => {
    seen += 1;
  };
  process.on(signal, listener);
  for (let sent = 1; sent <= count; sent += 1) {
    send(signal);
    // The kernel merges signals that are pending, so one at a time.
    await eventually(`${signal} dispatched`, () => seen === sent);
  }
  process.off(signal, listener);
}

describeEventsOnEachBackend('Ring.signals', (makeRing, { options }) => {
  it('yields each signal that comes, with how often', async () => {
    const ring = makeRing();
    const signals = ring.signals(['SIGUSR2', 'SIGHUP']);
    const first = signals.next();
    expect(await isPending(first)).to.equal(true);
    send('SIGUSR2');
    expect(await within('the first', first)).to.deep.equal({
      done: false,
      value: { signal: 'SIGUSR2', count: 1 },
    });
    await sendAndWait('SIGHUP', 3);
    await sendAndWait('SIGUSR2', 2);
    await sendAndWait('SIGHUP', 1);
    const seen: SignalArrival[] = [];
    for await (const arrival of signals) {
      seen.push(arrival);
      if (seen.length === 2) break;
    }
    expect(seen).to.deep.equal([
      { signal: 'SIGHUP', count: 4 },
      { signal: 'SIGUSR2', count: 2 },
    ]);
  });

  it('listens from the call on, and not only from the first iteration', async () => {
    const ring = makeRing();
    const signals = ring.signals(['SIGUSR2']);
    await sendAndWait('SIGUSR2', 2);
    expect((await within('the arrival', signals.next())).value).to.deep.equal({
      signal: 'SIGUSR2',
      count: 2,
    });
    await signals.return?.();
  });

  it('every iterator gets each signal, and so do the process’s own listeners', async () => {
    const ring = makeRing();
    const streams = Array.from({ length: 20 }, () => ring.signals(['SIGUSR2']));
    expect(process.listenerCount('SIGUSR2')).to.equal(1);
    await sendAndWait('SIGUSR2', 2);
    for (const stream of streams) {
      expect((await within('the arrival', stream.next())).value).to.deep.equal({
        signal: 'SIGUSR2',
        count: 2,
      });
    }
    for (const stream of streams) await stream.return?.();
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
  });

  it('a name given twice counts once', async () => {
    const ring = makeRing();
    const signals = ring.signals(['SIGUSR2', 'SIGUSR2']);
    await sendAndWait('SIGUSR2');
    expect((await signals.next()).value).to.deep.equal({ signal: 'SIGUSR2', count: 1 });
    await signals.return?.();
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
  });

  it('with the last iterator each signal does again what it did before', async () => {
    const ring = makeRing();
    const names = ['SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGTERM'] as const;
    const before = names.map(actionOf);
    // Node's own: its debugger, and no death by a broken pipe.
    expect([before[0], before[2]]).to.deep.equal(['caught', 'ignored']);
    for (let round = 0; round < 2; round += 1) {
      const [first, second] = [ring.signals(names), ring.signals(names)];
      expect(names.map(actionOf)).to.deep.equal(names.map(() => 'caught'));
      await first.return?.();
      expect(names.map(actionOf)).to.deep.equal(names.map(() => 'caught'));
      await second.return?.();
      expect(names.map(actionOf)).to.deep.equal(before);
    }
  });

  it('somebody else’s listener stays in charge', async () => {
    const ring = makeRing();
    let count = 0;
    const listener = (): void => {
      count += 1;
    };
    const earlier = ring.signals(['SIGUSR2']);
    process.on('SIGUSR2', listener);
    await earlier.return?.();
    send('SIGUSR2');
    await eventually('the listener is told', () => count === 1);
    const later = ring.signals(['SIGUSR2']);
    await later.return?.();
    send('SIGUSR2');
    await eventually('the listener is told again', () => count === 2);
    process.off('SIGUSR2', listener);
    expect(actionOf('SIGUSR2')).to.equal('default');
  });

  it('return() ends an iteration that is pending, and the iterator', async () => {
    const ring = makeRing();
    const signals = ring.signals(['SIGUSR2']);
    const pending = [signals.next(), signals.next()];
    await turns(2);
    expect(await signals.return?.()).to.deep.equal(DONE);
    expect(await within('all', Promise.all([...pending, signals.next()]))).to.deep.equal([DONE, DONE, DONE]);
  });

  it('an abort rejects the pending iteration, or else the next, then it is done; nothing is left', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const { signal } = controller;
    const [pending, idle] = [ring.signals(['SIGUSR2'], { signal }), ring.signals(['SIGUSR2'], { signal })];
    const rejected = rejection(pending.next());
    await turns(2);
    controller.abort('reason');
    expectAbort(await rejected, 'reason');
    expectAbort(await rejection(idle.next()), 'reason');
    expectAbort(await rejection(ring.signals(['SIGUSR2'], { signal }).next()), 'reason');
    for (const stream of [pending, idle]) expect(await stream.next()).to.deep.equal(DONE);
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
    expect(getEventListeners(signal, 'abort')).to.have.lengthOf(0);
  });

  it('Ring.close rejects the pending iteration, or else the next, and lets go of the signals', async () => {
    const ring = makeRing();
    const [pending, idle] = [ring.signals(['SIGUSR2']), ring.signals(['SIGUSR2'])];
    const rejected = rejection(pending.next());
    await turns(2);
    await within('the close', ring.close());
    for (const error of [await rejected, await rejection(idle.next())]) {
      expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    }
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
    expect(() => ring.signals(['SIGUSR2']))
      .to.throw()
      .with.property('code', 'ERR_RINGLET_CLOSED');
  });

  it('misuse throws Node’s errors at once, and listens to nothing', () => {
    const ring = makeRing();
    const signals = ring.signals.bind(ring) as unknown as (...parameters: unknown[]) => unknown;
    const rows: [code: string, ...parameters: unknown[]][] = [
      ['ERR_UNKNOWN_SIGNAL', ['SIGUSR2', 'SIGFOO']],
      ['ERR_UNKNOWN_SIGNAL', ['sigusr2']],
      ['ERR_UNKNOWN_SIGNAL', ['toString']],
      ['EINVAL', ['SIGUSR2', 'SIGKILL']],
      ['EINVAL', ['SIGSTOP']],
      ['ERR_INVALID_ARG_TYPE', 'SIGUSR2'],
      ['ERR_INVALID_ARG_TYPE', [12]],
      ['ERR_INVALID_ARG_VALUE', []],
      ['ERR_INVALID_ARG_TYPE', ['SIGUSR2'], 1],
      ['ERR_INVALID_ARG_TYPE', ['SIGUSR2'], { signal: 'SIGHUP' }],
    ];
    for (const [code, ...parameters] of rows) {
      expect(() => signals(...parameters), JSON.stringify(parameters))
        .to.throw()
        .with.property('code', code);
    }
    expect(() => signals(['SIGFOO'])).to.throw(TypeError, /^Unknown signal: SIGFOO$/);
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
  });

  it('in a worker: an error that says so', async () => {
    const body = `
      const ring = new ringlet.Ring(workerData);
      try {
        ring.signals(['SIGUSR2']);
      } catch ({ name, code, message }) {
        parentPort.postMessage([name, code, message]);
      }
      await ring.close();
    `;
    const worker = startWorker(body, options);
    expect(await worker.next()).to.deep.equal([
      'TypeError',
      'ERR_WORKER_UNSUPPORTED_OPERATION',
      'ring.signals() is not supported in workers',
    ]);
    await worker.ended;
  });

  it('a pending iteration keeps the process alive; Ring.unref, and leaving it, let it end', async () => {
    const source = `
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50).unref();
      for await (const { signal, count } of ring.signals(['SIGTERM'])) {
        console.log(signal, count);
        break;
      }
      process.on('exit', () => console.log('exit'));
      globalThis.kept = ring.signals(['SIGHUP']);
      ring.unref();
      ring.signals(['SIGHUP']).next().then(() => console.log('?'));
    `;
    const outcome = await runScript(source);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('SIGTERM 1\nexit\n');
  });

  it('after the last iterator a signal ends the process again', async () => {
    const source = `
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      const signals = ring.signals(['SIGTERM']);
      process.kill(process.pid, 'SIGTERM');
      console.log((await signals.next()).value.signal);
      await signals.return();
      process.kill(process.pid, 'SIGTERM');
      setInterval(() => {}, 1000);
    `;
    const outcome = await runScript(source);
    expect([outcome.stdout, outcome.signal]).to.deep.equal(['SIGTERM\n', 'SIGTERM']);
  });
});
