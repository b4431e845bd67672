/** A peer for a socket: connect and disconnect, sending without naming it, and what the network tells. */
import { expect } from 'chai';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { take, takeMessage } from '../support/datagrams.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { freePort } from '../support/ports.js';

const address = '127.0.0.1';

describeOnEachBackend('DatagramSocket.connect', (makeRing, { options }) => {
  it('sends to the peer without naming it, and hears only the peer', async () => {
    await using socket = await DatagramSocket.bind({ ring: makeRing() });
    await using peer = await Peer.open();
    await using stranger = await Peer.open();
    expect(socket.remoteAddress).to.equal(undefined);
    const { port } = socket.address;
    await socket.connect({ address, port: peer.port });
    expect(socket.remoteAddress).to.deep.equal({ address, port: peer.port, family: 'IPv4' });
    expect(socket.address, 'the address that packets to the peer have').to.deep.equal({
      address,
      port,
      family: 'IPv4',
    });
    expect(await socket.send('to the peer')).to.equal(11);
    expect(await socket.send(['in ', Buffer.from('pieces')])).to.equal(9);
    expect(await socket.sendMany([{ data: 'one' }, { data: 'two' }])).to.equal(2);
    const received = await peer.wait(4);
    expect(received.map(({ data }) => data.toString())).to.deep.equal([
      'to the peer',
      'in pieces',
      'one',
      'two',
    ]);
    await stranger.send('not heard', { address, port });
    await peer.send('heard', { address, port });
    expect((await takeMessage(socket)).data.toString()).to.equal('heard');
  });

  it('by name, with a signal', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const reason = new Error('changed my mind');
    const aborted = socket.connect(
      { address: 'localhost', port: peer.port },
      { signal: AbortSignal.abort(reason) },
    );
    expect((await rejection(aborted)).cause).to.equal(reason);
    expect(socket.remoteAddress).to.equal(undefined);
    const { signal } = new AbortController();
    await socket.connect({ address: 'localhost', port: peer.port }, { signal });
    expect(socket.remoteAddress?.port).to.equal(peer.port);
  });

  it('disconnect: keeps the port, hears everybody and sends to anybody again', async () => {
    // node:dgram loses a port of the kernel's own choice, and has no second bind to take it back.
    const isNode = options.backend === 'node';
    for (const host of [{}, { address }]) {
      const wanted = isNode ? { ...host, port: await freePort() } : host;
      await using socket = await DatagramSocket.bind({ ...wanted, ring: makeRing() });
      await using peer = await Peer.open();
      await using stranger = await Peer.open();
      const before = socket.address;
      await socket.connect({ address, port: peer.port });
      await socket.send('connected');
      socket.disconnect();
      expect(socket.remoteAddress).to.equal(undefined);
      expect(socket.address).to.deep.equal(before);
      await stranger.send('a stranger', { address, port: before.port });
      expect((await takeMessage(socket)).data.toString()).to.equal('a stranger');
      await socket.send('to a stranger', { address, port: stranger.port });
      expect((await stranger.wait(1))[0]?.from.port).to.equal(before.port);
      await socket.connect({ address, port: stranger.port });
      await socket.send('another peer');
      await stranger.wait(2);
    }
  });

  it('nobody there: the next call rejects with ECONNREFUSED, and the socket goes on', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, port: await freePort(), ring });
    await socket.connect({ address, port: await freePort() });
    const iterator = socket.messages();
    const waiting = iterator.next();
    expect(await isPending(waiting)).to.equal(true);
    await socket.send('is anybody there?');
    const error = await rejection(waiting, 'the iteration');
    expect(error.code).to.equal('ECONNREFUSED');
    expect(error.errno).to.equal(-111);
    expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
    // Each answer of the network ends one receive; the multishot request is armed again by who reads next.
    for (let round = 0; round < 3; round += 1) {
      const receiving = socket.receive();
      expect(await isPending(receiving)).to.equal(true);
      await socket.send('and now?').catch(() => {});
      expect((await rejection(receiving)).code).to.equal('ECONNREFUSED');
    }
    if (options.backend !== 'node') expect(ring.stats().rearms).to.be.within(1, 8);
    socket.disconnect();
    await socket.send('myself', socket.address);
    await eventually('what was sent before to be through', async () => {
      const message = await socket.receive().catch(() => undefined);
      return message?.data.toString() === 'myself';
    });
  });

  it('nobody there: of several that wait one is told, and the others get what comes after', async () => {
    await using socket = await DatagramSocket.bind({ address, port: await freePort(), ring: makeRing() });
    await socket.connect({ address, port: await freePort() });
    const [first, second, third] = [socket.receive(), socket.receive(), socket.receive()];
    expect(await isPending(Promise.race([first, second, third]))).to.equal(true);
    await socket.send('is anybody there?');
    expect((await rejection(first)).code).to.equal('ECONNREFUSED');
    socket.disconnect();
    for (const text of ['one', 'two']) await socket.send(text, socket.address);
    const received = await within('the receives that were not told', Promise.all([second, third]));
    expect(received.map(({ data }) => data.toString())).to.deep.equal(['one', 'two']);
  });

  it('misuse: Node’s codes and words', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing() });
    const peer = { address, port: await freePort() };
    const codes = async (...calls: Promise<unknown>[]): Promise<unknown[]> =>
      Promise.all(calls.map(async (call) => (await rejection(call)).code));
    expect(() => socket.disconnect())
      .to.throw('Not connected')
      .with.property('code', 'ERR_SOCKET_DGRAM_NOT_CONNECTED');
    expect(await codes(socket.send('x'), socket.sendMany([{ data: 'x' }]))).to.deep.equal([
      'ERR_SOCKET_DGRAM_NOT_CONNECTED',
      'ERR_SOCKET_DGRAM_NOT_CONNECTED',
    ]);
    const call = socket.connect as (...parameters: unknown[]) => Promise<void>;
    const connect = (...parameters: unknown[]): Promise<void> => call.apply(socket, parameters);
    expect(
      await codes(
        connect(),
        connect(5),
        connect({ address: 5, port: 1 }),
        connect({ address, port: 0 }),
        connect({ address, port: 65_536 }),
        connect({ address, port: 1 }, { signal: 'x' }),
        connect({ address: '::1', port: 1 }),
      ),
    ).to.deep.equal([
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_SOCKET_BAD_PORT',
      'ERR_SOCKET_BAD_PORT',
      'ERR_INVALID_ARG_TYPE',
      'EINVAL',
    ]);
    await socket.connect(peer);
    expect(
      await codes(
        socket.connect(peer),
        socket.send('x', peer),
        socket.sendMany([{ data: 'x', remote: peer }]),
      ),
    ).to.deep.equal(Array(3).fill('ERR_SOCKET_DGRAM_IS_CONNECTED'));
    await socket.close();
    expect(() => socket.disconnect())
      .to.throw()
      .with.property('code', 'ERR_SOCKET_DGRAM_NOT_RUNNING');
    expect(await codes(socket.connect(peer), socket.send('x'), socket.receive())).to.deep.equal(
      Array(3).fill('ERR_SOCKET_DGRAM_NOT_RUNNING'),
    );
  });
});

describeOnEachBackend('DatagramSocket.receive', (makeRing) => {
  it('one message at a time, in order; the others stay', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    for (let index = 0; index < 6; index += 1) await peer.send(`${index}`, socket.address);
    for (const wanted of ['0', '1', '2']) {
      expect((await within('a message', socket.receive())).data.toString()).to.equal(wanted);
    }
    const leased = await within('a lease', socket.receive({ lease: true }));
    expect(leased.data.toString()).to.equal('3');
    leased.release();
    expect((await take(socket, 2)).map(String)).to.deep.equal(['4', '5']);
  });

  it('several at once are served in the order of asking', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const waiting = [socket.receive(), socket.receive(), socket.receive()];
    for (const text of ['a', 'b', 'c']) await peer.send(text, socket.address);
    const messages = await within('three messages', Promise.all(waiting));
    expect(messages.map(({ data }) => data.toString())).to.deep.equal(['a', 'b', 'c']);
  });

  it('aborted before and while it waits; then closed', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing() });
    expect((await rejection(socket.receive({ signal: AbortSignal.abort() }))).code).to.equal('ABORT_ERR');
    const controller = new AbortController();
    const waiting = socket.receive({ signal: controller.signal });
    expect(await isPending(waiting)).to.equal(true);
    controller.abort();
    expect((await rejection(waiting)).code).to.equal('ABORT_ERR');
    await socket.send('later', socket.address);
    expect((await within('a message', socket.receive())).data.toString()).to.equal('later');
    const closing = socket.receive();
    expect(await isPending(closing)).to.equal(true);
    await socket.close();
    expect((await rejection(closing)).code).to.equal('ERR_SOCKET_DGRAM_NOT_RUNNING');
  });

  it('a receive that is armed for the next reader takes no arming of its own', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, ring });
    for (let index = 0; index < 20; index += 1) {
      await socket.send(`${index}`, socket.address);
      expect((await within('a message', socket.receive())).data.toString()).to.equal(`${index}`);
    }
    expect(ring.stats().rearms).to.be.lessThan(5);
  });
});
