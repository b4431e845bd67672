/** serveOn: servers of TLS, whose connections are Node's own where a ring can give them away. */
import { once } from 'node:events';
import { createServer as createHttpsServer, get } from 'node:https';
import nodeNet, { type AddressInfo } from 'node:net';
import tls, { type TlsOptions, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Listener, serveOn } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type Certificate, makeCertificate } from '../support/certificate.js';
import { eventually, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const host = '127.0.0.1';

/** What a server and a client see of a connection. */
interface Seen {
  protocol: string | false | null;
  servername: string | false | null | undefined;
  isClientKnown: boolean;
  remotePort: boolean;
  remoteFamily: string | undefined;
  echoed: string;
}

const countOf = (server: nodeNet.Server): Promise<number> => {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
};

describeOnEachBackend('serveOn: TLS', (makeRing) => {
  const temporary = temporaryDirectory();
  let certificate: Certificate | undefined;

  beforeEach(async function () {
    // One is enough, and the directory is there from here on.
    if (certificate !== undefined) return;
    const made = await makeCertificate(temporary.path);
    if (typeof made === 'string') skip(this, made);
    certificate = made;
  });

  async function serve(server: nodeNet.Server): Promise<{ port: number; serving: Promise<void> }> {
    const listener = await Listener.listen({ host, port: 0, ring: makeRing() });
    return { port: listener.address.port, serving: serveOn(server, listener) };
  }

  function connectTo(port: number, ALPNProtocols: string[] = []): TLSSocket {
    const { key, cert } = certificate as Certificate;
    return tls
      .connect({ host, port, ca: cert, key, cert, servername: 'localhost', ALPNProtocols })
      .on('error', () => {});
  }

  function echoServer(options: TlsOptions = {}): tls.Server {
    const { key, cert } = certificate as Certificate;
    const server = tls.createServer({ key, cert, ...options }, (socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    return server.on('tlsClientError', (_error, socket) => void socket.destroy());
  }

  async function see(server: tls.Server, port: number): Promise<Seen> {
    const secure = once(server, 'secureConnection') as Promise<[TLSSocket & { servername?: string }]>;
    const client = connectTo(port, ['b', 'a']);
    let echoed = '';
    client.on('data', (data) => {
      echoed += String(data);
    });
    // Written before there is a connection, and half-closed at once.
    client.end('hello');
    const [socket] = await within('a connection', secure);
    const { remotePort, remoteFamily, authorized, alpnProtocol, servername } = socket;
    const isSame = remotePort === client.localPort;
    await within('the end', once(client, 'close'));
    return {
      protocol: alpnProtocol,
      servername,
      isClientKnown: authorized,
      remotePort: isSame,
      remoteFamily,
      echoed,
    };
  }

  it('ALPN, SNI, a client’s certificate, addresses and bytes are as with node:tls', async () => {
    const options = { requestCert: true, ca: certificate?.cert, ALPNProtocols: ['a'] };
    const ours = echoServer(options);
    const { port, serving } = await serve(ours);
    const nodes = echoServer(options).listen(0, host);
    await within('listening', once(nodes, 'listening'));
    const expected = await see(nodes, (nodes.address() as AddressInfo).port);
    expect(expected).to.include({ protocol: 'a', isClientKnown: true, remotePort: true });
    // Over a stream TLS in Node knows no addresses.
    const overStream = { remotePort: false, remoteFamily: undefined };
    const isOnNode = makeRing().backend === 'node';
    expect(await see(ours, port)).to.deep.equal({ ...expected, ...(isOnNode && overStream) });
    await eventually('connections left: 0', async () => (await countOf(ours)) === 0);
    nodes.close();
    ours.close();
    await within('the end', serving);
  });

  it('https: many requests over connections that stay; each is counted until it ends', async () => {
    const { key, cert } = certificate as Certificate;
    const body = Buffer.alloc(300_000, 'x');
    const server = createHttpsServer({ key, cert }, (_request, response) => void response.end(body));
    const { port, serving } = await serve(server);
    const bytes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const request = get({ host, port, ca: cert, servername: 'localhost', agent: false });
        const [response] = (await within('a response', once(request, 'response'))) as [AsyncIterable<Buffer>];
        let count = 0;
        for await (const chunk of response) count += chunk.length;
        return count;
      }),
    );
    expect(bytes).to.deep.equal(Array.from({ length: 20 }, () => body.length));
    const idle = connectTo(port);
    await within('a connection', once(idle, 'secureConnect'));
    await eventually('connections left: 1', async () => (await countOf(server)) === 1);
    const over = once(server, 'close');
    server.close();
    await within('the end of serving', serving);
    idle.destroy();
    await within('the end of the server', over);
  });

  it('a connection is a net.Socket of Node’s, unless the ring is on the node backend', async () => {
    const server = echoServer();
    const { port } = await serve(server);
    const connected = once(server, 'connection') as Promise<[nodeNet.Socket]>;
    const client = connectTo(port);
    const [socket] = await within('a connection', connected);
    expect(socket instanceof nodeNet.Socket).to.equal(makeRing().backend !== 'node');
    const over = once(server, 'close');
    server.close();
    client.destroy();
    await within('the end', over);
  });

  it('maxConnections drops what is too many, and handshakeTimeout ends what says nothing', async () => {
    const server = echoServer({ handshakeTimeout: 100 });
    server.maxConnections = 1;
    const { port } = await serve(server);
    const failed = once(server, 'tlsClientError');
    const dropped = once(server, 'drop') as Promise<[{ remotePort: number }]>;
    const silent = nodeNet.connect(port, host).on('error', () => {});
    await within('a connection', once(server, 'connection'));
    const second = nodeNet.connect(port, host).on('error', () => {});
    const [{ remotePort }] = await within('a drop', dropped);
    expect(remotePort).to.equal(second.localPort);
    await within('a failed handshake', failed);
    await eventually('connections left: 0', async () => (await countOf(server)) === 0);
    silent.destroy();
    second.destroy();
    const over = once(server, 'close');
    server.close();
    await within('the end', over);
  });

  it('connections end with the ring, and the server with them', async () => {
    const server = echoServer();
    const ring = makeRing();
    const listener = await Listener.listen({ host, port: 0, ring });
    const serving = serveOn(server, listener);
    const secure = once(server, 'secureConnection');
    const client = connectTo(listener.address.port);
    await within('a connection', Promise.all([secure, once(client, 'secureConnect')]));
    const over = Promise.all([once(client, 'close'), once(server, 'close')]);
    await ring.close();
    await within('the ends', Promise.all([over, serving]));
  });

  it('a server that is closed gives up connections that had come', async () => {
    const server = echoServer();
    const { port, serving } = await serve(server);
    const clients = Array.from({ length: 8 }, () => connectTo(port));
    // Not by `once`, which rejects for an error.
    const ends = clients.map((client) => new Promise((resolve) => void client.on('close', resolve)));
    await within('a connection', once(server, 'connection'));
    server.on('secureConnection', (socket) => void socket.destroy());
    const over = once(server, 'close');
    server.close();
    await within('the ends', Promise.all([...ends, over, serving]));
  });
});
