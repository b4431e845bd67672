/** What messages tell beside bytes and sender: addresses, marks, times and drops, and merged datagrams. */
import { expect } from 'chai';
import type { Context } from 'mocha';
import { DatagramSocket, type Ring } from 'ringlet';
import { binding } from '#ringlet/native/binding.js';
import { describeOnEachBackend, type MakeRing } from '../support/backends.js';
import { doDatagramsMerge, numbered, take, takeMessage } from '../support/datagrams.js';
import { eventually, rejection, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';

const address = '127.0.0.1';
const SOL_SOCKET = 1;
const SO_TIMESTAMPNS = 35;

/** The descriptor of the newest socket that this process has open. */
async function socketFd(bind: () => Promise<DatagramSocket>): Promise<[DatagramSocket, number]> {
  const { openDescriptors } = await import('../support/leftovers.js');
  const before = openDescriptors();
  const socket = await bind();
  const [found] = [...openDescriptors()].filter(([fd, target]) => {
    return target.startsWith('socket:') && before.get(fd) !== target;
  });
  if (!found) throw new Error('no new socket was found');
  return [socket, found[0]];
}

describeOnEachBackend('DatagramSocket ancillary data', (makeRing, { options }) => {
  if (options.backend === 'node') {
    it('the node backend has none: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      const ring = makeRing({ receiveBuffers: { count: 4, bytes: 65_536 } });
      for (const wanted of [{ ancillary: ['ecn'] }, { receiveOffload: true }] as const) {
        const error = await rejection(DatagramSocket.bind({ address, ring, ...wanted }));
        expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
    });
    return;
  }

  it('nothing is told that was not asked for', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await socket.send('plain', socket.address);
    const { local, interfaceIndex, ecn, timestamp, droppedCount, isControlTruncated } =
      await takeMessage(socket);
    expect([local, interfaceIndex, ecn, timestamp, droppedCount]).to.deep.equal(Array(5).fill(undefined));
    expect(isControlTruncated).to.equal(false);
  });

  for (const lease of [false, true]) {
    it(`all of it, IPv4, ${lease ? 'leased and after release' : 'copied'}`, async () => {
      const ancillary = ['local', 'ecn', 'timestamp', 'droppedCount'] as const;
      await using socket = await DatagramSocket.bind({ ring: makeRing(), ancillary });
      await using peer = await Peer.open();
      const earliest = BigInt(Date.now() - 1) * 1_000_000n;
      await peer.send('told', { address: '127.0.0.2', port: socket.address.port });
      const message = await takeMessage(socket.messages({ lease }));
      message.release();
      if (lease) for (let i = 0; i < 8; i++) await socket.send('over it', { ...socket.address, address });
      expect(message.local).to.deep.equal({ ...socket.address, address: '127.0.0.2' });
      expect(message.interfaceIndex).to.equal(1);
      expect(message.ecn).to.equal(0);
      expect(message.droppedCount).to.equal(0);
      const { timestamp = 0n } = message;
      expect(timestamp >= earliest && timestamp <= BigInt(Date.now() + 1) * 1_000_000n).to.equal(true);
      expect(message.remote).to.deep.include({ address, port: peer.port });
      expect([message.byteLength, message.isTruncated, message.isControlTruncated]).to.deep.equal([
        4,
        false,
        false,
      ]);
    });
  }

  it('local, over IPv6 and, on a socket of both kinds, over IPv4', async () => {
    await using socket = await DatagramSocket.bind({
      family: 'IPv6',
      ring: makeRing(),
      ancillary: ['local', 'ecn'],
    });
    const { port } = socket.address;
    await using v6 = await Peer.open('IPv6');
    await using v4 = await Peer.open();
    await v6.send('six', { address: '::1', port });
    const six = await takeMessage(socket);
    expect([six.local, six.interfaceIndex, six.ecn]).to.deep.equal([
      { address: '::1', port, family: 'IPv6' },
      1,
      0,
    ]);
    await v4.send('four', { address, port });
    const four = await takeMessage(socket);
    expect(four.local).to.deep.equal({ address: '::ffff:127.0.0.1', port, family: 'IPv6' });
    expect(four.ecn).to.equal(0);
    expect(four.remote.address).to.equal('::ffff:127.0.0.1');
  });

  it('each alone: the others stay undefined', async () => {
    const ring = makeRing();
    for (const field of ['local', 'ecn', 'timestamp', 'droppedCount'] as const) {
      await using socket = await DatagramSocket.bind({ address, ring, ancillary: [field] });
      await socket.send('x', socket.address);
      const message = await takeMessage(socket);
      const { local, ecn, timestamp, droppedCount } = message;
      const known = Object.entries({ local, ecn, timestamp, droppedCount }).filter(([, value]) => {
        return value !== undefined;
      });
      expect(known.map(([name]) => name)).to.deep.equal([field]);
    }
  });

  it('droppedCount counts what the kernel had no room for', async () => {
    const ring = makeRing();
    const options = { address, receiveBufferBytes: 4096, ancillary: ['droppedCount'] } as const;
    await using socket = await DatagramSocket.bind({ ...options, ring });
    await using peer = await Peer.open();
    const before = await (async () => {
      await peer.send('first', socket.address);
      return takeMessage(socket);
    })();
    expect(before.droppedCount).to.equal(0);
    await eventually('the receive to stop', () => ring.stats().armed === 0);
    for (let index = 0; index < 60; index += 1) await peer.send(numbered(index, 1000), socket.address);
    let receivedCount = 0;
    const reading = (async () => {
      for await (const message of socket) {
        if (message.data.toString() === 'last') return message.droppedCount;
        receivedCount += 1;
      }
      return undefined;
    })();
    await eventually('some of them to be read', () => receivedCount > 0);
    await peer.send('last', socket.address);
    const droppedCount = await within('the last message', reading);
    expect(droppedCount).to.be.greaterThan(0);
    expect(droppedCount).to.equal(60 - receivedCount);
  });

  it('ancillary data that finds no room: isControlTruncated, and the message is whole', async () => {
    for (const lease of [false, true]) {
      const ring = makeRing();
      const [socket, fd] = await socketFd(() => DatagramSocket.bind({ address, ring }));
      // Nobody asked ringlet for it, so there is no control area.
      expect(binding().setSocketOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)).to.equal(0);
      await socket.send('whole', socket.address);
      const message = await takeMessage(socket.messages({ lease }));
      expect([message.isControlTruncated, message.isTruncated, message.byteLength]).to.deep.equal([
        true,
        false,
        5,
      ]);
      message.release();
      expect(message.isControlTruncated).to.equal(true);
      expect(message.timestamp).to.equal(undefined);
      await socket.close();
    }
  });

  it('a reader of copies after a reader of leases: the copies tell the same', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing(), ancillary: ['local'] });
    for (const text of ['one', 'two', 'three']) await socket.send(text, socket.address);
    const leases = socket.messages({ lease: true });
    const first = await within('a lease', leases.next());
    first.value?.release();
    await leases.return?.();
    for (const text of ['two', 'three']) {
      const message = await takeMessage(socket);
      expect([message.data.toString(), message.local?.address]).to.deep.equal([text, address]);
    }
  });

  it('bad input: wrong types and unknown fields are refused by name', async () => {
    const ring = makeRing();
    const bind = (wanted: object): Promise<unknown> => DatagramSocket.bind({ address, ring, ...wanted });
    expect((await rejection(bind({ ancillary: 'ecn' }))).code).to.equal('ERR_INVALID_ARG_TYPE');
    const unknown = await rejection(bind({ ancillary: ['ecn', 'colour'] }));
    expect(unknown.code).to.equal('ERR_INVALID_ARG_VALUE');
    expect(unknown.message).to.include('options.ancillary[1]').and.to.include("'timestamp'");
    expect((await rejection(bind({ receiveOffload: 1 }))).code).to.equal('ERR_INVALID_ARG_TYPE');
    const small = await rejection(bind({ receiveOffload: true }));
    expect([small.code, small.message.includes('65507')]).to.deep.equal(['ERR_INVALID_ARG_VALUE', true]);
  });

  describeMerged(makeRing);
});

function needsMerging(context: Context): void {
  if (!doDatagramsMerge()) skip(context, 'needs a kernel that merges datagrams on loopback');
}

function describeMerged(makeRing: MakeRing): void {
  const UDP_SEGMENT = 103;
  const SOL_UDP = 17;

  const bindBoth = async (ring: Ring): Promise<[DatagramSocket, DatagramSocket]> => {
    const receiver = await DatagramSocket.bind({
      address,
      ring,
      receiveOffload: true,
      ancillary: ['timestamp'],
    });
    const [sender, fd] = await socketFd(() => DatagramSocket.bind({ address, ring }));
    expect(binding().setSocketOption(fd, SOL_UDP, UDP_SEGMENT, 100)).to.equal(0);
    return [receiver, sender];
  };

  it('receive offload: droppedCount counts merged pieces, not datagrams', async function () {
    needsMerging(this);
    const ring = makeRing({ receiveBuffers: { count: 4, bytes: 65_536 } });
    const ancillary = ['droppedCount'] as const;
    const options = { address, receiveBufferBytes: 8192, receiveOffload: true, ancillary, ring };
    await using receiver = await DatagramSocket.bind(options);
    await using sender = await DatagramSocket.bind({ address, ring });
    const [pieces, each] = [40, 10];
    for (let index = 0; index < pieces; index += 1) {
      await sender.send(Buffer.alloc(each * 500), receiver.address, { segmentBytes: 500 });
    }
    let receivedCount = 0;
    const reading = (async () => {
      for await (const message of receiver) {
        if (message.data.toString() === 'last') return message.droppedCount;
        receivedCount += 1;
      }
      return undefined;
    })();
    await eventually('some of them to be read', () => receivedCount > 0);
    await sender.send('last', receiver.address);
    const droppedCount = await within('the last message', reading);
    expect(receivedCount % each).to.equal(0);
    expect(droppedCount).to.equal(pieces - receivedCount / each);
  });

  for (const lease of [false, true]) {
    it(`receive offload, ${lease ? 'leased' : 'copied'}: merged datagrams come as they were sent`, async function () {
      needsMerging(this);
      const ring = makeRing({ receiveBuffers: { count: 4, bytes: 65_536 } });
      const [receiver, sender] = await bindBoth(ring);
      const payload = Buffer.concat(Array.from({ length: 21 }, (_unused, i) => numbered(i, 100)));
      // 20 whole ones and a shorter last.
      await sender.send(payload.subarray(0, 2030), receiver.address);
      await sender.send(numbered(21, 100), receiver.address);
      const messages: Buffer[] = [];
      const before = ring.stats().completed;
      const reading = (async () => {
        for await (const message of receiver.messages({ lease })) {
          expect(message.isTruncated).to.equal(false);
          expect(message.remote.port).to.equal(sender.address.port);
          expect(typeof message.timestamp).to.equal('bigint');
          messages.push(Buffer.from(message.data));
          message.release();
          if (messages.length === 22) break;
        }
      })();
      await within('22 datagrams', reading);
      expect(ring.stats().completed - before, 'completions').to.be.lessThan(10);
      expect(messages.map(({ length }) => length)).to.deep.equal([...Array(20).fill(100), 30, 100]);
      for (const [index, data] of messages.entries()) {
        expect(data.equals(numbered(index, 100).subarray(0, data.length)), `datagram ${index}`).to.equal(
          true,
        );
      }
      await receiver.close();
      await sender.close();
    });
  }

  it('receive offload: a lease of many datagrams goes back when the last of them is released', async function () {
    needsMerging(this);
    const ring = makeRing({ receiveBuffers: { count: 2, bytes: 65_536 } });
    const [receiver, sender] = await bindBoth(ring);
    const available = (): number | undefined => ring.stats().receiveBuffers[0]?.available;
    const iterator = receiver.batches({ lease: true });
    const reading = iterator.next();
    await sender.send(Buffer.alloc(300), receiver.address);
    const { value: batch = [] } = await within('a batch', reading);
    expect(batch.length).to.equal(3);
    batch[1]?.release();
    batch[1]?.release();
    batch[0]?.release();
    expect(available()).to.equal(1);
    batch[2]?.release();
    expect(available()).to.equal(2);
    for (const message of batch) expect(message.remote.port).to.equal(sender.address.port);
    await iterator.return?.();
    await receiver.close();
    await sender.close();
  });

  it('receive offload: empty and single datagrams stay what they are', async () => {
    const ring = makeRing({ receiveBuffers: { count: 4, bytes: 65_536 } });
    const receiver = await DatagramSocket.bind({ address, ring, receiveOffload: true });
    for (const text of ['', 'one', '']) await receiver.send(text, receiver.address);
    expect((await take(receiver, 3)).map(String)).to.deep.equal(['', 'one', '']);
    await receiver.close();
  });
}
