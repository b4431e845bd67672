/** Receive buffers of several sizes, and pools that grow under load and shrink again. */
import { expect } from 'chai';
import { DatagramSocket, type Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered, take, takeMessage } from '../support/datagrams.js';
import { eventually } from '../support/eventually.js';
import { Peer } from '../support/peer.js';

const address = '127.0.0.1';

function poolOf(
  ring: Ring,
  bytes: number,
): { count: number; available: number; growths: number; shrinks: number } {
  const pool = ring.stats().receiveBuffers.find((each) => each.bytes === bytes);
  if (pool === undefined) throw new Error(`no pool of ${bytes} bytes`);
  return pool;
}

describeOnEachBackend('RingOptions.receiveBuffers', (makeRing) => {
  it('messageBytes chooses the smallest size that holds it; without it the first serves', async () => {
    const ring = makeRing({
      receiveBuffers: [
        { count: 8, bytes: 100 },
        { count: 8, bytes: 9000 },
        { count: 8, bytes: 2000 },
      ],
    });
    await using peer = await Peer.open();
    for (const [messageBytes, held] of [
      [undefined, 100],
      [100, 100],
      [101, 2000],
      [2001, 9000],
    ] as const) {
      await using socket = await DatagramSocket.bind({ address, ring, messageBytes });
      await peer.send(numbered(1, 9500), socket.address);
      const message = await takeMessage(socket);
      expect(message.data.length, `messageBytes ${messageBytes}`).to.equal(held);
      expect(message.byteLength).to.equal(9500);
      expect(message.isTruncated).to.equal(true);
      expect(message.data.equals(numbered(1, 9500).subarray(0, held))).to.equal(true);
    }
  });

  it('messageBytes beyond every size: ERR_OUT_OF_RANGE names the option and the largest', async () => {
    const ring = makeRing({ receiveBuffers: [{ bytes: 500 }, { bytes: 1000 }] });
    const error = await DatagramSocket.bind({ address, ring, messageBytes: 1001 }).then(
      () => undefined,
      (reason: NodeJS.ErrnoException) => reason,
    );
    expect(error?.code).to.equal('ERR_OUT_OF_RANGE');
    expect(error?.message).to.match(/options\.messageBytes.*1000/);
  });

  it('a message of exactly the size is whole', async () => {
    const ring = makeRing({ receiveBuffers: { count: 2, bytes: 777 } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    await peer.send(numbered(1, 777), socket.address);
    const message = await takeMessage(socket);
    expect(message.isTruncated).to.equal(false);
    expect(message.data.equals(numbered(1, 777))).to.equal(true);
  });

  it('held leases make the pool grow up to countMax, and traffic without them shrinks it', async () => {
    const ring = makeRing({ receiveBuffers: { count: 4, countMax: 32, bytes: 200 } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    if (ring.backend === 'node') return; // no buffers of ours there; the messages are the contract above
    const batches = socket.batches({ lease: true });
    const held = [];
    for (let index = 0; index < 32; index += 1) await peer.send(numbered(index), socket.address);
    while (held.length < 32) held.push(...((await batches.next()).value ?? []));
    expect(held.every((message, index) => message.data.equals(numbered(index)))).to.equal(true);
    expect(poolOf(ring, 200).count).to.equal(32);
    expect(poolOf(ring, 200).growths).to.equal(7);
    for (const message of held) message.release();
    for (let round = 0; poolOf(ring, 200).shrinks === 0; round += 1) {
      expect(round, 'rounds of 8 messages without shrinking').to.be.lessThan(1000);
      for (let index = 0; index < 8; index += 1) await peer.send(numbered(index), socket.address);
      for (let count = 0; count < 8; ) {
        const batch = (await batches.next()).value ?? [];
        for (const message of batch) message.release();
        count += batch.length;
      }
    }
    await batches.return?.();
  });

  it('hugePages: messages arrive as without them', async () => {
    const ring = makeRing({ receiveBuffers: { count: 64, bytes: 2000, hugePages: true } });
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    for (let index = 0; index < 40; index += 1) await peer.send(numbered(index), socket.address);
    const payloads = await take(socket, 40);
    expect(payloads.every((payload, index) => payload.equals(numbered(index)))).to.equal(true);
    await eventually('all buffers free again', () =>
      ring.stats().receiveBuffers.every((each) => each.available === each.count),
    );
  });
});
