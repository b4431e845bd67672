/** AsyncLocalStorage: what a caller stored is there after every await and in every turn of a loop. */
import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { DatagramSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('AsyncLocalStorage', (makeRing) => {
  const directory = temporaryDirectory();
  const storage = new AsyncLocalStorage<string>();

  it('survives await: 100 callers on one handle each keep their own store', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open(directory.file('a', 'content'));
    const callers = Array.from({ length: 100 }, (_unused, index) =>
      storage.run(`caller ${index}`, async () => {
        for (let round = 0; round < 5; round += 1) {
          await handle.read(Buffer.alloc(4), 0, 4, 0);
          expect(storage.getStore()).to.equal(`caller ${index}`);
        }
        await fs.stat(directory.path);
        await fs.readFile(directory.at('a'));
        expect(storage.getStore()).to.equal(`caller ${index}`);
      }),
    );
    await Promise.all(callers);
    expect(storage.getStore()).to.equal(undefined);
  });

  it('survives then() and a rejection', async () => {
    const { fs } = makeRing();
    const [kept, keptOnFailure] = await storage.run('caller', () =>
      Promise.all([
        fs.stat('/').then(() => storage.getStore()),
        fs.stat(directory.at('missing')).catch(() => storage.getStore()),
      ]),
    );
    expect([kept, keptOnFailure]).to.deep.equal(['caller', 'caller']);
  });

  it('survives an abort from another context', async () => {
    const { fs } = makeRing({ inFlightMax: 4 });
    const controller = new AbortController();
    const reading = storage.run('caller', async () => {
      await fs.readFile('/dev/zero', { signal: controller.signal }).catch(() => {});
      return storage.getStore();
    });
    storage.run('the one who aborts', () => controller.abort());
    expect(await within('the aborted read', reading)).to.equal('caller');
  });

  it('survives for await: two loops on two sockets, woken by one batch', async () => {
    const ring = makeRing();
    const sockets = await Promise.all([0, 1].map(() => DatagramSocket.bind({ address: '127.0.0.1', ring })));
    await using peer = await Peer.open();
    const loops = sockets.map((socket, index) =>
      storage.run(`loop ${index}`, async () => {
        const stores: (string | undefined)[] = [];
        for await (const message of socket) {
          stores.push(storage.getStore());
          await socket.send('back', message.remote);
          stores.push(storage.getStore());
          if (stores.length === 20) break;
        }
        stores.push(storage.getStore());
        return stores;
      }),
    );
    expect(await isPending(loops[0] as Promise<unknown>)).to.equal(true);
    for (let round = 0; round < 10; round += 1) {
      for (const socket of sockets) await peer.send('x', socket.address);
    }
    for (const [index, stores] of (await within('the loops', Promise.all(loops))).entries()) {
      expect(stores).to.have.length(21);
      expect(new Set(stores)).to.deep.equal(new Set([`loop ${index}`]));
    }
    await Promise.all(sockets.map((socket) => socket.close()));
  });
});
