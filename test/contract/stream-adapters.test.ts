/** Streams where Node's own modules want theirs: Duplex, TLS, HTTP, pipeline, web streams, files, descriptors. */
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createSecureContext, connect as tlsConnect, TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Listener, serveOn, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { makeCertificate } from '../support/certificate.js';
import { isPending, rejection, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { connectPair, readAll, readBytes } from '../support/streams.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Adapters of streams', (makeRing, { options: { backend } }) => {
  const temporary = temporaryDirectory();

  it('toDuplex: pipeline, both ways, with back-pressure and the end', async () => {
    await using pair = await connectPair(makeRing());
    const duplex = pair.far.toDuplex();
    const echoing = pipeline(duplex, duplex);
    const sent = pattern(2_000_000, 3);
    const receiving = readAll(pair.near);
    await pair.near.write(sent);
    await pair.near.end();
    expect((await within('the echo', receiving)).equals(sent)).to.equal(true);
    await within('the pipeline', echoing);
    expect([duplex.bytesRead, duplex.bytesWritten]).to.deep.equal([sent.length, sent.length]);
  });

  it('toDuplex: addresses and options as net.Socket has them; allowHalfOpen: false ends both, destroy closes', async () => {
    await using pair = await connectPair(makeRing());
    const duplex = pair.far.toDuplex({ allowHalfOpen: false });
    expect(duplex.remoteAddress).to.equal('127.0.0.1');
    expect(duplex.remotePort).to.equal(pair.near.localAddress.port);
    expect(duplex.remoteFamily).to.equal('IPv4');
    expect(duplex.localPort).to.equal(pair.listener.address.port);
    duplex.setNoDelay(true).setKeepAlive(true).setTimeout(10_000);
    duplex.resume();
    await pair.near.end();
    await within('close', once(duplex, 'close'));
    expect(pair.far.isClosed).to.equal(true);
    const other = pair.near.toDuplex();
    other.destroy();
    await within('close', once(other, 'close'));
    expect(pair.near.isClosed).to.equal(true);
  });

  it('toDuplex: setTimeout says when nothing has come for so long', async () => {
    await using pair = await connectPair(makeRing());
    const duplex = pair.far.toDuplex();
    await within('the timeout', new Promise<void>((resolve) => duplex.setTimeout(5, resolve)));
    duplex.destroy();
    await once(duplex, 'close');
  });

  it('toDuplex: a reset by the peer is an error of the stream', async () => {
    await using pair = await connectPair(makeRing());
    const duplex = pair.far.toDuplex();
    duplex.resume();
    const failed = once(duplex, 'error');
    await pair.near.reset();
    const [error] = await within('the error', failed);
    expect(error).to.have.property('code', 'ECONNRESET');
  });

  it('TLS over both ends: tls.connect({ socket }) and new tls.TLSSocket', async function () {
    const certificate = await makeCertificate(temporary.path);
    if (typeof certificate === 'string') skip(this, certificate);
    const { key, cert } = certificate;
    await using pair = await connectPair(makeRing());
    const server = new TLSSocket(pair.far.toDuplex(), {
      isServer: true,
      secureContext: createSecureContext({ key, cert }),
    });
    server.on('data', (chunk: Buffer) => server.write(chunk));
    server.on('end', () => server.end());
    const client = tlsConnect({ socket: pair.near.toDuplex(), ca: cert, servername: 'localhost' });
    await within('the handshake', once(client, 'secureConnect'));
    expect(client.authorized).to.equal(true);
    const sent = pattern(500_000, 5);
    const received: Buffer[] = [];
    client.on('data', (chunk: Buffer) => received.push(chunk));
    client.write(sent, () => client.end());
    await within('the end', once(client, 'end'));
    expect(Buffer.concat(received).equals(sent)).to.equal(true);
  });

  it('HTTP: http.Server answers on connections of a Listener, kept alive', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const server = createHttpServer((incoming, outgoing) => {
      incoming.pipe(outgoing);
    });
    const serving = serveOn(server, listener);
    const { Agent } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round++) {
      const sent = pattern(100_000, round + 1);
      const { port } = listener.address;
      const asking = request({ host: '127.0.0.1', port, agent, method: 'POST' }).end(sent);
      const [response] = (await within('a response', once(asking, 'response'))) as [AsyncIterable<Buffer>];
      const received: Buffer[] = [];
      for await (const chunk of response) received.push(chunk);
      expect(Buffer.concat(received).equals(sent)).to.equal(true);
    }
    agent.destroy();
    server.closeAllConnections();
    await listener.close();
    await within('the serving', serving);
  });

  it('readable and writable: web streams, piped into each other', async () => {
    await using pair = await connectPair(makeRing());
    expect(pair.far.readable).to.equal(pair.far.readable);
    const echoing = pair.far.readable.pipeTo(pair.far.writable as WritableStream<Uint8Array>);
    const sent = pattern(1_000_000, 7);
    const receiving = readAll(pair.near);
    await pair.near.write(sent);
    await pair.near.end();
    expect((await within('the echo', receiving)).equals(sent)).to.equal(true);
    await within('the pipe', echoing);
  });

  it('readable: a BYOB reader gets its own memory back; cancel leaves the writing side', async () => {
    await using pair = await connectPair(makeRing());
    const reader = pair.far.readable.getReader({ mode: 'byob' });
    await pair.near.write('bytes');
    const { value } = await within('a read', reader.read(new Uint8Array(16)));
    expect(Buffer.from(value as Uint8Array).toString()).to.equal('bytes');
    await reader.cancel();
    await pair.far.write('still');
    expect(String(await readBytes(pair.near, 5))).to.equal('still');
  });

  it('readable: cancel ends the read that waits, and the socket is another reader’s', async () => {
    await using pair = await connectPair(makeRing());
    const reader = pair.far.readable.getReader();
    const waiting = reader.read();
    // Before that the stream has not asked the socket.
    expect(await isPending(waiting)).to.equal(true);
    await within('the end of the stream', reader.cancel());
    expect((await within('the step', waiting)).done).to.equal(true);
    const reading = readBytes(pair.far, 5);
    await pair.near.write('later');
    expect(String(await within('a read', reading))).to.equal('later');
  });

  it('writable: abort resets the connection although the peer takes nothing', async () => {
    await using pair = await connectPair(makeRing());
    const writer = pair.far.writable.getWriter();
    const writing = rejection(writer.write(new Uint8Array(64 * 1024 * 1024)));
    expect(await isPending(writing)).to.equal(true);
    await within('the abort', writer.abort(new Error('enough')));
    await within('the write', writing);
    expect(pair.far.isClosed).to.equal(true);
    const received = within('the end of what the peer gets', readAll(pair.near));
    if (backend !== 'node') expect((await rejection(received)).code).to.equal('ECONNRESET');
    else await received.catch(() => {});
  });

  it('sendFile: a file whole and in part, from ringlet’s handles and Node’s', async () => {
    const ring = makeRing();
    const content = pattern(1_500_000, 9);
    const path = temporary.file('content', content);
    await using pair = await connectPair(ring);
    const receiving = readAll(pair.far);
    await using own = await ring.fs.open(path);
    expect(await within('the file', pair.near.sendFile(own))).to.equal(content.length);
    expect(await pair.near.sendFile(own, { position: 1000, length: 5000 })).to.equal(5000);
    expect(await pair.near.sendFile(own, { position: content.length - 10, length: 5000 })).to.equal(10);
    const theirs = await open(path);
    expect(await pair.near.sendFile(theirs, { position: 0, length: 3 })).to.equal(3);
    await theirs.close();
    await pair.near.end();
    const expected = [content, content.subarray(1000, 6000), content.subarray(-10), content.subarray(0, 3)];
    expect((await within('the end', receiving)).equals(Buffer.concat(expected))).to.equal(true);
    const error = await rejection(pair.near.sendFile({} as never));
    expect(error.code).to.equal('ERR_INVALID_ARG_TYPE');
  });

  it('peerCredentials: who is on the other side', async () => {
    await using pair = await connectPair(makeRing(), { path: join(temporary.path, 'socket') });
    if (backend === 'node') {
      expect(() => pair.far.peerCredentials)
        .to.throw()
        .with.property('code', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      return;
    }
    const me = { processId: process.pid, userId: process.geteuid?.(), groupId: process.getegid?.() };
    expect(pair.far.peerCredentials).to.deep.equal(me);
    expect(pair.near.peerCredentials).to.deep.equal(me);
    await using tcp = await connectPair(makeRing());
    expect(() => tcp.near.peerCredentials)
      .to.throw()
      .with.property('code', 'ENOTSUP');
  });

  it('sendDescriptors: open files go to the peer, in their place among the bytes', async () => {
    await using pair = await connectPair(makeRing(), { path: join(temporary.path, 'socket') });
    const path = temporary.file('passed', 'what was passed');
    const fd = openSync(path, 'r');
    if (backend === 'node') {
      const error = await rejection(pair.near.sendDescriptors([fd]));
      expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      closeSync(fd);
      return;
    }
    const writes = [
      pair.near.write('before'),
      pair.near.sendDescriptors([fd, fd], 'with'),
      pair.near.write('after'),
    ];
    await within('the writes', Promise.all(writes));
    closeSync(fd);
    expect(String(await readBytes(pair.far, 6))).to.equal('before');
    const buffer = Buffer.alloc(4);
    const { bytesRead, fds } = await within('the descriptors', pair.far.receiveDescriptors(buffer));
    expect([bytesRead, String(buffer), fds.length]).to.deep.equal([4, 'with', 2]);
    for (const received of fds) {
      expect(readFileSync(`/proc/self/fd/${received}`, 'utf8')).to.equal('what was passed');
      closeSync(received);
    }
    expect(String(await readBytes(pair.far, 5))).to.equal('after');
    const bad = await rejection(pair.near.sendDescriptors([1_000_000]));
    expect(bad.code).to.equal('EBADF');
  });

  it('detach and fromFd: a connection moves to another ring', async () => {
    const pair = await connectPair(makeRing());
    if (backend === 'node') {
      expect((await rejection(pair.far.detach())).code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      await pair[Symbol.asyncDispose]();
      return;
    }
    await pair.near.write('unread');
    for await (const _chunk of pair.far) break;
    const fd = await within('detach', pair.far.detach());
    expect(pair.far.isClosed).to.equal(true);
    await using moved = StreamSocket.fromFd(fd, { ring: makeRing(), noDelay: true });
    expect(moved.fd).to.equal(fd);
    await moved.write('moved');
    expect(String(await readBytes(pair.near, 5))).to.equal('moved');
    await pair[Symbol.asyncDispose]();
  });

  it('fromFd: what is no connection is refused', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    expect(listener.isClosed).to.equal(false);
    const fd = openSync('/dev/null', 'r');
    expect(() => StreamSocket.fromFd(fd, { ring })).to.throw();
    closeSync(fd);
    expect(() => StreamSocket.fromFd(1_000_000, { ring })).to.throw();
  });
});
