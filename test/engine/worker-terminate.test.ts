/** worker.terminate() with operations in flight: the process lives, and nothing is left behind. */
import { expect } from 'chai';
import { frameRings, RING_CONFIGURATIONS } from '../support/backends.js';
import { startWorker } from '../support/child.js';
import { expectNoLeftovers, takeBaseline } from '../support/leftovers.js';
import { temporaryDirectory } from '../support/temporary.js';

/** What the worker has in flight when it is terminated; each posts 'ready'. */
const BUSINESS: readonly (readonly [name: string, body: string])[] = [
  ['an idle ring', `await ring.fs.stat('/');`],
  ['nothing but the ring, never used', ``],
  [
    'open handles that nobody closed',
    `for (let index = 0; index < 10; index += 1) keep(await ring.fs.open(workerData.file));`,
  ],
  [
    '100 reads of a FIFO pending',
    `const handle = keep(await ring.fs.open(workerData.fifo, 'r+'));
     for (let index = 0; index < 100; index += 1) keep(handle.read(Buffer.alloc(100)));
     await new Promise((resolve) => setImmediate(resolve));`,
  ],
  [
    '100 reads of a FIFO staged and not yet submitted',
    `const handle = keep(await ring.fs.open(workerData.fifo, 'r+'));
     for (let index = 0; index < 100; index += 1) keep(handle.read(Buffer.alloc(100)));`,
  ],
  [
    'reads into registered buffers pending, and calls that wait for one',
    `const pool = keep(ring.bufferPool({ count: 4, bytes: 65_536 }));
     const handle = keep(await ring.fs.open(workerData.fifo, 'r+'));
     for (let index = 0; index < 4; index += 1) {
       const buffer = keep(await pool.acquire());
       keep(handle.read(buffer.data));
     }
     keep(pool.acquire());
     await new Promise((resolve) => setImmediate(resolve));`,
  ],
  [
    'extended attributes listed, set and asked for, on the ring and in the thread pool',
    `const handle = keep(await ring.fs.open(workerData.file, 'r+'));
     const { fs } = ring;
     for (let index = 0; index < 64; index += 1) {
       const own = { followSymlinks: false };
       keep((async () => { for (;;) await fs.listxattr(workerData.file); })());
       keep((async () => { for (;;) await handle.directAlignment(); })());
       keep((async () => { for (;;) await fs.getxattr(workerData.file, 'user.a', own).catch(() => {}); })());
       keep((async () => { for (;;) await handle.setxattr('user.b', 'x').catch(() => {}); })());
     }
     await handle.listxattr();`,
  ],
  [
    'an endless chain of reads, 64 at a time',
    `const handle = keep(await ring.fs.open(workerData.file));
     for (let index = 0; index < 64; index += 1) {
       keep((async () => { for (;;) await handle.read(Buffer.alloc(64), 0, 64, 0); })());
     }
     await handle.read(Buffer.alloc(64), 0, 64, 0);`,
  ],
  [
    'small files read and written on direct descriptors, among FIFOs that hang',
    `for (let index = 0; index < 10; index += 1) {
       keep(ring.fs.readFile(workerData.fifo));
       keep(ring.fs.writeFile(workerData.fifo, 'x'.repeat(300_000)));
       const path = workerData.directory + '/small' + index;
       keep((async () => {
         for (;;) {
           await ring.fs.writeFile(path, 'text');
           await ring.fs.readFile(path);
         }
       })());
     }
     await ring.fs.readFile(workerData.file);`,
  ],
  [
    'opens, stats, syncs and mkdirs under way in kernel threads',
    `const handle = keep(await ring.fs.open(workerData.file, 'r+'));
     for (let index = 0; index < 50; index += 1) {
       keep(ring.fs.open(workerData.file, 'a+'));
       keep(ring.fs.stat(workerData.file));
       keep(handle.datasync());
       keep(ring.fs.mkdir(workerData.directory + '/made' + index));
     }
     await new Promise((resolve) => setImmediate(resolve));`,
  ],
  [
    'receives pending on 10 sockets',
    `for (let index = 0; index < 10; index += 1) {
       const socket = keep(await ringlet.DatagramSocket.bind({ address: '127.0.0.1', ring }));
       keep((async () => { for await (const message of socket) keep(message); })());
     }
     await ring.fs.stat('/');`,
  ],
  [
    'leased messages held and more arriving',
    `const socket = keep(await ringlet.DatagramSocket.bind({ address: '127.0.0.1', ring }));
     for (let index = 0; index < 20; index += 1) await socket.send('datagram ' + index, socket.address);
     const leases = socket.messages({ lease: true });
     for (let index = 0; index < 2; index += 1) keep(await leases.next());
     keep(leases.next());`,
  ],
  [
    'chains of which parts wait: a read and then a close, with and without a time limit',
    `for (const options of [{}, { timeoutMs: 60000 }]) {
       const handle = keep(await ring.fs.open(workerData.fifo, 'r+'));
       keep(ring.chain((parts) => {
         parts.read(handle, Buffer.alloc(100));
         parts.close(handle);
       }, options));
       keep(ring.chain((parts) => {
         parts.stat(workerData.file);
         parts.open(workerData.file);
       }, options));
     }
     await new Promise((resolve) => setImmediate(resolve));`,
  ],
  [
    'a ring.close() under way',
    `const handle = keep(await ring.fs.open(workerData.fifo, 'r+'));
     for (let index = 0; index < 20; index += 1) keep(handle.read(Buffer.alloc(100)));
     await new Promise((resolve) => setImmediate(resolve));
     keep(ring.close());`,
  ],
];

function scriptOf(body: string): string {
  return `
    globalThis.kept = [];
    const keep = (thing) => {
      if (thing instanceof Promise) thing.catch(() => {});
      kept.push(thing);
      return thing;
    };
    const ring = keep(new ringlet.Ring(workerData.options));
    ${body}
    parentPort.postMessage('ready');
    await receive();
  `;
}

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`worker.terminate [${title}]`, () => {
    // The main thread has a ring too: of the same group where there is one.
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    for (const [name, body] of BUSINESS) {
      it(`with ${name}: no descriptor and no thread is left`, async () => {
        const ring = makeRing();
        const file = directory.file('file', 'content'.repeat(20));
        // Its SQ thread is told by its name, which it gets when it first runs.
        await ring.fs.stat(file);
        const workerData = { options, file, fifo: directory.fifo('fifo'), directory: directory.path };
        const baseline = takeBaseline();
        const worker = startWorker(scriptOf(body), workerData);
        expect(await worker.next()).to.equal('ready');
        await worker.terminate();
        await expectNoLeftovers(baseline);
        expect(await ring.fs.readFile(file, 'utf8')).to.equal('content'.repeat(20));
      });
    }

    it('10 times over, with reads in flight: no descriptor and no thread is left', async () => {
      const chain = BUSINESS.find(([name]) => name.startsWith('an endless chain'))?.[1] ?? '';
      const file = directory.file('file', 'content'.repeat(20));
      const baseline = takeBaseline();
      for (let round = 0; round < 10; round += 1) {
        const worker = startWorker(scriptOf(chain), { options, file });
        expect(await worker.next()).to.equal('ready');
        await worker.terminate();
      }
      await expectNoLeftovers(baseline);
    });

    it('a worker that ends by itself leaves nothing of a ring it did not close', async () => {
      const body = `
        const ring = new ringlet.Ring(workerData.options);
        globalThis.kept = [ring, await ring.fs.open(workerData.file)];
        await kept[1].read(Buffer.alloc(4));
        process.exit(3);
      `;
      const baseline = takeBaseline();
      const worker = startWorker(body, { options, file: directory.file('file', 'content') });
      expect(await worker.ended).to.equal(3);
      await expectNoLeftovers(baseline);
    });
  });
}
