/** serveOn: servers of Node's own, and whatever has a 'connection' event, on a Listener. */
import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer, get } from 'node:http';
import { connect as http2Connect, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, get as httpsGet } from 'node:https';
import nodeNet from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { Listener, type Ring, serveOn, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { eventually, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const host = '127.0.0.1';

async function textOf(response: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

describeOnEachBackend('serveOn', (makeRing) => {
  const temporary = temporaryDirectory();
  const listen = (ring: Ring): Promise<Listener> => Listener.listen({ host, port: 0, ring });

  it('http.Server: listens, knows its address, answers, and closes the listener', async () => {
    const listener = await listen(makeRing());
    const server = createHttpServer((_request, response) => void response.end('hello'));
    const heard = once(server, 'listening');
    const serving = serveOn(server, listener);
    await within('listening', heard);
    const { port } = listener.address;
    expect([server.listening, server.address()]).to.deep.equal([true, listener.address]);
    expect(() => server.listen(0))
      .to.throw()
      .with.property('code', 'ERR_SERVER_ALREADY_LISTEN');
    const asking = get({ host, port, agent: false });
    const [response] = (await within('a response', once(asking, 'response'))) as [AsyncIterable<Buffer>];
    expect(await textOf(response)).to.equal('hello');
    const over = new Promise<Error | undefined>((resolve) => server.close(resolve));
    expect([server.listening, listener.isClosed]).to.deep.equal([false, true]);
    expect(await within('the end of the server', over)).to.equal(undefined);
    await within('the end of serving', serving);
  });

  it('http.Server: its time limits hold, and closeAllConnections closes them', async () => {
    const listener = await listen(makeRing());
    const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 };
    const server = createHttpServer(limits, (_request, response) => void response.end('too late'));
    const serving = serveOn(server, listener);
    const { port } = listener.address;
    const slow = nodeNet.connect(port, host).on('error', () => {});
    slow.write('GET / HTTP/1.1\r\n');
    expect(await within('the end of a slow client', textOf(slow))).to.match(/^HTTP\/1.1 408 /);
    const idle = nodeNet.connect(port, host).resume();
    await within('a connection', once(server, 'connection'));
    const over = once(server, 'close');
    server.closeAllConnections();
    server.close();
    await within('the ends', Promise.all([over, once(idle, 'close'), serving]));
  });

  it('a server waits for its connections, counts them, and drops what is too many', async () => {
    const listener = await listen(makeRing());
    const taken: Duplex[] = [];
    const server = nodeNet.createServer((socket) => void taken.push(socket));
    server.maxConnections = 1;
    const serving = serveOn(server, listener);
    const { port } = listener.address;
    const first = nodeNet.connect(port, host).on('error', () => {});
    await within('a connection', once(server, 'connection'));
    const second = nodeNet
      .connect(port, host)
      .resume()
      .on('error', () => {});
    const [dropped] = await within('a drop', once(server, 'drop'));
    expect(dropped).to.include({ localPort: port, remotePort: second.localPort });
    let isClosed = false;
    const over = once(server, 'close').then(() => {
      isClosed = true;
    });
    server.close();
    await within('the end of serving', serving);
    const count = await new Promise((resolve) => server.getConnections((_error, number) => resolve(number)));
    expect([isClosed, count]).to.deep.equal([false, 1]);
    taken[0]?.destroy();
    first.destroy();
    await within('the end of the server', over);
  });

  it('a server counts a connection down that has no listeners any more', async () => {
    const listener = await listen(makeRing());
    const server = nodeNet.createServer((socket) => void socket.removeAllListeners().destroy());
    const serving = serveOn(server, listener);
    const client = nodeNet.connect(listener.address.port, host).on('error', () => {});
    await within('the end of the connection', once(client.resume(), 'close'));
    const over = once(server, 'close');
    server.close();
    await within('the ends', Promise.all([over, serving]));
  });

  it('a server’s keepAliveInitialDelay is its connections’, in milliseconds', async () => {
    const listener = await listen(makeRing());
    const server = nodeNet.createServer({ keepAlive: true, keepAliveInitialDelay: 9000 });
    const heard: number[] = [];
    const { setKeepAlive } = StreamSocket.prototype;
    const serving = serveOn(server, listener);
    StreamSocket.prototype.setKeepAlive = function (this: StreamSocket, isOn, delayMs) {
      heard.push(delayMs as number);
      return setKeepAlive.call(this, isOn, delayMs);
    };
    const client = nodeNet.connect(listener.address.port, host).resume();
    try {
      const [socket] = (await within('a connection', once(server, 'connection'))) as [Duplex];
      socket.destroy();
    } finally {
      StreamSocket.prototype.setKeepAlive = setKeepAlive;
    }
    await within('the end of the connection', once(client, 'close'));
    server.close();
    await within('the end of serving', serving);
    expect(heard).to.deep.equal([9000]);
  });

  it('a server cannot be sent to a child process: the message fails, and the server goes on', async () => {
    const listener = await listen(makeRing());
    const server = nodeNet.createServer((socket) => void socket.end('hello'));
    const serving = serveOn(server, listener);
    const program = join(temporary.path, 'child.mjs');
    writeFileSync(program, `process.on('message', () => {});`);
    const child = fork(program);
    const failure = new Promise<NodeJS.ErrnoException | null>((resolve) => {
      child.send('a server', server as nodeNet.Server, resolve);
    });
    expect((await within('an answer', failure))?.code).to.equal('EBADF');
    const client = nodeNet.connect(listener.address.port, host);
    expect(await within('a connection', textOf(client))).to.equal('hello');
    const ended = once(child, 'exit');
    child.disconnect();
    server.close();
    await within('the ends', Promise.all([serving, ended]));
  });

  it('a server that is closed has no connection any more, and those that had come are closed', async () => {
    const listener = await listen(makeRing());
    const { port } = listener.address;
    const first = listener.accept();
    const clients = Array.from({ length: 3 }, () => nodeNet.connect(port, host).resume());
    const ends = clients.map((client) =>
      once(
        client.on('error', () => {}),
        'close',
      ),
    );
    const accepted = await within('a connection', first);
    await eventually('two to wait', () => listener.pendingCount === 2);
    let count = 0;
    const server = nodeNet.createServer((socket) => {
      count++;
      server.close();
      socket.destroy();
    });
    const over = once(server, 'close');
    await within('the ends', Promise.all([serveOn(server, listener), over]));
    await accepted.close();
    await within('the ends of the connections', Promise.all(ends));
    expect(count).to.equal(1);
  });

  it('closing the listener, or its ring, closes the server', async () => {
    for (const end of [
      (listener: Listener) => listener.close(),
      (_listener: Listener, ring: Ring) => ring.close(),
    ]) {
      const ring = makeRing();
      const listener = await listen(ring);
      const server = createHttpServer();
      const serving = serveOn(server, listener);
      const over = once(server, 'close');
      await end(listener, ring);
      await within('the ends', Promise.all([over, serving]));
      expect(server.listening).to.equal(false);
    }
  });

  it('https and http2: over TLS', async function () {
    const certificate = await makeCertificate(temporary.path);
    if (typeof certificate === 'string') skip(this, certificate);
    const { key, cert } = certificate;
    const ring = makeRing();
    const secure = createHttpsServer({ key, cert }, (_request, response) => void response.end('https'));
    const https = await listen(ring);
    const serving = serveOn(secure, https);
    const options = {
      host,
      port: https.address.port,
      ca: cert,
      servername: 'localhost',
      agent: false as const,
    };
    const [response] = (await within('a response', once(httpsGet(options), 'response'))) as [
      AsyncIterable<Buffer>,
    ];
    expect(await textOf(response)).to.equal('https');
    secure.close();
    const second = createSecureServer({ key, cert }, (_request, answer) => void answer.end('http2'));
    const http2 = await listen(ring);
    const servingSecond = serveOn(second, http2);
    const session = http2Connect(`https://localhost:${http2.address.port}`, {
      ca: cert,
      family: 4,
    } as object);
    expect(await within('a response', textOf(session.request({ ':path': '/' })))).to.equal('http2');
    session.close();
    second.close();
    await within('the ends', Promise.all([serving, servingSecond]));
  });

  it('anything with a connection event; nothing else', async () => {
    const listener = await listen(makeRing());
    const emitter = new EventEmitter();
    const serving = serveOn(emitter, listener);
    emitter.on('connection', (stream: Duplex) => stream.end('hello'));
    const client = nodeNet.connect(listener.address.port, host);
    expect(await within('an answer', textOf(client))).to.equal('hello');
    await listener.close();
    await within('the end of serving', serving);
    expect(() => serveOn({} as EventEmitter, listener))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARG_TYPE');
    expect(() => serveOn(emitter, {} as Listener))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARG_TYPE');
  });
});
