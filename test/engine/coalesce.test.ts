/** Adaptive coalescing: which traffic a ring waits for in the kernel, and which it never holds up. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { DatagramSocket, type RingOptions } from 'ringlet';
import { frameRings, type MakeRing, needsOfRing } from '../support/backends.js';
import { eventually, pause, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';

const address = '127.0.0.1';

/**
 * Sends numbered datagrams one by one, until it is terminated: no faster than they are taken, because a ring that
 * never runs out of them has nothing to wait for.
 */
const FLOOD = `
  const { createSocket } = require('node:dgram');
  const { workerData: port } = require('node:worker_threads');
  const socket = createSocket('udp4');
  const data = Buffer.alloc(64);
  const GAP_MS = 0.04;
  let number = 0;
  let dueMs = performance.now();
  const send = () => {
    if (performance.now() < dueMs) return void setImmediate(send);
    dueMs = performance.now() + GAP_MS;
    data.writeUInt32LE(number++, 0);
    socket.send(Buffer.from(data), port, '127.0.0.1', () => setImmediate(send));
  };
  send();
`;

/** Receives a flow until `isEnough`; the numbers must only rise. Returns how many datagrams came. */
async function receiveFlow(socket: DatagramSocket, isEnough: (count: number) => boolean): Promise<number> {
  const worker = new Worker(FLOOD, { eval: true, workerData: socket.address.port });
  let count = 0;
  let last = -1;
  try {
    const reading = (async () => {
      for await (const { data } of socket) {
        const number = data.readUInt32LE(0);
        expect(number).to.be.greaterThan(last);
        last = number;
        count += 1;
        if (isEnough(count)) break;
      }
    })();
    await within('enough of the flow', reading);
  } finally {
    await worker.terminate();
  }
  return count;
}

describe('coalesce', () => {
  const makeRing: MakeRing = frameRings({});
  const made = (options: RingOptions = { coalesce: 'adaptive' }): RingOptions => ({
    backend: 'io_uring',
    ...options,
  });

  it("adaptive: a ring that only receives waits for more, and the flow's datagrams keep their order", async function () {
    const ring = makeRing(made());
    needsOfRing(this, ring, 'coalesce');
    await using socket = await DatagramSocket.bind({ address, ring });
    const count = await receiveFlow(socket, () => ring.stats().gathers > 0);
    expect(count).to.be.greaterThan(0);
  });

  it('by default: the same', async function () {
    const ring = makeRing(made({}));
    needsOfRing(this, ring, 'coalesce');
    await using socket = await DatagramSocket.bind({ address, ring });
    await receiveFlow(socket, () => ring.stats().gathers > 0);
  });

  it('false: a flow of 2,000 datagrams is never waited for', async () => {
    const ring = makeRing(made({ coalesce: false }));
    await using socket = await DatagramSocket.bind({ address, ring });
    await receiveFlow(socket, (count) => count === 2000);
    expect(ring.stats().gathers).to.equal(0);
  });

  it('adaptive: the ring enters the kernel for its batches and waits, and not over and over in between', async () => {
    const ring = makeRing(made());
    await using socket = await DatagramSocket.bind({ address, ring });
    await receiveFlow(socket, (count) => count >= 20_000);
    const { enters, batches, gathers, turns } = ring.stats();
    expect(enters).to.be.lessThan(2 * (batches + gathers + turns));
  });

  it("adaptive: timers, files and sockets of Node's own go on while datagrams flow", async function () {
    const ring = makeRing(made());
    needsOfRing(this, ring, 'coalesce');
    await using socket = await DatagramSocket.bind({ address, ring });
    await using echo = await Peer.open();
    await using peer = await Peer.open();
    let isOver = false;
    const others = (async () => {
      for (let round = 0; round < 20; round += 1) {
        await pause(1);
        await readFile(import.meta.filename);
        await peer.send(`${round}`, echo);
        await eventually('the datagram', () => echo.received.length > round);
      }
      isOver = true;
    })();
    await receiveFlow(socket, () => isOver && ring.stats().gathers > 0);
    await others;
  });

  it('adaptive: one message at a time, with a millisecond in between, is never waited for', async () => {
    const ring = makeRing(made());
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const messages = socket.messages();
    for (let round = 0; round < 20; round += 1) {
      const next = messages.next();
      await peer.send(`${round}`, socket.address);
      expect(String((await within('a message', next)).value?.data)).to.equal(`${round}`);
      await pause(1);
    }
    expect(ring.stats().gathers).to.equal(0);
  });

  for (const [title, answer] of [
    ['send', (socket, data, remote) => socket.send(data, remote)],
    ['sendMany', (socket, data, remote) => socket.sendMany([{ data, remote }])],
  ] as const satisfies readonly (readonly [
    string,
    (socket: DatagramSocket, data: Buffer, remote: { address: string; port: number }) => Promise<unknown>,
  ])[]) {
    it(`adaptive: 300 messages that are answered by ${title} are never waited for`, async () => {
      const ring = makeRing(made());
      await using socket = await DatagramSocket.bind({ address, ring });
      await using peer = await Peer.open();
      const serving = (async () => {
        for await (const { data, remote } of socket) await answer(socket, data, remote);
      })();
      const asking = (async () => {
        for (let round = 0; round < 300; round += 1) {
          await peer.send(`${round}`, socket.address);
          // At once, so that the messages come as close together as those of a flow.
          while (peer.received.length <= round) await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await within('300 answers', asking);
      expect(ring.stats().gathers).to.equal(0);
      await socket.close();
      await serving;
    });
  }
});
