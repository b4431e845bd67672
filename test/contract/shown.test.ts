/** What a reader sees of ringlet's objects: names of rings, the list of open ones, `console.log`. */
import { expect } from 'chai';
import { inspect } from 'node:util';
import { DatagramSocket, Listener, Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';

describeOnEachBackend('What is shown', (makeRing) => {
  it('a ring is listed by its name for as long as it is open', async () => {
    const unnamed = makeRing();
    const named = new Ring({ name: 'ingest', backend: 'node' });
    try {
      expect(unnamed.name).to.match(/^ring \d+$/);
      expect(named.name).to.equal('ingest');
      expect(Ring.all().slice(-2)).to.deep.equal([unnamed, named]);
    } finally {
      await named.close();
    }
    expect(Ring.all()).to.not.include(named);
    await unnamed.close();
    expect(Ring.all()).to.not.include(unnamed);
  });

  it('a name has 1 to 64 characters', () => {
    for (const name of ['', 'x'.repeat(65)]) {
      expect(() => new Ring({ name }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARG_VALUE');
    }
    const name = 5 as unknown as string;
    expect(() => new Ring({ name }))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARG_TYPE');
  });

  it('console.log shows what state they are in', async () => {
    const ring = makeRing();
    expect(inspect(ring)).to.match(
      new RegExp(
        `^Ring \\{\\s+name: '${ring.name}',\\s+backend: '${ring.backend}',[\\s\\S]*isClosed: false\\s\\}$`,
      ),
    );
    expect(inspect({ a: { b: ring } }, { depth: 1 })).to.equal('{ a: { b: [Ring] } }');

    await using datagrams = await DatagramSocket.bind({ ring, host: '127.0.0.1' });
    const { port } = datagrams.address;
    expect(inspect(datagrams, { breakLength: 200 })).to.equal(
      `DatagramSocket { address: { address: '127.0.0.1', port: ${port}, family: 'IPv4' }, isClosed: false }`,
    );

    await using listener = await Listener.listen({ ring, host: '127.0.0.1', port: 0 });
    await using client = await StreamSocket.connect({
      ring,
      host: '127.0.0.1',
      port: listener.address.port as number,
    });
    await using server = await listener.accept();
    expect(inspect(listener)).to.match(/^Listener \{[\s\S]*pendingCount: 0,\s+isClosed: false\s\}$/);
    expect(inspect(client)).to.match(/^StreamSocket \{[\s\S]*bufferedBytes: 0,\s+isClosed: false\s\}$/);
    await server.close();
    expect(inspect(server)).to.include('isClosed: true');
  });

  it('and of a pool, how much of it is free', () => {
    const pool = makeRing().bufferPool({ count: 2, bytes: 64 });
    using _ = pool.tryAcquire();
    expect(inspect(pool)).to.match(/^BufferPool \{[\s\S]*count: 2,\s+bytes: 64,\s+freeCount: 1,/);
  });
});
