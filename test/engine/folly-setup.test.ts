/** The test cases of folly about setting up rings and buffers, in terms of this backend. */
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { type DatagramMessage, DatagramSocket, type Ring } from 'ringlet';
import { describeOnEachBackend, frameRings } from '../support/backends.js';
import { numbered, numberedRange, take, takeMessage } from '../support/datagrams.js';
import { eventually, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';
import { cpusAllowed, sqThreadOf, withDescriptor } from '../support/sq-poll.js';
import { temporaryDirectory } from '../support/temporary.js';

const FIFOS = 32;
const HAS_IPV6 =
  existsSync('/proc/net/if_inet6') && /^0{31}1 /m.test(readFileSync('/proc/net/if_inet6', 'utf8'));

function flagsOf({ profile }: Ring): string[] {
  return profile.flags.filter((flag) => ['SQPOLL', 'SQ_AFF', 'ATTACH_WQ', 'CQSIZE'].includes(flag)).sort();
}

describe('folly: setup', () => {
  const makeRing = frameRings({});

  it('SetupPollNoGroup: CQSIZE and SQPOLL, and neither SQ_AFF nor ATTACH_WQ', () => {
    for (const ring of [makeRing({ sqPoll: true }), makeRing({ sqPoll: true })])
      expect(flagsOf(ring)).to.deep.equal(['CQSIZE', 'SQPOLL']);
  });

  it('SetupPollWithGroup: the first ring makes the thread, the second attaches to it', async () => {
    const sqPoll = { group: 'folly', threads: 1 };
    const first = withDescriptor(() => makeRing({ sqPoll }));
    const second = withDescriptor(() => makeRing({ sqPoll }));
    expect(flagsOf(first.ring)).to.deep.equal(['CQSIZE', 'SQPOLL']);
    expect(flagsOf(second.ring)).to.deep.equal(['ATTACH_WQ', 'CQSIZE', 'SQPOLL']);
    expect(await sqThreadOf(second.fd)).to.equal(await sqThreadOf(first.fd));
  });

  it('SetupPollWithGroupAndCpu: rings 1 and 2 pin a thread each to CPUs of their own, ring 3 attaches without SQ_AFF', async function () {
    const [first, second] = cpusAllowed('self');
    if (first === undefined || second === undefined) skip(this, 'it needs two CPUs');
    const sqPoll = { group: 'folly', threads: 2, cpus: [second, first] };
    const rings = [1, 2, 3].map(() => withDescriptor(() => makeRing({ sqPoll })));
    const [pinned, alsoPinned, attached] = rings.map(({ ring }) => flagsOf(ring));
    expect([pinned, alsoPinned]).to.deep.equal([
      ['CQSIZE', 'SQPOLL', 'SQ_AFF'],
      ['CQSIZE', 'SQPOLL', 'SQ_AFF'],
    ]);
    expect(attached).to.deep.equal(['ATTACH_WQ', 'CQSIZE', 'SQPOLL']);
    const threads: number[] = [];
    for (const { fd } of rings) threads.push(await sqThreadOf(fd));
    expect(new Set(threads).size).to.equal(2);
    await eventually('the threads on CPUs of their own', () => {
      const cpus = threads.slice(0, 2).map((thread) => cpusAllowed(thread));
      return cpus[0]?.join() === String(second) && cpus[1]?.join() === String(first);
    });
  });
});

describeOnEachBackend('folly: receive buffers', (makeRing) => {
  it('BufferMinSize: buffers of 8 bytes take messages of 8 whole and the beginnings of longer ones', async () => {
    const ring = makeRing({ receiveBuffers: { count: 4, bytes: 8 } });
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    await using peer = await Peer.open();
    await peer.send('12345678', socket.address);
    await peer.send('123456789', socket.address);
    const [whole, cut] = [await takeMessage(socket), await takeMessage(socket)];
    expect([whole.data.toString(), whole.isTruncated]).to.deep.equal(['12345678', false]);
    expect([cut.data.toString(), cut.isTruncated, cut.byteLength]).to.deep.equal(['12345678', true, 9]);
  });

  for (const count of [1, 1000]) {
    it(`BufferCountCheck: ${count} buffers are ${count}, neither more nor fewer, and each serves`, async () => {
      const ring = makeRing({ receiveBuffers: { count, bytes: 64 } });
      await using socket = await DatagramSocket.bind({
        address: '127.0.0.1',
        ring,
        receiveBufferBytes: 1 << 21,
      });
      await using peer = await Peer.open();
      const payloads = numberedRange(0, 1200);
      const taking = take(socket, payloads.length);
      for (const payload of payloads) await peer.send(payload, socket.address);
      expect(await taking).to.deep.equal(payloads);
      for (const pool of ring.stats().receiveBuffers) expect(pool).to.include({ count, available: count });
    });
  }

  it('ProvidedBufferUtilization: what is available goes from all to none and back as leases are held', async () => {
    const ring = makeRing({ receiveBuffers: { count: 8, bytes: 64 } });
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    await using peer = await Peer.open();
    const reader = socket.messages({ lease: true });
    const held: DatagramMessage[] = [];
    const isAvailable = (wanted: number): boolean =>
      ring.stats().receiveBuffers.every(({ available }) => available === wanted);
    for (let index = 0; index < 8; index += 1) {
      await peer.send(numbered(index), socket.address);
      held.push((await within('a message', reader.next())).value as DatagramMessage);
      expect(isAvailable(7 - index), `${index + 1} held`).to.equal(true);
    }
    for (const [index, message] of held.entries()) {
      expect(message.data.equals(numbered(index))).to.equal(true);
      message.release();
      await eventually(`${index + 1} given back`, () => isAvailable(index + 1));
    }
    await reader.return?.();
  });
});

describeOnEachBackend('folly: messages and events', (makeRing) => {
  const directory = temporaryDirectory();

  it('SendmsgRecvmsg: 64 bytes from ::1 to ::1', async function () {
    if (!HAS_IPV6) skip(this, 'the loopback interface has no IPv6');
    const ring = makeRing();
    await using receiver = await DatagramSocket.bind({ address: '::1', ring });
    await using sender = await DatagramSocket.bind({ address: '::1', ring });
    const receiving = takeMessage(receiver);
    await sender.send(numbered(7), receiver.address);
    const message = await receiving;
    expect(message.data.equals(numbered(7))).to.equal(true);
    expect(message.remote).to.deep.include({ address: '::1', port: sender.address.port, family: 'IPv6' });
  });

  it(`EventFDPersistAsyncread: ${FIFOS} descriptors watched, and read through the ring at each event, twice and more`, async () => {
    const ring = makeRing();
    const paths = Array.from({ length: FIFOS }, (_unused, index) => directory.fifo(`fifo-${index}`));
    const handles = await Promise.all(paths.map((path) => ring.fs.open(path, 'r+')));
    const fds = paths.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    const received = paths.map(() => '');
    const watching = fds.map(async (fd, index) => {
      for await (const events of ring.watch(fd, ['readable'])) {
        expect(events).to.deep.equal(['readable']);
        const { buffer, bytesRead } = await (handles[index] as (typeof handles)[0]).read(Buffer.alloc(8));
        received[index] += buffer.toString('latin1', 0, bytesRead);
        if (received[index] === 'abc') break;
      }
    });
    for (const [round, letter] of ['a', 'ab', 'abc'].entries()) {
      for (const fd of fds) writeSync(fd, letter.at(-1) as string);
      await eventually(`round ${round}`, () => received.every((text) => text === letter));
    }
    await within('the watches', Promise.all(watching));
    for (const handle of handles) await handle.close();
    for (const fd of fds) closeSync(fd);
  });
});
