/** Many datagrams in one call, datagrams cut from one buffer, and what else a send can be asked for. */
import { expect } from 'chai';
import { DatagramSocket, type OutgoingDatagram } from 'ringlet';
import { describeOnEachBackend, needsOfRing } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { numbered, numberedRange, take, takeMessage } from '../support/datagrams.js';
import { rejection, within } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';
import { pattern } from '../support/temporary.js';

const address = '127.0.0.1';

/** What an error of sendMany says beside its code. */
function sentCountOf(error: Error): unknown {
  return 'sentCount' in error ? error.sentCount : undefined;
}

describeOnEachBackend('DatagramSocket.sendMany', (makeRing, { options }) => {
  it('3,000 datagrams of many sizes to one socket: all there, in order, nothing dropped', async () => {
    const ring = makeRing();
    await using receiver = await DatagramSocket.bind({ address, receiveBufferBytes: 1 << 22, ring });
    await using sender = await DatagramSocket.bind({ address, ring });
    const remote = receiver.address;
    const sizeOf = (index: number): number => 4 + ((index * 37) % 500);
    const reading = take(receiver, 3000);
    for (let first = 0; first < 3000; first += 600) {
      const messages = Array.from({ length: 600 }, (_unused, index) => {
        return { data: numbered(first + index, sizeOf(first + index)), remote };
      });
      expect(await sender.sendMany(messages)).to.equal(600);
    }
    const payloads = await reading;
    payloads.forEach((data, index) => {
      expect(data.equals(numbered(index, sizeOf(index))), `datagram ${index}`).to.equal(true);
    });
    expect(droppedAt(remote.port)).to.equal(0);
  });

  it('to many destinations, of all kinds of data, names included', async () => {
    await using sender = await DatagramSocket.bind({ address, ring: makeRing() });
    await using one = await Peer.open();
    await using two = await Peer.open();
    const to = (peer: Peer, host = address): { address: string; port: number } => ({
      address: host,
      port: peer.port,
    });
    const messages: OutgoingDatagram[] = [
      { data: 'text', remote: to(one) },
      { data: Buffer.from('bytes'), remote: to(two) },
      { data: ['in ', new Uint8Array([0x70, 0x63]), 's'], remote: to(one) },
      { data: '', remote: to(two) },
      { data: 'by name', remote: to(one, 'localhost') },
      { data: new Uint8Array([0x6d]).buffer, remote: to(two) },
    ];
    expect(await sender.sendMany(messages)).to.equal(6);
    const texts = async (peer: Peer): Promise<string[]> =>
      (await peer.wait(3)).map(({ data }) => data.toString());
    expect(await texts(one)).to.deep.equal(['text', 'in pcs', 'by name']);
    expect(await texts(two)).to.deep.equal(['bytes', '', 'm']);
    expect(await sender.sendMany([])).to.equal(0);
  });

  it('a received batch goes back as it is, leased or not', async () => {
    const ring = makeRing();
    await using echo = await DatagramSocket.bind({ address, ring });
    await using client = await DatagramSocket.bind({ address, ring });
    const echoing = (async () => {
      let count = 0;
      for await (const batch of echo.batches({ lease: true })) {
        count += await echo.sendMany(batch);
        for (const message of batch) message.release();
        if (count === 100) return;
      }
    })();
    const reading = take(client, 100);
    for (const data of numberedRange(0, 100)) await client.send(data, echo.address);
    await within('the echo', echoing);
    expect(await reading).to.deep.equal(numberedRange(0, 100));
  });

  it('the first error ends it and says how many had left; the others are not tried', async () => {
    await using sender = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const remote = { address, port: peer.port };
    const tooLong = Buffer.alloc(65_508);
    const error = await rejection(
      sender.sendMany([
        { data: 'one', remote },
        { data: 'two', remote },
        { data: tooLong, remote },
        { data: 'four', remote },
      ]),
    );
    expect([error.code, error.syscall, error.address, error.port]).to.deep.equal([
      'EMSGSIZE',
      'send',
      address,
      peer.port,
    ]);
    expect(sentCountOf(error)).to.equal(options.backend === 'node' ? 3 : 2);
    await sender.send('the end', remote);
    const texts = (await peer.wait(options.backend === 'node' ? 4 : 3)).map(({ data }) => data.toString());
    expect(texts).to.deep.equal(
      options.backend === 'node' ? ['one', 'two', 'four', 'the end'] : ['one', 'two', 'the end'],
    );
  });

  it('an abort between rounds: AbortError with how many had left', async () => {
    await using sender = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const remote = { address, port: peer.port };
    const before = await rejection(
      sender.sendMany([{ data: 'x', remote }], { signal: AbortSignal.abort(new Error('no')) }),
    );
    expect([before.code, sentCountOf(before)]).to.deep.equal(['ABORT_ERR', undefined]);
    const controller = new AbortController();
    const messages = Array.from({ length: 5000 }, () => ({ data: Buffer.alloc(8), remote }));
    const sending = sender.sendMany(messages, { signal: controller.signal });
    setImmediate(() => controller.abort());
    const error = await rejection(sending);
    expect(error.code).to.equal('ABORT_ERR');
    expect(sentCountOf(error)).to.be.within(0, 4999);
  });

  it('closed meanwhile: ERR_SOCKET_DGRAM_NOT_RUNNING', async () => {
    const sender = await DatagramSocket.bind({ address, ring: makeRing() });
    const remote = sender.address;
    const messages = Array.from({ length: 5000 }, () => ({ data: Buffer.alloc(8), remote }));
    const sending = sender.sendMany(messages);
    const closing = sender.close();
    expect((await rejection(sending)).code).to.equal('ERR_SOCKET_DGRAM_NOT_RUNNING');
    await closing;
    expect((await rejection(sender.sendMany(messages))).code).to.equal('ERR_SOCKET_DGRAM_NOT_RUNNING');
  });

  it('bad input is refused before anything is sent', async () => {
    await using sender = await DatagramSocket.bind({ address, ring: makeRing() });
    const call = sender.sendMany as (...parameters: unknown[]) => Promise<number>;
    const remote = sender.address;
    for (const [name, parameters, code] of [
      ['no array', ['x'], 'ERR_INVALID_ARG_TYPE'],
      ['a number in it', [[5]], 'ERR_INVALID_ARG_TYPE'],
      ['null in it', [[null]], 'ERR_INVALID_ARG_TYPE'],
      ['data 5', [[{ data: 5, remote }]], 'ERR_INVALID_ARG_TYPE'],
      ['data of numbers', [[{ data: [5], remote }]], 'ERR_INVALID_ARG_TYPE'],
      ['remote 5', [[{ data: 'x', remote: 5 }]], 'ERR_INVALID_ARG_TYPE'],
      ['no remote', [[{ data: 'x' }]], 'ERR_SOCKET_DGRAM_NOT_CONNECTED'],
      ['port 0', [[{ data: 'x', remote: { address, port: 0 } }]], 'ERR_SOCKET_BAD_PORT'],
      ['another family', [[{ data: 'x', remote: { address: '::1', port: 9 } }]], 'EINVAL'],
      [
        'second is bad',
        [
          [
            { data: 'x', remote },
            { data: 'y', remote: {} },
          ],
        ],
        'ERR_INVALID_ARG_TYPE',
      ],
      ['signal', [[], { signal: 5 }], 'ERR_INVALID_ARG_TYPE'],
      ['ecn 4', [[], { ecn: 4 }], 'ERR_OUT_OF_RANGE'],
      ['segmentBytes 0', [[], { segmentBytes: 0 }], 'ERR_OUT_OF_RANGE'],
      ['segmentBytes 1.5', [[], { segmentBytes: 1.5 }], 'ERR_OUT_OF_RANGE'],
      ['local 5', [[], { local: 5 }], 'ERR_INVALID_ARG_TYPE'],
      ['local without address', [[], { local: {} }], 'ERR_INVALID_ARG_TYPE'],
      ['interfaceIndex 0', [[], { interfaceIndex: 0 }], 'ERR_OUT_OF_RANGE'],
    ] as const) {
      expect((await rejection(call.apply(sender, [...parameters]), name)).code, name).to.equal(code);
    }
    await sender.send('only this', remote);
    expect((await takeMessage(sender)).data.toString()).to.equal('only this');
  });
});

describeOnEachBackend('DatagramSocket.send options', (makeRing, { options }) => {
  if (options.backend === 'node') {
    it('the node backend has none of them: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
      for (const extra of [
        { segmentBytes: 100 },
        { ecn: 1 },
        { local: { address } },
        { interfaceIndex: 1 },
      ]) {
        const error = await rejection(socket.send('x', socket.address, extra));
        expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
        expect(error.message).to.include(
          Object.keys(extra)[0] === 'local' ? 'localAddress' : Object.keys(extra)[0],
        );
      }
    });
    return;
  }

  it('segmentBytes: one call, many datagrams, the last one shorter', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    const remote = { address, port: peer.port };
    const data = pattern(64 * 1000 - 300);
    expect(await socket.send(data, remote, { segmentBytes: 1000 })).to.equal(data.length);
    const received = await peer.wait(64);
    expect(received.map(({ data: { length } }) => length)).to.deep.equal([...Array(63).fill(1000), 700]);
    expect(Buffer.concat(received.map((each) => each.data)).equals(data)).to.equal(true);
    const many = [
      { data: data.subarray(0, 250), remote },
      { data: data.subarray(0, 90), remote },
    ];
    expect(await socket.sendMany(many, { segmentBytes: 100 })).to.equal(2);
    const lengths = (await peer.wait(68)).slice(64).map((each) => each.data.length);
    expect(lengths).to.deep.equal([100, 100, 50, 90]);
  });

  it('segmentBytes: too many segments or too long ones are the kernel’s errors', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    const { address: host, port } = socket.address;
    const many = await rejection(
      socket.send(Buffer.alloc(60_000), { address: host, port }, { segmentBytes: 4 }),
    );
    expect(many.code).to.equal('EINVAL');
    const long = await rejection(
      socket.send(Buffer.alloc(65_508), { address: host, port }, { segmentBytes: 1000 }),
    );
    expect(long.code).to.equal('EMSGSIZE');
  });

  for (const [family, host] of [
    ['IPv4', address],
    ['IPv6', '::1'],
  ] as const) {
    it(`ecn: the receiver sees the mark, ${family}`, async () => {
      const ring = makeRing();
      await using receiver = await DatagramSocket.bind({ address: host, ancillary: ['ecn'], ring });
      await using sender = await DatagramSocket.bind({ address: host, ring });
      for (const ecn of [0, 1, 2, 3]) {
        await sender.send('marked', receiver.address, { ecn });
        expect((await takeMessage(receiver)).ecn).to.equal(ecn);
      }
      await sender.sendMany([{ data: 'marked', remote: receiver.address }], { ecn: 3 });
      expect((await takeMessage(receiver)).ecn).to.equal(3);
    });
  }

  it('ecn over a socket of both kinds, to an IPv4 address', async () => {
    const ring = makeRing();
    await using both = await DatagramSocket.bind({ family: 'IPv6', ancillary: ['ecn', 'local'], ring });
    const remote = { address: '::ffff:127.0.0.1', port: both.address.port };
    await both.send('to myself', remote, { ecn: 2 });
    expect((await takeMessage(both)).ecn).to.equal(2);
    await both.connect(remote);
    await both.send('to myself', undefined, { ecn: 1 });
    expect((await takeMessage(both)).ecn).to.equal(1);
  });

  it('local: an answer comes from the address that was written to', async () => {
    await using server = await DatagramSocket.bind({ ring: makeRing(), ancillary: ['local'] });
    await using client = await Peer.open();
    await client.send('question', { address: '127.0.0.7', port: server.address.port });
    const message = await takeMessage(server);
    const { local, interfaceIndex } = message;
    await server.send('answer', message.remote, { ...(local && { local }), interfaceIndex });
    expect((await client.wait(1))[0]?.from.address).to.equal('127.0.0.7');
    const error = await rejection(server.send('x', message.remote, { local: { address: 'no address' } }));
    expect(error.code).to.equal('EINVAL');
    const foreign = await rejection(server.send('x', message.remote, { local: { address: '192.0.2.1' } }));
    expect(foreign.code).to.be.oneOf(['EINVAL', 'ENETUNREACH', 'EADDRNOTAVAIL']);
  });

  it('without a copy from 16 KiB on: whole, and off again because loopback copies anyway', async function () {
    const ring = makeRing();
    needsOfRing(this, ring, 'zeroCopy');
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const remote = { address, port: peer.port };
    const data = pattern(40_000);
    for (let count = 1; count <= 5; count += 1) {
      expect(await socket.send(data, remote)).to.equal(40_000);
      expect((await peer.wait(count))[count - 1]?.data.equals(data)).to.equal(true);
    }
    expect(await socket.send(data.subarray(0, 16_383), remote)).to.equal(16_383);
    const { zeroCopySends, zeroCopyCopies } = ring.stats();
    expect([zeroCopySends, zeroCopyCopies]).to.deep.equal([1, 1]);
    await using other = await DatagramSocket.bind({ address, ring });
    expect((await rejection(other.send(Buffer.alloc(65_508), remote))).code).to.equal('EMSGSIZE');
    expect(await other.send([data, data.subarray(0, 10_000)], remote)).to.equal(50_000);
    expect((await peer.wait(7))[6]?.data.length).to.equal(50_000);
  });

  it('without a copy, where no memory may be pinned for it: it is copied instead', async function () {
    needsOfRing(this, makeRing(), 'zeroCopy');
    if (process.getuid?.() !== 0) skip(this, 'only root can give up its rights and take them back');
    const script = `
      import { execFileSync } from 'node:child_process';
      import { DatagramSocket, Ring } from 'ringlet';
      // A ring counts what is pinned if it was made without the right to pin anything.
      process.seteuid(65534);
      const ring = new Ring(${JSON.stringify(options)});
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      process.seteuid(0);
      execFileSync('prlimit', ['--pid', String(process.pid), '--memlock=0:0']);
      process.seteuid(65534);
      const sent = [];
      for (let i = 0; i < 2; i++) sent.push(await socket.send(Buffer.alloc(50_000), socket.address));
      const { submitted, zeroCopySends, zeroCopyCopies } = ring.stats();
      console.log(JSON.stringify([...sent, zeroCopySends, zeroCopyCopies, submitted]));
      process.seteuid(0);
      await socket.close();
      await ring.close();`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    const [first, second, sends, copies, submitted] = JSON.parse(outcome.stdout) as number[];
    expect([first, second, sends, copies]).to.deep.equal([50_000, 50_000, 1, 1]);
    // Refused, and made again; or, by a kernel that does not count what SENDMSG_ZC pins, copied by itself.
    expect(submitted).to.be.within(2, 3);
  });
});
