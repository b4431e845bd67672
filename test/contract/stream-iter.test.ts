/**
 * `pull`, `pullSync` and `writer` where Node's handles have them, and what ours do beyond Node's. How they compare
 * with Node's is in `test/compat/stream-iter.test.ts`.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import nodePromises from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, isPending, rejection } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

type Streamed = FileHandle & { [Name in 'pull' | 'pullSync' | 'writer']: NonNullable<FileHandle[Name]> };

/** Takes what a pipe holds now. */
function drain(fd: number): void {
  try {
    readSync(fd, Buffer.alloc(65_536));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).to.equal('EAGAIN');
  }
}

const HAS_THEM = isBuiltin('node:stream/iter');

describeOnEachBackend('FileHandle.pull, pullSync and writer', (makeRing) => {
  const directory = temporaryDirectory();

  const open = async (path: string, flags?: string): Promise<Streamed> =>
    (await makeRing().fs.open(path, flags)) as Streamed;

  const makeFifo = (): string => {
    const path = directory.at('fifo');
    execFileSync('mkfifo', [path]);
    return path;
  };

  it("are there when the running Node's are", async () => {
    const path = directory.file('a', '');
    const [theirs, ours] = [await nodePromises.open(path), await open(path)];
    try {
      for (const name of ['pull', 'pullSync', 'writer'])
        expect(name in ours, name)
          .to.equal(name in theirs)
          .and.to.equal(HAS_THEM);
    } finally {
      await Promise.all([theirs.close(), ours.close()]);
    }
  });

  // Elsewhere they are absent, as the test above sees, and there is nothing to skip.
  if (!HAS_THEM) return;
  describe('with --experimental-stream-iter', () => {
    it('writer and pull: a long content there and back, and no descriptor left', async () => {
      const content = pattern(1_000_003);
      const path = directory.at('long');
      const writer = (await open(path, 'w')).writer({ autoClose: true });
      await Promise.all(
        [0, 400_000, 800_000].map((start) => writer.write(content.subarray(start, start + 400_000))),
      );
      expect(await writer.end()).to.equal(content.length);
      const read: Uint8Array[] = [];
      for await (const batch of (await open(path)).pull({ autoClose: true })) read.push(...batch);
      expect(Buffer.concat(read).equals(content)).to.equal(true);
      const again: Uint8Array[] = [];
      for (const batch of (await open(path)).pullSync({ autoClose: true })) again.push(...batch);
      expect(Buffer.concat(again).equals(content)).to.equal(true);
      await eventually('the descriptors are closed', () => ![...openDescriptors().values()].includes(path));
    });

    it('pull: an abort ends a step that waits for a FIFO', async () => {
      const handle = await open(makeFifo(), 'r+');
      const controller = new AbortController();
      const batches = handle.pull({ signal: controller.signal })[Symbol.asyncIterator]();
      const step = batches.next();
      const reason = new RangeError('nobody writes');
      setImmediate(() => controller.abort(reason));
      expect(await rejection(step)).to.equal(reason);
      await handle.close();
    });

    it('writer: an abort ends a write that waits for a FIFO to be read', async () => {
      const path = makeFifo();
      const handle = await open(path, 'r+');
      const drained = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = handle.writer();
      const controller = new AbortController();
      // More than any pipe holds.
      const writing = writer.write(Buffer.alloc(2 ** 21), { signal: controller.signal });
      const reason = new RangeError('nobody reads');
      setImmediate(() => controller.abort(reason));
      expect(await rejection(writing)).to.equal(reason);
      writer.fail();
      // On the node backend Node's thread goes on with it, until there is room.
      const closing = handle.close();
      while (await isPending(closing)) drain(drained);
      closeSync(drained);
    });

    it('autoClose of a call that ends in Sync: no descriptor is closed under a read that is pending', async () => {
      const path = makeFifo();
      const [handle, other] = [await open(path, 'r+'), await open(path, 'r+')];
      const reading = handle.read(Buffer.alloc(4), 0, 4, null);
      const writer = handle.writer({ autoClose: true });
      expect(writer.endSync()).to.equal(0);
      expect(handle.fd).to.equal(-1);
      await other.write('data');
      expect((await reading).bytesRead).to.equal(4);
      await Promise.all([handle.close(), other.close()]);
    });
  });
});
