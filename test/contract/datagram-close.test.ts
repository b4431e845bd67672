/** Closing datagram sockets: the port, path or name is free when `close` returns, whatever was pending. */
import { expect } from 'chai';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { relative } from 'node:path';
import { DatagramSocket } from 'ringlet';
import { createSocket as createRinglet } from 'ringlet/dgram';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, rejection, turns, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { freePort } from '../support/ports.js';
import { temporaryDirectory } from '../support/temporary.js';

const address = '127.0.0.1';
const ROUNDS = 10;
const DATA = Buffer.alloc(2000);

let nameCount = 0;
const abstractName = (): string => `\0ringlet-close-${process.pid}-${nameCount++}`;

const silenced = (wait: Promise<unknown>): Promise<unknown> => wait.catch(() => {});

/** What may be pending on a socket, begun before it is closed; each resolves to the ends of it. */
const PENDING: Record<string, (socket: DatagramSocket) => Promise<Promise<unknown>[]>> = {
  nothing: async () => [],
  'a receive in the kernel': async (socket) => {
    const wait = silenced(socket.receive());
    await turns(2);
    return [wait];
  },
  'a receive that the kernel has not seen yet': async (socket) => [silenced(socket.receive())],
  'a receive, and sends': async (socket) => {
    const wait = silenced(socket.receive());
    await turns(2);
    return [wait, ...Array.from({ length: 20 }, () => silenced(socket.send(DATA, socket.address)))];
  },
  'messages that came': async (socket) => {
    for (let count = 0; count < 5; count += 1) await socket.send('x', socket.address);
    await socket.receive();
    return [];
  },
};

describeOnEachBackend('DatagramSocket.close', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  it('does not wait for a send that could not begin: its peer was gone when its turn came', async () => {
    const ring = makeRing({ inFlightMax: 1 });
    const socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    await socket.connect({ address, port: peer.port });
    const first = silenced(socket.send('the only one in flight'));
    const second = rejection(socket.send('its turn comes'));
    socket.disconnect();
    await within('the first send', first);
    expect(await within('the second send', second)).to.be.an('error');
    await within('the close', socket.close());
  });

  for (const [pending, begin] of Object.entries(PENDING)) {
    it(`with ${pending}: the port is free when it returns`, async () => {
      const ring = makeRing();
      const port = await freePort();
      for (let round = 0; round < ROUNDS; round += 1) {
        const socket = await DatagramSocket.bind({ address, port, ring });
        const ends = await begin(socket);
        const closing = socket.close();
        const next = await DatagramSocket.bind({ address, port, ring });
        await next.close();
        await within('the close', closing);
        await within('the ends', Promise.all(ends));
      }
    });
  }

  it('the port is free for node:dgram, too', async () => {
    const ring = makeRing();
    const port = await freePort();
    for (let round = 0; round < ROUNDS; round += 1) {
      const socket = await DatagramSocket.bind({ address, port, ring });
      const wait = socket.receive();
      await turns(2);
      const closing = socket.close();
      const next = createSocket('udp4');
      next.bind(port, address);
      await within('listening', once(next, 'listening'));
      next.close();
      await closing;
      expect((await rejection(wait)).code).to.equal('ERR_SOCKET_DGRAM_NOT_RUNNING');
    }
  });

  it("'ringlet/dgram': a closed socket's port can be bound at once", async () => {
    const ring = makeRing();
    const port = await freePort();
    for (let round = 0; round < ROUNDS; round += 1) {
      const socket = createRinglet({ type: 'udp4', ring });
      socket.bind(port, address);
      await within('listening', once(socket, 'listening'));
      socket.close();
      const next = createRinglet({ type: 'udp4', ring });
      next.bind(port, address);
      await within('listening', once(next, 'listening'));
      await next[Symbol.asyncDispose]();
    }
  });

  it('what was sent before it has left', async () => {
    const ring = makeRing();
    await using peer = await Peer.open();
    const socket = await DatagramSocket.bind({ address, ring });
    const sends = Array.from({ length: 20 }, (_unused, index) => {
      return socket.send(`${index}`, { address, port: peer.port });
    });
    await socket.close();
    expect(await Promise.all(sends)).to.have.length(20);
    expect(await peer.wait(20)).to.have.length(20);
  });

  it('closed while it receives a flood: the iteration ends, and others go on', async () => {
    const ring = makeRing();
    await using peer = await Peer.open();
    await using other = await DatagramSocket.bind({ address, ring });
    for (let round = 0; round < ROUNDS; round += 1) {
      const socket = await DatagramSocket.bind({ address, ring });
      let count = 0;
      const reading = (async () => {
        for await (const batch of socket.batches()) count += batch.length;
      })();
      for (let index = 0; index < 30; index += 1) await peer.send('x', socket.address);
      await eventually('the first of them', () => count > 0);
      await socket.close();
      await within('the iteration', reading);
    }
    await other.send('still here', other.address);
    expect(String((await within('a message', other.receive())).data)).to.equal('still here');
  });

  if (options.backend === 'node') return;

  it('a Unix socket: path and abstract name are free when it returns', async () => {
    const ring = makeRing();
    for (const place of [() => directory.at('socket'), abstractName]) {
      for (let round = 0; round < ROUNDS; round += 1) {
        const path = place();
        const socket = await DatagramSocket.bind({ path, ring });
        void socket.receive().catch(() => {});
        await turns(2);
        const closing = socket.close();
        const next = await DatagramSocket.bind({ path, ring });
        await next.close();
        await closing;
      }
    }
  });

  it('a relative path is removed where it was bound, also after a chdir', async () => {
    const ring = makeRing();
    const before = process.cwd();
    for (const name of ['one', 'two']) mkdirSync(directory.at(name), { recursive: true });
    try {
      process.chdir(directory.at('one'));
      const socket = await DatagramSocket.bind({ path: 'x.sock', ring });
      process.chdir(directory.at('two'));
      writeFileSync('x.sock', 'another file');
      await socket.close();
      expect(existsSync('x.sock'), 'the other file').to.equal(true);
      expect(existsSync(`../${relative(directory.path, directory.at('one'))}/x.sock`)).to.equal(false);
    } finally {
      process.chdir(before);
      for (const name of ['one', 'two']) rmSync(directory.at(name), { recursive: true });
    }
  });

  it('a file that has taken the place of the socket’s stays', async () => {
    const ring = makeRing();
    const path = directory.at('taken');
    const socket = await DatagramSocket.bind({ path, ring });
    rmSync(path);
    writeFileSync(path, 'another file');
    await socket.close();
    expect(existsSync(path)).to.equal(true);
  });
});
