/** A block device that fails: a loop device over a file for which there is no room, or that is cut off beneath it. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MIB = 2 ** 20;

type Api = Pick<typeof nodeFs, 'readFile' | 'writeFile'> & {
  open: (
    ...given: Parameters<typeof nodeFs.open>
  ) => Promise<
    Pick<nodeFs.FileHandle, 'read' | 'write' | 'sync' | 'datasync' | 'close' | 'createReadStream'>
  >;
};

const facts = ({ code, errno, syscall, message }: CallError): object => ({ code, errno, syscall, message });

/** Whether a device gives something where there is nothing any more. */
function readsBeyond(device: string): boolean {
  const fd = openSync(device, 'r');
  try {
    return readSync(fd, Buffer.alloc(4096), 0, 4096, 2 * MIB) > 0;
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}

describeOnEachBackend('A device that fails', (makeRing) => {
  const directory = temporaryDirectory();

  describe('a loop device without room', () => {
    const undo: (() => void)[] = [];
    let backing: string;
    let device: string;

    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim();

    beforeEach(function () {
      mkdirSync(directory.at('small'));
      try {
        run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory.at('small'));
        undo.unshift(() => run('umount', directory.at('small')));
        backing = directory.at('small/backing');
        writeFileSync(backing, '');
        truncateSync(backing, 8 * MIB);
        device = run('losetup', '--find', '--show', backing);
        undo.unshift(() => run('losetup', '--detach', device));
      } catch (error) {
        skip(this, `no loop device can be made here: ${(error as Error).message}`);
      }
    });
    afterEach(() => {
      for (const step of undo.splice(0)) step();
    });

    /** Plays it with Node's module and with ringlet's, and returns the errors of the latter, which must be the same. */
    async function onBoth(act: (api: Api) => Promise<CallError[]>): Promise<CallError[]> {
      const [wanted, actual] = [await act(nodeFs), await act(makeRing().fs as Api)];
      expect(actual.map(facts)).to.deep.equal(wanted.map(facts));
      return actual;
    }

    it('EIO from sync, datasync and writeFile with flush: what was taken did not reach it', async () => {
      const errors = await onBoth(async (api) => {
        const handle = await api.open(device, 'r+');
        // The page cache takes it.
        expect((await handle.write(pattern(4 * MIB), 0, 4 * MIB, 0)).bytesWritten).to.equal(4 * MIB);
        const synced = await rejection(handle.sync());
        await handle.write(pattern(4 * MIB, 2), 0, 4 * MIB, 0);
        const datasynced = await rejection(handle.datasync());
        await handle.close();
        const options = { flag: 'r+', flush: true };
        return [synced, datasynced, await rejection(api.writeFile(device, pattern(4 * MIB, 3), options))];
      });
      expect(errors.map(({ code }) => code)).to.deep.equal(['EIO', 'EIO', 'EIO']);
    });

    it('EIO from read, readFile and createReadStream of what is gone; a read that begins before is short', async function () {
      writeFileSync(device, pattern(MIB / 2), { flag: 'r+', flush: true });
      truncateSync(backing, MIB / 4);
      run('blockdev', '--flushbufs', device);
      if (readsBeyond(device)) skip(this, 'the loop device of this kernel has zeros where its file ends');
      const errors = await onBoth(async (api) => {
        const handle = await api.open(device, 'r');
        run('blockdev', '--flushbufs', device);
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
        expect([bytesRead, buffer.equals(pattern(4096))]).to.deep.equal([4096, true]);
        const beyond = await rejection(handle.read(Buffer.alloc(4096), 0, 4096, 2 * MIB));
        const stream = handle.createReadStream({ start: 2 * MIB, autoClose: false });
        const streamed = await rejection(stream.toArray());
        await handle.close();
        return [beyond, streamed, await rejection(api.readFile(device))];
      });
      expect(errors.map(({ code, syscall }) => [code, syscall])).to.deep.equal([
        ['EIO', 'read'],
        ['EIO', 'read'],
        ['EIO', 'read'],
      ]);
    });

    it('direct writes fail by themselves, from a pool’s buffer too, and say what they took before', async () => {
      const ring = makeRing();
      await using pool = ring.bufferPool({ count: 1, bytes: MIB });
      using buffer = await pool.acquire();
      await using handle = await ring.fs.open(device, constants.O_RDWR | constants.O_DIRECT);
      let written = 0;
      const failing = (async () => {
        for (; written < 8 * MIB; ) {
          written += (await handle.write(buffer.data, { position: written })).bytesWritten;
        }
      })();
      const { code, syscall } = await rejection(failing);
      expect([code, syscall]).to.deep.equal([code === 'EIO' ? 'EIO' : 'ENOSPC', 'write']);
      expect(written).to.be.at.most(MIB);
    });
  });
});
