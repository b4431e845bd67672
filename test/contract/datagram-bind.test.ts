/** DatagramSocket.bind: addresses, ports, options, and what is said when it cannot be. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { take } from '../support/datagrams.js';
import { eventually, rejection } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { freePort } from '../support/ports.js';

/** Since 22.12 and 23.1 node:dgram has the option. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const hasReusePort = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);

const hasIpv6 = /^0{31}1 /m.test(readFileSync('/proc/net/if_inet6', 'utf8'));

/** Wrong options by name, each with the code of the error. */
const WRONG: readonly (readonly [name: string, options: unknown, code: string])[] = [
  ['options 5', 5, 'ERR_INVALID_ARG_TYPE'],
  ['port -1', { port: -1 }, 'ERR_SOCKET_BAD_PORT'],
  ['port 65536', { port: 65_536 }, 'ERR_SOCKET_BAD_PORT'],
  ['port 1.5', { port: 1.5 }, 'ERR_SOCKET_BAD_PORT'],
  ['port text', { port: 'text' }, 'ERR_SOCKET_BAD_PORT'],
  ['address 5', { address: 5 }, 'ERR_INVALID_ARG_TYPE'],
  ['family IPv5', { family: 'IPv5' }, 'ERR_INVALID_ARG_VALUE'],
  ['reuseAddress text', { reuseAddress: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['reusePort 1', { reusePort: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['broadcast text', { broadcast: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['ipv6Only 1', { ipv6Only: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['receiveBufferBytes text', { receiveBufferBytes: 'x' }, 'ERR_INVALID_ARG_TYPE'],
  ['receiveBufferBytes -1', { receiveBufferBytes: -1 }, 'ERR_OUT_OF_RANGE'],
  ['sendBufferBytes 1.5', { sendBufferBytes: 1.5 }, 'ERR_OUT_OF_RANGE'],
  ['signal text', { signal: 'x' }, 'ERR_INVALID_ARG_TYPE'],
];

describeOnEachBackend('DatagramSocket.bind', (makeRing) => {
  it('without options: every IPv4 address, at a port of the kernel’s choice', async () => {
    await using socket = await DatagramSocket.bind({ ring: makeRing() });
    expect(socket.address).to.deep.include({ address: '0.0.0.0', family: 'IPv4' });
    expect(socket.address.port).to.be.within(1, 65_535);
    expect(socket.isClosed).to.equal(false);
  });

  it('an IPv4 address and a port: exactly there', async () => {
    const ring = makeRing();
    const port = await freePort();
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', port, ring });
    expect(socket.address).to.deep.include({ address: '127.0.0.1', port, family: 'IPv4' });
  });

  if (hasIpv6) {
    it('IPv6: by address, by family, and the peer’s address is told', async () => {
      const ring = makeRing();
      await using exact = await DatagramSocket.bind({ address: '::1', ring });
      expect(exact.address).to.deep.include({ address: '::1', family: 'IPv6' });
      await using every = await DatagramSocket.bind({ family: 'IPv6', ring });
      expect(every.address).to.deep.include({ address: '::', family: 'IPv6' });
      await using peer = await Peer.open('IPv6');
      await peer.send('hello', exact.address);
      for await (const message of exact) {
        expect(message.data.toString()).to.equal('hello');
        expect(message.remote).to.deep.include({ address: '::1', port: peer.port, family: 'IPv6' });
        expect(await exact.send('back', message.remote)).to.equal(4);
        break;
      }
      expect((await peer.wait(1))[0]?.data.toString()).to.equal('back');
    });

    it('ipv6Only: without it IPv4 arrives as a mapped address, with it the port is free for IPv4', async () => {
      const ring = makeRing();
      await using peer = await Peer.open('IPv4');
      {
        await using dual = await DatagramSocket.bind({ family: 'IPv6', ring });
        await peer.send('mapped', { address: '127.0.0.1', port: dual.address.port });
        for await (const message of dual) {
          expect(message.remote).to.deep.include({ address: '::ffff:127.0.0.1', port: peer.port });
          break;
        }
      }
      const port = await freePort();
      await using _only = await DatagramSocket.bind({ family: 'IPv6', ipv6Only: true, port, ring });
      await using beside = await DatagramSocket.bind({ address: '127.0.0.1', port, ring });
      expect(beside.address.port).to.equal(port);
    });
  }

  it('a host name is looked up', async () => {
    await using socket = await DatagramSocket.bind({
      address: 'localhost',
      family: 'IPv4',
      ring: makeRing(),
    });
    expect(socket.address.address).to.equal('127.0.0.1');
  });

  it('a port in use: EADDRINUSE with address and port, as Node words it', async () => {
    const ring = makeRing();
    await using peer = await Peer.open();
    const error = await rejection(DatagramSocket.bind({ address: '127.0.0.1', port: peer.port, ring }));
    expect(error.message).to.equal(`bind EADDRINUSE 127.0.0.1:${peer.port}`);
    expect(error).to.include({ code: 'EADDRINUSE', errno: -98, syscall: 'bind' });
    expect(error).to.include({ address: '127.0.0.1', port: peer.port });
  });

  it('an address that is not this machine’s: EADDRNOTAVAIL with the address', async () => {
    const error = await rejection(DatagramSocket.bind({ address: '192.0.2.1', ring: makeRing() }));
    expect(error).to.include({ code: 'EADDRNOTAVAIL', syscall: 'bind', address: '192.0.2.1' });
    expect(error.message).to.match(/^bind EADDRNOTAVAIL 192\.0\.2\.1/);
  });

  it('reusePort: two sockets share a port, and every datagram reaches one of them', async () => {
    const ring = makeRing();
    const binding = DatagramSocket.bind({ address: '127.0.0.1', reusePort: true, ring });
    if (ring.backend === 'node' && !hasReusePort) {
      // This Node's dgram cannot; to bind without it in silence would be worse.
      expect((await rejection(binding)).code).to.equal('ENOTSUP');
      return;
    }
    await using first = await binding;
    const { port } = first.address;
    await using second = await DatagramSocket.bind({ address: '127.0.0.1', port, reusePort: true, ring });
    const counts = [0, 0];
    const reading = [first, second].map(async (socket, index) => {
      for await (const batch of socket.batches()) counts[index] = (counts[index] ?? 0) + batch.length;
    });
    for (let index = 0; index < 40; index += 1) {
      await using peer = await Peer.open();
      await peer.send('x', { address: '127.0.0.1', port });
    }
    await eventually('40 datagrams', () => (counts[0] ?? 0) + (counts[1] ?? 0) === 40);
    await Promise.all([first.close(), second.close()]);
    await Promise.all(reading);
  });

  it('receiveBufferBytes and sendBufferBytes: the socket still receives and sends', async () => {
    await using socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      receiveBufferBytes: 100_000,
      sendBufferBytes: 100_000,
      ring: makeRing(),
    });
    await socket.send('to itself', socket.address);
    expect((await take(socket, 1))[0]?.toString()).to.equal('to itself');
  });

  it('an aborted signal: AbortError, and nothing is bound', async () => {
    const reason = new Error('no longer wanted');
    const error = await rejection(
      DatagramSocket.bind({ signal: AbortSignal.abort(reason), ring: makeRing() }),
    );
    expect([error.name, error.code, error.cause]).to.deep.equal(['AbortError', 'ABORT_ERR', reason]);
  });

  for (const [name, options, code] of WRONG) {
    it(`${name}: rejects with ${code}`, async () => {
      const ring = makeRing();
      const given = typeof options === 'object' ? { ...options, ring } : options;
      const call = DatagramSocket.bind as (options: unknown) => Promise<DatagramSocket>;
      expect((await rejection(call.call(DatagramSocket, given))).code).to.equal(code);
    });
  }

  it('ring that is none: rejects with ERR_INVALID_ARG_TYPE', async () => {
    const call = DatagramSocket.bind as (options: unknown) => Promise<DatagramSocket>;
    const error = await rejection(call.call(DatagramSocket, { ring: {} }));
    expect(error.code).to.equal('ERR_INVALID_ARG_TYPE');
  });
});
