/** Datagram sockets used wrongly, in trouble, or given up in the middle: Node's errors, and nothing left behind. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { type DatagramMessage, DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { numbered, take } from '../support/datagrams.js';
import { type CallError, isPending, rejection, within } from '../support/eventually.js';
import { expectNothingHeld } from '../support/leftovers.js';
import { expectAbort } from '../support/outcomes.js';
import { Peer } from '../support/peer.js';

const address = '127.0.0.1';
/** RFC 6761: it never resolves. */
const NOWHERE = 'none.invalid';

function fieldsOf({ code, errno, syscall, hostname }: CallError & { hostname?: string }): unknown {
  return { code, errno, syscall, hostname };
}

describeOnEachBackend('Faults of datagram sockets', (makeRing, { options }) => {
  const isOnRing = options.backend !== 'node';

  it('a host that does not resolve: the error of node:dgram, from every call that takes one', async () => {
    const ring = makeRing();
    const theirs = createSocket('udp4').bind(0, address);
    await once(theirs, 'listening');
    const byNode = new Promise((resolve, reject) => {
      theirs.send('x', 9, NOWHERE, (error) => (error ? reject(error) : resolve(undefined)));
    });
    const wanted = fieldsOf(await rejection(byNode, 'node:dgram'));
    theirs.close();
    expect(wanted).to.have.property('syscall', 'getaddrinfo');
    await using socket = await DatagramSocket.bind({ address, ring });
    const remote = { address: NOWHERE, port: 9 };
    for (const [name, call] of [
      ['bind', () => DatagramSocket.bind({ address: NOWHERE, ring })],
      ['send', () => socket.send('x', remote)],
      ['sendMany', () => socket.sendMany([{ data: 'x', remote }])],
      ['connect', () => socket.connect(remote)],
    ] as const) {
      expect(fieldsOf(await rejection(call(), name)), name).to.deep.equal(wanted);
    }
    await socket.send('still there', socket.address);
    expect(String((await take(socket, 1))[0])).to.equal('still there');
    await socket.close();
    await expectNothingHeld(ring);
  });

  it('an address of another family: EINVAL, as node:dgram says it', async () => {
    const ring = makeRing();
    const theirs = createSocket('udp4').bind(0, address);
    await once(theirs, 'listening');
    const byNode = new Promise((resolve, reject) => {
      theirs.send('x', 9, '::1', (error) => (error ? reject(error) : resolve(undefined)));
    });
    const { message, code } = await rejection(byNode, 'node:dgram');
    theirs.close();
    await using socket = await DatagramSocket.bind({ address, ring });
    const error = await rejection(socket.send('x', { address: '::1', port: 9 }));
    expect([error.message, error.code]).to.deep.equal([message, code]);
    expect(error).to.include({ code: 'EINVAL', syscall: 'send', address: '::1', port: 9 });
    const binding = await rejection(DatagramSocket.bind({ address: '::1', family: 'IPv4', ring }));
    expect(binding).to.include({ code: 'EINVAL', syscall: 'bind', address: '::1' });
  });

  it('an abort while a name is looked up: AbortError, and what it was for does not happen', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, ring });
    await using peer = await Peer.open();
    const remote = { address: 'localhost', port: peer.port };
    for (const [name, call] of [
      ['bind', (signal) => DatagramSocket.bind({ address: 'localhost', signal, ring })],
      ['send', (signal) => socket.send('aborted', remote, { signal })],
      ['sendMany', (signal) => socket.sendMany([{ data: 'aborted', remote }], { signal })],
      ['connect', (signal) => socket.connect(remote, { signal })],
    ] as [string, (signal: AbortSignal) => Promise<unknown>][]) {
      const controller = new AbortController();
      const calling = rejection(call(controller.signal), name);
      controller.abort(name);
      expectAbort(await calling, name);
    }
    expect(socket.remoteAddress).to.equal(undefined);
    await socket.send('sent', { address, port: peer.port });
    expect((await peer.wait(1)).map(({ data }) => String(data))).to.deep.equal(['sent']);
    await socket.close();
    await expectNothingHeld(ring);
  });

  it('a close while names are looked up: ERR_SOCKET_DGRAM_NOT_RUNNING', async () => {
    const ring = makeRing();
    const socket = await DatagramSocket.bind({ address, ring });
    const remote = { address: 'localhost', port: 9 };
    const calls = [
      socket.send('x', remote),
      socket.sendMany([{ data: 'x', remote }]),
      socket.connect(remote),
      socket.receive(),
    ].map((call) => rejection(call));
    await socket.close();
    for (const { code } of await Promise.all(calls)) expect(code).to.equal('ERR_SOCKET_DGRAM_NOT_RUNNING');
    await expectNothingHeld(ring);
  });

  it('an abort of each kind of reader while it waits, between messages, and after its end', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, ring });
    const readers: Record<string, (signal: AbortSignal) => AsyncIterator<unknown>> = {
      messages: (signal) => socket.messages({ signal }),
      'leased messages': (signal) => socket.messages({ lease: true, signal }),
      batches: (signal) => socket.batches({ signal }),
      'leased batches': (signal) => socket.batches({ lease: true, signal }),
    };
    const release = (value: unknown): void => {
      for (const message of [value].flat() as DatagramMessage[]) message.release();
    };
    for (const [name, open] of Object.entries(readers)) {
      // While it waits.
      const waiting = new AbortController();
      const next = open(waiting.signal).next();
      expect(await isPending(next), name).to.equal(true);
      waiting.abort(name);
      expectAbort(await rejection(next, name), name);
      // Between messages: what has come and was not taken is the next reader's.
      const between = new AbortController();
      const iterator = open(between.signal);
      for (const text of ['one', 'two']) await socket.send(text, socket.address);
      const first = await within(name, iterator.next());
      between.abort(name);
      expectAbort(await rejection(iterator.next(), name), name);
      expect(await iterator.next(), name).to.deep.equal({ done: true, value: undefined });
      const count = [first.value].flat().length;
      release(first.value);
      if (count === 1) expect(String((await take(socket, 1))[0]), name).to.equal('two');
      // After its end.
      const after = new AbortController();
      const ended = open(after.signal);
      await ended.return?.();
      after.abort(name);
      expect(await ended.next(), name).to.deep.equal({ done: true, value: undefined });
    }
    await socket.close();
    await expectNothingHeld(ring);
  });

  it('steps asked for ahead, return in the middle of them, throw, and return twice', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, ring });
    const iterator = socket.messages();
    const steps = [iterator.next(), iterator.next(), iterator.next()];
    await socket.send('only', socket.address);
    expect(
      String((await within('a step', steps[0] as Promise<{ value: DatagramMessage }>)).value.data),
    ).to.equal('only');
    expect(await iterator.return?.()).to.deep.equal({ done: true, value: undefined });
    for (const step of steps.slice(1)) {
      expect(await within('a step', step)).to.deep.equal({ done: true, value: undefined });
    }
    expect(await iterator.return?.()).to.deep.equal({ done: true, value: undefined });
    const thrown = socket.messages({ lease: true });
    if (thrown.throw) expect((await rejection(thrown.throw(new Error('mine')))).message).to.equal('mine');
    await socket.send('for the next', socket.address);
    expect(String((await take(socket, 1))[0])).to.equal('for the next');
    await socket.close();
    await expectNothingHeld(ring);
  });

  it('iterators left by break, by an error of the loop’s own and by an abort, with leases untaken: no buffer is lost', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address, ring });
    let next = 0;
    const seen: number[] = [];
    const number = ({ data }: DatagramMessage): number => data.readUInt32LE(0);
    for (let round = 0; round < 12; round += 1) {
      for (let count = 0; count < 3; count += 1) await socket.send(numbered(next++), socket.address);
      const controller = new AbortController();
      const loop = async (): Promise<void> => {
        for await (using message of socket.messages({ lease: true, signal: controller.signal })) {
          seen.push(number(message));
          if (round % 3 === 0) break;
          if (round % 3 === 1) throw new Error('mine');
          controller.abort();
        }
      };
      const left = await within(
        'the loop',
        loop().then(
          () => undefined,
          (error: Error) => error,
        ),
      );
      expect(left?.name ?? 'no error').to.equal(['no error', 'Error', 'AbortError'][round % 3]);
    }
    for (const data of await take(socket, next - seen.length)) seen.push(data.readUInt32LE(0));
    expect(seen).to.deep.equal(Array.from({ length: next }, (_unused, index) => index));
    await socket.close();
    await expectNothingHeld(ring);
  });

  it('no descriptor left: bind says EMFILE, sockets that are open go on, and afterwards all is well', async () => {
    const script = `
      import { closeSync, openSync } from 'node:fs';
      import { DatagramSocket, Ring } from 'ringlet';
      const ring = new Ring(JSON.parse(process.argv[1]));
      const address = '127.0.0.1';
      const socket = await DatagramSocket.bind({ address, ring });
      // Whatever is opened on first use is open by now.
      await socket.send('before', socket.address);
      await socket.receive();
      await (await DatagramSocket.bind({ address, ring })).close();
      const held = [];
      try {
        for (;;) held.push(openSync('/dev/null'));
      } catch {}
      const failed = await DatagramSocket.bind({ address, ring }).catch(({ code, errno, syscall }) => ({ code, errno, syscall }));
      await socket.send('meanwhile', socket.address);
      const { data } = await socket.receive();
      for (const fd of held) closeSync(fd);
      await (await DatagramSocket.bind({ address, ring })).close();
      console.log(JSON.stringify([failed, String(data)]));
      await ring.close();`;
    const launcher = ['sh', '-c', 'ulimit -n 64 && exec "$0" "$@"'];
    const outcome = await runScript(script, { launcher, args: [JSON.stringify(options)] });
    expectCleanExit(outcome);
    const [failed, data] = JSON.parse(outcome.stdout) as [Record<string, unknown>, string];
    expect(failed).to.include({ code: 'EMFILE', errno: -24 });
    expect(failed.syscall).to.equal(isOnRing ? 'socket' : 'bind');
    expect(data).to.equal('meanwhile');
  });
});
