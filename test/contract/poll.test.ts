/** ring.poll: one wait for a descriptor, with all that is so then; and what it says when there is none. */
import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describeEventsOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import {
  closeAll,
  descriptorNamed,
  drain,
  fdOf,
  fill,
  listen,
  openPipe,
  openPipeEnds,
  socketPair,
} from '../support/descriptors.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';
import { python } from '../support/python.js';

const UNUSED_FD = 1_000_000;

describeEventsOnEachBackend('Ring.poll', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  it('readable: waits for the first byte', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const polling = ring.poll(fd, ['readable']);
    expect(await isPending(polling)).to.equal(true);
    writeSync(fd, 'x');
    expect(await within('the poll', polling)).to.deep.equal(['readable']);
    expect(await ring.poll(fd, ['writable', 'readable', 'priority'])).to.deep.equal(['readable', 'writable']);
    closeSync(fd);
  });

  it('writable: waits until there is room', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    expect(await ring.poll(fd, ['writable'])).to.deep.equal(['writable']);
    fill(fd);
    const polling = ring.poll(fd, ['writable']);
    expect(await isPending(polling)).to.equal(true);
    drain(fd);
    expect(await within('the poll', polling)).to.deep.equal(['writable']);
    closeSync(fd);
  });

  it('hangup and error are reported to whoever asks for something else, and alone', async () => {
    const ring = makeRing();
    const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
    const polls = [ring.poll(reader, ['readable']), ring.poll(reader, ['hangup'])];
    expect(await isPending(Promise.race(polls))).to.equal(true);
    closeSync(writer);
    expect(await within('the polls', Promise.all(polls))).to.deep.equal([['hangup'], ['hangup']]);
    closeSync(reader);

    const ends = openPipeEnds(directory.at('fifo'));
    closeSync(ends.reader);
    expect(await within('the poll', ring.poll(ends.writer, ['readable']))).to.deep.equal(['error']);
    closeSync(ends.writer);
  });

  it('peerClosed: the other side of a TCP connection has ended its half', async () => {
    const ring = makeRing();
    const { near, far } = await socketPair();
    const polling = ring.poll(fdOf(near), ['peerClosed']);
    expect(await isPending(polling)).to.equal(true);
    far.end();
    expect(await within('the poll', polling)).to.deep.equal(['peerClosed']);
    expect(await ring.poll(fdOf(near), ['readable', 'peerClosed'])).to.deep.equal(['readable', 'peerClosed']);
    near.destroy();
    await once(near, 'close');
  });

  it('priority: an urgent byte of TCP', async () => {
    const ring = makeRing();
    await using listening = await listen();
    const accepted = once(listening.server, 'connection') as Promise<[Socket]>;
    const script =
      'import socket, sys\n' +
      `s = socket.create_connection(('127.0.0.1', ${listening.port}))\n` +
      'sys.stdin.readline()\n' +
      "s.send(b'!', socket.MSG_OOB)\n" +
      'sys.stdin.readline()\n';
    const sender = spawn(python(), ['-c', script], { stdio: ['pipe', 'ignore', 'inherit'] });
    const [far] = await within('the connection', accepted);
    const polling = ring.poll(fdOf(far), ['priority']);
    expect(await isPending(polling)).to.equal(true);
    sender.stdin.write('now\n');
    expect(await within('the poll', polling)).to.deep.equal(['priority']);
    far.destroy();
    sender.stdin.end('end\n');
    await once(sender, 'exit');
  });

  it('an eventfd is writable', async function () {
    const ring = makeRing();
    const fd = descriptorNamed('[eventfd]');
    if (fd === undefined) skip(this, 'this Node has no eventfd of its own');
    expect(await ring.poll(fd, ['writable'])).to.deep.equal(['writable']);
  });

  it('files, directories and /dev/null are always readable and writable, and nothing else: EPERM', async () => {
    const ring = makeRing();
    for (const path of [directory.file('file', ''), directory.path, '/dev/null']) {
      const fd = openSync(path, 'r');
      expect(await within(path, ring.poll(fd, ['readable', 'writable']))).to.deep.equal([
        'readable',
        'writable',
      ]);
      const error = await rejection(ring.poll(fd, ['priority']), path);
      expect([error.code, error.syscall, error.message]).to.deep.equal([
        'EPERM',
        'poll',
        'EPERM: operation not permitted, poll',
      ]);
      closeSync(fd);
    }
  });

  it('a descriptor that is not open: EBADF, and no harm to the others', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const good = Array.from({ length: 10 }, () => ring.poll(fd, ['readable']));
    const bad = Array.from({ length: 10 }, () => rejection(ring.poll(UNUSED_FD, ['readable', 'hangup'])));
    for (const error of await Promise.all(bad)) {
      expect([error.code, error.errno, error.syscall, error.message]).to.deep.equal([
        'EBADF',
        -9,
        'poll',
        'EBADF: bad file descriptor, poll',
      ]);
    }
    writeSync(fd, 'x');
    expect(await within('the good ones', Promise.all(good))).to.deep.equal(good.map(() => ['readable']));
    closeSync(fd);
  });

  it('500 polls of one descriptor all resolve at one byte', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const polls = Array.from({ length: 500 }, () => ring.poll(fd, ['readable']));
    await turns(3);
    writeSync(fd, 'x');
    expect(await within('the polls', Promise.all(polls))).to.deep.equal(polls.map(() => ['readable']));
    closeSync(fd);
  });

  it('an abort rejects at once, before and during, and leaves no listener', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const controller = new AbortController();
    const { signal } = controller;
    const polls = [1, 2].map(() => rejection(ring.poll(fd, ['readable'], { signal })));
    const other = ring.poll(fd, ['readable']);
    await turns(2);
    controller.abort('reason');
    for (const error of await Promise.all(polls)) expectAbort(error, 'reason');
    expectAbort(await rejection(ring.poll(fd, ['readable'], { signal })), 'reason');
    expect(await isPending(other)).to.equal(true);
    writeSync(fd, 'x');
    await within('the other', other);
    const unused = new AbortController().signal;
    await ring.poll(fd, ['readable'], { signal: unused });
    for (const each of [signal, unused]) expect(getEventListeners(each, 'abort')).to.have.lengthOf(0);
    closeSync(fd);
  });

  it('Ring.close rejects it, and whoever comes after', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const rejected = rejection(ring.poll(fd, ['readable']));
    await turns(2);
    await within('the close', ring.close());
    for (const error of [await rejected, await rejection(ring.poll(fd, ['readable']))]) {
      expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    }
    closeSync(fd);
  });

  it('Ring.cancelAll rejects it with ECANCELED, also one on epoll; watches go on', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const watch = ring.watch(fd, ['readable']);
    const first = watch.next();
    const rejections = [
      rejection(ring.poll(fd, ['readable'])),
      rejection(ring.poll(fd, ['readable', 'priority'])),
    ];
    await turns(2);
    // A second one in the same turn finds what the first has begun to end.
    const [count] = await Promise.all([ring.cancelAll(), ring.cancelAll()]);
    expect(count).to.equal(2);
    for (const error of await within('the rejections', Promise.all(rejections))) {
      expect([error.code, error.errno, error.syscall]).to.deep.equal(['ECANCELED', -125, 'poll']);
    }
    writeSync(fd, 'x');
    expect((await within('the watch', first)).value).to.deep.equal(['readable']);
    await watch.return?.();
    closeSync(fd);
  });

  it('Ring.cancelAll in the turn of an abort: it is the abort that is told, once', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const controller = new AbortController();
    const polled = rejection(ring.poll(fd, ['readable'], { signal: controller.signal }));
    await turns(2);
    const unheard: unknown[] = [];
    const listener = (reason: unknown): void => void unheard.push(reason);
    process.prependListener('unhandledRejection', listener);
    try {
      controller.abort();
      await ring.cancelAll();
      expect((await within('the rejection', polled)).code).to.equal('ABORT_ERR');
      await turns(2);
      expect(unheard).to.deep.equal([]);
    } finally {
      process.off('unhandledRejection', listener);
      closeSync(fd);
    }
  });

  it('keeps the async context of its caller', async () => {
    const ring = makeRing();
    const fd = openPipe(directory.fifo('fifo'));
    const storage = new AsyncLocalStorage<string>();
    const seen = storage.run('caller', async () => {
      await ring.poll(fd, ['readable']);
      return storage.getStore();
    });
    writeSync(fd, 'x');
    expect(await within('the poll', seen)).to.equal('caller');
    closeSync(fd);
  });

  it('errors have a stack that leads to the caller', async () => {
    const ring = makeRing();
    async function callerOfPoll(): Promise<void> {
      await ring.poll(UNUSED_FD, ['readable']);
    }
    expect((await rejection(callerOfPoll())).stack).to.contain('callerOfPoll');
  });

  it('misuse rejects with Node’s errors', async () => {
    const ring = makeRing();
    const poll = ring.poll.bind(ring) as unknown as (...parameters: unknown[]) => Promise<unknown>;
    const rows: [code: string, ...parameters: unknown[]][] = [
      ['ERR_INVALID_ARG_TYPE', '0', ['readable']],
      ['ERR_OUT_OF_RANGE', -1, ['readable']],
      ['ERR_OUT_OF_RANGE', 2 ** 31, ['readable']],
      ['ERR_OUT_OF_RANGE', 0.5, ['readable']],
      ['ERR_INVALID_ARG_TYPE', 0, 'readable'],
      ['ERR_INVALID_ARG_TYPE', 0],
      ['ERR_INVALID_ARG_VALUE', 0, []],
      ['ERR_INVALID_ARG_VALUE', 0, ['readable', 'legible']],
      ['ERR_INVALID_ARG_TYPE', 0, ['readable'], null],
      ['ERR_INVALID_ARG_TYPE', 0, ['readable'], { signal: 'x' }],
    ];
    for (const [code, ...parameters] of rows) {
      expect((await rejection(poll(...parameters))).code, JSON.stringify(parameters)).to.equal(code);
    }
  });

  it('keeps the process alive while it is pending; Ring.unref lets it end', async () => {
    const source = `
      import { constants, openSync, writeSync } from 'node:fs';
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(options)});
      const fd = openSync(process.argv[1], constants.O_RDWR | constants.O_NONBLOCK);
      setTimeout(() => writeSync(fd, 'x'), 50).unref();
      console.log((await ring.poll(fd, ['readable'])).join());
      process.on('exit', () => console.log('exit'));
      ring.unref();
      ring.poll(fd, ['priority']).then(() => console.log('?'));
    `;
    const outcome = await runScript(source, { args: [directory.fifo('fifo')] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('readable\nexit\n');
  });

  it('two ends of a pipe at once, by number', async () => {
    const ring = makeRing();
    const { reader, writer } = openPipeEnds(directory.fifo('fifo'));
    const reading = ring.poll(reader, ['readable']);
    expect(await ring.poll(writer, ['writable'])).to.deep.equal(['writable']);
    writeSync(writer, 'x');
    expect(await within('the poll', reading)).to.deep.equal(['readable']);
    closeAll(reader, writer);
  });
});
