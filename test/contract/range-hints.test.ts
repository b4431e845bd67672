/** FileHandle.advise and syncRange, and `timeout` beside `signal`. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Advice } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { expectNothingHeld } from '../support/leftovers.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const GIB = 2 ** 30;
const ADVICES: readonly Advice[] = ['normal', 'random', 'sequential', 'willNeed', 'dontNeed', 'noReuse'];

describeOnEachBackend('FileHandle.advise and syncRange', (makeRing) => {
  const directory = temporaryDirectory();

  it('take every advice and every range; content stays', async () => {
    const ring = makeRing();
    const path = directory.file('a', pattern(100_000));
    await using file = await ring.fs.open(path, 'r+');
    if (ring.backend === 'node') {
      for (const call of [file.advise(0, 0, 'normal'), file.syncRange(0, 0)]) {
        expect((await rejection(call)).code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
      return;
    }
    for (const advice of ADVICES) {
      for (const [offset, length] of [
        [0, 0],
        [4096, 8192],
        [50_000, 5 * GIB],
        [10 * GIB, 1],
      ] as const) {
        await file.advise(offset, length, advice);
      }
    }
    await file.write('changed', 10);
    await file.syncRange(0, 0);
    await file.syncRange(0, 4096, { waitAfter: false });
    await file.syncRange(4096, 5 * GIB, { waitBefore: false, write: true });
    await file.syncRange(0, 0, { waitBefore: false, write: false, waitAfter: false });
    const content = pattern(100_000);
    content.write('changed', 10);
    expect(readFileSync(path).equals(content)).to.equal(true);
  });

  it('refuse what they do not know, a FIFO, and a closed handle', async () => {
    const ring = makeRing();
    const file = await ring.fs.open(directory.file('a', 'text'));
    for (const call of [
      () => file.advise(-1, 0, 'normal'),
      () => file.advise(0, -1, 'normal'),
      () => file.advise(0, 0, 'soon' as Advice),
      () => file.syncRange(0, 1.5),
      () => file.syncRange(0, 0, { write: 1 as never }),
    ]) {
      expect((await rejection(call())).code).to.match(/^ERR_(OUT_OF_RANGE|INVALID_ARG)/);
    }
    await file.close();
    expect(await rejection(file.advise(0, 0, 'normal'))).to.include({ code: 'EBADF', syscall: 'fadvise64' });
    expect(await rejection(file.syncRange(0, 0))).to.include({ code: 'EBADF', syscall: 'sync_file_range' });
    if (ring.backend === 'node') return;
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    expect(await rejection(fifo.advise(0, 0, 'normal'))).to.include({ code: 'ESPIPE', syscall: 'fadvise64' });
    const refused = await rejection(fifo.syncRange(0, 0));
    expect(refused).to.include({ code: 'ESPIPE', syscall: 'sync_file_range' });
  });
});

describeOnEachBackend('timeout beside signal', (makeRing) => {
  const directory = temporaryDirectory();

  it('ends a read of a FIFO and an open that hangs on one, with a TimeoutError as the cause', async () => {
    const ring = makeRing();
    const { fs } = ring;
    await using fifo = await fs.open(directory.fifo('fifo'), 'r+');
    const reading = await rejection(fifo.read(Buffer.alloc(1), { timeout: 5 }));
    expect(reading.name).to.equal('AbortError');
    expect((reading.cause as Error).name).to.equal('TimeoutError');
    // What the node backend's pool has begun needs this to end.
    await fifo.write('x');
    const lonely = directory.fifo('lonely');
    const { signal } = new AbortController();
    const opening = await rejection(fs.readFile(lonely, { timeout: 5, signal }));
    expect([opening.name, (opening.cause as Error).name]).to.deep.equal(['AbortError', 'TimeoutError']);
    const writer = await fs.open(lonely, 'r+');
    await writer.write('x');
    await writer.close();
    await expectNothingHeld(ring);
  });

  it('does nothing to a call that ends before it; the signal beside it still counts', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'text');
    const options = { timeout: 2 ** 31 - 1 };
    expect(await fs.readFile(path, { encoding: 'utf8', ...options })).to.equal('text');
    expect((await fs.stat(path, options)).size).to.equal(4);
    await fs.writeFile(path, 'other', options);
    await fs.rename(path, directory.at('b'), options);
    const signal = AbortSignal.abort(new Error('before'));
    const error = await rejection(fs.stat(directory.at('b'), { ...options, signal }));
    expect((error.cause as Error).message).to.equal('before');
    for (const timeout of [0, -1, 1.5, 2 ** 31, '5', null]) {
      const refusal = await rejection(fs.stat(path, { timeout: timeout as number }));
      expect(refusal.code, String(timeout)).to.match(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/);
    }
  });
});
