/**
 * What is closed on a ring is closed for everybody else, whatever goes on there: with a file table, the kernel before
 * Linux 6.13 keeps what it cleared for as long as an older request with a registered file goes on.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { DatagramSocket, Listener, type RingOptions, StreamSocket } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { temporaryDirectory } from '../support/temporary.js';

const LOCAL = { address: '127.0.0.1', port: 0 };

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function expectEnd(socket: Socket): Promise<void> {
  await within('the end of the connection', once(socket.resume(), 'end'));
}

for (const [title, options] of [
  ['loop', {}],
  ['loop, registeredFds', { registeredFds: 16 }],
  ['sqPoll, registeredFds', { sqPoll: true, registeredFds: 16 }],
  ['epoll', { backend: 'epoll' }],
] as const satisfies readonly (readonly [string, RingOptions])[]) {
  describe(`Closed while other requests of the ring go on [${title}]`, () => {
    const makeRing = frameRings(options);
    const make = () => makeRing({ backend: 'io_uring', ...options });
    const directory = temporaryDirectory();

    it('a connection whose listener goes on: the peer hears of it', async () => {
      const ring = make();
      await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      const peer = connect(listener.address.port, '127.0.0.1');
      const far = await within('a connection', listener.accept());
      const ended = expectEnd(peer);
      await far.close();
      await ended;
      peer.destroy();
    });

    it('a connection beside a datagram socket that receives: the peer hears of it', async () => {
      const ring = make();
      const { server, port } = await listening();
      const accepted = once(server, 'connection');
      await using socket = await DatagramSocket.bind({ ...LOCAL, ring });
      const receiving = socket.receive({ signal: AbortSignal.timeout(60_000) }).catch(() => {});
      await socket.send('to itself', socket.address);
      await receiving;
      const near = await StreamSocket.connect({ host: '127.0.0.1', port, ring });
      const [peer] = (await within('a connection', accepted)) as [Socket];
      const ended = expectEnd(peer);
      await near.close();
      await ended;
      peer.destroy();
      server.close();
    });

    it('a datagram socket: its port is free', async () => {
      const ring = make();
      await using other = await DatagramSocket.bind({ ...LOCAL, ring });
      await other.send('to itself', other.address);
      await other.receive();
      const port = await freePort();
      const first = await DatagramSocket.bind({ ...LOCAL, port, ring });
      await first.send('to itself', first.address);
      await first.receive();
      await first.close();
      await using second = await DatagramSocket.bind({ ...LOCAL, port, ring });
      expect(second.address.port).to.equal(port);
    });

    it('a listener: nobody connects to it any more', async () => {
      const ring = make();
      await using other = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      const accepting = other.accept().catch(() => {});
      const port = await freePort();
      const listener = await Listener.listen({ host: '127.0.0.1', port, ring });
      await listener.close();
      const [error] = await once(connect(port, '127.0.0.1'), 'error');
      expect(error.code).to.equal('ECONNREFUSED');
      await other.close();
      await accepting;
    });

    it('a FIFO that writeFile has written, while readFile waits for another: its reader is at the end', async () => {
      const ring = make();
      const [quiet, written] = [directory.fifo('quiet'), directory.fifo('written')];
      const waiting = ring.fs.readFile(quiet, 'utf8');
      const held = await ring.fs.open(quiet, 'r+');
      const reading = readFile(written, 'utf8');
      await within('writeFile', ring.fs.writeFile(written, 'all of it'));
      expect(await within('the end of the FIFO', reading)).to.equal('all of it');
      await writeFile(quiet, 'at last');
      await held.close();
      expect(await within('readFile', waiting)).to.equal('at last');
    });
  });
}
