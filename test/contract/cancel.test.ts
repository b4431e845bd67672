/** FileHandle.cancel and Ring.cancelAll: what ends, with which error, and what goes on. */
import { expect } from 'chai';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { DatagramSocket, type FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, isPending, rejection, turns, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { temporaryDirectory } from '../support/temporary.js';

const { ECANCELED } = constants.errno;

function expectCanceled(error: CallError, syscall: string, message: string): void {
  expect(error).to.include({ code: 'ECANCELED', errno: -ECANCELED, syscall });
  expect(error.message).to.equal(`ECANCELED: operation canceled, ${message}`);
}

describeOnEachBackend('FileHandle.cancel', (makeRing) => {
  const directory = temporaryDirectory();
  let writer = -1;

  /** A FIFO to wait on, and a descriptor to write to it. */
  async function openFifo(ring: ReturnType<typeof makeRing>): Promise<FileHandle> {
    const path = directory.fifo('fifo');
    const handle = await ring.fs.open(path, 'r+');
    writer = openSync(path, 'r+');
    return handle;
  }

  afterEach(() => {
    if (writer >= 0) closeSync(writer);
    writer = -1;
  });

  it('ends every call that is pending on the handle with ECANCELED, and says how many', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const reads = Array.from({ length: 10 }, () => rejection(fifo.read(Buffer.alloc(1))));
    reads.push(rejection(fifo.readv([Buffer.alloc(1), Buffer.alloc(1)])));
    await turns(3);
    expect(await fifo.cancel()).to.equal(11);
    for (const error of await within('the reads', Promise.all(reads))) expectCanceled(error, 'read', 'read');
    expect(await fifo.cancel()).to.equal(0);
    // The next read gets all of it.
    writeSync(writer, Buffer.alloc(5));
    expect((await within('the next read', fifo.read(Buffer.alloc(64)))).bytesRead).to.equal(5);
    await fifo.close();
  });

  it('in the same turn as the calls, before the kernel has seen them', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const reads = Array.from({ length: 100 }, () => rejection(fifo.read(Buffer.alloc(1))));
    expect(await fifo.cancel()).to.equal(100);
    for (const error of await within('the reads', Promise.all(reads))) expectCanceled(error, 'read', 'read');
    writeSync(writer, Buffer.alloc(200));
    await within('the close', fifo.close());
  });

  it('leaves other handles alone, of the same file too', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    await using other = await ring.fs.open(directory.at('fifo'), 'r+');
    const canceled = rejection(fifo.read(Buffer.alloc(1)));
    const kept = other.read(Buffer.alloc(1));
    await turns(3);
    expect(await fifo.cancel()).to.equal(1);
    await within('the read', canceled);
    expect(await isPending(kept)).to.equal(true);
    writeSync(writer, 'xx');
    expect((await kept).bytesRead).to.equal(1);
    await within('the close', fifo.close());
  });

  it('ends calls that wait for a place', async () => {
    const ring = makeRing({ inFlightMax: 2 });
    const fifo = await openFifo(ring);
    const reads = Array.from({ length: 7 }, () => rejection(fifo.read(Buffer.alloc(1))));
    await turns(3);
    expect(ring.stats().waiting).to.equal(5);
    expect(await fifo.cancel()).to.equal(7);
    for (const error of await within('the reads', Promise.all(reads))) expectCanceled(error, 'read', 'read');
    expect(ring.stats().waiting).to.equal(0);
    writeSync(writer, 'xx');
    await within('the close', fifo.close());
  });

  it('hastens a close that waits for the calls', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const reading = rejection(fifo.read(Buffer.alloc(1)));
    await turns(3);
    const closing = fifo.close();
    expect(await isPending(closing)).to.equal(true);
    expect(await fifo.cancel()).to.equal(1);
    expectCanceled(await reading, 'read', 'read');
    await within('the close', closing);
    expect(await fifo.cancel()).to.equal(0);
  });

  it('beside an abort: the one that comes first gives the reason', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const controller = new AbortController();
    const first = rejection(fifo.read(Buffer.alloc(1), { signal: controller.signal }));
    const second = rejection(fifo.read(Buffer.alloc(1)));
    await turns(3);
    controller.abort();
    await fifo.cancel();
    expect((await within('the aborted', first)).code).to.equal('ABORT_ERR');
    expectCanceled(await within('the canceled', second), 'read', 'read');
    writeSync(writer, 'xx');
    await within('the close', fifo.close());
  });

  it('comes too late for what has ended: 300 reads of a file tell the truth', async () => {
    const ring = makeRing();
    await using handle = await ring.fs.open(directory.file('a', '0123456789'));
    let fulfilled = 0;
    for (let round = 0; round < 300; round += 1) {
      const reading = handle.read(Buffer.alloc(10), 0, 10, 0);
      if (round % 3 === 1) await Promise.resolve();
      if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      const canceling = handle.cancel();
      const outcome = await reading.catch((error: CallError) => error);
      if (outcome instanceof Error) {
        expectCanceled(outcome, 'read', 'read');
      } else {
        fulfilled += 1;
        expect(outcome.buffer.toString()).to.equal('0123456789');
      }
      await canceling;
    }
    expect(fulfilled).to.be.within(0, 300);
  });
});

describeOnEachBackend('Ring.cancelAll', (makeRing) => {
  const directory = temporaryDirectory();

  it('ends every call of the ring, of whatever kind, and the ring goes on', async () => {
    const ring = makeRing();
    const path = directory.fifo('fifo');
    const waiting = directory.fifo('waiting');
    const fifo = await ring.fs.open(path, 'r+');
    const errors = {
      read: rejection(fifo.read(Buffer.alloc(1))),
      sleep: rejection(ring.sleep(60_000)),
      chain: ring.chain((parts) => {
        parts.read(fifo, Buffer.alloc(1));
        parts.mkdir(directory.at('after'));
      }),
      open: rejection(ring.fs.open(waiting, 'w')),
    };
    await turns(3);
    expect(await ring.cancelAll()).to.be.at.least(4);
    expectCanceled(await within('the read', errors.read), 'read', 'read');
    expectCanceled(await within('the sleep', errors.sleep), 'timeout', 'timeout');
    expectCanceled(await within('the open', errors.open), 'open', `open '${waiting}'`);
    const [read, mkdir] = await within('the chain', errors.chain);
    const reasons = [read, mkdir].map((result) => (result as PromiseRejectedResult).reason as CallError);
    expectCanceled(reasons[0] as CallError, 'read', 'read');
    expect(reasons[1]).to.include({ code: 'ECANCELED', failedPartIndex: 0 });

    expect(await ring.cancelAll()).to.equal(0);
    await ring.sleep(1);
    // Threads of the node backend sit in the calls that were given up: these let them go.
    const [reader, writer] = [openSync(waiting, 'r+'), openSync(path, 'r+')];
    writeSync(writer, Buffer.alloc(8));
    await within('a read after it', fifo.read(Buffer.alloc(1)));
    await within('the close', fifo.close());
    closeSync(reader);
    closeSync(writer);
  });

  it('leaves sockets, watches and signals armed, and handles open', async () => {
    const ring = makeRing();
    await using peer = await Peer.open();
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    await using handle = await ring.fs.open(directory.file('a', 'content'));
    const messages = socket[Symbol.asyncIterator]();
    const next = messages.next();
    const fifo = openSync(directory.fifo('fifo'), 'r+');
    const watch = ring.watch(fifo, ['readable']);
    const events = watch.next();
    await turns(3);
    await ring.cancelAll();
    expect(await isPending(next)).to.equal(true);
    expect(await isPending(events)).to.equal(true);
    await peer.send('still heard', socket.address);
    const { value } = await within('the message', next);
    expect(value?.data.toString()).to.equal('still heard');
    writeSync(fifo, 'x');
    expect((await within('the event', events)).value).to.deep.equal(['readable']);
    await watch.return?.();
    await messages.return?.();
    closeSync(fifo);
    expect(await handle.readFile('utf8')).to.equal('content');
  });

  it('a poll ends with ECANCELED', async () => {
    const ring = makeRing();
    const fifo = openSync(directory.fifo('fifo'), 'r+');
    const polling = rejection(ring.poll(fifo, ['readable']));
    await turns(3);
    expect(await ring.cancelAll()).to.equal(1);
    expectCanceled(await within('the poll', polling), 'poll', 'poll');
    closeSync(fifo);
  });

  it('on a closed ring there is nothing to cancel', async () => {
    const ring = makeRing();
    await ring.close();
    expect(await ring.cancelAll()).to.equal(0);
  });
});
