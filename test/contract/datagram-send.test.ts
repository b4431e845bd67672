/** DatagramSocket.send, with Node's own sockets and ringlet's at the other end. */
import { expect } from 'chai';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { numbered, take } from '../support/datagrams.js';
import { type CallError, rejection } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { pattern } from '../support/temporary.js';

const LOOPBACK = '127.0.0.1';
/** The largest payload of one IPv4 datagram: 65535 less the headers of IP and UDP. */
const PAYLOAD_BYTES_MAX = 65_507;

describeOnEachBackend('DatagramSocket.send', (makeRing) => {
  const bind = (): Promise<DatagramSocket> => DatagramSocket.bind({ address: LOOPBACK, ring: makeRing() });

  it('a string, a Buffer, views and an ArrayBuffer arrive by their bytes; it fulfils with their count', async () => {
    await using socket = await bind();
    await using peer = await Peer.open();
    const bytes = pattern(32);
    const memory = new Uint8Array(bytes).buffer;
    const forms: readonly (readonly [Parameters<DatagramSocket['send']>[0], Buffer])[] = [
      ['grüße', Buffer.from('grüße')],
      [bytes, bytes],
      [new Uint8Array(memory, 3, 5), bytes.subarray(3, 8)],
      [new Uint16Array(memory, 2, 4), bytes.subarray(2, 10)],
      [new DataView(memory, 7, 9), bytes.subarray(7, 16)],
      [memory, bytes],
      ['', Buffer.alloc(0)],
      [Buffer.alloc(0), Buffer.alloc(0)],
    ];
    for (const [form, wanted] of forms) {
      expect(await socket.send(form, { address: LOOPBACK, port: peer.port })).to.equal(wanted.length);
    }
    const received = await peer.wait(forms.length);
    received.forEach(({ data, from }, index) => {
      expect(data, `form ${index}`).to.deep.equal(forms[index]?.[1]);
      expect([from.address, from.port]).to.deep.equal([LOOPBACK, socket.address.port]);
    });
  });

  it('between two ringlet sockets, both directions, 200 times', async () => {
    const ring = makeRing();
    await using one = await DatagramSocket.bind({ address: LOOPBACK, ring });
    await using other = await DatagramSocket.bind({ address: LOOPBACK, ring });
    const echoing = (async () => {
      for await (const message of other) await other.send(message.data, message.remote);
    })();
    for (let index = 0; index < 200; index += 1) {
      await one.send(numbered(index), other.address);
      const [back] = await take(one, 1);
      expect(back?.equals(numbered(index)), `datagram ${index}`).to.equal(true);
    }
    await other.close();
    await echoing;
  });

  it('300 sends at once all arrive whole', async () => {
    await using socket = await bind();
    await using peer = await Peer.open();
    for (let round = 0; round < 3; round += 1) {
      const sends = Array.from({ length: 100 }, (_unused, index) =>
        socket.send(numbered(round * 100 + index), { address: LOOPBACK, port: peer.port }),
      );
      expect(new Set(await Promise.all(sends))).to.deep.equal(new Set([64]));
      await peer.wait((round + 1) * 100);
    }
    const indexes = peer.received.map(({ data }) => data.readUInt32LE(0));
    expect(new Set(indexes).size).to.equal(300);
    for (const { data } of peer.received) expect(data.equals(numbered(data.readUInt32LE(0)))).to.equal(true);
  });

  it(`${PAYLOAD_BYTES_MAX} bytes, the most IPv4 has, are sent whole`, async () => {
    await using socket = await bind();
    await using peer = await Peer.open();
    const payload = pattern(PAYLOAD_BYTES_MAX);
    expect(await socket.send(payload, { address: LOOPBACK, port: peer.port })).to.equal(PAYLOAD_BYTES_MAX);
    expect((await peer.wait(1))[0]?.data.equals(payload)).to.equal(true);
  });

  it('one byte more: EMSGSIZE with address and port, as Node words it', async () => {
    await using socket = await bind();
    await using peer = await Peer.open();
    const remote = { address: LOOPBACK, port: peer.port };
    const payload = Buffer.alloc(PAYLOAD_BYTES_MAX + 1);
    const inNode = await rejection(peer.send(payload, remote));
    const error = await rejection(socket.send(payload, remote));
    const fields = ({ name, message, code, errno, syscall, address, port }: CallError): unknown[] => [
      name,
      message,
      code,
      errno,
      syscall,
      address,
      port,
    ];
    expect(fields(error)).to.deep.equal(fields(inNode));
    expect(error.code).to.equal('EMSGSIZE');
    expect(await socket.send('the socket still works', remote)).to.equal(22);
  });

  it('broadcast without the option: EACCES', async () => {
    await using socket = await DatagramSocket.bind({ ring: makeRing() });
    const error = await rejection(socket.send('x', { address: '255.255.255.255', port: 9 }));
    expect(error).to.include({ code: 'EACCES', syscall: 'send', address: '255.255.255.255', port: 9 });
  });

  it('wrong types and ranges: Node’s codes', async () => {
    await using socket = await bind();
    const call = socket.send as (...parameters: unknown[]) => Promise<number>;
    const good = { address: LOOPBACK, port: 9 };
    for (const [name, parameters, codes] of [
      ['data 5', [5, good], ['ERR_INVALID_ARG_TYPE']],
      ['data undefined', [undefined, good], ['ERR_INVALID_ARG_TYPE']],
      ['data {}', [{}, good], ['ERR_INVALID_ARG_TYPE']],
      ['no remote', ['x'], ['ERR_SOCKET_DGRAM_NOT_CONNECTED']],
      ['remote text', ['x', LOOPBACK], ['ERR_INVALID_ARG_TYPE']],
      ['port 0', ['x', { ...good, port: 0 }], ['ERR_SOCKET_BAD_PORT']],
      ['port 65536', ['x', { ...good, port: 65_536 }], ['ERR_SOCKET_BAD_PORT']],
      ['no port', ['x', { address: LOOPBACK }], ['ERR_SOCKET_BAD_PORT', 'ERR_INVALID_ARG_TYPE']],
      ['address 5', ['x', { ...good, address: 5 }], ['ERR_INVALID_ARG_TYPE']],
      ['signal text', ['x', good, { signal: 'x' }], ['ERR_INVALID_ARG_TYPE']],
    ] as const) {
      const error = await rejection(call.apply(socket, [...parameters]), name);
      expect(error.code, name).to.be.oneOf([...codes]);
    }
  });

  it('aborted before: AbortError, and nothing is sent', async () => {
    await using socket = await bind();
    await using peer = await Peer.open();
    const remote = { address: LOOPBACK, port: peer.port };
    const reason = new Error('no longer wanted');
    const error = await rejection(socket.send('aborted', remote, { signal: AbortSignal.abort(reason) }));
    expect([error.name, error.code, error.cause]).to.deep.equal(['AbortError', 'ABORT_ERR', reason]);
    await socket.send('sent', remote);
    expect((await peer.wait(1)).map(({ data }) => data.toString())).to.deep.equal(['sent']);
  });

  it('after close: ERR_SOCKET_DGRAM_NOT_RUNNING, as Node says', async () => {
    const socket = await bind();
    await socket.close();
    expect(socket.isClosed).to.equal(true);
    const error = await rejection(socket.send('x', { address: LOOPBACK, port: 9 }));
    expect([error.code, error.message]).to.deep.equal(['ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running']);
    await socket.close();
  });

  it('a port where nobody listens: sends fulfil, and the socket goes on receiving', async () => {
    await using socket = await bind();
    const gone = await Peer.open();
    const remote = { address: LOOPBACK, port: gone.port };
    await gone[Symbol.asyncDispose]();
    const receiving = take(socket, 1);
    for (let index = 0; index < 5; index += 1) await socket.send('nobody hears', remote);
    await socket.send('still here', socket.address);
    expect((await receiving)[0]?.toString()).to.equal('still here');
  });
});
