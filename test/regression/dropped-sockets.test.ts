/** Sockets and listeners that nobody closed: closed by their collection, with a warning, and by nothing sooner. */
import { expect } from 'chai';
import type { RingOptions } from 'ringlet';
import { CONFIGURATIONS, needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';

const preludeFor = (options: RingOptions): string => `
  import { readdirSync, readlinkSync } from 'node:fs';
  import { DatagramSocket, Listener, Ring, StreamSocket } from 'ringlet';
  const ring = new Ring(${JSON.stringify(options)});
  const warnings = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
    try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:'); } catch { return false; }
  }).length;
  const before = sockets();
  const left = () => sockets() - before;
  const collect = async (rounds) => {
    for (let round = 0; round < rounds; round += 1) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const until = async (isDone) => {
    const deadline = Date.now() + 10_000;
    while (!isDone() && Date.now() < deadline) await collect(1);
  };
  const over = { host: '127.0.0.1', ring };
  async function pair() {
    const listener = await Listener.listen({ ...over, port: 0 });
    const near = await StreamSocket.connect({ ...over, port: listener.address.port });
    const far = await listener.accept();
    await listener.close();
    return { near, far };
  }
  async function end(report) {
    await ring.close();
    console.log(JSON.stringify({ ...report, warnings: warnings.sort() }));
  }
`;

const CLOSING = (kind: string): string => `Closing a ${kind} on garbage collection`;

for (const { title, options } of CONFIGURATIONS) {
  describe(`Sockets that are dropped without close() [${title}]`, () => {
    needsIoUring(options);

    async function run(script: string): Promise<Record<string, unknown>> {
      const outcome = await runScript(`${preludeFor(options)} ${script}`, { execArgv: ['--expose-gc'] });
      expectCleanExit(outcome);
      return JSON.parse(outcome.stdout) as Record<string, unknown>;
    }

    it('StreamSocket: closed, with a receive armed that nobody awaits, and the peer hears of it', async () => {
      const report = await run(`
        const { near } = await (async () => {
          const { near, far } = await pair();
          await near.write('hello');
          // A step, and never another one: the receive stays armed.
          await far[Symbol.asyncIterator]().next();
          return { near };
        })();
        const ended = near.read(Buffer.alloc(1));
        await until(() => left() === 1);
        const { bytesRead } = await ended;
        await near.close();
        await end({ left: left(), bytesRead });
      `);
      expect(report).to.deep.equal({ left: 0, bytesRead: 0, warnings: [CLOSING('StreamSocket')] });
    });

    it('Listener and DatagramSocket: closed, armed or not, with what nobody took', async () => {
      const report = await run(`
        await (async () => {
          const listener = await Listener.listen({ ...over, port: 0 });
          const accepting = listener.accept();
          const peers = [];
          for (let count = 0; count < 2; count++)
            peers.push(await StreamSocket.connect({ ...over, port: listener.address.port }));
          await (await accepting).close();
          await until(() => listener.pendingCount === 1);
          for (const peer of peers) await peer.close();
          await Listener.listen({ ...over, port: 0 });
          await DatagramSocket.bind({ address: '127.0.0.1', ring });
          const receiver = await DatagramSocket.bind({ address: '127.0.0.1', ring });
          await receiver.send('x', receiver.address);
          await receiver[Symbol.asyncIterator]().next();
        })();
        await until(() => left() === 0);
        await end({ left: left() });
      `);
      const warnings = ['DatagramSocket', 'DatagramSocket', 'Listener', 'Listener'].map(CLOSING);
      expect(report).to.deep.equal({ left: 0, warnings });
    });

    it('what somebody awaits is not closed under him: an iteration, a read, a write, an accept', async () => {
      const report = await run(`
        const heard = [];
        async function echo() {
          // Nothing refers to the far side but what waits for it.
          const listener = await Listener.listen({ ...over, port: 0 });
          const { port } = listener.address;
          void (async () => { for await (const socket of listener) void serve(socket); })();
          return port;
        }
        async function serve(socket) {
          const chunks = socket.chunks();
          const respond = (data) => socket.write(data);
          for await (const chunk of chunks) await respond(chunk);
          await socket.close();
        }
        const port = await echo();
        await collect(20);
        const near = await StreamSocket.connect({ ...over, port });
        for (let round = 0; round < 3; round++) {
          await collect(5);
          await near.write('round ' + round);
          const { bytesRead, buffer } = await near.read(Buffer.alloc(64));
          heard.push(buffer.toString('utf8', 0, bytesRead));
        }
        const { far, reading } = await (async () => {
          const { near, far } = await pair();
          return { far, reading: near.read(Buffer.alloc(64)) };
        })();
        await collect(20);
        await far.write('late');
        const { bytesRead, buffer } = await reading;
        heard.push(buffer.toString('utf8', 0, bytesRead));
        const { sink, writing } = await (async () => {
          const { near, far } = await pair();
          return { sink: far, writing: near.write(Buffer.alloc(8_000_000)) };
        })();
        await collect(20);
        let received = 0;
        for await (const chunk of sink) received += chunk.length;
        heard.push(await writing, received);
        const datagrams = await DatagramSocket.bind({ address: '127.0.0.1', ring });
        const { address } = datagrams;
        const message = datagrams.receive();
        await collect(20);
        await datagrams.send('datagram', address);
        heard.push(String((await message).data));
        await datagrams.close();
        await Promise.all([near.close(), far.close(), sink.close()]);
        await end({ heard });
      `);
      expect(report.heard).to.deep.equal([
        'round 0',
        'round 1',
        'round 2',
        'late',
        8_000_000,
        8_000_000,
        'datagram',
      ]);
      // The two whose call was over.
      expect(report.warnings).to.deep.equal([CLOSING('StreamSocket'), CLOSING('StreamSocket')]);
    });

    it('one that was closed, reset or detached, or whose ring was closed, is not spoken of', async () => {
      const report = await run(`
        await (async () => {
          const { near, far } = await pair();
          await near.close();
          await far.reset();
          await pair();
          await DatagramSocket.bind({ address: '127.0.0.1', ring });
          await Listener.listen({ ...over, port: 0 });
          await ring.close();
        })();
        await collect(20);
        await end({ left: left() });
      `);
      expect(report).to.deep.equal({ left: 0, warnings: [] });
    });
  });
}
