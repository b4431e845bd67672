/** ring.watch: the events of a descriptor as they happen, merged while nobody waits, until it is left. */
import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { PollEvent } from 'ringlet';
import { describeEventsOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runProgram, runScript } from '../support/child.js';
import { closeAll, doPipesTellOfMore, drain, fill, openPipe, openPipeEnds } from '../support/descriptors.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';
import { python } from '../support/python.js';

const UNUSED_FD = 1_000_000;
const DONE = { done: true, value: undefined };

describeEventsOnEachBackend('Ring.watch', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  /** The next events, within the deadline. */
  async function take(watch: AsyncIterator<PollEvent[]>): Promise<PollEvent[]> {
    const { done, value } = await within('the next iteration', watch.next());
    if (done) throw new Error('the watch has ended');
    return value;
  }

  it('yields what is so at the start, and then what happens', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    writeSync(fd, 'x');
    let rounds = 0;
    for await (const events of ring.watch(fd, ['readable'])) {
      expect(events).to.deep.equal(['readable']);
      expect(drain(fd)).to.be.at.least(1);
      rounds += 1;
      if (rounds === 20) break;
      if (rounds % 2 === 0) writeSync(fd, 'x');
      else setImmediate(() => writeSync(fd, 'x'));
    }
    closeSync(fd);
  });

  it('merges events that nobody waited for into one iteration', async () => {
    const ring = makeRing();
    const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
    const watch = ring.watch(reader, ['readable']);
    const first = watch.next();
    expect(await isPending(first)).to.equal(true);
    writeSync(writer, 'x');
    expect((await within('the first', first)).value).to.deep.equal(['readable']);
    for (let index = 0; index < 100; index += 1) {
      writeSync(writer, 'x');
      if (index % 10 === 0) await turns(1);
    }
    closeSync(writer);
    await turns(3);
    const seen: PollEvent[][] = [];
    do seen.push(await take(watch));
    while (!seen.flat().includes('hangup'));
    // Few, though an SQ thread may be late in telling of the last.
    expect(seen).to.have.length.within(1, 5);
    expect(new Set(seen.flat())).to.deep.equal(new Set(['readable', 'hangup']));
    expect(await isPending(watch.next())).to.equal(true);
    await watch.return?.();
    closeSync(reader);
  });

  it('tells of news, not of what is left over', async function () {
    const ring = makeRing();
    if (ring.backend !== 'io_uring' && !doPipesTellOfMore()) {
      skip(this, 'needs pipes that wake an edge-triggered epoll while bytes are left in them (Linux 5.14)');
    }
    const fd = openPipe(directory.fifo('fifo'));
    writeSync(fd, 'xx');
    const watch = ring.watch(fd, ['readable']);
    await take(watch);
    const second = watch.next();
    expect(await isPending(second)).to.equal(true);
    writeSync(fd, 'x');
    expect((await within('the second', second)).value).to.deep.equal(['readable']);
    await watch.return?.();
    closeSync(fd);
  });

  it('writable: each time there is room again', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    let written = 0;
    for await (const events of ring.watch(fd, ['writable'])) {
      expect(events).to.deep.equal(['writable']);
      written += fill(fd);
      if (written > 300_000) break;
      setImmediate(() => drain(fd));
    }
    closeSync(fd);
  });

  it('a process writing as fast as it can: every byte is read', async () => {
    const ring = makeRing();
    const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
    const script = `import sys\nf = open(sys.argv[1], 'wb', 0)\nfor i in range(20000): f.write(b'0123456789')\n`;
    const writing = runProgram([python(), '-c', script, directory.at('fifo')]);
    let bytes = 0;
    for await (const events of ring.watch(reader, ['readable'])) {
      if (events.includes('readable')) bytes += drain(reader);
      if (bytes >= 200_000) break;
    }
    expect(bytes).to.equal(200_000);
    expectCleanExit(await writing);
    closeAll(reader, writer);
  });

  it('watches nothing before the first next()', async () => {
    const ring = makeRing();
    const before = ring.stats().submitted;
    const watch = ring.watch(UNUSED_FD, ['readable']);
    await turns(2);
    expect(ring.stats().submitted).to.equal(before);
    expect(await watch.return?.()).to.deep.equal(DONE);
    expect(await watch.next()).to.deep.equal(DONE);
  });

  it('break lets go of the descriptor: its close is the last', async () => {
    const ring = makeRing();
    const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
    writeSync(writer, 'x');
    for await (const _events of ring.watch(reader, ['readable'])) break;
    closeSync(reader);
    // The kernel tells a writer at once when the last reader is gone, and not before.
    expect(() => writeSync(writer, 'x'))
      .to.throw()
      .with.property('code', 'EPIPE');
    closeSync(writer);
  });

  it('return() ends an iteration that is pending, and the watch', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const watch = ring.watch(fd, ['readable']);
    const pending = [watch.next(), watch.next()];
    await turns(2);
    expect(await within('the return', watch.return?.() as Promise<unknown>)).to.deep.equal(DONE);
    expect(await within('both', Promise.all([...pending, watch.next()]))).to.deep.equal([DONE, DONE, DONE]);
    closeSync(fd);
  });

  it('those who wait at once are served in turn', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const watch = ring.watch(fd, ['readable']);
    const [first, second] = [watch.next(), watch.next()];
    await turns(2);
    writeSync(fd, 'x');
    expect((await within('the first', first)).value).to.deep.equal(['readable']);
    drain(fd);
    expect(await isPending(second)).to.equal(true);
    writeSync(fd, 'x');
    expect((await within('the second', second)).value).to.deep.equal(['readable']);
    await watch.return?.();
    closeSync(fd);
  });

  it('several watches of one descriptor all hear of it, and end each by itself', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const watches = [1, 2, 3].map(() => ring.watch(fd, ['readable']));
    const firsts = watches.map((watch) => watch.next());
    await turns(2);
    writeSync(fd, 'x');
    for (const { value } of await within('all', Promise.all(firsts)))
      expect(value).to.deep.equal(['readable']);
    await watches.pop()?.return?.();
    drain(fd);
    const seconds = watches.map((watch) => watch.next());
    await turns(2);
    writeSync(fd, 'x');
    for (const { value } of await within('both', Promise.all(seconds)))
      expect(value).to.deep.equal(['readable']);
    for (const watch of watches) await watch.return?.();
    closeSync(fd);
  });

  it('an event for an earlier watch never reaches a later one of the same number', async () => {
    const ring = makeRing();
    const [first, second] = [directory.fifo('first'), directory.fifo('second')];
    for (let round = 0; round < 20; round += 1) {
      const fd = openPipe(first);
      const earlier = ring.watch(fd, ['readable']);
      const iteration = earlier.next();
      // Armed in the kernel in most rounds, only staged in the others.
      if (round % 4 > 0) await turns(1);
      // The event is there, and nobody has heard of it yet.
      writeSync(fd, 'x');
      const leaving = earlier.return?.();
      closeSync(fd);
      expect(openPipe(second)).to.equal(fd);
      const later = ring.watch(fd, ['readable']);
      const waiting = later.next();
      await within('the return', leaving as Promise<unknown>);
      expect(await iteration).to.deep.equal(DONE);
      expect(await isPending(waiting, 3), `round ${round}`).to.equal(true);
      writeSync(fd, 'x');
      expect((await within('the later watch', waiting)).value).to.deep.equal(['readable']);
      await later.return?.();
      closeSync(fd);
    }
    expect(ring.stats().staleCompletions).to.equal(0);
  });

  it('what is always ready is so at each iteration, and others get their turn', async () => {
    const ring = makeRing();
    const fd = openSync(directory.file('file', ''), 'r');
    let rounds = 0;
    let hasTimerRun = false;
    setTimeout(() => {
      hasTimerRun = true;
    }, 5);
    for await (const events of ring.watch(fd, ['readable'])) {
      expect(events).to.deep.equal(['readable']);
      rounds += 1;
      if (hasTimerRun && rounds >= 50) break;
    }
    const error = await rejection(ring.watch(fd, ['priority']).next());
    expect([error.code, error.syscall]).to.deep.equal(['EPERM', 'poll']);
    closeSync(fd);
  });

  it('a descriptor that is not open: the iteration rejects with EBADF, then it is done', async () => {
    const ring = makeRing();
    const watch = ring.watch(UNUSED_FD, ['readable']);
    const error = await rejection(watch.next());
    expect([error.code, error.syscall]).to.deep.equal(['EBADF', 'poll']);
    expect(await watch.next()).to.deep.equal(DONE);
  });

  it('an abort rejects the pending iteration, or else the next, then it is done', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const controller = new AbortController();
    const { signal } = controller;
    const [pending, idle, untouched] = [1, 2, 3].map(() =>
      ring.watch(fd, ['readable', 'writable'], { signal }),
    );
    if (!pending || !idle || !untouched) throw new Error('three watches');
    expect(await take(idle)).to.deep.equal(['writable']);
    await take(pending);
    const rejected = rejection(pending.next());
    await turns(2);
    controller.abort('reason');
    expectAbort(await rejected, 'reason');
    writeSync(fd, 'x');
    for (const watch of [idle, untouched]) expectAbort(await rejection(watch.next()), 'reason');
    for (const watch of [pending, idle, untouched]) expect(await watch.next()).to.deep.equal(DONE);
    expect(getEventListeners(signal, 'abort')).to.have.lengthOf(0);
    closeSync(fd);
  });

  it('leaves no listener on a signal that was never aborted', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const { signal } = new AbortController();
    for await (const _events of ring.watch(fd, ['writable'], { signal })) break;
    expect(getEventListeners(signal, 'abort')).to.have.lengthOf(0);
    closeSync(fd);
  });

  it('Ring.close rejects the pending iteration, or else the next', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const [pending, idle, untouched] = [1, 2, 3].map(() => ring.watch(fd, ['writable']));
    if (!pending || !idle || !untouched) throw new Error('three watches');
    await take(pending);
    await take(idle);
    const rejections = [rejection(pending.next())];
    await turns(2);
    await within('the close', ring.close());
    rejections.push(rejection(idle.next()), rejection(untouched.next()));
    for (const error of await Promise.all(rejections)) expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    expect(await pending.next()).to.deep.equal(DONE);
    closeSync(fd);
  });

  it('misuse throws Node’s errors at once', () => {
    const ring = makeRing();
    const watch = ring.watch.bind(ring) as unknown as (...parameters: unknown[]) => unknown;
    const rows: [code: string, ...parameters: unknown[]][] = [
      ['ERR_INVALID_ARG_TYPE', '0', ['readable']],
      ['ERR_OUT_OF_RANGE', -1, ['readable']],
      ['ERR_INVALID_ARG_TYPE', 0, 'readable'],
      ['ERR_INVALID_ARG_VALUE', 0, []],
      ['ERR_INVALID_ARG_VALUE', 0, ['legible']],
      ['ERR_INVALID_ARG_TYPE', 0, ['readable'], 1],
      ['ERR_INVALID_ARG_TYPE', 0, ['readable'], { signal: 1 }],
    ];
    for (const [code, ...parameters] of rows) {
      expect(() => watch(...parameters), JSON.stringify(parameters))
        .to.throw()
        .with.property('code', code);
    }
  });

  it('a pending iteration keeps the process alive; a watch between iterations does not', async () => {
    const source = `
      import { constants, openSync, writeSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      const fd = openSync(process.argv[1], constants.O_RDWR | constants.O_NONBLOCK);
      globalThis.watch = ring.watch(fd, ['readable']);
      setTimeout(() => writeSync(fd, 'x'), 50).unref();
      console.log((await watch.next()).value.join());
      process.on('exit', () => console.log('exit'));
    `;
    const outcome = await runScript(source, { args: [directory.fifo('fifo')] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('readable\nexit\n');
  });

  it('Ring.unref: a pending iteration lets the process end', async () => {
    const source = `
      import { constants, openSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)}).unref();
      const fd = openSync(process.argv[1], constants.O_RDWR | constants.O_NONBLOCK);
      process.on('exit', () => console.log('exit'));
      (async () => { for await (const events of ring.watch(fd, ['readable'])) console.log('?'); })();
    `;
    const outcome = await runScript(source, { args: [directory.fifo('fifo')] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('exit\n');
  });
});
