/** Ring: what it says of itself, wrong options, and what close() does to everything on it. */
import { expect } from 'chai';
import { closeSync, openSync, writeSync } from 'node:fs';
import { DatagramSocket, Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, isPending, rejection, rejections, turns, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Ring.close', (makeRing, configuration) => {
  const directory = temporaryDirectory();

  it('pending reads of a FIFO reject with ERR_RINGLET_CLOSED and nothing hangs', async () => {
    const ring = makeRing();
    const fifo = directory.fifo('fifo');
    const writer = openSync(fifo, 'r+');
    const handle = await ring.fs.open(fifo, 'r+');
    const count = configuration.title === 'node' ? 2 : 50;
    const reads = Array.from({ length: count }, () => handle.read(Buffer.alloc(4)));
    expect(await isPending(reads[0] as Promise<unknown>)).to.equal(true);
    const closing = ring.close();
    const errors = await Promise.all(reads.map((reading) => rejection(reading, 'a pending read')));
    expect(new Set(errors.map(({ code }) => code))).to.deep.equal(new Set(['ERR_RINGLET_CLOSED']));
    // The node backend's threads still sit in their reads; this lets them go.
    if (configuration.title === 'node') writeSync(writer, 'let them go');
    await within('Ring.close', closing);
    await within('FileHandle.close', handle.close());
    closeSync(writer);
  });

  it('a handle that is being closed is closed, though its last read and the ring end together', async () => {
    for (const path of [directory.fifo('fifo'), '/dev/zero']) {
      const ring = makeRing({ inlineReads: false });
      const handle = await ring.fs.open(path, 'r+');
      const writer = openSync(path, 'r+');
      const reading = handle.read(Buffer.alloc(1_000_000)).catch(() => {});
      const closings = [handle.close(), ring.close()];
      // The node backend's thread still sits in its read.
      if (configuration.title === 'node') writeSync(writer, 'let it go');
      await within('both closes', Promise.all([reading, ...closings]));
      closeSync(writer);
    }
  });

  it('a chain that waits for a stream nobody reads gives its handle back', async () => {
    const ring = makeRing();
    const handle = await ring.fs.open(directory.file('a', 'content'));
    const stream = handle.createReadStream();
    const waiting = rejection(ring.chain((chain) => [chain.close(handle)]));
    const closing = ring.close();
    expect(await waiting).to.include({ code: 'ERR_RINGLET_CLOSED' });
    await within('both closes', Promise.all([closing, handle.close()]));
    expect(stream.destroyed).to.equal(true);
    const late = rejection(ring.chain((chain) => [chain.stat('/')]));
    expect(await late).to.include({ code: 'ERR_RINGLET_CLOSED' });
  });

  it('afterwards every operation rejects with ERR_RINGLET_CLOSED, and isClosed says so', async () => {
    const ring = makeRing();
    const path = directory.file('a', 'content');
    const handle = await ring.fs.open(path);
    expect(ring.isClosed).to.equal(false);
    await ring.close();
    expect(ring.isClosed).to.equal(true);
    const calls = {
      open: ring.fs.open(path),
      readFile: ring.fs.readFile(path),
      writeFile: ring.fs.writeFile(path, 'x'),
      appendFile: ring.fs.appendFile(path, 'x'),
      stat: ring.fs.stat(path),
      rename: ring.fs.rename(path, directory.at('b')),
      unlink: ring.fs.unlink(path),
      mkdir: ring.fs.mkdir(directory.at('dir')),
      read: handle.read(Buffer.alloc(4)),
      bind: DatagramSocket.bind({ address: '127.0.0.1', ring }),
    };
    for (const [name, { code }] of await rejections(calls)) {
      expect(code, name).to.equal('ERR_RINGLET_CLOSED');
    }
    await handle.close();
  });

  it('twice, at once and afterwards: each fulfils with undefined', async () => {
    const ring = makeRing();
    expect(await Promise.all([ring.close(), ring.close()])).to.deep.equal([undefined, undefined]);
    expect(await ring.close()).to.equal(undefined);
  });

  it('what waits behind the in-flight limit rejects as well', async () => {
    const ring = makeRing({ inFlightMax: 1 });
    const fifo = directory.fifo('fifo');
    const writer = openSync(fifo, 'r+');
    const handle = await ring.fs.open(fifo, 'r+');
    const reads = Array.from({ length: 20 }, () => handle.read(Buffer.alloc(4)));
    expect(await isPending(reads[0] as Promise<unknown>)).to.equal(true);
    const closing = ring.close();
    const errors = await Promise.all(reads.map((reading) => rejection(reading, 'a read')));
    expect(new Set(errors.map(({ code }) => code))).to.deep.equal(new Set(['ERR_RINGLET_CLOSED']));
    if (configuration.title === 'node') writeSync(writer, 'let it go');
    await within('Ring.close', closing);
    await handle.close();
    closeSync(writer);
  });

  it('pending receives end quietly, the sockets close, and a second socket.close() is fine', async () => {
    const ring = makeRing();
    const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    const next = socket[Symbol.asyncIterator]().next();
    expect(await isPending(next)).to.equal(true);
    await within('Ring.close', ring.close());
    const outcome = await within(
      'the pending receive',
      next.catch((error: CallError) => error),
    );
    if (outcome instanceof Error) expect((outcome as CallError).code).to.equal('ERR_RINGLET_CLOSED');
    else expect(outcome.done).to.equal(true);
    await within('DatagramSocket.close', socket.close());
    expect(socket.isClosed).to.equal(true);
  });

  it('Symbol.asyncDispose: closes at the end of the scope', async () => {
    let outer: Ring | undefined;
    {
      await using ring = makeRing();
      outer = ring;
      await ring.fs.stat('/');
    }
    expect(outer?.isClosed).to.equal(true);
  });

  it('Ring.backend, backendReason and profile say what it runs on', () => {
    const ring = makeRing();
    const { backend } = configuration.options;
    // Which is tested where io_uring is refused.
    expect(ring.backend).to.equal(backend === 'auto' ? 'epoll' : backend);
    expect(ring.backendReason === null || typeof ring.backendReason === 'string').to.equal(true);
    if (ring.backend === 'io_uring') expect(ring.backendReason).to.equal(null);
    const kind = ring.backend === 'node' ? 'node' : configuration.options.sqPoll ? 'sqPoll' : 'loop';
    expect(ring.profile.kind).to.equal(kind);
    expect(ring.profile.degraded).to.be.an('array');
  });

  it('Ring.stats: counts what was done', async () => {
    const ring = makeRing({ inlineReads: false });
    const before = ring.stats();
    for (let round = 0; round < 10; round += 1) await ring.fs.stat('/');
    // The node backend counts a call as over once whoever awaited it has gone on.
    await turns(1);
    const after = ring.stats();
    expect(after.submitted - before.submitted).to.be.at.least(10);
    expect(after.completed - before.completed).to.be.at.least(10);
    expect(after.inFlight).to.equal(0);
    expect(after.staleCompletions).to.equal(0);
  });

  it('Ring.ref and unref: return the ring, and reads still settle after unref', async () => {
    const ring = makeRing();
    expect(ring.unref()).to.equal(ring);
    expect(await ring.fs.readFile(directory.file('a', 'x'), 'utf8')).to.equal('x');
    expect(ring.ref()).to.equal(ring);
  });
});

/** Options that are wrong on every backend, with the code of the error. */
const WRONG_OPTIONS: readonly (readonly [name: string, options: unknown, code: string])[] = [
  ['no object', 5, 'ERR_INVALID_ARG_TYPE'],
  ['submissionEntries 0', { submissionEntries: 0 }, 'ERR_OUT_OF_RANGE'],
  ['submissionEntries 32769', { submissionEntries: 32_769 }, 'ERR_OUT_OF_RANGE'],
  ['submissionEntries 1.5', { submissionEntries: 1.5 }, 'ERR_OUT_OF_RANGE'],
  ['submissionEntries text', { submissionEntries: '4' }, 'ERR_INVALID_ARG_TYPE'],
  ['completionEntries -1', { completionEntries: -1 }, 'ERR_OUT_OF_RANGE'],
  ['inFlightMax 0', { inFlightMax: 0 }, 'ERR_OUT_OF_RANGE'],
  ['inFlightMax NaN', { inFlightMax: Number.NaN }, 'ERR_OUT_OF_RANGE'],
  ['submitBatchMax 0', { submitBatchMax: 0 }, 'ERR_OUT_OF_RANGE'],
  ['drainBatchMax text', { drainBatchMax: 'x' }, 'ERR_INVALID_ARG_TYPE'],
  ['sqPoll text', { sqPoll: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['sqPoll.threads 0', { sqPoll: { group: 'g', threads: 0 } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.threads 65', { sqPoll: { group: 'g', threads: 65 } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.threads 2 without a group', { sqPoll: { threads: 2 } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.group empty', { sqPoll: { group: '' } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.group of 65 characters', { sqPoll: { group: 'g'.repeat(65) } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.cpus 1024', { sqPoll: { cpus: [1024] } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.cpus none', { sqPoll: { cpus: [] } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.cpus twice', { sqPoll: { cpus: [0, 0] } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.idle unknown', { sqPoll: { idle: 1 } }, 'ERR_INVALID_ARG_VALUE'],
  ['sqPoll.idleMs 0', { sqPoll: { idleMs: 0 } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.idleMs 60001', { sqPoll: { idleMs: 60_001 } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.idleMs -1', { sqPoll: { idleMs: -1 } }, 'ERR_OUT_OF_RANGE'],
  ['sqPoll.group 5', { sqPoll: { group: 5 } }, 'ERR_INVALID_ARG_TYPE'],
  ['sqPoll.cpus text', { sqPoll: { group: 'g', cpus: '0' } }, 'ERR_INVALID_ARG_TYPE'],
  ['registeredFds -1', { registeredFds: -1 }, 'ERR_OUT_OF_RANGE'],
  ['registeredFds 32769', { registeredFds: 32_769 }, 'ERR_OUT_OF_RANGE'],
  ['completionEntries 65537', { completionEntries: 65_537 }, 'ERR_OUT_OF_RANGE'],
  ['entries unknown', { entries: 8 }, 'ERR_INVALID_ARG_VALUE'],
  ['receiveBuffers.count 32769', { receiveBuffers: { count: 32_769 } }, 'ERR_OUT_OF_RANGE'],
  ['receiveBuffers 5', { receiveBuffers: 5 }, 'ERR_INVALID_ARG_TYPE'],
  ['receiveBuffers.count 0', { receiveBuffers: { count: 0 } }, 'ERR_OUT_OF_RANGE'],
  ['receiveBuffers.bytes text', { receiveBuffers: { bytes: 'x' } }, 'ERR_INVALID_ARG_TYPE'],
  ['busyPollUs -1', { busyPollUs: -1 }, 'ERR_OUT_OF_RANGE'],
  ['coalesce true', { coalesce: true }, 'ERR_INVALID_ARG_TYPE'],
  ['coalesce.minCompletions 0', { coalesce: { minCompletions: 0, timeoutUs: 50 } }, 'ERR_OUT_OF_RANGE'],
  ['registerRingFd 1', { registerRingFd: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['taskRun later', { taskRun: 'later' }, 'ERR_INVALID_ARG_VALUE'],
  ['backend libuv', { backend: 'libuv' }, 'ERR_INVALID_ARG_VALUE'],
  ['backend 5', { backend: 5 }, 'ERR_INVALID_ARG_VALUE'],
];

describe('Ring constructor', () => {
  for (const [name, options, code] of WRONG_OPTIONS) {
    it(`${name}: throws ${code} and names the option`, () => {
      const make = (): unknown => Reflect.construct(Ring, [options]);
      const option = name.split(' ')[0]?.split('.').at(-1) as string;
      expect(make)
        .to.throw(Error, name === 'no object' ? 'options' : option)
        .with.property('code', code);
    });
  }
});
