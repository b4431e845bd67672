/** 'ringlet/net': the same calls on it and on node:net must come to the same events and results. */
import { EventEmitter, once } from 'node:events';
import { Agent, createServer as createHttpServer, request } from 'node:http';
import nodeNet, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createSecureContext, connect as tlsConnect, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Ring } from 'ringlet';
import ringletNet from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { eventually, turns, within } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { skip } from '../support/skip.js';
import { connectPair } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const address = '127.0.0.1';

/** What the scenarios use of either module; the options go to ringlet's with a ring on top. */
interface Net {
  socket(options?: object): nodeNet.Socket;
  connect(options: object, listener?: () => void): nodeNet.Socket;
  server(options?: object, listener?: (socket: nodeNet.Socket) => void): nodeNet.Server;
}

type Scenario = (net: Net, directory: string) => Promise<unknown>;

function told(error: unknown): unknown {
  const { code, syscall, message, errno, ...rest } = error as NodeJS.ErrnoException & Record<string, unknown>;
  return { code, syscall, message, errno, address: rest.address };
}

function thrown(call: () => unknown): unknown {
  try {
    return typeof call();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [code, message];
  }
}

const plain = (value: unknown): unknown =>
  value instanceof Error ? told(value) : value instanceof Uint8Array ? String(value) : value;

/** Notes each of `names` as it comes, with its parameters. */
function listen(emitter: EventEmitter, log: unknown[], ...names: string[]): void {
  for (const name of names) {
    emitter.on(name, (...parameters: unknown[]) => log.push([name, ...parameters.map(plain)]));
  }
}

const EVENTS = ['lookup', 'connect', 'ready', 'data', 'end', 'timeout', 'error', 'close'];

async function event(emitter: EventEmitter, name: string): Promise<unknown[]> {
  return await within(name, once(emitter, name));
}

async function listening(net: Net, options?: object, listener?: (socket: nodeNet.Socket) => void) {
  const server = net.server(options, listener);
  // A peer that is destroyed may well reset the connection.
  server.on('connection', (socket) => socket.on('error', () => {}));
  server.listen(0, address);
  await event(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function closed(...all: (nodeNet.Server | nodeNet.Socket)[]): Promise<void> {
  for (const each of all) {
    const isOver = event(each, 'close');
    if (each instanceof EventEmitter && 'listening' in each) each.close();
    else (each as nodeNet.Socket).destroy();
    await isOver;
  }
}

const call = (target: unknown, method: string, ...parameters: unknown[]): unknown =>
  (target as Record<string, (...all: unknown[]) => unknown>)[method]?.(...parameters);

const SCENARIOS: Record<string, Scenario> = {
  'an echo: events, counts, addresses and states on both sides': async (net) => {
    const log: unknown[] = [];
    const far: unknown[] = [];
    const { server, port } = await listening(net, {}, (socket) => {
      listen(socket, far, ...EVENTS);
      far.push([socket.remoteAddress, socket.remoteFamily, socket.localPort === port, socket.readyState]);
      far.push((socket as unknown as { server: unknown }).server === server);
      socket.pipe(socket);
    });
    const socket = net.socket();
    listen(socket, log, ...EVENTS);
    log.push([socket.pending, socket.connecting, socket.readyState, socket.bufferSize, socket.remoteAddress]);
    log.push(socket.connect(port, address) === socket);
    log.push([socket.pending, socket.connecting, socket.readyState, socket.address()]);
    socket.write('before the connection');
    log.push([socket.bytesWritten]);
    await event(socket, 'ready');
    log.push([socket.pending, socket.connecting, socket.readyState]);
    log.push([socket.remoteAddress, socket.remotePort === port, socket.remoteFamily, socket.localAddress]);
    log.push([Object.keys(socket.address()).sort(), typeof socket.localPort, socket.localFamily]);
    await event(socket, 'data');
    const over = event(socket, 'close');
    socket.end('and the end');
    log.push([socket.readyState]);
    await over;
    log.push([socket.bytesRead, socket.bytesWritten, socket.destroyed, socket.readyState]);
    await eventually('the far end', () => far.some((entry) => (entry as string[])[0] === 'close'));
    await closed(server);
    return [log, far];
  },
  'listen and close at once: the address is known, and free again': async (net, directory) => {
    const log: unknown[] = [];
    const path = join(directory, `socket${Math.random()}`);
    for (const where of [await freePort(), path]) {
      const first = net.server();
      first.listen(where);
      const bound = first.address();
      const again = typeof bound === 'string' ? bound : (bound as AddressInfo).port;
      log.push([first.listening, typeof again, bound === path]);
      first.close();
      log.push(first.listening);
      const second = net.server();
      listen(second, log, 'listening', 'error', 'close');
      second.listen(again);
      await event(second, 'listening');
      await closed(second);
    }
    return log;
  },
  'a Unix socket': async (net, directory) => {
    const path = join(directory, `socket${Math.random()}`);
    const log: unknown[] = [];
    const far: unknown[] = [];
    const server = net.server({}, (socket) => {
      far.push([socket.remoteAddress, socket.localAddress, socket.address()]);
      socket.end('hello');
    });
    log.push(server.listen(path) === server);
    await event(server, 'listening');
    log.push(server.address() === path, server.listening);
    const socket = net.socket();
    listen(socket, log, ...EVENTS);
    socket.connect(path);
    await event(socket, 'close');
    await closed(server);
    log.push(server.address() === null || server.address() === path, server.listening);
    return [log, far];
  },
  'by name: lookup, with a family and without, and by one’s own lookup': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net, {}, (socket) => socket.end());
    for (const options of [
      { host: 'localhost', family: 4 },
      {
        host: 'here.test',
        lookup: (host: string, options: object, found: (...all: unknown[]) => void) => {
          log.push(host, 'all' in options);
          setImmediate(found, null, [
            { address, family: 4 },
            { address, family: 4 },
          ]);
        },
      },
      {
        host: 'one.test',
        autoSelectFamily: false,
        lookup: (_host: string, options: object, found: (...all: unknown[]) => void) => {
          log.push('all' in options);
          setImmediate(found, null, address, 4);
        },
      },
      {
        host: 'nowhere.test',
        lookup: (_host: string, _options: object, found: (...all: unknown[]) => void) =>
          setImmediate(found, Object.assign(new Error('nowhere'), { code: 'ENOTFOUND' })),
      },
      {
        host: 'strange.test',
        autoSelectFamily: false,
        lookup: (_host: string, _options: object, found: (...all: unknown[]) => void) =>
          setImmediate(found, null, 'no address', 4),
      },
    ]) {
      const socket = net.connect({ port, ...options });
      listen(socket, log, 'lookup', 'connect', 'ready', 'end', 'error', 'close');
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
    }
    await closed(server);
    return log;
  },
  'refused, and no such path': async (net, directory) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net);
    await closed(server);
    for (const options of [{ port, host: address }, { path: join(directory, 'none') }]) {
      const socket = net.connect(options);
      listen(socket, log, ...EVENTS, 'connectionAttempt', 'connectionAttemptFailed');
      socket.write('x', (error) => log.push(['written', (error as NodeJS.ErrnoException)?.code]));
      await new Promise((resolve) => socket.on('close', resolve));
      log.push([socket.connecting, socket.destroyed]);
    }
    // The port is another one in the other run.
    return JSON.parse(JSON.stringify(log).replaceAll(String(port), '1'));
  },
  'two addresses that both refuse': async (net) => {
    const { server, port } = await listening(net);
    await closed(server);
    const found = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ];
    const socket = net.connect({
      port,
      host: 'two.test',
      lookup: (_host: string, _options: object, done: (...all: unknown[]) => void) => done(null, found),
    });
    const error = await new Promise<AggregateError & { code?: string }>((resolve) =>
      socket.on('error', resolve as () => void),
    );
    const attempted = (socket as { autoSelectFamilyAttemptedAddresses?: string[] })
      .autoSelectFamilyAttemptedAddresses;
    return [
      error.code,
      error.constructor.name.includes('Aggregate'),
      error.errors.map((each) => (each as Error).message.replace(String(port), 'PORT')),
      attempted?.map((each) => each.replace(String(port), 'PORT')),
    ];
  },
  'a reset by the peer, and one’s own': async (net) => {
    const log: unknown[] = [];
    // Of its own: which end hears of a reset first is the kernel's business.
    const far: unknown[] = [];
    const taken: nodeNet.Socket[] = [];
    const { server, port } = await listening(net, {}, (socket) => {
      socket.on('error', (error) => far.push(told(error)));
      taken.push(socket);
    });
    const socket = net.connect({ port, host: address });
    listen(socket, log, 'end', 'error', 'close');
    await event(socket, 'connect');
    await eventually('the accept', () => taken.length === 1);
    taken[0]?.resetAndDestroy();
    await new Promise((resolve) => socket.on('close', resolve));
    const second = net.connect({ port, host: address });
    listen(second, log, 'error', 'close');
    // Once it is there.
    second.resetAndDestroy();
    await new Promise((resolve) => second.on('close', resolve));
    await eventually('the far error', () => far.length > 0);
    const third = net.socket();
    listen(third, log, 'error', 'close');
    third.resetAndDestroy();
    await new Promise((resolve) => third.on('close', resolve));
    await closed(server);
    return [log, far];
  },
  'half open, and not': async (net) => {
    const log: unknown[] = [];
    const far: unknown[] = [];
    for (const allowHalfOpen of [false, true]) {
      const { server, port } = await listening(net, { allowHalfOpen }, (socket) => {
        socket.on('error', (error) => far.push(told(error)));
        socket.resume();
        socket.on('end', () => {
          process.nextTick(() => {
            socket.write('after the end', (error) => far.push(['written', plain(error ?? null)]));
            socket.end();
          });
        });
      });
      const socket = net.connect({ port, host: address });
      listen(socket, log, 'data', 'end', 'close');
      socket.end('x');
      await new Promise((resolve) => socket.on('close', resolve));
      await closed(server);
    }
    return [log, far];
  },
  'destroyed while connecting, with writes that wait; written without a connection': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net);
    const socket = net.connect({ port, host: address });
    listen(socket, log, ...EVENTS);
    socket.write('a', (error) => log.push(['written', (error as NodeJS.ErrnoException)?.code]));
    socket.destroy();
    log.push([socket.connecting, socket.destroyed]);
    await event(socket, 'close');
    await turns(3);
    const lone = net.socket();
    listen(lone, log, ...EVENTS);
    lone.write('a', (error) => log.push(['written', plain(error)]));
    await new Promise((resolve) => lone.on('close', resolve));
    await closed(server);
    return log;
  },
  'a socket that was closed connects again': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net, {}, (socket) => socket.resume().end('hello'));
    const socket = net.connect({ port, host: address });
    listen(socket, log, 'connect', 'data', 'end', 'close');
    await event(socket, 'close');
    socket.connect(port, address);
    log.push(socket.connecting, socket.destroyed);
    socket.write('again');
    await event(socket, 'close');
    await closed(server);
    return log;
  },
  'signal: an abort while connecting and later': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net);
    for (const when of ['connecting', 'later']) {
      const controller = new AbortController();
      const socket = net.connect({ port, host: address, signal: controller.signal });
      listen(socket, log, 'connect', 'error', 'close');
      if (when === 'later') await event(socket, 'connect');
      controller.abort();
      await new Promise((resolve) => socket.on('close', resolve));
      log.push(when);
    }
    await closed(server);
    return log;
  },
  'setTimeout: before the connection, reset by traffic, checked': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net, {}, (socket) => socket.resume());
    const socket = net.connect({ port, host: address, timeout: 20 });
    log.push(socket.timeout);
    await event(socket, 'timeout');
    log.push(socket.setTimeout(30, () => log.push('called')) === socket, socket.timeout);
    await event(socket, 'timeout');
    socket.setTimeout(0);
    log.push(socket.timeout);
    for (const parameters of [['x'], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], [1, 'no function']]) {
      log.push(thrown(() => call(socket, 'setTimeout', ...parameters)));
    }
    await closed(socket, server);
    return log;
  },
  'setNoDelay, setKeepAlive, ref, unref: the socket, in any state': async (net) => {
    const { server, port } = await listening(net, {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 9000,
    });
    const socket = net.socket({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000 });
    const each = (): boolean[] => [
      socket.setNoDelay() === socket,
      socket.setNoDelay(false) === socket,
      socket.setKeepAlive(true, 2000) === socket,
      socket.setKeepAlive() === socket,
      socket.unref() === socket,
      socket.ref() === socket,
    ];
    const log = [each()];
    socket.connect(port, address);
    log.push(each());
    await event(socket, 'connect');
    log.push(each());
    await closed(socket);
    log.push(each());
    await closed(server);
    return log;
  },
  'pause and resume, and pauseOnConnect': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net, { pauseOnConnect: true }, (socket) => {
      log.push([socket.isPaused(), socket.readableFlowing, socket.bytesRead]);
      setImmediate(() => {
        log.push([socket.bytesRead]);
        socket.on('data', (chunk) => socket.end(chunk));
        socket.resume();
      });
    });
    const socket = net.connect({ port, host: address });
    socket.pause();
    socket.write('through a pause');
    await event(socket, 'connect');
    await turns(5);
    log.push([socket.isPaused(), socket.bytesRead]);
    listen(socket, log, 'data', 'end', 'close');
    socket.resume();
    await event(socket, 'close');
    await closed(server);
    return log;
  },
  'large writes: back-pressure by write() and drain, and every byte': async (net) => {
    const received: Buffer[] = [];
    const paused: { resume(): unknown }[] = [];
    const { server, port } = await listening(net, {}, (socket) => {
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      paused.push(socket.pause());
    });
    const socket = net.connect({ port, host: address });
    await event(socket, 'connect');
    // How much the kernel takes while nobody reads is its own affair: up to 36 MB from Linux 6.17 on.
    const sent: Uint8Array[] = [Buffer.from('small')];
    socket.write('small');
    for (let isTaken = true; isTaken; ) {
      const piece = pattern(1_000_000, sent.length);
      sent.push(piece);
      isTaken = socket.write(piece);
    }
    const draining = event(socket, 'drain');
    await eventually('the connection is accepted', () => paused.length === 1);
    paused[0]?.resume();
    await draining;
    socket.cork();
    for (let index = 0; index < 10; index++) socket.write(String(index));
    socket.uncork();
    const over = event(socket, 'close');
    socket.end();
    await over;
    await closed(server);
    return Buffer.concat(received).equals(Buffer.concat([...sent, Buffer.from('0123456789')]));
  },
  'server: listen in its forms': async (net, directory) => {
    const log: unknown[] = [];
    for (const parameters of [
      [0],
      ['0'],
      [null],
      [0, address],
      [0, address, 5],
      [0, 5],
      [{ port: 0 }],
      [{ port: 0, host: address, backlog: 5 }],
      [{ port: undefined, host: 'localhost' }],
      [],
      [join(directory, 'one')],
      [{ path: join(directory, 'two') }, 5],
    ]) {
      const server = net.server();
      let count = 0;
      call(server, 'listen', ...parameters, () => count++);
      await event(server, 'listening');
      const told = server.address() as AddressInfo | string;
      log.push([typeof told === 'string' ? told : { ...told, port: 0 }, server.listening, count]);
      await closed(server);
      log.push([server.address() === null || typeof server.address() === 'string', server.listening]);
    }
    return log;
  },
  'server: mistakes and a port in use': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net);
    log.push(thrown(() => server.listen(0)));
    const other = net.server();
    for (const parameters of [[70_000], [-1], ['x'.repeat(200), {}], [{}], [{ path: '' }], [{ port: 'x' }]]) {
      if (parameters[0] === 'x'.repeat(200)) continue;
      log.push(thrown(() => call(other, 'listen', ...parameters)));
    }
    other.listen(port, address);
    const [error] = await event(other, 'error');
    log.push(told(error), other.listening, other.address());
    const notRunning = await new Promise((resolve) => other.close((failure) => resolve(told(failure))));
    log.push(notRunning);
    other.listen(0, address);
    await event(other, 'listening');
    await closed(other, server);
    return JSON.parse(JSON.stringify(log).replaceAll(String(port), '1'));
  },
  'server: close waits for connections, getConnections counts them, asyncDispose': async (net) => {
    const log: unknown[] = [];
    const taken: nodeNet.Socket[] = [];
    const { server, port } = await listening(net, {}, (socket) => taken.push(socket));
    const sockets = [net.connect({ port, host: address }), net.connect({ port, host: address })];
    await eventually('two connections', () => taken.length === 2);
    const count = (): Promise<number> =>
      new Promise((resolve) => server.getConnections((_error, number) => resolve(number)));
    log.push(await count());
    const over = event(server, 'close');
    server.close(() => log.push('closed'));
    log.push(server.listening, server.address());
    await turns(3);
    log.push(await count());
    await closed(...sockets);
    for (const socket of taken) socket.resume();
    await over;
    log.push(await count());
    server.listen(0, address);
    await event(server, 'listening');
    await (server as unknown as AsyncDisposable)[Symbol.asyncDispose]();
    log.push(server.listening);
    return log;
  },
  'server: maxConnections drops the others': async (net) => {
    const log: unknown[] = [];
    const { server, port } = await listening(net);
    server.maxConnections = 1;
    server.on('drop', (data) => log.push({ ...data, localPort: 0, remotePort: 0 }));
    const first = net.connect({ port, host: address });
    await event(server, 'connection');
    const second = net.connect({ port, host: address });
    listen(second, log, 'end', 'close');
    second.resume();
    await event(second, 'close');
    await closed(first, server);
    return log;
  },
  'server: an abort of the signal closes it': async (net) => {
    const controller = new AbortController();
    const server = net.server();
    server.listen({ port: 0, host: address, signal: controller.signal });
    await event(server, 'listening');
    const over = event(server, 'close');
    controller.abort();
    await over;
    return server.listening;
  },
  'mistakes of connect and of constructors': async (net) => {
    const log: unknown[] = [];
    for (const options of [
      {},
      { port: 70_000 },
      { port: {} },
      { port: 1, localAddress: 'here' },
      { port: 1, localPort: 'x' },
      { port: 1, host: 'name', lookup: 5 },
      { port: 1, autoSelectFamily: 'yes' },
      { port: 1, autoSelectFamilyAttemptTimeout: 0 },
    ]) {
      const socket = net.socket();
      socket.on('error', () => {});
      log.push(thrown(() => call(socket, 'connect', options)));
      socket.destroy();
    }
    log.push(thrown(() => net.socket({ objectMode: true })));
    log.push(thrown(() => net.socket({ keepAliveInitialDelay: 'x' })));
    log.push(thrown(() => net.server({ highWaterMark: 'x' })));
    return log;
  },
};

describeOnEachBackend("'ringlet/net'", (makeRing, { options: { backend } }) => {
  const temporary = temporaryDirectory();

  const ringlet = (ring: Ring): Net => ({
    socket: (options) => new ringletNet.Socket({ ...options, ring }) as unknown as nodeNet.Socket,
    connect: (options, listener) =>
      ringletNet.connect({ ...options, ring }, listener) as unknown as nodeNet.Socket,
    server: (options, listener) => ringletNet.createServer({ ...options, ring }, listener as never),
  });
  const node: Net = {
    socket: (options) => new nodeNet.Socket(options),
    connect: (options, listener) => nodeNet.connect(options as nodeNet.NetConnectOpts, listener),
    server: (options, listener) => nodeNet.createServer(options, listener),
  };

  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    it(`${title}: as node:net`, async () => {
      const ours = await within('the scenario', scenario(ringlet(makeRing()), temporary.path));
      expect(ours).to.deep.equal(await within('the scenario of Node', scenario(node, temporary.path)));
    });
  }

  it('the forms of connect, on the default ring', async () => {
    const script = `
      import { once } from 'node:events';
      import { createServer, connect } from 'ringlet/net';
      const server = createServer((socket) => socket.end('hello'));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address();
      for (const parameters of [[port], [String(port), '127.0.0.1'], [port, 'localhost'], [{ port }]]) {
        const socket = connect(...parameters, () => process.stdout.write('connected '));
        socket.on('data', (chunk) => process.stdout.write(String(chunk) + ' '));
        await once(socket, 'close');
      }
      server.close(() => console.log('closed'));`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    expect(outcome.stdout.trim()).to.equal(`${'connected hello '.repeat(4)}closed`);
  });

  it('signal: an abort before the call, after which node:net connects all the same', async () => {
    const log: unknown[] = [];
    const socket = ringlet(makeRing()).connect({ port: 1, host: address, signal: AbortSignal.abort() });
    listen(socket, log, 'connect', 'error', 'close');
    await new Promise((resolve) => socket.on('close', resolve));
    await turns(3);
    expect(log.map((entry) => (entry as string[])[0])).to.deep.equal(['error', 'close']);
  });

  it('http: a server on its connections, and requests through createConnection', async () => {
    const ring = makeRing();
    const http = createHttpServer((incoming, outgoing) => void incoming.pipe(outgoing));
    const { server, port } = await listening(ringlet(ring), {}, (socket) => http.emit('connection', socket));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let count = 0;
    Object.assign(agent, {
      createConnection: (options: object) => {
        count++;
        return ringletNet.connect({ ...options, ring });
      },
    });
    for (let round = 0; round < 3; round++) {
      const sent = pattern(100_000, round + 1);
      const asking = request({ host: address, port, agent, method: 'POST' }).end(sent);
      const [response] = (await event(asking, 'response')) as [AsyncIterable<Buffer>];
      const received: Buffer[] = [];
      for await (const chunk of response) received.push(chunk);
      expect(Buffer.concat(received).equals(sent)).to.equal(true);
    }
    expect(count).to.equal(1);
    agent.destroy();
    http.closeAllConnections();
    await closed(server);
  });

  it('tls: tls.connect over its socket, to a server over its connections; pipeline', async function () {
    const certificate = await makeCertificate(temporary.path);
    if (typeof certificate === 'string') skip(this, certificate);
    const { key, cert } = certificate;
    const net = ringlet(makeRing());
    const secureContext = createSecureContext({ key, cert });
    const { server, port } = await listening(net, {}, (socket) => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      void pipeline(secure, secure);
    });
    const socket = net.connect({ port, host: address, noDelay: true });
    const client = tlsConnect({ socket, ca: cert, servername: 'localhost' });
    await event(client, 'secureConnect');
    const sent = pattern(500_000, 5);
    const received: Buffer[] = [];
    client.on('data', (chunk: Buffer) => {
      received.push(chunk);
      if (Buffer.concat(received).length === sent.length) client.end();
    });
    client.write(sent);
    await event(client, 'close');
    expect(Buffer.concat(received).equals(sent)).to.equal(true);
    await closed(server);
  });

  it('fd: takes over a connected socket', async function () {
    if (backend === 'node') skip(this, 'the node backend takes no descriptor over');
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const fd = await pair.far.detach();
    const socket = new ringletNet.Socket({ fd, ring });
    await pair.near.write('to a number');
    expect(String((await event(socket, 'data'))[0])).to.equal('to a number');
    await closed(socket as unknown as nodeNet.Socket);
    const handle = { fd: 'none', close() {} };
    expect(() => new ringletNet.Socket({ handle, ring } as object)).to.throw(TypeError);
  });

  it('a ring that closes ends its server and sockets', async () => {
    const ring = makeRing();
    const { server, port } = await listening(ringlet(ring));
    const socket = ringlet(ring).connect({ port, host: address });
    socket.resume().on('error', () => {});
    const [far] = (await event(server, 'connection')) as [nodeNet.Socket];
    far.resume().on('error', () => {});
    const over = Promise.all(
      [socket, far, server].map((each) => new Promise((resolve) => each.once('close', resolve))),
    );
    await ring.close();
    await within('the ends', over);
    expect(server.listening).to.equal(false);
  });

  it('what a listener throws reaches the process, and the others are still told', async () => {
    const script = `
      import net from 'ringlet/net';
      const seen = [];
      process.on('uncaughtException', (error) => seen.push(error.message));
      const server = net.createServer((socket) => {
        socket.on('data', (chunk) => { seen.push(String(chunk)); socket.write('go on'); throw new Error('of data'); });
        socket.on('close', () => server.close());
        throw new Error('of connection');
      });
      server.listen(0, '127.0.0.1', () => {
        const socket = net.connect(server.address().port, '127.0.0.1', () => {
          socket.once('data', () => socket.end('second'));
          socket.write('first');
          throw new Error('of connect');
        });
      });
      server.on('listening', () => { throw new Error('of listening'); });
      server.on('close', () => console.log(JSON.stringify(seen)));`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    const seen = JSON.parse(outcome.stdout) as string[];
    expect(seen.filter((text) => text === 'of data').length).to.equal(2);
    expect(seen).to.include.members(['of listening', 'of connection', 'of connect', 'first', 'second']);
  });

  it('a server keeps the process alive, and not after unref()', async () => {
    const script = `
      import net from 'ringlet/net';
      const server = net.createServer();
      server.listen(0, () => {
        setTimeout(() => { console.log('still here'); server.unref(); }, 50).unref();
      });`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    expect(outcome.stdout.trim()).to.equal('still here');
  });
});
