/** Options: every class and function of ringlet's own refuses a name that it does not know, and says which there are. */
import { expect } from 'chai';
import { DatagramSocket, Listener, type Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { temporaryDirectory } from '../support/temporary.js';

const host = '127.0.0.1';
const WRONG = { nonsense: 1 };

describeOnEachBackend('Option names', (makeRing) => {
  const directory = temporaryDirectory();

  /** What each of the calls, which get an option that there is none of, throws or rejects with. */
  async function expectRefusals(calls: Readonly<Record<string, (wrong: never) => unknown>>): Promise<void> {
    for (const [name, call] of Object.entries(calls)) {
      const refused = (async () => await call(WRONG as never))();
      const { code, message } = await rejection(refused, name);
      expect(code, name).to.equal('ERR_INVALID_ARG_VALUE');
      expect(message, name).to.match(/'options\.nonsense' is not an option; there are \w+/);
    }
  }

  it('Ring', async () => {
    const ring = makeRing();
    const pool = ring.bufferPool({ count: 1, bytes: 1 });
    await expectRefusals({
      sleep: (wrong) => ring.sleep(1, wrong),
      interval: (wrong) => ring.interval(1, wrong),
      poll: (wrong) => ring.poll(0, ['readable'], wrong),
      watch: (wrong) => ring.watch(0, ['readable'], wrong),
      signals: (wrong) => ring.signals(['SIGUSR2'], wrong),
      chain: (wrong) => ring.chain(() => [], wrong),
      bufferPool: (wrong: object) => ring.bufferPool({ count: 1, bytes: 1, ...wrong }),
      acquire: (wrong) => pool.acquire(wrong),
    });
    await pool.close();
  });

  it('what Fs and FileHandle have and Node has not', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    await using handle = await fs.open(path, 'r+');
    await expectRefusals({
      open: (wrong) => fs.open(path, 'r', 0o666, wrong),
      readFiles: async (wrong) => {
        for await (const _entry of fs.readFiles([path], wrong));
      },
      statMany: (wrong) => fs.statMany([path], wrong),
      readMany: (wrong) => handle.readMany([], wrong),
      writeMany: (wrong) => handle.writeMany([], wrong),
      writeFileAtomic: (wrong) => fs.writeFileAtomic(path, 'x', wrong),
      getxattr: (wrong) => fs.getxattr(path, 'user.a', wrong),
      allocate: (wrong) => handle.allocate(0, 1, wrong),
      advise: (wrong) => handle.advise(0, 1, 'willNeed', wrong),
      syncRange: (wrong) => handle.syncRange(0, 1, wrong),
      'handle.setxattr': (wrong) => handle.setxattr('user.a', 'x', wrong),
      directAlignment: (wrong) => handle.directAlignment(wrong),
    });
    // As Node, which does not look.
    expect(await fs.readFile(path, { encoding: 'utf8', ...WRONG })).to.equal('content');
  });

  it('DatagramSocket', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ host, ring });
    await expectRefusals({
      bind: (wrong: object) => DatagramSocket.bind({ ring, ...wrong }),
      send: (wrong) => socket.send('x', { host, port: 9 }, wrong),
      sendMany: (wrong) => socket.sendMany([], wrong),
      connect: (wrong) => socket.connect({ host, port: 9 }, wrong),
      receive: (wrong) => socket.receive(wrong),
      messages: (wrong) => socket.messages(wrong),
      batches: (wrong) => socket.batches(wrong),
    });
  });

  async function connectedPair(ring: Ring): Promise<[Listener, StreamSocket, StreamSocket]> {
    const listener = await Listener.listen({ host, port: 0, ring });
    const near = await StreamSocket.connect({ host, port: listener.address.port, ring });
    return [listener, near, await listener.accept()];
  }

  it('StreamSocket and Listener', async () => {
    const ring = makeRing();
    const [listener, near, far] = await connectedPair(ring);
    const { port } = listener.address;
    await expectRefusals({
      listen: (wrong: object) => Listener.listen({ port: 0, ring, ...wrong }),
      accept: (wrong) => listener.accept(wrong),
      connections: (wrong) => listener.connections(wrong),
      connect: (wrong: object) => StreamSocket.connect({ host, port, ring, ...wrong }),
      fromFd: (wrong) => StreamSocket.fromFd(0, wrong),
      read: (wrong) => near.read(Buffer.alloc(1), wrong),
      chunks: (wrong) => near.chunks(wrong),
      write: (wrong) => near.write('x', wrong),
      writev: (wrong) => near.writev([Buffer.from('x')], wrong),
      receiveDescriptors: (wrong) => near.receiveDescriptors(Buffer.alloc(1), wrong),
      toDuplex: (wrong) => near.toDuplex(wrong),
    });
    for (const each of [near, far, listener]) await each.close();
  });

  it('`host` and `address` are the same, and one is enough', async () => {
    const ring = makeRing();
    await using peer = await Peer.open();
    for (const word of ['host', 'address'] as const) {
      await using socket = await DatagramSocket.bind({ [word]: host, ring });
      expect(socket.address.address).to.equal(host);
      await socket.send(word, { [word]: host, port: peer.port } as { host: string; port: number });
      await using listener = await Listener.listen({ [word]: host, port: 0, ring });
      expect(listener.address.address).to.equal(host);
      const { port } = listener.address;
      await using connection = await StreamSocket.connect({ [word]: host, port, ring });
      expect(connection.remoteAddress).to.deep.include({ address: host, port });
      await (await within('the connection', listener.accept())).close();
    }
    expect((await peer.wait(2)).map(({ data }) => String(data))).to.deep.equal(['host', 'address']);
    const both = { host, address: host, ring };
    const calls = [
      DatagramSocket.bind(both),
      Listener.listen({ ...both, port: 0 }),
      StreamSocket.connect({ ...both, port: 9 }),
    ];
    for (const call of calls) {
      const { code, message } = await rejection(call);
      expect(code).to.equal('ERR_INVALID_ARG_VALUE');
      expect(message).to.include('is the same as options.host');
    }
  });
});
