/** Connections and listeners: making them over every kind of address, and bytes both ways. */
import { join } from 'node:path';
import { expect } from 'chai';
import { Listener, type ListenOptions, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, isPending, rejection, turns, within } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { connectPair, goalOf, readAll, readBytes } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('StreamSocket and Listener', (makeRing, { options: { backend } }) => {
  const temporary = temporaryDirectory();

  const kinds: [title: string, options: () => ListenOptions][] = [
    ['127.0.0.1', () => ({ host: '127.0.0.1', port: 0 })],
    ['::1', () => ({ host: '::1', port: 0 })],
    ['every address', () => ({ port: 0 })],
    ['a Unix path', () => ({ path: join(temporary.path, 'socket') })],
    ['an abstract name', () => ({ path: `\0ringlet-${process.pid}-${backend}` })],
  ];

  for (const [title, options] of kinds) {
    it(`bytes go both ways over ${title}`, async () => {
      await using pair = await connectPair(makeRing(), options());
      const { near, far } = pair;
      expect(await near.write('to the far side')).to.equal(15);
      expect(String(await readBytes(far, 15))).to.equal('to the far side');
      await far.writev([Buffer.from('and '), Buffer.alloc(0), Buffer.from('back')]);
      await far.end();
      expect(String(await within('the end', readAll(near)))).to.equal('and back');
    });

    it(`addresses tell the two sides of ${title} apart`, async () => {
      await using pair = await connectPair(makeRing(), options());
      const { listener, near, far } = pair;
      const { path } = listener.address;
      if (path === undefined) {
        expect(near.remoteAddress?.port).to.equal(listener.address.port);
        expect(far.remoteAddress).to.deep.include({ port: near.localAddress.port });
        expect(far.localAddress.port).to.equal(listener.address.port);
      } else {
        expect(path).to.equal((options() as { path: string }).path);
        expect(near.remoteAddress).to.deep.include({ family: 'Unix', path });
        expect(far.localAddress).to.deep.include({ family: 'Unix', path });
        expect(far.remoteAddress).to.deep.include({ family: 'Unix', path: '' });
      }
    });
  }

  it('a read that is to be filled and is aborted tells of the bytes that an iterator had left', async () => {
    await using pair = await connectPair(makeRing());
    await pair.far.write('first');
    for await (const _chunk of pair.near) {
      await pair.far.write('left behind');
      await eventually('bytes to wait', () => pair.near.bufferedBytes === 11);
      break;
    }
    const controller = new AbortController();
    const buffer = Buffer.alloc(100);
    const reading = pair.near.read(buffer, { fill: true, signal: controller.signal });
    await turns(2);
    controller.abort();
    const { bytesRead } = await within('the read', reading);
    expect(String(buffer.subarray(0, bytesRead))).to.equal('left behind');
  });

  it('for await: an echo, chunk by chunk, until the peer ends', async () => {
    await using pair = await connectPair(makeRing());
    const echoing = (async () => {
      for await (const chunk of pair.far) await pair.far.write(chunk);
      await pair.far.end();
    })();
    const sent = pattern(300_000, 3);
    const receiving = readAll(pair.near);
    await pair.near.write(sent);
    await pair.near.end();
    expect((await within('the echo', receiving)).equals(sent)).to.equal(true);
    await echoing;
  });

  it('for await: the first connections of a ring begin to read in the same turn', async () => {
    await using pair = await connectPair(makeRing());
    const receiving = Promise.all([readAll(pair.near), readAll(pair.far)]);
    await pair.near.write('to the far side');
    await pair.far.write('to the near side');
    await Promise.all([pair.near.end(), pair.far.end()]);
    const received = await within('both ends', receiving);
    expect(received.map(String)).to.deep.equal(['to the near side', 'to the far side']);
  });

  it('chunks: with lease they are views until they are released', async () => {
    await using pair = await connectPair(makeRing());
    const sent = pattern(100_000, 5);
    const sending = pair.near.write(sent).then(() => pair.near.end());
    const received: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of pair.far.chunks({ lease: true })) {
        received.push(Buffer.from(chunk.data));
        chunk.release();
        chunk.release();
      }
    })();
    await within('the chunks', reading);
    await sending;
    expect(Buffer.concat(received).equals(sent)).to.equal(true);
  });

  it('read: fills the caller’s own memory, at an offset, and is 0 at the end', async () => {
    await using pair = await connectPair(makeRing());
    const buffer = Buffer.alloc(8, '.');
    const reading = pair.far.read(buffer, { offset: 2, length: 4 });
    await pair.near.write('abcdef');
    const result = await within('a read', reading);
    expect(result.buffer).to.equal(buffer);
    expect(result.bytesRead).to.equal(4);
    expect(String(buffer)).to.equal('..abcd..');
    await pair.near.end();
    expect(String(await readBytes(pair.far, 8))).to.equal('ef');
    expect((await pair.far.read(buffer)).bytesRead).to.equal(0);
    expect((await pair.far.read(buffer)).bytesRead).to.equal(0);
  });

  it('read: with fill waits for all of it; without, for the first of it', async () => {
    await using pair = await connectPair(makeRing());
    const filling = pair.far.read(Buffer.alloc(6), { fill: true });
    await pair.near.write('abc');
    expect(await isPending(filling)).to.equal(true);
    await pair.near.write('def');
    expect((await within('a fill', filling)).bytesRead).to.equal(6);
    await pair.near.write('gh');
    expect((await within('a read', pair.far.read(Buffer.alloc(6)))).bytesRead).to.equal(2);
  });

  it('writes that nobody awaits keep their order', async () => {
    await using pair = await connectPair(makeRing());
    const receiving = readAll(pair.far);
    const writes = Array.from({ length: 500 }, (_unused, index) => pair.near.write(`${index},`));
    await within('the writes', Promise.all(writes));
    await pair.near.end();
    const expected = Array.from({ length: 500 }, (_unused, index) => `${index},`).join('');
    expect(String(await within('the end', receiving))).to.equal(expected);
  });

  it('break: leaves what has come to the next reader, of either kind', async () => {
    await using pair = await connectPair(makeRing());
    await pair.near.write('first');
    for await (const chunk of pair.far) {
      expect(String(chunk)).to.equal('first');
      break;
    }
    await pair.near.write('second');
    expect(String(await readBytes(pair.far, 6))).to.equal('second');
    await pair.near.write('third');
    for await (const chunk of pair.far) {
      expect(String(chunk)).to.equal('third');
      break;
    }
  });

  it('Listener: for await hands out connections, and close ends it quietly', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: await freePort(), ring });
    const taken: StreamSocket[] = [];
    const accepting = (async () => {
      for await (const connection of listener) taken.push(connection);
    })();
    const connecting = Array.from({ length: 20 }, () => StreamSocket.connect({ ring, ...goalOf(listener) }));
    const sockets = await within('the connections', Promise.all(connecting));
    for (const [index, socket] of sockets.entries()) await socket.write(String(index));
    await within(
      '20 accepted',
      waitFor(() => taken.length === 20),
    );
    await listener.close();
    await within('the end of the iteration', accepting);
    const numbers = await Promise.all(taken.map(async (socket) => Number(await readBytes(socket, 1))));
    expect(new Set(numbers).size).to.equal(10);
    await Promise.all([...taken, ...sockets].map((socket) => socket.close()));
    const error = await rejection(StreamSocket.connect({ ring, ...goalOf(listener) }));
    expect(error.code).to.equal('ECONNREFUSED');
  });

  it('Listener: steps of an iterator that wait end when it returns, and take no connection', async () => {
    const ring = makeRing();
    const listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const connections = listener.connections();
    const waiting = [connections.next(), connections.next()];
    await connections.return?.();
    const done = { done: true, value: undefined };
    expect(await within('both steps', Promise.all(waiting))).to.deep.equal([done, done]);
    const near = await StreamSocket.connect({ ...goalOf(listener), ring });
    const far = await within('a connection', listener.accept());
    await Promise.all([near.close(), far.close(), listener.close()]);
  });

  it('reset: the peer gets ECONNRESET', async () => {
    await using pair = await connectPair(makeRing());
    const reading = rejection(readAll(pair.near));
    await pair.far.reset();
    const error = await reading;
    expect([error.code, error.syscall, error.message]).to.deep.equal([
      'ECONNRESET',
      'read',
      'read ECONNRESET',
    ]);
  });

  it('close: pending reads and later calls get ERR_SOCKET_CLOSED, iterations end', async () => {
    await using pair = await connectPair(makeRing());
    const reading = rejection(pair.near.read(Buffer.alloc(1)));
    const iterating = readAll(pair.far);
    await Promise.all([pair.near.close(), pair.far.close()]);
    expect((await reading).code).to.equal('ERR_SOCKET_CLOSED');
    expect((await within('the end', iterating)).length).to.equal(0);
    expect((await rejection(pair.near.write('x'))).code).to.equal('ERR_SOCKET_CLOSED');
    expect((await rejection(pair.near.read(Buffer.alloc(1)))).code).to.equal('ERR_SOCKET_CLOSED');
    expect((await rejection(pair.near.end())).code).to.equal('ERR_SOCKET_CLOSED');
    expect(pair.near.isClosed).to.equal(true);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
