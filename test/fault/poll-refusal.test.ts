/**
 * Descriptors that a ring refuses to poll: the wait goes on with epoll, and nobody notices but `stats()`.
 *
 * Linux 6.18 refuses none, so the refusals are injected: the ring completes the request with that result.
 */
import { expect } from 'chai';
import { injectPollResults } from '#ringlet/uring/events/polls.js';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { Ring } from 'ringlet';
import { CONFIGURATIONS, frameRings } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { closeAll, drain, openPipe, openPipeEnds } from '../support/descriptors.js';
import { eventually, isPending, rejection, turns, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { expectAbort } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const { EBADF, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } = constants.errno;
const DONE = { done: true, value: undefined };

function epollCount(): number {
  return [...openDescriptors().values()].filter((target) => target.includes('[eventpoll]')).length;
}

for (const { title, options } of CONFIGURATIONS) {
  if (options.backend !== 'io_uring') continue;

  describe(`A descriptor that the ring refuses [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    before(async function () {
      await using ring = new Ring(options);
      injectPollResults(1);
      const events = await ring.poll(0, ['readable'], { signal: AbortSignal.timeout(100) }).catch(() => []);
      if (events.length === 0 || ring.stats().epollFallbacks > 0)
        skip(this, 'this kernel completes no request with a result of our choice (NOP_INJECT_RESULT)');
    });

    function expectFallbacks(ring: Ring, count: number): Promise<void> {
      return eventually(`${count} waits on epoll`, () => ring.stats().epollFallbacks === count);
    }

    for (const errno of [EINVAL, EPERM, EOPNOTSUPP]) {
      it(`Ring.poll, ${getSystemErrorName(-errno)}: epoll waits instead, for this call alone`, async () => {
        const ring = makeRing();
        const fd = openPipe(directory.fifo('fifo'));
        const before = epollCount();
        injectPollResults(-errno);
        const polling = ring.poll(fd, ['readable']);
        await expectFallbacks(ring, 1);
        expect(await isPending(polling)).to.equal(true);
        expect(epollCount()).to.equal(before + 1);
        writeSync(fd, 'x');
        expect(await within('the poll', polling)).to.deep.equal(['readable']);
        expect(await ring.poll(fd, ['readable', 'writable'])).to.deep.equal(['readable', 'writable']);
        expect([ring.stats().epollFallbacks, epollCount()]).to.deep.equal([1, before]);
        closeSync(fd);
      });

      it(`Ring.watch, ${getSystemErrorName(-errno)}: epoll watches instead, and just so`, async () => {
        const ring = makeRing();
        const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
        const before = epollCount();
        injectPollResults(-errno);
        const watch = ring.watch(reader, ['readable']);
        const first = watch.next();
        await expectFallbacks(ring, 1);
        expect(await isPending(first)).to.equal(true);
        expect(epollCount()).to.equal(before + 1);
        writeSync(writer, 'x');
        expect((await within('the first', first)).value).to.deep.equal(['readable']);
        // Edge-triggered and merged, as on the ring.
        const second = watch.next();
        expect(await isPending(second)).to.equal(true);
        writeSync(writer, 'x');
        expect((await within('the second', second)).value).to.deep.equal(['readable']);
        drain(reader);
        writeSync(writer, 'x');
        await turns(3);
        closeSync(writer);
        await turns(3);
        expect((await within('the third', watch.next())).value).to.deep.equal(['readable', 'hangup']);
        const fourth = watch.next();
        expect(await isPending(fourth)).to.equal(true);
        await watch.return?.();
        expect(await within('the fourth', fourth)).to.deep.equal(DONE);
        expect([ring.stats().epollFallbacks, epollCount()]).to.deep.equal([1, before]);
        closeSync(reader);
      });
    }

    it('Ring.watch: a refusal in the middle of a watch loses no event', async () => {
      const ring = makeRing();
      const fd = openPipe(directory.fifo('fifo'));
      // The kernel ends the multishot request with an event, and refuses when it is armed again.
      injectPollResults(1, -EINVAL);
      const watch = ring.watch(fd, ['readable']);
      expect((await within('the first', watch.next())).value).to.deep.equal(['readable']);
      writeSync(fd, 'x');
      expect((await within('the second', watch.next())).value).to.deep.equal(['readable']);
      expect(ring.stats().epollFallbacks).to.equal(1);
      await watch.return?.();
      closeSync(fd);
    });

    it('a wake-up with no event is passed over', async () => {
      const ring = makeRing();
      const fd = openPipe(directory.fifo('fifo'));
      injectPollResults(0, 0);
      const polling = ring.poll(fd, ['readable']);
      const watch = ring.watch(fd, ['readable']);
      const first = watch.next();
      expect(await isPending(Promise.race([polling, first]))).to.equal(true);
      writeSync(fd, 'x');
      expect(await within('the poll', polling)).to.deep.equal(['readable']);
      expect((await within('the watch', first)).value).to.deep.equal(['readable']);
      expect(ring.stats().epollFallbacks).to.equal(0);
      await watch.return?.();
      closeSync(fd);
    });

    it('other errors are no reason to go to epoll', async () => {
      const ring = makeRing();
      const fd = openPipe(directory.fifo('fifo'));
      for (const errno of [ENOMEM, EBADF]) {
        injectPollResults(-errno, -errno);
        const watch = ring.watch(fd, ['readable']);
        const rejections = [ring.poll(fd, ['readable']), watch.next()].map((waiting) => rejection(waiting));
        for (const error of await Promise.all(rejections)) {
          expect([error.errno, error.syscall]).to.deep.equal([-errno, 'poll']);
        }
        expect(await watch.next()).to.deep.equal(DONE);
      }
      expect(ring.stats().epollFallbacks).to.equal(0);
      closeSync(fd);
    });

    it('what epoll has nothing to wait for is always ready, as on the ring', async () => {
      const ring = makeRing();
      for (const path of [directory.file('file', ''), directory.path, '/dev/null']) {
        const fd = openSync(path, 'r');
        injectPollResults(-EINVAL, -EINVAL);
        expect(await within(path, ring.poll(fd, ['readable']))).to.deep.equal(['readable']);
        const watch = ring.watch(fd, ['writable']);
        for (let round = 0; round < 3; round += 1) {
          expect((await within(path, watch.next())).value).to.deep.equal(['writable']);
        }
        await watch.return?.();
        closeSync(fd);
      }
    });

    it('a descriptor that is closed by the time epoll gets it: EBADF', async () => {
      const ring = makeRing();
      injectPollResults(-EINVAL, -EINVAL);
      const watch = ring.watch(1_000_000, ['readable']);
      const rejections = [ring.poll(1_000_000, ['readable']), watch.next()].map((waiting) =>
        rejection(waiting),
      );
      for (const error of await Promise.all(rejections)) expect(error.code).to.equal('EBADF');
    });

    it('an event for an earlier watch never reaches a later one of the same number', async () => {
      const ring = makeRing();
      const [first, second] = [directory.fifo('first'), directory.fifo('second')];
      for (let round = 0; round < 10; round += 1) {
        const fd = openPipe(first);
        injectPollResults(-EINVAL, -EINVAL);
        const earlier = ring.watch(fd, ['readable']);
        const iteration = earlier.next();
        await expectFallbacks(ring, 2 * round + 1);
        writeSync(fd, 'x');
        const leaving = earlier.return?.();
        closeSync(fd);
        expect(openPipe(second)).to.equal(fd);
        const later = ring.watch(fd, ['readable']);
        const waiting = later.next();
        await within('the return', leaving as Promise<unknown>);
        expect(await iteration).to.deep.equal(DONE);
        expect(await isPending(waiting, 3)).to.equal(true);
        writeSync(fd, 'x');
        expect((await within('the later watch', waiting)).value).to.deep.equal(['readable']);
        await later.return?.();
        closeSync(fd);
      }
      expect(ring.stats().epollFallbacks).to.equal(20);
    });

    it('aborts and the ring’s close end what epoll carries', async () => {
      const ring = makeRing();
      const fd = openPipe(directory.fifo('fifo'));
      const before = epollCount();
      injectPollResults(-EINVAL, -EINVAL, -EINVAL, -EINVAL);
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = [
        ring.poll(fd, ['readable'], { signal }),
        ring.watch(fd, ['readable'], { signal }).next(),
      ].map((waiting) => rejection(waiting));
      const closed = [ring.poll(fd, ['readable']), ring.watch(fd, ['readable']).next()].map((waiting) =>
        rejection(waiting),
      );
      await expectFallbacks(ring, 4);
      expect(epollCount()).to.equal(before + 4);
      controller.abort('reason');
      for (const error of await Promise.all(aborted)) expectAbort(error, 'reason');
      expect(epollCount()).to.equal(before + 2);
      await within('the close', ring.close());
      for (const error of await Promise.all(closed)) expect(error.code).to.equal('ERR_RINGLET_CLOSED');
      expect(epollCount()).to.equal(before);
      closeSync(fd);
    });

    it('priority: always by epoll, because a ring does not hear of it', async () => {
      const ring = makeRing();
      const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
      const watch = ring.watch(reader, ['readable', 'priority']);
      const first = watch.next();
      expect(await isPending(first)).to.equal(true);
      writeSync(writer, 'x');
      expect((await within('the watch', first)).value).to.deep.equal(['readable']);
      expect(ring.stats().epollFallbacks).to.equal(1);
      await watch.return?.();
      closeAll(reader, writer);
    });

    it('a pending one keeps the process alive; Ring.unref lets it end', async () => {
      const source = `
        import { constants, openSync, writeSync } from 'node:fs';
        import { Ring } from 'ringlet';
        import { injectPollResults } from '#ringlet/uring/events/polls.js';
        const ring = new Ring(${JSON.stringify(options)});
        const fd = openSync(process.argv[1], constants.O_RDWR | constants.O_NONBLOCK);
        injectPollResults(-${EINVAL}, -${EINVAL});
        setTimeout(() => writeSync(fd, 'x'), 50).unref();
        const watch = ring.watch(fd, ['readable']);
        console.log((await Promise.all([ring.poll(fd, ['readable']), watch.next()])).length);
        process.on('exit', () => console.log('exit'));
        ring.unref();
        watch.next().then(() => console.log('?'));
      `;
      const outcome = await runScript(source, { args: [directory.fifo('fifo')] });
      expectCleanExit(outcome);
      expect(outcome.stdout).to.equal('2\nexit\n');
    });
  });
}

describe('The node backend without the addon', () => {
  const directory = temporaryDirectory();

  it('refuses to poll and to watch, by name; signals and timers work', async () => {
    const source = `
      import { openSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring();
      const fd = openSync(process.argv[1], 'r+');
      const show = ({ code, message }) => console.log(code, message.replace(/loaded: .*/, 'loaded'));
      await ring.poll(fd, ['readable']).catch(show);
      await ring.watch(fd, ['readable']).next().catch(show);
      const signals = ring.signals(['SIGUSR2']);
      process.kill(process.pid, 'SIGUSR2');
      console.log(ring.backend, (await signals.next()).value.signal);
      await signals.return();
      await ring.sleep(1);
    `;
    const outcome = await runScript(source, {
      args: [directory.fifo('fifo')],
      env: { RINGLET_ADDON: directory.at('missing.node') },
    });
    expectCleanExit(outcome);
    const refusal =
      'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM polling a descriptor is unavailable: the native addon could not be loaded';
    expect(outcome.stdout).to.equal(`${refusal}\n${refusal}\nnode SIGUSR2\n`);
  });
});
