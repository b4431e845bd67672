/** What streams can be asked for: options as the kernel has them, and mistakes as Node words them. */
import { expect } from 'chai';
import { Listener, StreamSocket } from 'ringlet';
import { binding } from '#ringlet/native/binding.js';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { connectPair, goalOf } from '../support/streams.js';

const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;

describeOnEachBackend('Options of streams', (makeRing, { options: { backend } }) => {
  const option = (fd: number, level: number, name: number): number =>
    binding().getSocketOption(fd, level, name);
  const noDelay = (fd: number): number => option(fd, IPPROTO_TCP, 1);
  const keepAlive = (fd: number): number => option(fd, SOL_SOCKET, 9);
  const keepIdle = (fd: number): number => option(fd, IPPROTO_TCP, 4);

  it('noDelay and keepAlive: of who connects, of who is accepted, and by setters', async () => {
    await using pair = await connectPair(
      makeRing(),
      { host: '127.0.0.1', port: 0, noDelay: true, keepAlive: true, keepAliveInitialDelayMs: 7000 },
      { keepAlive: true, keepAliveInitialDelayMs: 5999 },
    );
    const { near, far } = pair;
    expect([noDelay(near.fd), keepAlive(near.fd), keepIdle(near.fd)]).to.deep.equal([0, 1, 5]);
    expect([noDelay(far.fd), keepAlive(far.fd), keepIdle(far.fd)]).to.deep.equal([1, 1, 7]);
    expect(near.setNoDelay().setKeepAlive(false)).to.equal(near);
    expect([noDelay(near.fd), keepAlive(near.fd)]).to.deep.equal([1, 0]);
    near.setNoDelay(false).setKeepAlive(true, 9000);
    expect([noDelay(near.fd), keepIdle(near.fd)]).to.deep.equal([0, 9]);
  });

  it('lingerSeconds, quickAck and buffer sizes: set, or said to be missing', async () => {
    const ring = makeRing();
    const wanted = { lingerSeconds: 0, quickAck: true, receiveBufferBytes: 20_000, sendBufferBytes: 30_000 };
    if (backend === 'node') {
      await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      for (const [name, value] of Object.entries(wanted)) {
        const error = await rejection(StreamSocket.connect({ ...goalOf(listener), ring, [name]: value }));
        expect(error.code, name).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
      return;
    }
    await using pair = await connectPair(ring, undefined, wanted);
    expect(option(pair.near.fd, SOL_SOCKET, 8)).to.equal(40_000);
    expect(option(pair.near.fd, SOL_SOCKET, 7)).to.equal(60_000);
    expect(option(pair.near.fd, SOL_SOCKET, 13)).to.equal(1);
    pair.near.setLinger(null).setQuickAck(false);
    expect(option(pair.near.fd, SOL_SOCKET, 13)).to.equal(0);
    pair.near.setLinger(2);
    await pair.near.close();
  });

  it('reusePort, ipv6Only, incomingCpu', async function () {
    if (backend === 'node') skip(this, 'an older Node has no reusePort, and none has incomingCpu');
    const ring = makeRing();
    await using first = await Listener.listen({
      host: '::1',
      port: 0,
      reusePort: true,
      ipv6Only: true,
      ring,
    });
    const { port } = first.address;
    const options = { host: '::1', port, reusePort: true, incomingCpu: 0, ring };
    await using second = await Listener.listen(options);
    expect(second.address.port).to.equal(port);
    expect((await rejection(Listener.listen({ host: '::1', port, ring }))).code).to.equal('EADDRINUSE');
  });

  const mistakes: [title: string, call: (ring: StreamSocketRing) => Promise<unknown>, code: string][] = [
    ['no options', () => StreamSocket.connect(undefined as never), 'ERR_INVALID_ARG_TYPE'],
    ['neither port nor path', (ring) => StreamSocket.connect({ ring }), 'ERR_MISSING_ARGS'],
    ['neither port nor path to listen on', (ring) => Listener.listen({ ring }), 'ERR_MISSING_ARGS'],
    ['a port of 70000', (ring) => StreamSocket.connect({ port: 70_000, ring }), 'ERR_SOCKET_BAD_PORT'],
    ['a port of 0 to connect to', (ring) => StreamSocket.connect({ port: 0, ring }), 'ERR_SOCKET_BAD_PORT'],
    ['an empty path', (ring) => StreamSocket.connect({ path: '', ring }), 'ERR_INVALID_ARG_VALUE'],
    ['a long path', (ring) => Listener.listen({ path: 'x'.repeat(108), ring }), 'ERR_INVALID_ARG_VALUE'],
    ['a NUL in a path', (ring) => Listener.listen({ path: 'a\0b', ring }), 'ERR_INVALID_ARG_VALUE'],
    [
      'a number for a host',
      (ring) => Listener.listen({ port: 0, host: 1 as never, ring }),
      'ERR_INVALID_ARG_TYPE',
    ],
    ['a backlog below 0', (ring) => Listener.listen({ port: 0, backlog: -1, ring }), 'ERR_OUT_OF_RANGE'],
    ['a pendingMax of 0', (ring) => Listener.listen({ port: 0, pendingMax: 0, ring }), 'ERR_OUT_OF_RANGE'],
    [
      'a text for noDelay',
      (ring) => StreamSocket.connect({ port: 1, noDelay: 'yes' as never, ring }),
      'ERR_INVALID_ARG_TYPE',
    ],
    [
      'a family of 5',
      (ring) => StreamSocket.connect({ port: 1, family: 5 as never, ring }),
      'ERR_INVALID_ARG_VALUE',
    ],
    [
      'a name for localAddress',
      (ring) => StreamSocket.connect({ port: 1, localAddress: 'here', ring }),
      'ERR_INVALID_IP_ADDRESS',
    ],
    [
      'a name that is none',
      (ring) => StreamSocket.connect({ port: 1, host: 'none.invalid', ring }),
      'ENOTFOUND',
    ],
  ];
  for (const [title, call, code] of mistakes) {
    it(`${title} is refused with ${code}`, async () => {
      const error = await rejection(call(makeRing()));
      // A machine without a resolver says EAI_AGAIN.
      if (code === 'ENOTFOUND') expect(error.code).to.be.oneOf(['ENOTFOUND', 'EAI_AGAIN']);
      else expect(error.code).to.equal(code);
    });
  }

  it('mistakes in calls: data, buffers, ranges', async () => {
    await using pair = await connectPair(makeRing());
    const { near } = pair;
    expect((await rejection(near.write(1 as never))).code).to.equal('ERR_INVALID_ARG_TYPE');
    expect((await rejection(near.writev(['x'] as never))).code).to.equal('ERR_INVALID_ARG_TYPE');
    expect((await rejection(near.read('x' as never))).code).to.equal('ERR_INVALID_ARG_TYPE');
    expect((await rejection(near.read(Buffer.alloc(1), { offset: 2 }))).code).to.equal('ERR_OUT_OF_RANGE');
    expect((await rejection(near.read(Buffer.alloc(1), { length: 2 }))).code).to.equal('ERR_OUT_OF_RANGE');
    expect(() => near.chunks({ lease: 1 as never }))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARG_TYPE');
    expect(() => StreamSocket.fromFd(-1))
      .to.throw()
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(await near.write('')).to.equal(0);
    expect(await near.writev([])).to.equal(0);
  });
});

type StreamSocketRing = NonNullable<Parameters<typeof StreamSocket.connect>[0]['ring']>;
