/** Connections and worker threads: handed from one ring to another's, and left behind by a worker that is ended. */
import { expect } from 'chai';
import { frameRings } from '../support/backends.js';
import { startWorker } from '../support/child.js';
import { eventually, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { connectPair, readAll, readBytes } from '../support/streams.js';

const ECHO = `
  const { fd } = workerData;
  const ring = new ringlet.Ring({ backend: 'io_uring' });
  const socket = ringlet.StreamSocket.fromFd(fd, { ring });
  for await (const chunk of socket) await socket.write(chunk);
  await socket.close();
  await ring.close();
  parentPort.postMessage('done');
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
