/** Unix datagram sockets: paths and abstract names, what other programs send them, and what they must not pass. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { DatagramSocket, type Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runProgram } from '../support/child.js';
import { numbered, numberedRange, take, takeMessage } from '../support/datagrams.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { findProgram } from '../support/programs.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';
import { python } from '../support/python.js';

let nameCount = 0;

/** An abstract name that nobody else has. */
function abstractName(): string {
  nameCount += 1;
  return `\0ringlet-test-${process.pid}-${nameCount}`;
}

/** Sends a datagram from Python's socket module, along with `fdCount` descriptors of /dev/null. */
function sendFromPython(path: string, text: string, fdCount = 0): void {
  const script = `
import array, os, socket, sys
path = sys.argv[1].replace('@', chr(0), 1)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
fds = [os.open('/dev/null', os.O_RDONLY) for _ in range(int(sys.argv[3]))]
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
s.sendmsg([sys.argv[2].encode()], rights, 0, path)
`;
  execFileSync(python(), ['-c', script, path.replace('\0', '@'), text, String(fdCount)]);
}

describeOnEachBackend('Unix DatagramSocket', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  if (options.backend === 'node') {
    it('the node backend has none: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      const ring = makeRing();
      for (const wanted of [{ path: directory.at('socket') }, { family: 'Unix' }] as const) {
        const error = await rejection(DatagramSocket.bind({ ring, ...wanted }));
        expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
    });
    return;
  }

  it('a path: there while the socket is open, and gone after it', async () => {
    const path = directory.at('socket');
    const ring = makeRing();
    const socket = await DatagramSocket.bind({ path, ring });
    expect(statSync(path).isSocket()).to.equal(true);
    expect(socket.address).to.deep.equal({ address: '', port: 0, family: 'Unix', path });
    const taken = await rejection(DatagramSocket.bind({ path, ring }));
    expect([taken.code, taken.syscall, taken.address]).to.deep.equal(['EADDRINUSE', 'bind', path]);
    sendFromPython(path, 'from Python');
    const message = await takeMessage(socket);
    expect(message.data.toString()).to.equal('from Python');
    expect(message.remote, 'a sender without a name').to.deep.equal({
      address: '',
      port: 0,
      family: 'Unix',
      path: '',
    });
    await socket.close();
    expect(existsSync(path)).to.equal(false);
  });

  it('abstract names, and one of the kernel’s choice; answers go to message.remote', async () => {
    const ring = makeRing();
    const path = abstractName();
    await using server = await DatagramSocket.bind({ path, ring });
    await using client = await DatagramSocket.bind({ family: 'Unix', ring });
    expect(server.address.path).to.equal(path);
    expect(client.address.path).to.match(/^\0[0-9a-f]{5}$/);
    expect(readFileSync('/proc/net/unix', 'utf8')).to.include(`@${path.slice(1)}\n`);
    await client.send('question', { path });
    const question = await takeMessage(server);
    expect(question.remote).to.deep.equal(client.address);
    expect(await server.send(['an', 'swer'], question.remote)).to.equal(6);
    const answer = await takeMessage(client);
    expect([answer.data.toString(), answer.remote.path]).to.deep.equal(['answer', path]);
  });

  it('the longest names of both kinds', async () => {
    const ring = makeRing();
    const longest = `\0${'x'.repeat(100 - nameCount.toString().length)}${process.pid % 1e6}`.padEnd(107, 'y');
    for (const path of [longest, directory.at('z'.repeat(106 - directory.path.length))]) {
      expect(Buffer.byteLength(path)).to.equal(107);
      await using one = await DatagramSocket.bind({ path, ring });
      expect(one.address.path).to.equal(path);
      await one.send('to myself', one.address);
      expect((await takeMessage(one)).remote.path).to.equal(path);
    }
  });

  it('connect, sendMany and a batch that goes back', async () => {
    const ring = makeRing();
    await using server = await DatagramSocket.bind({ path: directory.at('server'), ring });
    await using client = await DatagramSocket.bind({ path: directory.at('client'), ring });
    const echoing = (async () => {
      let count = 0;
      for await (const batch of server.batches({ lease: true })) {
        count += await server.sendMany(batch);
        for (const message of batch) message.release();
        if (count === 300) return;
      }
    })();
    await client.connect({ path: directory.at('server') });
    expect(client.remoteAddress?.path).to.equal(directory.at('server'));
    const reading = take(client, 300);
    // More than a receiver's queue takes (net.unix.max_dgram_qlen): the rest waits, and none is lost.
    expect(await client.sendMany(numberedRange(0, 300).map((data) => ({ data })))).to.equal(300);
    await within('the echo', echoing);
    expect((await reading).map(({ length }) => length)).to.deep.equal(Array(300).fill(64));
    expect(await reading).to.deep.equal(numberedRange(0, 300));
    client.disconnect();
    expect(client.remoteAddress).to.equal(undefined);
    expect((await rejection(client.send('x'))).code).to.equal('ERR_SOCKET_DGRAM_NOT_CONNECTED');
  });

  it('a full receiver: a send waits, and an abort ends it', async () => {
    const ring = makeRing();
    await using receiver = await DatagramSocket.bind({ path: abstractName(), ring });
    await using sender = await DatagramSocket.bind({ family: 'Unix', ring });
    const controller = new AbortController();
    const { signal } = controller;
    const remote = receiver.address;
    const length = Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8')) + 1;
    for (let index = 0; index < length; index += 1) await sender.send(numbered(index), remote);
    const waiting = sender.send('one too many', remote, { signal });
    expect(await isPending(waiting)).to.equal(true);
    controller.abort();
    expect((await rejection(waiting)).code).to.equal('ABORT_ERR');
    const many = [{ data: 'one too many', remote }];
    const second = new AbortController();
    const waitingMany = sender.sendMany(many, { signal: second.signal });
    expect(await isPending(waitingMany)).to.equal(true);
    second.abort();
    expect((await rejection(waitingMany)).code).to.equal('ABORT_ERR');
    const sending = Promise.all(many.map(({ data }) => sender.send([data, ' more'], remote)));
    expect(await isPending(sending)).to.equal(true);
    const received = await take(receiver, length + 1);
    expect(await sending).to.deep.equal([17]);
    expect(received.map(String)).to.deep.equal(
      [...numberedRange(0, length), 'one too many more'].map(String),
    );
  });

  it('sends that nobody awaits keep their order, whatever waits, and one that is aborted holds up none', async () => {
    const ring = makeRing();
    await using idle = await DatagramSocket.bind({ path: abstractName(), ring });
    const COUNT = 200;
    for (const isConnected of [false, true]) {
      await using receiver = await DatagramSocket.bind({ path: abstractName(), ring });
      const remote = receiver.address;
      await using sender = await DatagramSocket.bind({ family: 'Unix', ring });
      if (isConnected) await sender.connect(remote as { path: string });
      const to = isConnected ? undefined : (remote as { path: string });
      const controller = new AbortController();
      const payloads = numberedRange(0, COUNT);
      const sending = payloads.map((data, index) =>
        sender.send(data, to, index === COUNT / 2 ? { signal: controller.signal } : undefined),
      );
      const aborted = rejection(sending[COUNT / 2] as Promise<unknown>);
      // Others don't wait with it.
      if (!isConnected) await within('a send to another', sender.send('x', idle.address as { path: string }));
      controller.abort();
      expect((await within('the aborted one', aborted)).code).to.equal('ABORT_ERR');
      const received = (await take(receiver, COUNT - 1)).map((data) => data.readUInt32LE(0));
      const sent = payloads.map((_data, index) => index).filter((index) => index !== COUNT / 2);
      expect(received).to.deep.equal(sent);
      await within('all of them', Promise.allSettled(sending));
    }
  });

  it('sendMany: datagrams in several pieces, more than the receiver has room for; what is sent next comes next', async () => {
    const ring = makeRing();
    for (const isConnected of [false, true]) {
      await using receiver = await DatagramSocket.bind({ path: abstractName(), ring });
      const { path = '' } = receiver.address;
      await using sender = await DatagramSocket.bind({ family: 'Unix', ring });
      if (isConnected) await sender.connect({ path });
      const remote = isConnected ? undefined : { path };
      for (const count of [1, 3, 100]) {
        const pieces = numberedRange(0, count).map((data) => ({
          data: [data.subarray(0, 20), data.subarray(20)],
          remote,
        }));
        const sending = [sender.sendMany(pieces), sender.send('behind', remote), sender.sendMany(pieces)];
        const received = await within('all of them', take(receiver, 2 * count + 1));
        const once = numberedRange(0, count).map(String);
        expect(received.map(String)).to.deep.equal([...once, 'behind', ...once]);
        expect(await within('the calls', Promise.all(sending))).to.deep.equal([count, 6, count]);
      }
    }
  });

  it('nobody there: ENOENT for a path, ECONNREFUSED for a name and for a path that is left', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ family: 'Unix', ring });
    const path = directory.at('nobody');
    const missing = await rejection(socket.send('x', { path }));
    expect([missing.code, missing.syscall, missing.address, missing.message]).to.deep.equal([
      'ENOENT',
      'send',
      path,
      `send ENOENT ${path}`,
    ]);
    expect((await rejection(socket.connect({ path }))).message).to.equal(`connect ENOENT ${path}`);
    expect((await rejection(socket.send('x', { path: abstractName() }))).code).to.equal('ECONNREFUSED');
    writeFileSync(path, 'no socket');
    expect((await rejection(socket.send('x', { path }))).code).to.equal('ECONNREFUSED');
  });

  it('truncation and messages of up to 64 KiB', async () => {
    const sizes = [
      { count: 8, bytes: 2048 },
      { count: 4, bytes: 65_536 },
    ];
    const ring = makeRing({ receiveBuffers: sizes });
    const data = pattern(65_536);
    await using small = await DatagramSocket.bind({ path: abstractName(), ring });
    await using large = await DatagramSocket.bind({ path: abstractName(), messageBytes: 65_536, ring });
    await small.send(data, small.address);
    const cut = await takeMessage(small);
    expect([cut.byteLength, cut.data.length, cut.isTruncated]).to.deep.equal([65_536, 2048, true]);
    await large.send(data, large.address);
    const whole = await takeMessage(large);
    expect(whole.data.equals(data)).to.equal(true);
  });

  async function expectNoPassedDescriptors(ring: Ring, wanted: object): Promise<boolean> {
    await using socket = await DatagramSocket.bind({ path: abstractName(), ring, ...wanted });
    const path = socket.address.path ?? '';
    await socket.send('warm', socket.address);
    await takeMessage(socket);
    await eventually('the receive to stop', () => ring.stats().armed === 0);
    const before = openDescriptors().size;
    sendFromPython(path, 'with gifts', 3);
    const message = await takeMessage(socket);
    expect(message.data.toString()).to.equal('with gifts');
    expect(openDescriptors().size).to.equal(before);
    return message.isControlTruncated;
  }

  it('descriptors that a sender passes are not taken', async () => {
    const ring = makeRing();
    expect(await expectNoPassedDescriptors(ring, {}), 'told by isControlTruncated').to.equal(true);
    expect(await expectNoPassedDescriptors(ring, { ancillary: ['timestamp'] })).to.equal(false);
  });

  it('systemd-notify: its state arrives, and its barrier is let go', async function () {
    const program = findProgram('systemd-notify');
    if (!program) skip(this, 'there is no systemd-notify here (systemd)');
    const ring = makeRing();
    for (const ancillary of [[], ['credentials']] as const) {
      await using socket = await DatagramSocket.bind({ path: directory.at('notify'), ancillary, ring });
      const env = { NOTIFY_SOCKET: directory.at('notify') };
      // It passes a descriptor along and waits until that has been closed everywhere.
      const ended = runProgram([program, '--ready', '--status=so far, so good'], { env });
      expect((await within('the state', socket.receive())).data.toString()).to.equal(
        'READY=1\nSTATUS=so far, so good',
      );
      expect((await within('the barrier', socket.receive())).data.toString()).to.equal('BARRIER=1');
      expectCleanExit(await ended);
    }
  });

  it('credentials, timestamp and droppedCount', async () => {
    const ancillary = ['credentials', 'timestamp', 'droppedCount'] as const;
    await using socket = await DatagramSocket.bind({ path: abstractName(), ring: makeRing(), ancillary });
    for (const lease of [false, true]) {
      await socket.send('from me', socket.address);
      const message = await takeMessage(socket.messages({ lease }));
      message.release();
      const { pid } = process;
      const [uid, gid] = [process.getuid?.(), process.getgid?.()];
      expect(message.credentials).to.deep.equal({ pid, uid, gid });
      expect(typeof message.timestamp).to.equal('bigint');
      expect(message.droppedCount).to.equal(0);
      expect(message.isControlTruncated).to.equal(false);
    }
    sendFromPython(socket.address.path ?? '', 'from another');
    expect((await takeMessage(socket)).credentials?.pid)
      .to.be.greaterThan(0)
      .and.not.equal(process.pid);
  });

  it('bad input: paths, and what says nothing of a Unix socket', async () => {
    const ring = makeRing();
    const code = async (wanted: object): Promise<unknown> =>
      (await rejection(DatagramSocket.bind({ ring, ...wanted }))).code;
    for (const path of ['', '\0', 'a\0b', 'x'.repeat(108), `\0${'x'.repeat(107)}`]) {
      expect(await code({ path }), JSON.stringify(path)).to.equal('ERR_INVALID_ARG_VALUE');
    }
    expect(await code({ path: 5 })).to.equal('ERR_INVALID_ARG_TYPE');
    const path = abstractName();
    for (const extra of [
      { port: 5 },
      { address: '::1' },
      { family: 'IPv4' },
      { broadcast: true },
      { receiveOffload: true },
      { device: 'lo' },
      { ancillary: ['ecn'] },
      { ancillary: ['local'] },
    ]) {
      expect(await code({ path, ...extra }), JSON.stringify(extra)).to.equal('ERR_INVALID_ARG_VALUE');
    }
    expect(await code({ ancillary: ['credentials'] })).to.equal('ERR_INVALID_ARG_VALUE');
    expect(await code({ path: directory.at('no/such/directory') })).to.equal('ENOENT');
    await using socket = await DatagramSocket.bind({ path, ring });
    await using udp = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    expect((await rejection(socket.send('x', udp.address))).code).to.equal('EINVAL');
    expect((await rejection(socket.send('x', { address: 'localhost', port: 5 }))).code).to.equal('EINVAL');
    expect((await rejection(udp.send('x', { path }))).code).to.equal('EINVAL');
    expect((await rejection(socket.send('x', { path: '' }))).code).to.equal('ERR_INVALID_ARG_VALUE');
    for (const wanted of [{ segmentBytes: 5 }, { ecn: 1 }]) {
      expect((await rejection(socket.send('x', { path }, wanted))).code).to.be.oneOf([
        'EINVAL',
        'EOPNOTSUPP',
      ]);
    }
    expect(() => socket.setTTL(5))
      .to.throw()
      .with.property('syscall', 'setTTL');
    expect(() => socket.addMembership('224.0.0.1'))
      .to.throw()
      .with.property('syscall', 'addMembership');
  });
});
