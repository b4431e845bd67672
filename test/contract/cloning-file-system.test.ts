/** copyFile and cp on a file system that shares blocks between files (xfs): what is cloned, and what is copied. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { appendFileSync, constants, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = constants;
const MIB = 2 ** 20;
const FILE_BYTES = 4 * MIB;
/** The least that mkfs.xfs makes is 300 MiB; the file that it lies in has holes. */
const DISK_BYTES = 320 * MIB;

describeOnEachBackend('A file system that clones', (makeRing) => {
  const directory = temporaryDirectory();

  describe('xfs in a file', () => {
    let isMounted = false;
    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });

    beforeEach(function () {
      const disk = directory.file('disk', '');
      truncateSync(disk, DISK_BYTES);
      mkdirSync(directory.at('xfs'));
      try {
        run('mkfs.xfs', '-q', '-m', 'reflink=1', disk);
        run('mount', '-o', 'loop', disk, directory.at('xfs'));
        isMounted = true;
      } catch (error) {
        skip(this, `no xfs can be made and mounted here: ${(error as Error).message.split('\n', 1)[0]}`);
      }
      writeFileSync(directory.at('xfs/from'), pattern(FILE_BYTES), { flush: true });
    });
    afterEach(() => {
      if (isMounted) run('umount', directory.at('xfs'));
      isMounted = false;
    });

    /** How many bytes of the disk a call takes. */
    async function bytesTaken(act: () => Promise<unknown>): Promise<number> {
      const free = async (): Promise<number> => {
        run('sync', '-f', directory.at('xfs'));
        const { bfree, bsize } = await statfs(directory.at('xfs'));
        return bfree * bsize;
      };
      const before = await free();
      await act();
      return before - (await free());
    }

    it('copyFile, with FICLONE or without: the blocks are shared, the contents are two', async () => {
      const { fs } = makeRing();
      const from = directory.at('xfs/from');
      for (const mode of [0, COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE]) {
        const to = directory.at(`xfs/to${mode}`);
        expect(await bytesTaken(() => fs.copyFile(from, to, mode)), `mode ${mode}`).to.be.below(MIB);
        expect(readFileSync(to).equals(pattern(FILE_BYTES))).to.equal(true);
        await fs.writeFile(to, 'other', { flag: 'r+' });
      }
      expect(readFileSync(from).equals(pattern(FILE_BYTES))).to.equal(true);
    });

    it('copyFile of 5 GiB, for which the kernel wants to be asked several times', async () => {
      const { fs } = makeRing();
      const [from, to] = [directory.at('xfs/sparse'), directory.at('xfs/copy')];
      writeFileSync(from, 'begins');
      truncateSync(from, 5 * 2 ** 30);
      appendFileSync(from, 'ends');
      await fs.copyFile(from, to);
      const { size } = await fs.stat(to);
      expect(size).to.equal(5 * 2 ** 30 + 4);
      await using copy = await fs.open(to);
      const { buffer } = await copy.read(Buffer.alloc(8), 0, 8, size - 8);
      expect(String(buffer)).to.equal('\0\0\0\0ends');
    });

    it('cp of a tree shares them too', async () => {
      const { fs } = makeRing();
      mkdirSync(directory.at('xfs/tree/inner'), { recursive: true });
      await fs.copyFile(directory.at('xfs/from'), directory.at('xfs/tree/inner/file'));
      const copying = (): Promise<void> =>
        fs.cp(directory.at('xfs/tree'), directory.at('xfs/copy'), {
          recursive: true,
          mode: COPYFILE_FICLONE,
        });
      expect(await bytesTaken(copying)).to.be.below(MIB);
      expect(readFileSync(directory.at('xfs/copy/inner/file')).equals(pattern(FILE_BYTES))).to.equal(true);
    });

    it('FICLONE_FORCE between two file systems: EXDEV, and no file is left; FICLONE copies', async () => {
      const { fs } = makeRing();
      const from = directory.at('xfs/from');
      const to = directory.at('elsewhere');
      const error = await rejection(fs.copyFile(from, to, COPYFILE_FICLONE_FORCE));
      expect([error.code, error.syscall, error.path, error.dest]).to.deep.equal([
        'EXDEV',
        'copyfile',
        from,
        to,
      ]);
      expect(await fs.readdir(directory.path)).to.not.include('elsewhere');
      await fs.copyFile(from, to, COPYFILE_FICLONE);
      expect(readFileSync(to).equals(pattern(FILE_BYTES))).to.equal(true);
    });
  });
});
