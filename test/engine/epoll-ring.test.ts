/** What a ring in user space does that no other backend does: its threads, its descriptors, the numbers they had before. */
import { expect } from 'chai';
import { chmodSync, closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { DatagramSocket, Listener, Ring, StreamSocket } from 'ringlet';
import { doesWithout, needsLocalFiles } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { expectNoLeftovers, takeBaseline, threadsNamed } from '../support/leftovers.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const workers = (): number => threadsNamed('ringlet-worker').length;

describe('A ring on epoll', () => {
  const directory = temporaryDirectory();

  it('says what it is, and what it does without', async () => {
    await using ring = new Ring({ backend: 'epoll', sqPoll: true, registeredFds: 8, busyPollUs: 10 });
    expect([ring.backend, ring.backendReason, ring.profile.kind]).to.deep.equal(['epoll', null, 'loop']);
    expect(ring.profile.registeredFds).to.equal(0);
    for (const what of [
      'sqPoll',
      'registeredFds',
      'busyPollUs',
      'zeroCopy',
      'directDescriptors',
      'coalesce',
    ]) {
      expect(doesWithout(ring, what), what).to.be.a('string');
    }
  });

  it('its threads come with the work and go with the ring, and so do its descriptors', async () => {
    const baseline = takeBaseline();
    const before = workers();
    const ring = new Ring({ backend: 'epoll' });
    await ring.fs.writeFile(directory.at('file'), 'text', { flush: true });
    expect(workers()).to.be.above(before);
    await ring.close();
    expect(workers()).to.equal(before);
    await expectNoLeftovers(baseline);
  });

  it('100 opens that wait for another process keep nothing else waiting, and an abort ends each', async () => {
    await using ring = new Ring({ backend: 'epoll' });
    const controller = new AbortController();
    const path = directory.fifo('fifo');
    const flags = constants.O_WRONLY;
    const opens = Array.from({ length: 100 }, () => {
      return rejection(ring.fs.open(path, flags, null, { signal: controller.signal }));
    });
    await eventually('a thread for each', () => workers() >= 100);
    await within('a write of a file', ring.fs.writeFile(directory.at('other'), 'text'));
    controller.abort();
    const errors = await within('the opens to end', Promise.all(opens));
    expect(new Set(errors.map(({ name }) => name))).to.deep.equal(new Set(['AbortError']));
  });

  it('a descriptor that is closed under a wait: who waits for the next file of its number gets that one’s bytes', async () => {
    await using ring = new Ring({ backend: 'epoll' });
    const fifos = ['first', 'second'].map((name) => directory.fifo(name));
    const first = openSync(fifos[0] as string, constants.O_RDWR | constants.O_NONBLOCK);
    const lost = rejection(ring.poll(first, ['readable']));
    expect(await isPending(lost)).to.equal(true);
    closeSync(first);
    const second = openSync(fifos[1] as string, constants.O_RDWR | constants.O_NONBLOCK);
    expect(second).to.equal(first);
    const found = ring.poll(second, ['readable']);
    expect(await within('the lost wait to end', lost)).to.have.property('code', 'EBADF');
    expect(await isPending(found)).to.equal(true);
    writeSync(second, 'x');
    expect(await within('the readiness', found)).to.include('readable');
    closeSync(second);
  });

  it('the same of a read, which ends with EBADF and takes nothing of the other file', async () => {
    await using ring = new Ring({ backend: 'epoll' });
    const fifos = ['first', 'second'].map((name) => directory.fifo(name));
    const first = await ring.fs.open(fifos[0] as string, 'r+');
    const lost = rejection(first.read(Buffer.alloc(4)));
    expect(await isPending(lost)).to.equal(true);
    closeSync(first.fd);
    const second = openSync(fifos[1] as string, constants.O_RDWR | constants.O_NONBLOCK);
    expect(second).to.equal(first.fd);
    const found = ring.poll(second, ['readable']);
    expect(await within('the lost read to end', lost)).to.have.property('code', 'EBADF');
    writeSync(second, 'text');
    expect(await within('the readiness', found)).to.include('readable');
    const buffer = Buffer.alloc(8);
    expect(readSync(second, buffer)).to.equal(4);
    closeSync(second);
    await rejection(first.close());
  });

  it('a queue of 8 completions: none is lost of 500 datagrams, nor of as many reads at once', async () => {
    const sizes = { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 };
    await using ring = new Ring({ backend: 'epoll', ...sizes, inlineReads: false });
    await using socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      ring,
      receiveBufferBytes: 2 ** 20,
    });
    const remote = socket.address as { address: string; port: number };
    for (let index = 0; index < 500; index++) void socket.send(`${index}`, remote);
    const reads = Array.from({ length: 500 }, () => ring.fs.readFile('/proc/self/comm'));
    const texts = new Set<string>();
    for await (const { data } of socket) {
      texts.add(data.toString());
      if (texts.size === 500) break;
    }
    expect(texts.size).to.equal(500);
    expect((await within('the reads', Promise.all(reads))).every(({ length }) => length > 0)).to.equal(true);
  });

  it('more connections than a listener takes at a time: all are served, and none is forgotten', async () => {
    await using ring = new Ring({ backend: 'epoll' });
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring, pendingMax: 40 });
    const { port } = listener.address as { port: number };
    const clients = await within(
      'the connects',
      Promise.all(Array.from({ length: 300 }, () => StreamSocket.connect({ host: '127.0.0.1', port, ring }))),
    );
    const served: StreamSocket[] = [];
    const serving = (async () => {
      for await (const socket of listener) if (served.push(socket) === clients.length) break;
    })();
    await within('the accepts', serving);
    for (const socket of [...clients, ...served]) await socket.close();
  });

  it('many writes that wait for one slow reader arrive whole and in order', async () => {
    await using ring = new Ring({ backend: 'epoll' });
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { port } = listener.address as { port: number };
    await using near = await StreamSocket.connect({ host: '127.0.0.1', port, ring, sendBufferBytes: 8192 });
    const { value: far } = await listener[Symbol.asyncIterator]().next();
    const sent = Array.from({ length: 50 }, (_unused, index) => Buffer.alloc(100_000, index));
    const writing = Promise.all(sent.map((piece) => near.write(piece))).then(() => near.end());
    const pieces: Buffer[] = [];
    for await (const chunk of far as StreamSocket) pieces.push(Buffer.from(chunk));
    await within('the writes', writing);
    expect(Buffer.concat(pieces).equals(Buffer.concat(sent))).to.equal(true);
    await (far as StreamSocket).close();
  });

  it('no thread to be had (RLIMIT_NPROC): EAGAIN for what needs one, and all else goes on', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root can give up its rights');
    await using ring = new Ring({ backend: 'epoll' });
    expect(ring.backend).to.equal('epoll');
    const path = directory.file('known', 'text');
    chmodSync(directory.path, 0o755);
    needsLocalFiles(this, path);
    const script = `
      import { execFileSync } from 'node:child_process';
      import { Ring } from 'ringlet';
      const ring = new Ring({ backend: 'epoll' });
      execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1:1']);
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
      // What the caches know needs none.
      const handle = await ring.fs.open(process.argv[1]);
      const { bytesRead } = await handle.read(Buffer.alloc(4));
      const failure = await handle.sync().catch(({ code }) => code);
      await handle.close();
      await ring.close();
      console.log(bytesRead, failure);`;
    const outcome = await runScript(script, { args: [path] });
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('4 EAGAIN\n');
  });

  it('a worker thread that is terminated under waits of all kinds leaves nothing behind', async () => {
    const baseline = takeBaseline();
    const before = workers();
    const { Worker } = await import('node:worker_threads');
    const path = directory.fifo('waited-for');
    const worker = new Worker(
      `const { Ring, DatagramSocket } = require('ringlet');
       const { parentPort } = require('node:worker_threads');
       (async () => {
         const ring = new Ring({ backend: 'epoll' });
         const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
         void socket.receive().catch(() => {});
         void ring.fs.open(${JSON.stringify(path)}, 'w').catch(() => {});
         void ring.sleep(1e6).catch(() => {});
         await ring.sleep(20);
         parentPort.postMessage('waiting');
       })();`,
      { eval: true },
    );
    await within('the waits', new Promise((resolve) => worker.once('message', resolve)));
    await within('the end', worker.terminate());
    expect(workers()).to.equal(before);
    await expectNoLeftovers(baseline);
  });
});
