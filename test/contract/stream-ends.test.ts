/** How streams end when they do not end well: errors, aborts at every stage, two readers, a break. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Listener, Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend, refusalOf } from '../support/backends.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { freePort } from '../support/ports.js';
import { connectPair, goalOf, readAll, readBytes } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

const MIB = 1024 * 1024;

/** A port where connecting hangs: its backlog is full, and no connection is accepted. */
async function withDeafPort(body: (port: number) => Promise<void>): Promise<void> {
  await using ring = new Ring({ backend: 'epoll' });
  await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, backlog: 0, ring });
  const goal = { ...goalOf(listener), ring, timeoutMs: 100 };
  for (;;) {
    const hasHung = await StreamSocket.connect(goal).then(
      () => false,
      () => true,
    );
    if (hasHung) break;
  }
  await body(listener.address.port);
}

describeOnEachBackend('The ends of streams', (makeRing, { options: { backend } }) => {
  it('read: ECONNRESET after the bytes that came before, by iterator and by read', async () => {
    await using pair = await connectPair(makeRing());
    await pair.far.reset();
    const error = await rejection(readAll(pair.near));
    expect([error.message, error.code, error.errno, error.syscall]).to.deep.equal([
      'read ECONNRESET',
      'ECONNRESET',
      -104,
      'read',
    ]);
    expect((await rejection(pair.near.read(Buffer.alloc(1)))).code).to.equal('ECONNRESET');
  });

  it('reset: comes to its end while an end is on its way, and while bytes wait for the peer', async () => {
    const ring = makeRing();
    for (const hasEnded of [true, false]) {
      for (const bytes of [0, 1, 8 * MIB]) {
        await using pair = await connectPair(ring);
        const { near } = pair;
        const calls = [near.write(Buffer.alloc(bytes)), ...(hasEnded ? [near.end()] : [])];
        const outcomes = Promise.allSettled(calls);
        await within(`a reset after ${bytes} bytes`, near.reset());
        await within('what was begun before', outcomes);
        await within('close', near.close());
      }
    }
  });

  it('read: a pending one gets ECONNRESET, and so does the next', async () => {
    await using pair = await connectPair(makeRing());
    const pending = rejection(pair.near.read(Buffer.alloc(1)));
    expect(await isPending(pending)).to.equal(true);
    await pair.far.reset();
    expect([(await pending).code, (await pending).syscall]).to.deep.equal(['ECONNRESET', 'read']);
    expect((await rejection(pair.near.read(Buffer.alloc(1)))).code).to.equal('ECONNRESET');
  });

  it('read: ECONNRESET, not the end, also when a call that has moved bytes has met the error first', async () => {
    for (const isIterating of [false, true]) {
      const next = (socket: StreamSocket): Promise<unknown> =>
        isIterating ? socket.chunks().next() : socket.read(Buffer.alloc(1));
      await using filling = await connectPair(makeRing());
      const reading = filling.near.read(Buffer.alloc(10), { fill: true });
      await filling.far.write('bytes');
      expect(await isPending(reading)).to.equal(true);
      await filling.far.reset();
      expect((await within('the read', reading)).bytesRead).to.equal(5);
      expect((await rejection(next(filling.near), 'the read after it')).code).to.equal('ECONNRESET');
      await using writing = await connectPair(makeRing());
      const failing = rejection(writing.near.write(Buffer.alloc(32 * MIB)), 'the write');
      expect(await isPending(failing)).to.equal(true);
      await writing.far.reset();
      expect((await failing).code).to.be.oneOf(['EPIPE', 'ECONNRESET', 'ERR_SOCKET_CLOSED']);
      expect((await rejection(next(writing.near), 'the read after it')).code).to.equal('ECONNRESET');
    }
  });

  it('read: the end, after one that it cut short, while completions come in crowds', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(process.execPath);
    for (const isIterating of [false, true]) {
      await using pair = await connectPair(ring);
      await pair.near.write('bytes');
      await pair.near.end();
      expect((await pair.far.read(Buffer.alloc(10), { fill: true })).bytesRead).to.equal(5);
      const end = isIterating
        ? pair.far
            .chunks()
            .next()
            .then(({ done }) => done)
        : pair.far.read(Buffer.alloc(1)).then(({ bytesRead }) => bytesRead === 0);
      const crowd = Array.from({ length: 100 }, () => file.read(Buffer.alloc(1), { position: 0 }));
      expect(await within('the end', end)).to.equal(true);
      await Promise.all(crowd);
    }
  });

  it('read: the end, although writing has failed, where the peer has ended before', async () => {
    await using pair = await connectPair(makeRing());
    await pair.far.write('all there is');
    await pair.far.close();
    const writing = async (): Promise<void> => {
      for (;;) await pair.near.write('x');
    };
    const { code } = await rejection(writing(), 'the writes');
    expect(code).to.be.oneOf(['EPIPE', 'ECONNRESET', 'ERR_SOCKET_CLOSED']);
    if (backend === 'node') return; // Node destroys the socket with what it has not read.
    expect(String(await readAll(pair.near))).to.equal('all there is');
  });

  it('write: EPIPE or ECONNRESET once the peer is gone, and every later write too', async () => {
    await using pair = await connectPair(makeRing());
    await pair.far.reset();
    const failing = async (): Promise<void> => {
      for (;;) await pair.near.write(Buffer.alloc(64 * 1024));
    };
    const error = await rejection(failing());
    expect(error.code).to.be.oneOf(['EPIPE', 'ECONNRESET', 'ERR_SOCKET_CLOSED']);
    expect(error).to.have.property('bytesWritten');
    await rejection(pair.near.write('x'));
  });

  it('connect: refused, with Node’s fields', async () => {
    const ring = makeRing();
    const port = await freePort();
    const error = await rejection(StreamSocket.connect({ host: '127.0.0.1', port, ring }));
    expect([error.message, error.code, error.errno, error.syscall, error.address, error.port]).to.deep.equal([
      `connect ECONNREFUSED 127.0.0.1:${port}`,
      'ECONNREFUSED',
      -111,
      'connect',
      '127.0.0.1',
      port,
    ]);
    const unix = await rejection(StreamSocket.connect({ path: '/nonexistent/socket', ring }));
    expect([unix.message, unix.code, unix.address, unix.port]).to.deep.equal([
      'connect ENOENT /nonexistent/socket',
      'ENOENT',
      '/nonexistent/socket',
      undefined,
    ]);
  });

  it('listen: EADDRINUSE and EADDRNOTAVAIL, with Node’s fields', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { port } = listener.address;
    const taken = await rejection(Listener.listen({ host: '127.0.0.1', port, ring }));
    expect([taken.message, taken.code, taken.syscall, taken.address, taken.port]).to.deep.equal([
      `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
      'EADDRINUSE',
      'listen',
      '127.0.0.1',
      port,
    ]);
    const foreign = await rejection(Listener.listen({ host: '192.0.2.1', port: 0, ring }));
    expect([foreign.message, foreign.code]).to.deep.equal([
      'listen EADDRNOTAVAIL: address not available 192.0.2.1',
      'EADDRNOTAVAIL',
    ]);
  });

  it('an abort before the call: nothing begins', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const signal = AbortSignal.abort('beforehand');
    const goal = goalOf(pair.listener);
    expectAbort(await rejection(StreamSocket.connect({ ...goal, ring, signal })), 'beforehand');
    expectAbort(await rejection(Listener.listen({ port: 0, ring, signal })), 'beforehand');
    expectAbort(await rejection(pair.listener.accept({ signal })), 'beforehand');
    expectAbort(await rejection(pair.near.read(Buffer.alloc(1), { signal })), 'beforehand');
    expectAbort(await rejection(pair.near.write('x', { signal })), 'beforehand');
    expectAbort(await rejection(pair.near.chunks({ signal }).next()), 'beforehand');
    expectAbort(await rejection(pair.listener.connections({ signal }).next()), 'beforehand');
    await pair.near.end();
    expect((await within('the end', readAll(pair.far))).length).to.equal(0);
  });

  it('an abort while connecting, and a time limit', async function () {
    const refusal = await refusalOf({ backend: 'epoll' });
    if (refusal) skip(this, refusal);
    const ring = makeRing();
    await withDeafPort(async (port) => {
      const goal = { host: '127.0.0.1', port, ring };
      const controller = new AbortController();
      const connecting = StreamSocket.connect({ ...goal, signal: controller.signal });
      expect(await isPending(connecting)).to.equal(true);
      controller.abort('enough');
      expectAbort(await rejection(connecting), 'enough');
      const late = await rejection(StreamSocket.connect({ ...goal, timeoutMs: 50 }));
      expect([late.code, late.message]).to.deep.equal(['ETIMEDOUT', `connect ETIMEDOUT 127.0.0.1:${port}`]);
      // An attempt that was given up keeps no place among the operations in flight.
      await eventually('no attempt to be left', () => ring.stats().inFlight === 0);
    });
  });

  it('an abort of a read, an iteration and an accept leaves the sockets as they were', async () => {
    await using pair = await connectPair(makeRing());
    const controller = new AbortController();
    const { signal } = controller;
    const reading = rejection(pair.near.read(Buffer.alloc(1), { signal }));
    const iterating = rejection(pair.far.chunks({ signal }).next());
    const accepting = rejection(pair.listener.accept({ signal }));
    const connections = rejection(pair.listener.connections({ signal }).next());
    expect(await isPending(reading)).to.equal(true);
    controller.abort('enough');
    for (const error of await Promise.all([reading, iterating, accepting, connections])) {
      expectAbort(error, 'enough');
    }
    await pair.near.write('over');
    expect(String(await readBytes(pair.far, 4))).to.equal('over');
    await pair.far.write('back');
    expect(String(await readBytes(pair.near, 4))).to.equal('back');
  });

  it('an abort of a write that waits behind others takes only that one back', async function () {
    // Node has handed it on by then.
    if (backend === 'node') skip(this, 'Node cannot take a write back');
    await using pair = await connectPair(makeRing());
    const first = pattern(8 * MIB, 3);
    const controller = new AbortController();
    const writing = pair.near.write(first);
    const aborted = rejection(pair.near.write('not this', { signal: controller.signal }));
    const last = pair.near.write('the end');
    controller.abort('enough');
    const error = await aborted;
    // Whether it is taken back at once or only when the one before has ended is the kernel's business.
    expectAbort(error, 'enough');
    expect(error).to.have.property('bytesWritten', 0);
    const received = await readBytes(pair.far, first.length + 7);
    await within('the writes', Promise.all([writing, last]));
    expect(received.subarray(0, first.length).equals(first)).to.equal(true);
    expect(String(received.subarray(first.length))).to.equal('the end');
  });

  it('an abort of a write under way cuts it short: bytesWritten tells where, and nothing may follow', async function () {
    if (backend === 'node') skip(this, 'Node cannot take a write back');
    await using pair = await connectPair(makeRing(), undefined, { writeQueueBytes: 64 * MIB });
    const sent = pattern(32 * MIB, 5);
    const controller = new AbortController();
    const writing = rejection(pair.near.write(sent, { signal: controller.signal }));
    const behind = rejection(pair.near.write('behind'));
    await within('the first byte', pair.far.read(Buffer.alloc(1)));
    controller.abort('enough');
    const error = await writing;
    expectAbort(error, 'enough');
    const { bytesWritten } = error as unknown as { bytesWritten: number };
    expect(bytesWritten).to.be.within(1, sent.length - 1);
    expect((await behind).code).to.equal('EPIPE');
    expect((await rejection(pair.near.write('later'))).code).to.equal('EPIPE');
    await pair.near.end();
    const received = await within('the rest', readAll(pair.far));
    expect(received.equals(sent.subarray(1, bytesWritten))).to.equal(true);
  });

  it('a write that is given up always says how many of its bytes the peer gets', async () => {
    const ring = makeRing({ inFlightMax: backend === 'node' ? 1 : 16 });
    await using pair = await connectPair(ring, undefined, { writeQueueBytes: 64 * MIB });
    const [first, second] = [new AbortController(), new AbortController()];
    const sent = pattern(32 * MIB, 6);
    const writing = rejection(pair.near.write(sent, { signal: first.signal }));
    // One that has not begun: on the node backend for want of a place, on a ring behind the other.
    const waiting = rejection(pair.near.write('not this', { signal: second.signal }));
    second.abort();
    expect(await waiting).to.include({ code: 'ABORT_ERR', bytesWritten: 0 });
    first.abort();
    const { bytesWritten } = (await writing) as unknown as { bytesWritten: number };
    const received = await readBytes(pair.far, bytesWritten);
    expect(received.equals(sent.subarray(0, bytesWritten))).to.equal(true);
    await pair.near.end().catch(() => {});
    expect(await readAll(pair.far)).to.have.length(0);
  });

  it('two readers: the second is refused until the first has ended', async () => {
    await using pair = await connectPair(makeRing());
    const first = pair.far.chunks();
    const step = first.next();
    for (const call of [pair.far.chunks().next(), pair.far.read(Buffer.alloc(1))]) {
      const error = await rejection(call);
      expect([error.code, error.message]).to.deep.equal([
        'ERR_INVALID_STATE',
        'Invalid state: The socket already has a reader',
      ]);
    }
    await pair.near.write('first');
    expect(String((await within('a chunk', step)).value)).to.equal('first');
    await first.return?.();
    const reading = pair.far.read(Buffer.alloc(6));
    expect((await rejection(pair.far.chunks().next())).code).to.equal('ERR_INVALID_STATE');
    await pair.near.write('second');
    expect((await within('a read', reading)).bytesRead).to.equal(6);
  });

  it('iterators: steps asked for ahead come in order; return ends them', async () => {
    await using pair = await connectPair(makeRing());
    const chunks = pair.far.chunks();
    const steps = [chunks.next(), chunks.next()];
    await pair.near.write('a');
    expect(String((await within('a step', steps[0] as Promise<unknown>)) && 'a')).to.equal('a');
    await chunks.return?.();
    expect(await within('the other step', steps[1] as Promise<unknown>)).to.deep.equal({
      done: true,
      value: undefined,
    });
    expect(await chunks.next()).to.deep.equal({ done: true, value: undefined });
  });

  it('Ring.close: ends connections and listeners; later calls are refused', async () => {
    const ring = makeRing();
    const pair = await connectPair(ring);
    const iterating = readAll(pair.far);
    const reading = rejection(pair.near.read(Buffer.alloc(1)));
    const accepting = (async () => {
      for await (const connection of pair.listener) await connection.close();
    })();
    await ring.close();
    expect((await within('the iteration', iterating)).length).to.equal(0);
    expect((await reading).code).to.be.oneOf(['ERR_RINGLET_CLOSED', 'ERR_SOCKET_CLOSED']);
    await within('the accepting', accepting);
    expect((await rejection(StreamSocket.connect({ host: '127.0.0.1', port: 1, ring }))).code).to.equal(
      'ERR_RINGLET_CLOSED',
    );
    expect((await rejection(pair.near.write('x'))).code).to.be.oneOf([
      'ERR_RINGLET_CLOSED',
      'ERR_SOCKET_CLOSED',
    ]);
    await pair[Symbol.asyncDispose]();
  });

  it('Ring.cancelAll: pending reads and writes reject with ECANCELED', async function () {
    if (backend === 'node') skip(this, 'reads wait in net.Socket, which cannot be told to stop');
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const reading = rejection(pair.near.read(Buffer.alloc(1)));
    const writing = rejection(pair.near.write(Buffer.alloc(32 * MIB)));
    expect(await isPending(writing)).to.equal(true);
    expect(await ring.cancelAll()).to.equal(2);
    expect([(await reading).code, (await reading).syscall]).to.deep.equal(['ECANCELED', 'read']);
    expect([(await writing).code, (await writing).syscall]).to.deep.equal(['ECANCELED', 'write']);
  });

  it('with a peer of node:net: bytes, ends and resets are understood', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { connect } = await import('node:net');
    const peer: Socket = connect({ port: listener.address.port, host: '127.0.0.1' });
    await using far = await within('a connection', listener.accept());
    peer.end('from Node');
    expect(String(await within('the end', readAll(far)))).to.equal('from Node');
    const answer = once(peer, 'data');
    await far.write('to Node');
    expect(String((await answer)[0])).to.equal('to Node');
    const closed = once(peer, 'close');
    await far.close();
    await closed;
  });
});
