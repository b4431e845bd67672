/** The in-flight limit: what is beyond it waits its turn, in order, and may be aborted there. */
import { expect } from 'chai';
import { DatagramSocket, type FileHandle, type Ring } from 'ringlet';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, isPending, rejection, rejections, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('RingOptions.inFlightMax', (makeRing) => {
  const directory = temporaryDirectory();

  /** A ring of two places, both taken by reads of empty FIFOs, and the file to read beside them. */
  async function openBlocked(): Promise<{
    ring: Ring;
    file: FileHandle;
    release: (index: number) => Promise<void>;
  }> {
    const ring = makeRing({ inFlightMax: 2 });
    const file = await ring.fs.open(directory.file('a', pattern(1000)));
    const blocked: { handle: FileHandle; writer: number; reading: Promise<unknown> }[] = [];
    for (const name of ['first', 'second']) {
      const writer = openSync(directory.fifo(name), 'r+');
      const handle = await ring.fs.open(directory.at(name), 'r+');
      blocked.push({ handle, writer, reading: Promise.resolve() });
    }
    for (const entry of blocked) entry.reading = entry.handle.read(Buffer.alloc(1));
    const release = async (index: number): Promise<void> => {
      const entry = blocked[index];
      if (!entry) throw new Error(`no FIFO ${index}`);
      writeSync(entry.writer, 'x');
      await within('the read of the FIFO', entry.reading);
      closeSync(entry.writer);
      await entry.handle.close();
    };
    return { ring, file, release };
  }

  it('2: of 500 reads started at once all fulfil, each with its own bytes', async () => {
    const ring = makeRing({ inFlightMax: 2 });
    const content = pattern(5000);
    await using handle = await ring.fs.open(directory.file('a', content));
    const reads = Array.from({ length: 500 }, (_unused, index) =>
      handle.read(Buffer.alloc(10), 0, 10, index * 10),
    );
    (await Promise.all(reads)).forEach(({ buffer }, index) => {
      expect(buffer.equals(content.subarray(index * 10, index * 10 + 10)), `read ${index}`).to.equal(true);
    });
    expect(ring.profile.inFlightMax).to.equal(2);
    expect(ring.stats().inFlight).to.equal(0);
    expect(ring.stats().waiting).to.equal(0);
    expect(ring.stats().inFlightPeak).to.be.at.most(2);
  });

  it('2, both taken: a third read waits until one ends', async () => {
    const { ring, file, release } = await openBlocked();
    const reading = file.read(Buffer.alloc(4), 0, 4, 0);
    expect(await isPending(reading)).to.equal(true);
    expect([ring.stats().inFlight, ring.stats().waiting]).to.deep.equal([2, 1]);
    await release(0);
    expect((await within('the third read', reading)).bytesRead).to.equal(4);
    await release(1);
    await file.close();
  });

  it('1 place left: what waits is started in the order of the calls', async () => {
    const { file, release } = await openBlocked();
    const order: number[] = [];
    const reads = Array.from({ length: 100 }, (_unused, index) =>
      file.read(Buffer.alloc(4), 0, 4, index * 4).then(() => order.push(index)),
    );
    await release(0);
    await within('the waiting reads', Promise.all(reads));
    expect(order).to.deep.equal(Array.from({ length: 100 }, (_unused, index) => index));
    await release(1);
    await file.close();
  });

  it('aborting a waiting read rejects it at once, and the others keep their turn', async () => {
    const { ring, file, release } = await openBlocked();
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const before = Array.from({ length: 5 }, () => file.read(Buffer.alloc(4), 0, 4, 0));
    const aborted = file.read(Buffer.alloc(4), { position: 0, signal: controller.signal });
    const after = Array.from({ length: 5 }, () => file.read(Buffer.alloc(4), 0, 4, 0));
    expect(ring.stats().waiting).to.equal(11);
    controller.abort(reason);
    const error = await rejection(aborted);
    expect([error.name, error.cause]).to.deep.equal(['AbortError', reason]);
    expect(await isPending(before[0] as Promise<unknown>)).to.equal(true);
    await release(0);
    for (const { bytesRead } of await Promise.all([...before, ...after])) expect(bytesRead).to.equal(4);
    await release(1);
    await file.close();
  });

  it('2, and more idle sockets, watches and polls than that: they take no place', async () => {
    const ring = makeRing({ inFlightMax: 2 });
    const sockets: DatagramSocket[] = [];
    const fds: number[] = [];
    const ends = new AbortController();
    const waits: Promise<unknown>[] = [];
    for (const name of ['f0', 'f1', 'f2']) {
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      const fd = openSync(directory.fifo(name), 'r+');
      sockets.push(socket);
      fds.push(fd);
      waits.push(socket.messages({ signal: ends.signal }).next());
      waits.push(ring.watch(fd, ['readable'], { signal: ends.signal }).next());
      waits.push(ring.poll(fd, ['readable'], { signal: ends.signal }));
    }
    const name = directory.file('beside', 'content');
    expect(await within('a read beside them', ring.fs.readFile(name, 'utf8'))).to.equal('content');
    expect([ring.stats().inFlight, ring.stats().waiting]).to.deep.equal([0, 0]);
    expect(ring.stats().armed).to.equal(ring.backend === 'node' ? 0 : 9);
    ends.abort();
    for (const [, { name: kind }] of await rejections(Object.fromEntries(waits.entries())))
      expect(kind).to.equal('AbortError');
    await eventually('nothing armed', () => ring.stats().armed === 0);
    for (const socket of sockets) await socket.close();
    for (const fd of fds) closeSync(fd);
  });

  it('1: opens, writes, syncs and stats one after the other, and writeFile within them', async () => {
    const { fs } = makeRing({ inFlightMax: 1 });
    const names = Array.from({ length: 30 }, (_unused, index) => `f${index}`);
    await Promise.all(names.map((name) => fs.writeFile(directory.at(name), name, { flush: true })));
    const texts = await Promise.all(names.map((name) => fs.readFile(directory.at(name), 'utf8')));
    expect(texts).to.deep.equal(names);
    const stats = await Promise.all(names.map((name) => fs.stat(directory.at(name))));
    expect(stats.every((entry) => entry.isFile())).to.equal(true);
  });
});
