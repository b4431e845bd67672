/** Connections without a descriptor: in slots of the file table, with a descriptor for who asks, and beyond their limit. */
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { binding } from '#ringlet/native/binding.js';
import { expect } from 'chai';
import { Listener, type ListenOptions, type Ring, type RingOptions, StreamSocket } from 'ringlet';
import { frameRings, needsOfKernel } from '../support/backends.js';
import { runProgram, startWorker } from '../support/child.js';
import { eventually, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { goalOf, readAll, readBytes } from '../support/streams.js';
import { temporaryDirectory } from '../support/temporary.js';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;

/** Of this process, in all. */
function socketCount(): number {
  return [...openDescriptors().values()].filter((target) => target.startsWith('socket:')).length;
}

async function echo(socket: StreamSocket): Promise<void> {
  for await (const chunk of socket) await socket.write(chunk);
  await socket.end();
  await socket.close();
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['ring of 4 entries', { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }],
] as const satisfies readonly (readonly [string, RingOptions])[]) {
  describe(`ListenOptions.directDescriptors [${title}]`, () => {
    const makeRing = frameRings(options);
    needsOfKernel('registeredFds', { registeredFds: 1 });
    const directory = temporaryDirectory();

    /** What listens and serves, on a ring with a table, and what connects. */
    async function listen(
      registeredFds: number,
      wanted: ListenOptions = {},
    ): Promise<{ ring: Ring; near: () => Promise<StreamSocket>; listener: Listener }> {
      const ring = makeRing({ ...options, registeredFds });
      const client = makeRing();
      const goal = wanted.path === undefined ? { host: '127.0.0.1', port: 0 } : {};
      const listener = await Listener.listen({ ...goal, ...wanted, ring });
      const near = (): Promise<StreamSocket> => StreamSocket.connect({ ...goalOf(listener), ring: client });
      return { ring, near, listener };
    }

    it('a connection has a slot and no descriptor, and its close gives the slot back', async () => {
      const { ring, near, listener } = await listen(16);
      const before = socketCount();
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      expect(socketCount()).to.equal(before + 1);
      expect(far.remoteAddress).to.deep.equal(peer.localAddress);
      expect(far.localAddress).to.deep.equal(listener.address);
      await peer.write('to a slot');
      expect(String(await readBytes(far, 9))).to.equal('to a slot');
      await far.write('and back');
      expect(String(await readBytes(peer, 8))).to.equal('and back');
      expect(socketCount()).to.equal(before + 1);
      await far.close();
      expect((await within('the end', readAll(peer))).length).to.equal(0);
      await listener.close();
      expect(ring.stats().fdTable.used).to.equal(0);
    });

    it('directDescriptors: false, zeroCopy, quickAck: connections have descriptors', async () => {
      for (const wanted of [{ directDescriptors: false }, { zeroCopy: true }, { quickAck: true }]) {
        const { near, listener } = await listen(16, wanted);
        const before = socketCount();
        await using _peer = await near();
        await using _far = await within('a connection', listener.accept());
        expect(socketCount(), JSON.stringify(wanted)).to.equal(before + 2);
        await listener.close();
      }
    });

    it('a table of few slots: connections beyond it have descriptors, all are served, and the slots come back', async () => {
      const COUNT = 60;
      const { ring, near, listener } = await listen(4);
      const serving: Promise<void>[] = [];
      const accepting = (async () => {
        for await (const socket of listener) serving.push(echo(socket));
      })();
      const say = async (round: number, index: number): Promise<boolean> => {
        await using peer = await near();
        const text = `${round} ${index}`;
        const reading = readAll(peer);
        await peer.write(text);
        await peer.end();
        return String(await reading) === text;
      };
      for (let round = 0; round < 3; round++) {
        const all = Array.from({ length: COUNT }, (_unused, index) => say(round, index));
        expect((await within('the echoes', Promise.all(all))).every(Boolean)).to.equal(true);
      }
      await within('the service', Promise.all(serving));
      expect(serving.length).to.equal(3 * COUNT);
      // Whatever accepts now, the listener goes back to the slots.
      const before = socketCount();
      let direct = 0;
      await eventually('a connection in a slot', async () => {
        await using peer = await near();
        await within(
          'a connection',
          eventually('its service', () => serving.length > 3 * COUNT + direct),
        );
        direct++;
        return socketCount() === before + 1 && peer.fd >= 0;
      });
      await listener.close();
      await within('the iteration', accepting);
      await within('the service', Promise.all(serving));
      expect(ring.stats().fdTable.used).to.equal(0);
    });

    it('fd, localAddress, setters and end: a descriptor is made once, and closed with the connection', async () => {
      const { ring, near, listener } = await listen(16, { host: '0.0.0.0' });
      const before = socketCount();
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      expect(socketCount()).to.equal(before + 1);
      expect(far.localAddress).to.deep.equal({ ...listener.address, address: '127.0.0.1' });
      const { fd } = far;
      expect(fd).to.be.at.least(0);
      far.setNoDelay(true).setKeepAlive(true, 7000);
      expect(far.fd).to.equal(fd);
      expect(binding().getSocketOption(fd, IPPROTO_TCP, TCP_KEEPIDLE)).to.equal(7);
      expect(socketCount()).to.equal(before + 2);
      await far.write('before the end');
      await far.end();
      expect(String(await within('the end', readAll(peer)))).to.equal('before the end');
      await far.close();
      expect(far.localAddress.address).to.equal('127.0.0.1');
      await listener.close();
      await eventually('the descriptors to be gone', () => socketCount() === before);
      expect(ring.stats().fdTable.used).to.equal(0);
    });

    it('closed without having been asked: localAddress of a listener on every address is the listener’s', async () => {
      const { near, listener } = await listen(16, { host: '0.0.0.0' });
      await using _peer = await near();
      const far = await within('a connection', listener.accept());
      await far.close();
      expect(far.localAddress).to.deep.equal(listener.address);
      expect(far.fd).to.equal(-1);
      await listener.close();
    });

    it('the listener’s options are its connections’', async () => {
      const { near, listener } = await listen(16, {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelayMs: 9000,
        receiveBufferBytes: 32_768,
        lingerSeconds: 0,
      });
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      const option = (level: number, name: number): number => binding().getSocketOption(far.fd, level, name);
      expect(option(IPPROTO_TCP, TCP_NODELAY)).to.equal(1);
      expect(option(SOL_SOCKET, SO_KEEPALIVE)).to.equal(1);
      expect(option(IPPROTO_TCP, TCP_KEEPIDLE)).to.equal(9);
      expect(option(SOL_SOCKET, SO_RCVBUF)).to.equal(65_536);
      await far.close();
      // lingerSeconds: 0.
      const error = await within('the reset', readAll(peer)).catch((error: NodeJS.ErrnoException) => error);
      expect(error).to.include({ code: 'ECONNRESET' });
      await listener.close();
    });

    it('reset: the peer gets ECONNRESET, and no descriptor is needed', async () => {
      const { near, listener } = await listen(16);
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      await far.reset();
      const error = await within('the reset', readAll(peer)).catch((error: NodeJS.ErrnoException) => error);
      expect(error).to.include({ code: 'ECONNRESET' });
      await listener.close();
    });

    it('detach and fromFd: another ring takes the connection over, and its close is the end', async () => {
      const { ring, near, listener } = await listen(16);
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      const fd = await far.detach();
      await listener.close();
      expect(ring.stats().fdTable.used).to.equal(0);
      const taken = StreamSocket.fromFd(fd, { ring: makeRing() });
      await peer.write('elsewhere');
      expect(String(await readBytes(taken, 9))).to.equal('elsewhere');
      await taken.close();
      expect((await within('the end', readAll(peer))).length).to.equal(0);
    });

    it('a Unix socket: names, credentials, and descriptors passed along', async () => {
      const { near, listener } = await listen(16, { path: directory.at('socket') });
      const before = socketCount();
      await using peer = await near();
      const far = await within('a connection', listener.accept());
      expect(far.localAddress).to.deep.equal(listener.address);
      expect(far.remoteAddress).to.include({ path: '', family: 'Unix' });
      expect(socketCount()).to.equal(before + 1);
      const sent = openSync('/dev/null', 'r');
      await peer.sendDescriptors([sent], 'take it');
      closeSync(sent);
      const { fds, bytesRead } = await within('it', far.receiveDescriptors(Buffer.alloc(16)));
      expect([fds.length, bytesRead]).to.deep.equal([1, 7]);
      for (const each of fds) closeSync(each);
      expect(far.peerCredentials.processId).to.equal(process.pid);
      await far.close();
      await listener.close();
    });

    it('a connection that fails is not mistaken for one that has ended', async () => {
      const { near, listener } = await listen(16);
      const peer = await near();
      const far = await within('a connection', listener.accept());
      await peer.write('half');
      const reading = far.read(Buffer.alloc(8), { fill: true });
      const writing = far.write(Buffer.alloc(64 * 1024 * 1024)).catch((error: unknown) => error);
      await eventually('the peer to have sent it', () => far.bufferedBytes === 0);
      await peer.reset();
      const outcomeOf = (read: Promise<{ bytesRead: number }>): Promise<unknown> =>
        within('a read', read).then(
          ({ bytesRead }) => bytesRead,
          ({ code }: NodeJS.ErrnoException) => code,
        );
      const first = await outcomeOf(reading);
      const second = await outcomeOf(far.read(Buffer.alloc(8)));
      expect([first, second]).to.include('ECONNRESET');
      expect([first, second]).to.not.include(0);
      await writing;
      await far.close();
      await listener.close();
    });
  });
}

const LIMIT = 128;
const EACH = 100;

/** Serves more connections than it may have descriptors, when it has none left at all. */
const BEYOND = `
import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { Listener, Ring } from 'ringlet';
const path = process.argv[1];
const rings = [1, 2].map(() => new Ring({ backend: 'io_uring', registeredFds: ${LIMIT} }));
const listeners = await Promise.all(rings.map((ring) => Listener.listen({ host: '127.0.0.1', port: 0, ring })));
writeFileSync(path + '.new', JSON.stringify(listeners.map(({ address }) => address.port)));
renameSync(path + '.new', path);
const taken = await Promise.all(listeners.map(async (listener) => {
  const sockets = [];
  for await (const socket of listener) if (sockets.push(socket) === ${EACH}) break;
  return sockets;
}));
const sockets = taken.flat();
const held = [];
let code;
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch (error) {
  code = error.code;
}
const texts = await Promise.all(sockets.map(async (socket) => {
  return String((await socket.read(Buffer.alloc(3), { fill: true })).buffer);
}));
const [first, second, ...others] = sockets;
const told = (error) => [error.code, error.syscall].join(' ');
const refusals = [() => first.fd, () => first.setNoDelay(true)].map((call) => {
  try {
    return call();
  } catch (error) {
    return told(error);
  }
});
refusals.push(await first.detach().catch(told));
await first.write('still here');
await first.end();
await second.reset();
await Promise.all(others.map((socket) => socket.write('all')));
await Promise.all([first, ...others].map((socket) => socket.read(Buffer.alloc(1))));
for (const fd of held) closeSync(fd);
console.log(JSON.stringify({ code, refusals, texts: [...new Set(texts)], count: sockets.length }));
await Promise.all(rings.map((ring) => ring.close()));
`;

/** Serves HTTP, and a server that takes one connection at most, when it has no descriptor left. */
const SERVERS = `
import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { Listener, Ring, serveOn } from 'ringlet';
const path = process.argv[1];
const ring = new Ring({ backend: 'io_uring', registeredFds: ${LIMIT} });
const listeners = [await Listener.listen({ port: 0, ring }), await Listener.listen({ port: 0, ring })];
const http = createHttpServer({ keepAlive: true }, ({ socket }, response) => {
  response.setHeader('Connection', 'close');
  response.end(String(socket.localPort));
});
const single = createServer((socket) => socket.on('error', () => {}).resume());
single.maxConnections = 1;
const serving = [serveOn(http, listeners[0]), serveOn(single, listeners[1])];
const dropped = new Promise((resolve) => single.once('drop', resolve));
const held = [];
try {
  for (;;) held.push(openSync('/dev/null'));
} catch (error) {
  // To tell the ports by.
  closeSync(held.pop());
}
writeFileSync(path + '.new', JSON.stringify(listeners.map(({ address }) => address.port)));
renameSync(path + '.new', path);
held.push(openSync('/dev/null'));
const { localPort = 0, remotePort } = await dropped;
for (const fd of held) closeSync(fd);
console.log(JSON.stringify({ localPort, remotePort }));
http.close();
single.close();
await Promise.all(serving);
`;

describe('More connections than descriptors', () => {
  const makeRing = frameRings({});
  needsOfKernel('registeredFds', { registeredFds: 1 });
  const directory = temporaryDirectory();

  it('RLIMIT_NOFILE: slots hold connections beyond it, which are served, ended and reset when no descriptor is left', async () => {
    const ports = directory.at('ports');
    const launcher = ['sh', '-c', `ulimit -n ${LIMIT} && exec "$0" "$@"`];
    const argv = ['--input-type=module', '-e', BEYOND, ports];
    const running = runProgram([], { launcher: [...launcher, process.execPath, ...argv] });
    await Promise.race([running, eventually('the ports', () => existsSync(ports))]);
    const ring = makeRing();
    const goals = (JSON.parse(readFileSync(ports, 'utf8')) as number[]).flatMap((port) => {
      return new Array<number>(EACH).fill(port);
    });
    const heard = await within(
      'what the connections hear',
      Promise.all(
        goals.map(async (port) => {
          await using socket = await StreamSocket.connect({ host: '127.0.0.1', port, ring });
          await socket.write('one');
          const buffer = Buffer.alloc(10);
          const { bytesRead } = await socket.read(buffer).catch((error: NodeJS.ErrnoException) => ({
            bytesRead: buffer.write(error.code ?? '?'),
          }));
          await socket.end().catch(() => {});
          return buffer.toString('utf8', 0, bytesRead);
        }),
      ),
    );
    const outcome = await running;
    expect(outcome.stderr).to.equal('');
    expect(JSON.parse(outcome.stdout)).to.deep.equal({
      code: 'EMFILE',
      refusals: ['EMFILE dup', 'EMFILE setsockopt', 'EMFILE dup'],
      texts: ['one'],
      count: 2 * EACH,
    });
    const count = (text: string): number => heard.filter((each) => each === text).length;
    expect([count('still here'), count('ECONNRESET'), count('all')]).to.deep.equal([1, 1, 2 * EACH - 2]);
  });

  it('RLIMIT_NOFILE: servers of Node’s go on when no option can be set and no address told', async () => {
    const ports = directory.at('server-ports');
    const launcher = ['sh', '-c', `ulimit -n ${LIMIT} && exec "$0" "$@"`];
    const argv = ['--input-type=module', '-e', SERVERS, ports];
    const running = runProgram([], { launcher: [...launcher, process.execPath, ...argv] });
    await Promise.race([running, eventually('the ports', () => existsSync(ports))]);
    const [httpPort = 0, port = 0] = JSON.parse(readFileSync(ports, 'utf8')) as number[];
    const ring = makeRing();
    const connectTo = (to: number): Promise<StreamSocket> =>
      StreamSocket.connect({ host: '127.0.0.1', port: to, ring });
    const asking = await connectTo(httpPort);
    await asking.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    const answer = String(await within('an answer', Promise.race([running, readAll(asking)])));
    const first = await connectTo(port);
    const second = await connectTo(port);
    const secondPort = second.localAddress.port;
    await within('the end of the second', Promise.race([running, readAll(second).catch(() => {})]));
    await Promise.all([asking.close(), first.close(), second.close()]);
    const outcome = await running;
    expect(outcome.stderr).to.equal('');
    expect(JSON.parse(outcome.stdout)).to.deep.equal({ localPort: 0, remotePort: secondPort });
    expect(answer).to.match(/^HTTP\/1.1 200 OK.*\r\n\r\n.*undefined/s);
  });

  it('terminate: the connections in a worker’s slots end with it, with a descriptor and without', async () => {
    const worker = startWorker(`
      const ring = new ringlet.Ring({ backend: 'io_uring', registeredFds: 16 });
      const listener = await ringlet.Listener.listen({ host: '127.0.0.1', port: 0, ring });
      parentPort.postMessage(listener.address.port);
      const [first, second] = [await listener.accept(), await listener.accept()];
      void first.chunks().next();
      parentPort.postMessage(second.fd >= 0);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    `);
    const before = socketCount();
    const port = (await worker.next()) as number;
    const ring = makeRing();
    const peers = [1, 2].map(() => StreamSocket.connect({ host: '127.0.0.1', port, ring }));
    expect(await worker.next()).to.equal(true);
    await worker.terminate();
    const ends = (await Promise.all(peers)).map(async (peer) => {
      await readAll(peer).catch(() => {});
      await peer.close();
    });
    await within('the ends', Promise.all(ends));
    await eventually('the sockets to be gone', () => socketCount() <= before);
  });
});
