/** A pool of 16 buffers for several sockets and very many senders: slow, but complete, fair and without a spin. */
import { expect } from 'chai';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered } from '../support/datagrams.js';
import { eventually, within } from '../support/eventually.js';
import { droppedAt } from '../support/peer.js';

const address = '127.0.0.1';
const BUFFER_COUNT = 16;
const SOCKET_COUNT = 4;
const SENDER_COUNT = 10_000;

/** The source address of a sender: each has its own. */
function addressOfSender(index: number): string {
  return `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}

describeOnEachBackend('DatagramSocket in a crowd', (makeRing, { options }) => {
  if (options.backend === 'node') return;

  for (const lease of [false, true]) {
    it(`${SENDER_COUNT} senders, ${SOCKET_COUNT} sockets, ${BUFFER_COUNT} buffers, ${lease ? 'leased' : 'copied'}`, async function () {
      this.timeout(60_000);
      const buffers = { count: BUFFER_COUNT, countMax: BUFFER_COUNT, bytes: 2048 };
      const ring = makeRing({ receiveBuffers: buffers });
      const sender = await DatagramSocket.bind({ ring });
      const bind = (): Promise<DatagramSocket> =>
        DatagramSocket.bind({ address, receiveBufferBytes: 1 << 23, ring });
      const sockets = await Promise.all(Array.from({ length: SOCKET_COUNT }, bind));
      for (let index = 0; index < SENDER_COUNT; index += 1) {
        const socket = sockets[index % SOCKET_COUNT] as DatagramSocket;
        const local = { address: addressOfSender(index) };
        await sender.send(numbered(index), socket.address, { local });
      }
      const dropped = sockets.map((socket) => droppedAt(socket.address.port) ?? 0);
      const wanted = dropped.map((count) => SENDER_COUNT / SOCKET_COUNT - count);
      const counts = sockets.map(() => 0);
      const before = ring.stats();
      /** How many the slowest had when the fastest was through. */
      let least = Number.NaN;
      const read = async (socket: DatagramSocket, place: number): Promise<void> => {
        let last = -1;
        for await (const message of socket.messages({ lease })) {
          const index = message.data.readUInt32LE(0);
          if (index <= last || index % SOCKET_COUNT !== place) throw new Error(`${index} came after ${last}`);
          if (!message.data.equals(numbered(index))) throw new Error(`${index} came with other bytes`);
          if (message.remote.address !== addressOfSender(index))
            throw new Error(`${index} has another sender`);
          last = index;
          message.release();
          counts[place] = (counts[place] as number) + 1;
          if (counts[place] === wanted[place]) break;
        }
        if (Number.isNaN(least)) least = Math.min(...counts);
      };
      await within('everything that was not dropped', Promise.all(sockets.map(read)), 50_000);
      expect(counts).to.deep.equal(wanted);
      // Where completions find no room either, who is armed first goes on longer.
      const share = options.completionEntries === undefined ? 2 : 20;
      expect(least, 'messages of the slowest socket').to.be.greaterThan((wanted[0] as number) / share);
      const { rearms } = ring.stats();
      // Each time that buffers come back, as many sockets ask as there are buffers, at most.
      const receivedCount = counts.reduce((sum, count) => sum + count, 0);
      expect(rearms - before.rearms).to.be.lessThan(receivedCount);
      await eventually('the receives to stop', () => ring.stats().armed === 0);
      expect(ring.stats().receiveBuffers[0]?.available).to.equal(BUFFER_COUNT);
      await Promise.all([sender, ...sockets].map((socket) => socket.close()));
    });
  }

  it('a quiet socket that waits does not keep buffers from one that has messages', async () => {
    const ring = makeRing({ receiveBuffers: { count: 2, countMax: 2, bytes: 2048 } });
    const bind = (): Promise<DatagramSocket> => DatagramSocket.bind({ address, ring });
    const sockets = await Promise.all(Array.from({ length: 12 }, bind));
    const held = await bind();
    for (const data of ['one', 'two', 'three']) await held.send(data, held.address);
    const leases = held.batches({ lease: true });
    const hold = await within('two leases', leases.next());
    // All of them find the pool dry, and only the last will ever have anything to receive.
    const receiving = sockets.map((socket) => socket.receive({ signal: AbortSignal.timeout(30_000) }));
    for (const promise of receiving) promise.catch(() => {});
    await eventually(
      'everybody to have found the pool dry',
      () => ring.stats().receiveBuffers[0]?.available === 0,
    );
    const last = sockets.at(-1) as DatagramSocket;
    await held.send('at last', last.address);
    for (const message of hold.value ?? []) message.release();
    expect(
      (await within('the message', receiving.at(-1) as Promise<{ data: Buffer }>)).data.toString(),
    ).to.equal('at last');
    await leases.return?.();
    await Promise.all([held, ...sockets].map((socket) => socket.close()));
  });
});
