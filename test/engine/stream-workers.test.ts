/** Connections and worker threads: handed from one ring to another's, and left behind by a worker that is ended. */
import { expect } from 'chai';
import { Listener, StreamSocket } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { startWorker } from '../support/child.js';
import { eventually, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { connectPair, goalOf, readAll, readBytes } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

const ECHO = `
  const { fd } = workerData;
  const ring = new ringlet.Ring({ backend: 'io_uring' });
  const socket = ringlet.StreamSocket.fromFd(fd, { ring });
  for await (const chunk of socket) await socket.write(chunk);
  await socket.close();
  await ring.close();
  parentPort.postMessage('done');
`;

const ECHO_MANY = `
  const ring = new ringlet.Ring({ backend: 'io_uring' });
  const served = [];
  const serve = async (fd, head) => {
    const socket = ringlet.StreamSocket.fromFd(fd, { ring });
    await socket.write(head);
    for await (const chunk of socket) await socket.write(chunk);
    await socket.close();
  };
  parentPort.on('message', async (message) => {
    if (message !== 'end') {
      served.push(serve(message.fd, message.head));
      return;
    }
    await Promise.all(served);
    await ring.close();
    parentPort.postMessage(served.length);
    parentPort.unref();
  });
`;

const HOLD = `
  const ring = new ringlet.Ring({ backend: 'io_uring' });
  const listener = await ringlet.Listener.listen({ host: '127.0.0.1', port: 0, ring });
  const { port } = listener.address;
  const near = await ringlet.StreamSocket.connect({ host: '127.0.0.1', port, ring });
  const far = await listener.accept();
  void near.write(Buffer.alloc(64 * 1024 * 1024));
  void far.chunks().next();
  void near.read(Buffer.alloc(1));
  void listener.accept();
  parentPort.postMessage('held');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

describe('Streams and worker threads', () => {
  const makeRing = frameRings({});

  it('detach: a worker’s ring takes an accepted connection over', async () => {
    await using pair = await connectPair(makeRing());
    const fd = await pair.far.detach();
    const worker = startWorker(ECHO, { fd });
    await pair.near.write('to a worker');
    expect(String(await readBytes(pair.near, 11))).to.equal('to a worker');
    await pair.near.end();
    expect((await within('the end', readAll(pair.near))).length).to.equal(0);
    expect(await worker.next()).to.equal('done');
    await worker.terminate();
  });

  it('a listener spreads 1,000 connections over two workers: every byte comes back, those read before included', async () => {
    const COUNT = 1000;
    const ring = makeRing({ registeredFds: 0 });
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring, pendingMax: COUNT });
    const workers = [startWorker(ECHO_MANY), startWorker(ECHO_MANY)];
    const spreading = (async () => {
      let index = 0;
      for await (const connection of listener) {
        // Some of them after a look at what they say; the rest of that is still with the kernel.
        const head = index % 2 === 0 ? await readBytes(connection, 4) : Buffer.alloc(0);
        const fd = await connection.detach();
        workers[(index >> 1) % 2]?.post({ fd, head });
        if (++index === COUNT) return;
      }
    })();
    const answers = Array.from({ length: COUNT }, async (_unused, index) => {
      const sent = pattern(100 + (index % 977), index);
      await using near = await StreamSocket.connect({ ring, ...goalOf(listener) });
      const reading = readAll(near);
      await near.write(sent);
      await near.end();
      return (await reading).equals(sent);
    });
    const areEqual = await within('the answers', Promise.all(answers));
    expect(areEqual.filter((isEqual) => isEqual).length).to.equal(COUNT);
    await within('the spreading', spreading);
    for (const worker of workers) {
      worker.post('end');
      expect(await worker.next()).to.equal(COUNT / 2);
      await worker.terminate();
    }
  });

  it('terminate: the sockets of a worker go with it, whatever they are doing', async () => {
    const sockets = (): number =>
      [...openDescriptors().values()].filter((target) => target.startsWith('socket:')).length;
    const before = sockets();
    const worker = startWorker(HOLD);
    expect(await worker.next()).to.equal('held');
    expect(sockets()).to.equal(before + 3);
    await worker.terminate();
    await eventually('the sockets to be gone', () => sockets() === before);
  });
});
