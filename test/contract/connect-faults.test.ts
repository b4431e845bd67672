/** Connecting and listening where it can't be: nowhere to go, the wrong family, no descriptor, an abort on the way. */
import { expect } from 'chai';
import { Listener, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { runProgram } from '../support/child.js';
import { rejection, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { freePort } from '../support/ports.js';
import { connectPair, goalOf, readBytes } from '../support/streams.js';
import { temporaryDirectory } from '../support/temporary.js';

const SHORTAGE = `
import { closeSync, openSync } from 'node:fs';
import { Listener, Ring, StreamSocket } from 'ringlet';
const ring = new Ring(JSON.parse(process.argv[1]));
const listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
const goal = { host: '127.0.0.1', port: listener.address.port, ring };
await (await StreamSocket.connect(goal)).close();
await (await listener.accept()).close();
const held = [];
for (;;) {
  try {
    held.push(openSync('/dev/null', 'r'));
  } catch {
    break;
  }
}
const told = ({ code, syscall, address, port }) => [code, syscall, address, port === goal.port || port];
const errors = [];
await StreamSocket.connect(goal).catch((error) => errors.push(told(error)));
await Listener.listen({ host: '127.0.0.1', port: 0, ring }).catch((error) => errors.push(told(error)));
for (const fd of held) closeSync(fd);
const near = await StreamSocket.connect(goal);
await (await listener.accept()).close();
await near.close();
await ring.close();
console.log(JSON.stringify(errors));
`;

describeOnEachBackend('Faults of connecting and listening', (makeRing, { options }) => {
  const temporary = temporaryDirectory();

  it('connect: unreachable, with Node’s fields', async () => {
    const goal = { host: '255.255.255.255', port: 9, ring: makeRing() };
    const error = await rejection(StreamSocket.connect(goal));
    // Node adds where from, if it hears at once.
    expect(error.message).to.match(/^connect ENETUNREACH 255\.255\.255\.255:9/);
    expect([error.code, error.syscall, error.address, error.port]).to.deep.equal([
      'ENETUNREACH',
      'connect',
      '255.255.255.255',
      9,
    ]);
  });

  it('connect: a localAddress of the other family is refused, and nothing is left', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const error = await rejection(StreamSocket.connect({ ...goalOf(listener), localAddress: '::1', ring }));
    expect(error.code).to.be.oneOf(['EINVAL', 'EAFNOSUPPORT']);
  });

  it('connect: a localPort alone is of the family of where it goes', async () => {
    const ring = makeRing();
    for (const host of ['127.0.0.1', '::1']) {
      const localPort = await freePort();
      await using pair = await connectPair(ring, { host, port: 0 }, { localPort });
      expect(pair.far.remoteAddress).to.include({ address: host, port: localPort });
    }
  });

  it('connect and listen: no descriptor left, and all is well when there are some again', async () => {
    const launcher = ['sh', '-c', 'ulimit -n 64 && exec "$0" "$@"', process.execPath];
    const argv = ['--input-type=module', '-e', SHORTAGE, JSON.stringify(options)];
    const outcome = await runProgram(argv, { launcher });
    expect(outcome.stderr).to.equal('');
    expect(JSON.parse(outcome.stdout)).to.deep.equal([
      ['EMFILE', 'connect', '127.0.0.1', true],
      ['EMFILE', 'listen', '127.0.0.1', null],
    ]);
  });

  it('an abort while a name is looked up, of connect and of listen', async () => {
    const ring = makeRing();
    for (const call of [StreamSocket.connect, Listener.listen] as const) {
      const controller = new AbortController();
      const { signal } = controller;
      const calling = rejection(call({ host: 'localhost', port: 9, ring, signal }));
      controller.abort('while it is looked up');
      expectAbort(await within('the abort', calling), 'while it is looked up');
    }
  });

  it('an abort of sendFile while the peer does not read: what has left is counted, and the file is free', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    await using file = await ring.fs.open(temporary.file('large', Buffer.alloc(32 * 1024 * 1024, 1)));
    const controller = new AbortController();
    const sending = rejection(pair.near.sendFile(file, { signal: controller.signal }));
    await readBytes(pair.far, 1000);
    controller.abort('enough');
    expectAbort(await within('the abort', sending), 'enough');
    expect((await file.read(Buffer.alloc(1), 0, 1, 0)).bytesRead).to.equal(1);
  });
});
