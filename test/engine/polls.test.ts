/** What a poll leaves in the kernel, and which completions reach it. */

import { closeSync, readFileSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import type { Ring } from 'ringlet';
import type { WatchListener } from '#ringlet/contract/polls.js';
import type { NativeRing } from '#ringlet/native/binding.js';
import { EpollPolls } from '#ringlet/native/epoll-polls.js';
import { CONTROL_COMPLETIONS, CQE_MORE } from '#ringlet/native/layout.js';
import { Dispatcher } from '#ringlet/uring/engine/dispatcher.js';
import { UringPolls } from '#ringlet/uring/events/polls.js';
import { trialsOf } from '#ringlet/uring/trials.js';
import { CONFIGURATIONS, frameRings } from '../support/backends.js';
import { startWorker } from '../support/child.js';
import { openPipe } from '../support/descriptors.js';
import { eventually, rejection, turns, within } from '../support/eventually.js';
import { expectNoLeftovers, ringDescriptors, takeBaseline } from '../support/leftovers.js';
import { temporaryDirectory } from '../support/temporary.js';

const POLL_ADD = 6;

/** Polls that are armed in the process's rings, by the kernel's own list. */
function armedPolls(): number {
  return ringDescriptors()
    .map((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))
    .reduce((count, text) => count + [...text.matchAll(new RegExp(`^\\s+op=${POLL_ADD},`, 'gm'))].length, 0);
}

for (const { title, options } of CONFIGURATIONS) {
  if (options.backend !== 'io_uring') continue;

  describe(`Polls in the kernel [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    async function expectArmed(count: number): Promise<void> {
      await eventually(`${count} polls in the kernel`, () => armedPolls() === count);
    }

    /** The ring, after something that shows that its kernel works off what it is given. */
    async function settled(ring: Ring): Promise<Ring> {
      await ring.fs.stat('/');
      return ring;
    }

    it('a watch is one request, however many events it yields', async () => {
      const ring = await settled(makeRing());
      const fd = openPipe(directory.fifo('fifo'));
      const watch = ring.watch(fd, ['readable']);
      const { submitted } = ring.stats();
      for (let round = 0; round < 50; round += 1) {
        const next = watch.next();
        await turns(1);
        writeSync(fd, 'x');
        await within('the event', next);
      }
      expect(ring.stats().submitted - submitted).to.equal(1);
      await expectArmed(1);
      await watch.return?.();
      expect(armedPolls()).to.equal(0);
      closeSync(fd);
    });

    it('an abort and a break leave no request', async () => {
      const ring = await settled(makeRing());
      const fd = openPipe(directory.fifo('fifo'));
      const controller = new AbortController();
      const rejected = rejection(ring.poll(fd, ['readable'], { signal: controller.signal }));
      const watch = ring.watch(fd, ['readable']);
      const pending = watch.next();
      await expectArmed(2);
      controller.abort();
      await rejected;
      await expectArmed(1);
      await watch.return?.();
      expect(armedPolls()).to.equal(0);
      await pending;
      expect(ring.stats().inFlight).to.equal(0);
      closeSync(fd);
    });

    it('worker.terminate with polls and watches pending, on the ring and on epoll: nothing is left', async () => {
      const fifo = directory.fifo('fifo');
      const body = `
        const { constants, openSync, closeSync } = require('node:fs');
        const { injectPollResults } = await import(workerData.polls);
        globalThis.kept = [];
        const keep = (promise) => { promise.catch(() => {}); kept.push(promise); };
        const fd = openSync(workerData.fifo, constants.O_RDWR | constants.O_NONBLOCK);
        for (const options of [workerData.options, { backend: 'node' }]) {
          const ring = new ringlet.Ring(options);
          kept.push(ring);
          if (options.backend === 'io_uring') injectPollResults(...Array(6).fill(-22));
          for (let index = 0; index < 6; index += 1) {
            keep(ring.poll(fd, ['readable']));
            const watch = ring.watch(fd, ['readable']);
            kept.push(watch);
            keep(watch.next());
          }
          keep(ring.sleep(3_600_000));
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
        closeSync(fd);
        parentPort.postMessage('ready');
        await receive();
      `;
      const polls = import.meta.resolve('#ringlet/uring/events/polls.js');
      const baseline = takeBaseline();
      const worker = startWorker(body, { options, fifo, polls });
      expect(await worker.next()).to.equal('ready');
      await worker.terminate();
      await expectNoLeftovers(baseline);
    });
  });
}

describe('Dispatcher: generations', () => {
  /** A ring of which the test is the kernel. */
  class FakeRing {
    #completions: Int32Array = new Int32Array(0);
    #control: Uint32Array = new Uint32Array(0);
    #settle: () => void = () => {};

    start(control: Uint32Array, _staged: Uint32Array, completions: Int32Array, settle: () => void): boolean {
      this.#control = control;
      this.#completions = completions;
      this.#settle = settle;
      return true;
    }

    refLoop(): void {}

    submit(): void {}

    complete(slot: number, generation: number, result: number, flags: number): void {
      this.#completions.set([slot, generation, result, flags]);
      this.#control[CONTROL_COMPLETIONS] = 1;
      this.#settle();
    }
  }

  it('a completion that carries an earlier watch’s generation is counted and dropped', async () => {
    const kernel = new FakeRing();
    const trials = trialsOf('io_uring');
    const limits = { trials, inFlightMax: 1, submitBatchMax: 4, drainBatchMax: 4 };
    const dispatcher = new Dispatcher(kernel as unknown as NativeRing, limits, 8, undefined);
    dispatcher.start();
    const polls = new UringPolls(dispatcher, new EpollPolls(dispatcher));
    const heard: string[] = [];
    const listener = (name: string): WatchListener => ({
      onEvents: (events) => heard.push(`${name}: ${events}`),
      onFailed: (create) => heard.push(`${name}: ${create().message}`),
    });
    // The same descriptor number, and with one place in the ring the same slot.
    const earlier = polls.watch(7, 1, listener('earlier'));
    earlier.arm();
    kernel.complete(0, 0, 1, CQE_MORE);
    const closing = earlier.close();
    kernel.complete(0, 0, -125, 0);
    await within('the close', closing);
    const later = polls.watch(7, 1, listener('later'));
    later.arm();
    kernel.complete(0, 0, 1, CQE_MORE);
    kernel.complete(0, 0, -9, 0);
    expect([heard, dispatcher.completions.staleCount]).to.deep.equal([['earlier: 1'], 2]);
    kernel.complete(0, 1, 4, CQE_MORE);
    expect(heard).to.deep.equal(['earlier: 1', 'later: 4']);
  });
});
