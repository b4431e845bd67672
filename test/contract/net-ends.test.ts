/** 'ringlet/net': what a write has come to when it returns, and what becomes of it, as with node:net. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import nodeNet, { type AddressInfo } from 'node:net';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import type { Ring } from 'ringlet';
import ringletNet from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { eventually, pause, turns, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const host = '127.0.0.1';

/** node:net, or ringlet's on a ring. */
interface Net {
  createServer(options: object, listener: (socket: nodeNet.Socket) => void): nodeNet.Server;
  connect(port: number): nodeNet.Socket;
}

const native: Net = {
  createServer: (options, listener) => nodeNet.createServer(options, listener),
  connect: (port) => nodeNet.connect({ port, host }),
};

const on = (ring: Ring): Net => ({
  createServer: (options, listener) => {
    const server = ringletNet.createServer({ ...options, ring });
    server.on('connection', listener as unknown as (socket: unknown) => void);
    return server as unknown as nodeNet.Server;
  },
  connect: (port) => ringletNet.connect({ port, host, ring }) as unknown as nodeNet.Socket,
});

/** One that reads nothing of its connections, and drops them when it is closed. */
function deafServer(): nodeNet.Server {
  const taken: nodeNet.Socket[] = [];
  const server = nodeNet.createServer({ pauseOnConnect: true }, (far) => {
    far.on('error', () => {});
    taken.push(far);
  });
  const close = server.close.bind(server);
  server.close = (...parameters) => {
    for (const far of taken) far.destroy();
    return close(...parameters);
  };
  return server;
}

async function listen(server: nodeNet.Server): Promise<number> {
  server.listen(0, host);
  await within('listening', once(server, 'listening'));
  return (server.address() as AddressInfo).port;
}

async function closed(server: nodeNet.Server): Promise<void> {
  const over = once(server, 'close');
  server.close();
  await within('the end of the server', over);
}

/** What comes before the end of a connection. */
async function everythingOf(socket: nodeNet.Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  socket.on('error', () => {});
  await within('the end of a connection', once(socket, 'close'));
  return text;
}

/** A TLS server on `net` that has still to write when the end of the connection comes: the client gets all of it. */
async function expectAllDespiteEnd(
  net: Net,
  { key, cert }: { key: Buffer; cert: Buffer },
  clients: (port: number) => [string, nodeNet.Socket][],
): Promise<void> {
  // More than the kernel's buffers and the stream's take.
  const content = Buffer.alloc(16 << 20, 'x');
  const errors: unknown[] = [];
  let endCount = 0;
  const secured = createTlsServer({ key, cert }, (secure) => {
    secure.on('error', (error) => errors.push(error));
    secure.on('end', () => {
      endCount += 1;
    });
    secure.resume().write(content);
  });
  const server = net.createServer({}, (socket) => secured.emit('connection', socket));
  const isServerOver: Promise<unknown>[] = [];
  secured.on('secureConnection', (secure) => isServerOver.push(once(secure, 'close')));
  for (const [index, [title, socket]] of clients(await listen(server)).entries()) {
    const client = tlsConnect({ socket, ca: cert, servername: 'localhost' });
    client.end('a question');
    await eventually('the end at the server', () => endCount === index + 1);
    await turns(10);
    let bytes = 0;
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await within('the end of an answer', once(client, 'close'));
    expect([title, bytes]).to.deep.equal([title, content.length]);
  }
  await within('the end of the connections', Promise.all(isServerOver));
  expect(errors).to.deep.equal([]);
  await closed(server);
}

describeOnEachBackend("'ringlet/net': writes and ends", (makeRing) => {
  const temporary = temporaryDirectory();

  const ways: [title: string, write: (socket: nodeNet.Socket) => void][] = [
    ['one write', (socket) => socket.write('abc')],
    ['three writes', (socket) => void [socket.write('a'), socket.write('b'), socket.write('c')]],
    [
      'corked writes',
      (socket) => void [socket.cork(), socket.write('a'), socket.write('bc'), socket.uncork()],
    ],
    ['end', (socket) => socket.end('abc')],
    ['a write in a callback', (socket) => socket.write('ab', () => [socket.write('c'), socket.destroy()])],
  ];
  for (const [title, write] of ways) {
    it(`${title} and destroy: the peer gets all, from either side`, async () => {
      const net = on(makeRing());
      const act = (socket: nodeNet.Socket): void => {
        write(socket);
        if (!title.includes('callback')) socket.destroy();
      };
      const server = net.createServer({}, act);
      const port = await listen(server);
      for (let round = 0; round < 5; round += 1) {
        expect(await everythingOf(nodeNet.connect({ port, host }))).to.equal('abc');
      }
      await closed(server);
      const peer = nodeNet.createServer();
      const peerPort = await listen(peer);
      for (let round = 0; round < 5; round += 1) {
        const taken = once(peer, 'connection') as Promise<[nodeNet.Socket]>;
        const socket = net.connect(peerPort).on('connect', () => act(socket));
        const [far] = await within('a connection', taken);
        expect(await everythingOf(far)).to.equal('abc');
      }
      await closed(peer);
    });
  }

  it('the callback of a write that destroy cuts short comes before close, as with node:net', async () => {
    const peer = deafServer();
    const port = await listen(peer);
    const logs: unknown[] = [];
    for (const net of [native, on(makeRing())]) {
      const log: unknown[] = [];
      const socket = net.connect(port);
      await within('connect', once(socket, 'connect'));
      socket.on('close', (hadError) => log.push(['close', hadError]));
      const note = (error?: NodeJS.ErrnoException | null): void => {
        log.push(['callback', error?.code, error?.syscall, error?.message]);
      };
      log.push(socket.write(Buffer.alloc(16 << 20), note));
      await pause(20);
      const over = within('close', once(socket, 'close'));
      socket.destroy();
      await over;
      logs.push(log);
    }
    expect(logs[1]).to.deep.equal(logs[0]);
    await closed(peer);
  });

  it('a time limit does not end a long write to a peer that reads', async () => {
    // What buffers take of it counts for nothing: what is left must take its peer longer than the limit.
    const bytes = 40 << 20;
    let count = 0;
    const server = nodeNet.createServer((far) => {
      far.on('data', (chunk) => {
        const before = count >> 21;
        count += chunk.length;
        if (count >> 21 === before) return;
        far.pause();
        setTimeout(() => far.resume(), 100);
      });
    });
    const port = await listen(server);
    const socket = on(makeRing()).connect(port);
    let timeoutCount = 0;
    socket.setTimeout(1000, () => {
      timeoutCount += 1;
      socket.destroy();
    });
    const over = once(socket, 'close');
    // Until the kernel has taken all of it; what it does with the rest is no write any more.
    socket.resume().end(Buffer.alloc(bytes), () => socket.setTimeout(0));
    await within('the end of a connection', over);
    expect([count, timeoutCount]).to.deep.equal([bytes, 0]);
    await closed(server);
  });

  it('a time limit ends one to a peer that reads nothing', async () => {
    const server = deafServer();
    const socket = on(makeRing()).connect(await listen(server));
    socket.setTimeout(50);
    socket.write(Buffer.alloc(16 << 20));
    await within('timeout', once(socket, 'timeout'));
    socket.destroy();
    await closed(server);
  });

  it('a time limit counts from the end of a write that took long', async () => {
    const limitMs = 400;
    const server = nodeNet.createServer({ pauseOnConnect: true }, (far) => {
      setTimeout(() => far.resume(), 0.75 * limitMs);
    });
    const socket = on(makeRing()).connect(await listen(server));
    try {
      await within('connect', once(socket, 'connect'));
      socket.setTimeout(limitMs);
      await within('a write', new Promise((resolve) => socket.write(Buffer.alloc(16 << 20), resolve)));
      const writtenAt = performance.now();
      await within('timeout', once(socket, 'timeout'));
      expect(performance.now() - writtenAt).to.be.above(limitMs / 2);
    } finally {
      socket.destroy();
      await closed(server);
    }
  });

  it('events come in the asynchronous contexts of node:net', async () => {
    const storage = new AsyncLocalStorage<string>();
    const scenario = async (net: Net): Promise<unknown> => {
      const log: [string, string | undefined][] = [];
      let farCount = 0;
      const note = (name: string) => () => void log.push([name, storage.getStore()]);
      const watch = (side: string, socket: nodeNet.Socket): void => {
        for (const name of ['lookup', 'connect', 'ready', 'data', 'end', 'close']) {
          socket.on(name, note(`${side} ${name}`));
        }
      };
      const server = net.createServer({}, (socket) => {
        note('connection')();
        farCount += 1;
        socket.on('close', () => {
          farCount -= 1;
        });
        watch('far', socket);
        socket.on('data', (chunk: Buffer) =>
          storage.run('answer', () => socket.write(chunk, note('far written'))),
        );
      });
      server.on('listening', note('listening')).on('close', note('server close'));
      const port = await storage.run('listen', () => listen(server));
      for (const name of ['first', 'second']) {
        const socket = storage.run(`connect ${name}`, () => net.connect(port));
        watch('near', socket);
        socket.once('timeout', note('near timeout'));
        await once(socket, 'connect');
        storage.run('limit', () => socket.setTimeout(20));
        await once(socket, 'timeout');
        socket.setTimeout(0);
        storage.run('write', () => socket.write('hello', note('near written')));
        await once(socket, 'data');
        storage.run('end', () => socket.end(note('near finished')));
        await once(socket, 'close');
        await eventually('the far end', () => farCount === 0);
      }
      await storage.run('close', () => closed(server));
      // Each side's own order; how the two lie between each other is a matter of luck.
      return log.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));
    };
    expect(await scenario(on(makeRing()))).to.deep.equal(await scenario(native));
  });

  it('TLS: what is written after the peer’s end arrives, and so does an alert', async function () {
    const certificate = await makeCertificate(temporary.path);
    if (typeof certificate === 'string') skip(this, certificate);
    const { key, cert } = certificate;
    const net = on(makeRing());
    const raw = (port: number): [string, nodeNet.Socket][] => [
      ['native', native.connect(port)],
      ['ours', net.connect(port)],
    ];
    const echo = createTlsServer({ key, cert }, (secure) => secure.pipe(secure));
    const server = net.createServer({}, (socket) => echo.emit('connection', socket));
    const sent = pattern(1_000_000, 3);
    for (const [title, socket] of raw(await listen(server))) {
      const client = tlsConnect({ socket, ca: cert, servername: 'localhost' });
      let bytes = 0;
      client.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      client.end(sent);
      await within('the end of an echo', once(client, 'close'));
      expect([title, bytes]).to.deep.equal([title, sent.length]);
    }
    await closed(server);
    await expectAllDespiteEnd(net, certificate, raw);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const strict = createTlsServer({ key, cert, maxVersion, requestCert: true });
      const refusing = net.createServer({}, (socket) => strict.emit('connection', socket));
      for (const [title, socket] of raw(await listen(refusing))) {
        const client = tlsConnect({ socket, ca: cert, servername: 'localhost' }).resume();
        const [error] = (await within('an alert', once(client, 'error'))) as [NodeJS.ErrnoException];
        expect([title, error.code]).to.satisfy(([, code]: string[]) => code?.includes('_ALERT_'), maxVersion);
      }
      await closed(refusing);
    }
  });
});

describe("'ringlet/net' under a test's own timers", () => {
  it('goes on when setImmediate and setTimeout have been replaced', async () => {
    const script = `
      import net from 'ringlet/net';
      const deadline = setTimeout(() => { console.log('hangs'); process.exit(); }, 8_000);
      const { clearTimeout } = globalThis;
      for (const name of ['setImmediate', 'setTimeout', 'setInterval']) globalThis[name] = () => ({ unref() {} });
      const server = net.createServer((socket) => socket.pipe(socket));
      server.listen(0, '127.0.0.1', () => {
        const socket = net.connect(server.address().port, '127.0.0.1');
        let text = '';
        socket.on('data', (chunk) => { text += chunk; });
        socket.on('close', () => server.close(() => { console.log(text); clearTimeout(deadline); }));
        socket.write(Buffer.alloc(4 << 20, 'x'), () => socket.end('end'));
        socket.on('data', (chunk) => { text = text.slice(-3) });
      });`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    expect(outcome.stdout.trim()).to.equal('end');
  });
});
