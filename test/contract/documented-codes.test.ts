/** Codes of docs/errors.md that no other suite names: what leads to each, and its class and call. */
import { isNodeAtLeast } from '#ringlet/base/node-version.js';
import { once } from 'node:events';
import { expect } from 'chai';
import { DatagramSocket, StreamSocket } from 'ringlet';
import { createSocket } from 'ringlet/dgram';
import { connect, createServer } from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, within } from '../support/eventually.js';
import { connectPair } from '../support/streams.js';
import { temporaryDirectory } from '../support/temporary.js';

const address = '127.0.0.1';

function thrownBy(call: () => unknown): NodeJS.ErrnoException {
  try {
    call();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
}

describeOnEachBackend('docs/errors.md, each code', (makeRing, { title }) => {
  const directory = temporaryDirectory();

  it('ERR_FS_INVALID_SYMLINK_TYPE: symlink with a type that is none, until Node checks it as another value', async () => {
    const { fs } = makeRing();
    const linking = fs.symlink('target', directory.at('link'), 'other' as 'file');
    expect((await rejection(linking)).code).to.equal(
      isNodeAtLeast(24) ? 'ERR_INVALID_ARG_VALUE' : 'ERR_FS_INVALID_SYMLINK_TYPE',
    );
  });

  it("ERR_UNKNOWN_ENCODING: FileHandle.readFile with 'buffer'", async () => {
    await using file = await makeRing().fs.open(directory.file('a', 'text'));
    const error = await rejection(file.readFile('buffer' as BufferEncoding));
    expect(error).to.be.instanceOf(TypeError).and.have.property('code', 'ERR_UNKNOWN_ENCODING');
  });

  it('ERR_METHOD_NOT_IMPLEMENTED: the option fs of a handle’s streams', async () => {
    await using file = await makeRing().fs.open(directory.file('a', 'text'), 'r+');
    const options = { fs: {} } as object;
    for (const make of [() => file.createReadStream(options), () => file.createWriteStream(options)]) {
      expect(thrownBy(make).code).to.equal('ERR_METHOD_NOT_IMPLEMENTED');
    }
  });

  it('ERR_SOCKET_BAD_BUFFER_SIZE: what can be no size', async () => {
    await using socket = await DatagramSocket.bind({ address, ring: makeRing() });
    for (const size of [-1, 1.5, 2 ** 31, 'many' as never]) {
      for (const set of [() => socket.setRecvBufferSize(size), () => socket.setSendBufferSize(size)]) {
        const error = thrownBy(set);
        expect(error).to.be.instanceOf(TypeError).and.have.property('code', 'ERR_SOCKET_BAD_BUFFER_SIZE');
      }
    }
  });

  it("ERR_SOCKET_BAD_TYPE and ERR_SOCKET_ALREADY_BOUND: sockets of 'ringlet/dgram'", async () => {
    const ring = makeRing();
    const wrong = thrownBy(() => createSocket({ type: 'udp5' as 'udp4', ring }));
    expect(wrong).to.be.instanceOf(TypeError).and.have.property('code', 'ERR_SOCKET_BAD_TYPE');
    const socket = createSocket({ type: 'udp4', ring });
    socket.bind(0, address);
    expect(thrownBy(() => socket.bind(0, address)).code).to.equal('ERR_SOCKET_ALREADY_BOUND');
    await within('listening', once(socket, 'listening'));
    await new Promise<void>((resolve) => socket.close(resolve));
  });

  it("ERR_SOCKET_CLOSED_BEFORE_CONNECTION: a write to a socket of 'ringlet/net' destroyed before", async () => {
    const ring = makeRing();
    const server = createServer({ ring });
    server.listen(0, address);
    await within('listening', once(server, 'listening'));
    const { port } = server.address() as { port: number };
    const socket = connect({ port, host: address, ring });
    const written = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
      socket.write('early', (error?: Error | null) => resolve(error));
    });
    socket.destroy();
    expect((await within('the callback', written))?.code).to.equal('ERR_SOCKET_CLOSED_BEFORE_CONNECTION');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  if (title !== 'node') {
    it('ERR_INVALID_FD_TYPE: StreamSocket.fromFd of a file', async () => {
      const ring = makeRing();
      await using file = await ring.fs.open(directory.file('a', 'text'));
      const error = thrownBy(() => StreamSocket.fromFd(file.fd, { ring }));
      expect(error).to.be.instanceOf(TypeError).and.have.property('code', 'ERR_INVALID_FD_TYPE');
    });

    it('ENOTCONN: the end of a connection that the peer has reset', async () => {
      await using pair = await connectPair(makeRing());
      await pair.far.reset();
      await rejection(pair.near.read(Buffer.alloc(1)));
      const error = await rejection(pair.near.end());
      expect(error).to.include({ code: 'ENOTCONN', syscall: 'shutdown' });
    });
  }
});
