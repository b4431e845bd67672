/** Leased messages: views into the receive buffers, held as back-pressure and never overwritten. */
import { expect } from 'chai';
import { type DatagramMessage, DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered, numberedRange, take } from '../support/datagrams.js';
import { eventually, turns, within } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';

const address = '127.0.0.1';
const FEW = { receiveBuffers: { count: 4, bytes: 2048 } };

describeOnEachBackend('DatagramSocket, leased messages', (makeRing) => {
  /** Reads leased messages into `held` until told otherwise. */
  function hold(socket: DatagramSocket, held: DatagramMessage[], signal?: AbortSignal): Promise<void> {
    return (async () => {
      const options = signal ? { lease: true, signal } : { lease: true };
      for await (const message of socket.messages(options)) held.push(message);
    })();
  }

  it('messages({ lease }): the bytes and the sender are right, and using releases', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    await using peer = await Peer.open();
    let count = 0;
    const reading = (async () => {
      for await (const received of socket.messages({ lease: true })) {
        using message = received;
        expect(message.data.equals(numbered(count)), `message ${count}`).to.equal(true);
        expect(message.remote).to.deep.include({ address, port: peer.port, family: 'IPv4' });
        count += 1;
        if (count === 300) break;
      }
    })();
    for (let index = 0; index < 300; index += 1) {
      await peer.send(numbered(index), socket.address);
      if (index % 16 === 15) await eventually('the reader keeping up', () => count > index - 32);
    }
    await within('300 leased messages', reading);
  });

  it('batches({ lease }): 2,000 through 4 buffers, released as they come', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    let count = 0;
    const reading = (async () => {
      for await (const batch of socket.batches({ lease: true })) {
        for (const message of batch) {
          if (!message.data.equals(numbered(count))) throw new Error(`message ${count} is not itself`);
          count += 1;
          message.release();
        }
        if (count === 2000) break;
      }
    })();
    for (let index = 0; index < 2000; index += 1) {
      await peer.send(numbered(index), socket.address);
      if (index % 16 === 15) await eventually('the reader keeping up', () => count > index - 32);
    }
    await within('2,000 leased messages', reading);
    expect(droppedAt(socket.address.port)).to.equal(0);
  });

  it('held leases are back-pressure: held bytes stay, and the rest comes once they are released', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    const held: DatagramMessage[] = [];
    const reading = hold(socket, held);
    for (const payload of numberedRange(0, 40)) await peer.send(payload, socket.address);
    await eventually('the first messages', () => held.length >= 3);
    await turns(10);
    for (const [index, message] of held.entries()) {
      expect(message.data.equals(numbered(index)), `held message ${index}`).to.equal(true);
    }
    const seen: Buffer[] = [];
    await eventually('all 40 messages, released one by one', () => {
      const message = held.shift();
      if (message) {
        seen.push(Buffer.from(message.data));
        message.release();
      }
      return seen.length === 40;
    });
    expect(seen).to.deep.equal(numberedRange(0, 40));
    expect(droppedAt(socket.address.port)).to.equal(0);
    await socket.close();
    await within('the loop ending', reading);
  });

  it('released out of order, every buffer is used again', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    const held: DatagramMessage[] = [];
    const reading = hold(socket, held);
    let next = 0;
    for (let round = 0; round < 50; round += 1) {
      for (const payload of numberedRange(next, 3)) await peer.send(payload, socket.address);
      await eventually(`round ${round}`, () => held.length === 3);
      for (const [index, message] of held.entries()) {
        expect(message.data.equals(numbered(next + index)), `round ${round}`).to.equal(true);
      }
      for (const index of [1, 2, 0]) held[index]?.release();
      held.length = 0;
      next += 3;
    }
    await socket.close();
    await within('the loop ending', reading);
  });

  it('leases outlive socket.close(), other sockets’ traffic and ring.close() with their bytes intact', async () => {
    const ring = makeRing(FEW);
    const socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const held: DatagramMessage[] = [];
    const reading = hold(socket, held);
    for (const payload of numberedRange(0, 3)) await peer.send(payload, socket.address);
    await eventually('3 leased messages', () => held.length === 3);
    await within('socket.close()', socket.close());
    await within('the loop ending', reading);
    const intact = (when: string): void => {
      for (const [index, message] of held.entries()) {
        expect(message.data.equals(numbered(index)), `${when}, message ${index}`).to.equal(true);
        expect(message.remote.port).to.equal(peer.port);
      }
    };
    intact('after socket.close()');
    {
      await using other = await DatagramSocket.bind({ address, ring });
      const copies = take(other, 20);
      for (const payload of numberedRange(500, 20)) await peer.send(payload, other.address);
      expect(await copies).to.deep.equal(numberedRange(500, 20));
    }
    intact('after traffic on another socket');
    await within('ring.close()', ring.close());
    globalThis.gc?.();
    intact('after ring.close()');
    for (const message of held) {
      message.release();
      message.release();
    }
  });

  it('with all buffers but one held for good, messages go on coming through that one', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    const held: DatagramMessage[] = [];
    const reading = hold(socket, held);
    for (const payload of numberedRange(0, 10)) await peer.send(payload, socket.address);
    for (let index = 0; index < 10; index += 1) {
      await eventually(`message ${index}`, () => held.length > index);
      // The oldest but three goes back: the reader holds a window of three.
      if (index >= 3) held[index - 3]?.release();
    }
    held.slice(7).forEach((message, index) => {
      expect(message.data.equals(numbered(index + 7)), `message ${index + 7}`).to.equal(true);
    });
    await socket.close();
    await within('the loop ending', reading);
  });

  it('release twice gives the buffer back once', async () => {
    const socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    const held: DatagramMessage[] = [];
    const reading = hold(socket, held);
    await peer.send(numbered(0), socket.address);
    await eventually('a message', () => held.length === 1);
    for (let time = 0; time < 10; time += 1) held[0]?.release();
    held.length = 0;
    // Were one buffer in the kernel's hands twice, two of these would share it.
    for (const payload of numberedRange(1, 3)) await peer.send(payload, socket.address);
    await eventually('3 messages', () => held.length === 3);
    held.forEach((message, index) => {
      expect(message.data.equals(numbered(index + 1)), `message ${index + 1}`).to.equal(true);
      message.release();
    });
    await socket.close();
    await within('the loop ending', reading);
  });

  it('copies and leases may alternate on one socket, and a break loses nothing', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    const sending = (async () => {
      for (const payload of numberedRange(0, 60)) await peer.send(payload, socket.address);
    })();
    const payloads: Buffer[] = [];
    for (const lease of [true, false, true, false, true, false]) {
      payloads.push(...(await take(socket.messages({ lease }), 10)));
    }
    await sending;
    expect(payloads).to.deep.equal(numberedRange(0, 60));
  });

  it('a loop left by break with leases untaken gives them to the next reader', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing(FEW) });
    await using peer = await Peer.open();
    for (const payload of numberedRange(0, 12)) await peer.send(payload, socket.address);
    const payloads: Buffer[] = [];
    for (let index = 0; index < 12; index += 1) {
      payloads.push(...(await take(socket.messages({ lease: true }), 1)));
    }
    expect(payloads).to.deep.equal(numberedRange(0, 12));
  });

  it('leases that a closed socket had for readers to come keep no buffers from others, and are still theirs', async () => {
    const ring = makeRing(FEW);
    const socket = await DatagramSocket.bind({ address, ring });
    await using other = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    for (const payload of numberedRange(0, 4)) await peer.send(payload, socket.address);
    const held: DatagramMessage[] = [];
    for await (const message of socket.messages({ lease: true })) {
      held.push(message);
      break;
    }
    await within('socket.close()', socket.close());
    for (const payload of numberedRange(10, 20)) await peer.send(payload, other.address);
    expect(await take(other, 20)).to.deep.equal(numberedRange(10, 20));
    const rest: Buffer[] = [];
    for await (const { data } of socket) rest.push(data);
    expect(rest).to.deep.equal(numberedRange(1, rest.length));
    expect(held[0]?.data).to.deep.equal(numbered(0));
    held[0]?.release();
  });
});
