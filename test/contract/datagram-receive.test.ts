/** Receiving: messages and batches, order, truncation, and what a reader may do in the middle. */
import { expect } from 'chai';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered, numberedRange, take, takeMessage } from '../support/datagrams.js';
import { eventually, isPending, rejection, rejections, within } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';
import { pattern } from '../support/temporary.js';

const address = '127.0.0.1';

describeOnEachBackend('DatagramSocket receiving', (makeRing) => {
  it('a message has data, byteLength, isTruncated and remote', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    await peer.send('hello', socket.address);
    const message = await takeMessage(socket);
    expect(Buffer.isBuffer(message.data)).to.equal(true);
    expect(message.data.toString()).to.equal('hello');
    expect(message.byteLength).to.equal(5);
    expect(message.isTruncated).to.equal(false);
    expect(message.remote).to.deep.include({ address, port: peer.port, family: 'IPv4' });
    message.release();
    message.release();
    expect(message.data.toString(), 'a copy stays the reader’s own').to.equal('hello');
  });

  it('steps that are asked for ahead come in the order of asking, between aborted waits of others', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const ends = new AbortController();
    const givenUp = Array.from({ length: 50 }, () => socket.receive({ signal: ends.signal }));
    const reader = socket.messages();
    const steps = Array.from({ length: 20 }, () => reader.next());
    const late = Array.from({ length: 50 }, () => socket.receive({ signal: ends.signal }));
    ends.abort();
    for (const [, { name }] of await rejections(Object.fromEntries([...givenUp, ...late].entries())))
      expect(name).to.equal('AbortError');
    for (const payload of numberedRange(0, 25)) await peer.send(payload, socket.address);
    const read = await within('20 steps', Promise.all(steps));
    expect(read.map(({ value }) => value?.data)).to.deep.equal(numberedRange(0, 20));
    await reader.return?.();
    expect(await take(socket, 5)).to.deep.equal(numberedRange(20, 5));
  });

  it('what arrived before anybody read is there, in order', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    for (const payload of numberedRange(0, 50)) await peer.send(payload, socket.address);
    expect(await take(socket, 50)).to.deep.equal(numberedRange(0, 50));
  });

  it('copies stay as they were while hundreds more arrive', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const kept: Buffer[] = [];
    const reading = (async () => {
      for await (const message of socket) {
        kept.push(message.data);
        if (kept.length === 400) break;
      }
    })();
    for (let index = 0; index < 400; index += 1) {
      await peer.send(numbered(index), socket.address);
      if (index % 20 === 19) await eventually('the reader keeping up', () => kept.length > index - 20);
    }
    await within('400 messages', reading);
    expect(kept).to.deep.equal(numberedRange(0, 400));
  });

  it('6,000 datagrams of many sizes all arrive in order, and the kernel drops none', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const sizeOf = (index: number): number => 4 + ((index * 131) % 1400);
    let count = 0;
    const reading = (async () => {
      for await (const message of socket) {
        const isRight = message.data.equals(numbered(count, sizeOf(count)));
        if (!isRight) throw new Error(`message ${count} is ${message.data.readUInt32LE(0)}`);
        count += 1;
        if (count === 6000) break;
      }
    })();
    // No more than 32 on their way, so that the socket's buffer never fills.
    for (let index = 0; index < 6000; index += 1) {
      await peer.send(numbered(index, sizeOf(index)), socket.address);
      if (index % 16 === 15) await eventually('the reader keeping up', () => count > index - 32);
    }
    await within('6,000 messages', reading);
    expect(droppedAt(socket.address.port)).to.equal(0);
  });

  it('batches(): arrays of at least one message, in order, nothing left out', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    for (const payload of numberedRange(0, 60)) await peer.send(payload, socket.address);
    const payloads: Buffer[] = [];
    const reading = (async () => {
      for await (const batch of socket.batches()) {
        expect(batch).to.be.an('array').with.length.greaterThan(0);
        for (const message of batch) payloads.push(message.data);
        if (payloads.length >= 60) break;
      }
    })();
    await within('60 messages in batches', reading);
    expect(payloads).to.deep.equal(numberedRange(0, 60));
  });

  it('zero-length datagrams in the middle of a burst arrive as empty messages, in their places', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const payloads = Array.from({ length: 40 }, (_unused, index) =>
      index % 3 === 1 ? Buffer.alloc(0) : numbered(index),
    );
    const reading = take(socket, payloads.length * 3);
    for (let round = 0; round < 3; round += 1) {
      for (const payload of payloads) await peer.send(payload, socket.address);
    }
    expect(await reading).to.deep.equal([...payloads, ...payloads, ...payloads]);
    await peer.send('', socket.address);
    const message = await takeMessage(socket);
    expect([message.data.length, message.byteLength, message.isTruncated]).to.deep.equal([0, 0, false]);
  });

  it('truncation: isTruncated, byteLength is the real length, data the beginning, and the next is whole', async () => {
    const ring = makeRing({ receiveBuffers: { count: 8, bytes: 1024 } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const long = pattern(5000);
    await peer.send(long, socket.address);
    await peer.send('short', socket.address);
    const first = await takeMessage(socket);
    expect(first.byteLength).to.equal(5000);
    expect(first.data.equals(long.subarray(0, first.data.length))).to.equal(true);
    expect(first.isTruncated).to.equal(first.data.length < 5000);
    if (ring.backend === 'io_uring') {
      expect(first.isTruncated).to.equal(true);
      expect(first.data.length).to.be.within(512, 1024);
    }
    const second = await takeMessage(socket);
    expect([second.data.toString(), second.byteLength, second.isTruncated]).to.deep.equal([
      'short',
      5,
      false,
    ]);
  });

  it('a break loses nothing: the next loop goes on where the first stopped', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    for (const payload of numberedRange(0, 30)) await peer.send(payload, socket.address);
    const payloads: Buffer[] = [];
    for (const count of [1, 2, 7, 10, 10]) payloads.push(...(await take(socket, count)));
    expect(payloads).to.deep.equal(numberedRange(0, 30));
    const afterwards = numbered(99);
    await peer.send(afterwards, socket.address);
    expect(await take(socket, 1)).to.deep.equal([afterwards]);
  });

  it('an iterator left while it waits gives its message to the next reader', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const iterator = socket.messages();
    const waiting = iterator.next();
    expect(await isPending(waiting)).to.equal(true);
    const returned: PromiseLike<unknown> = iterator.return?.() ?? Promise.resolve();
    await within('return()', returned);
    expect(await within('the abandoned next()', waiting)).to.deep.equal({ done: true, value: undefined });
    await peer.send('for whoever is there', socket.address);
    expect((await take(socket, 1))[0]?.toString()).to.equal('for whoever is there');
  });

  it('two readers of one socket get everything once between them', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const seen: number[] = [];
    const readers = [0, 1].map(async () => {
      for await (const message of socket) seen.push(message.data.readUInt32LE(0));
    });
    for (let index = 0; index < 200; index += 1) {
      await peer.send(numbered(index), socket.address);
      if (index % 16 === 15) await eventually('the readers keeping up', () => seen.length > index - 32);
    }
    await eventually('200 messages', () => seen.length >= 200);
    await socket.close();
    await within('the readers ending', Promise.all(readers));
    expect(seen.sort((left, right) => left - right)).to.deep.equal(
      Array.from({ length: 200 }, (_unused, index) => index),
    );
  });

  it('close(): ends a waiting loop quietly, and every later one at once', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing() });
    const loops = [0, 1, 2].map(async () => {
      for await (const _message of socket) throw new Error('nothing was sent');
    });
    expect(await isPending(loops[0] as Promise<void>)).to.equal(true);
    await within('close()', socket.close());
    await within('the loops ending', Promise.all(loops));
    for await (const _batch of socket.batches()) throw new Error('nothing was sent');
    expect(socket.isClosed).to.equal(true);
  });

  it('an aborted signal rejects its iterator with AbortError; the socket goes on', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const reason = new Error('enough');
    const controller = new AbortController();
    for (const iterator of [
      socket.messages({ signal: controller.signal }),
      socket.batches({ signal: controller.signal }),
      socket.messages({ signal: AbortSignal.abort(reason) }),
    ]) {
      const waiting = iterator.next();
      controller.abort(reason);
      const error = await rejection(waiting);
      expect([error.name, error.code, error.cause]).to.deep.equal(['AbortError', 'ABORT_ERR', reason]);
    }
    await peer.send('still', socket.address);
    expect((await take(socket, 1))[0]?.toString()).to.equal('still');
  });

  it('AbortSignal.timeout ends a loop that hears nothing', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    const loop = async (): Promise<void> => {
      for await (const _message of socket.messages({ signal: AbortSignal.timeout(10) })) break;
    };
    const error = await rejection(loop());
    expect([error.name, (error.cause as Error).name]).to.deep.equal(['AbortError', 'TimeoutError']);
  });

  it('wrong options of messages() and batches(): Node’s codes', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    for (const method of ['messages', 'batches'] as const) {
      for (const options of [5, { lease: 'yes' }, { signal: 'x' }]) {
        const call = async (): Promise<unknown> => {
          const iterable = (socket[method] as (options: unknown) => AsyncIterableIterator<unknown>)(options);
          return iterable.next();
        };
        expect((await rejection(call())).code, method).to.equal('ERR_INVALID_ARG_TYPE');
      }
    }
  });

  it('40 sockets on one ring each receive their own', async () => {
    const ring = makeRing();
    const sockets = await Promise.all(
      Array.from({ length: 40 }, () => DatagramSocket.bind({ address, ring })),
    );
    await using peer = await Peer.open();
    const readers = sockets.map((socket) => take(socket, 10));
    for (let round = 0; round < 10; round += 1) {
      for (const [index, socket] of sockets.entries())
        await peer.send(numbered(index * 100 + round), socket.address);
    }
    for (const [index, reader] of readers.entries()) {
      expect(await reader, `socket ${index}`).to.deep.equal(numberedRange(index * 100, 10));
    }
    await Promise.all(sockets.map((socket) => socket.close()));
  });
});
