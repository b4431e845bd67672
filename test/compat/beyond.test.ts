/** Arguments with which Node's own module ends the process: here they are an error of the call, or mean something. */
import { expect } from 'chai';
import { statSync } from 'node:fs';
import type * as nodeFs from 'node:fs/promises';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { rejection, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const WIDE_MODES = [2 ** 31, 2 ** 32 - 1, 2 ** 31 + 0o640, '37777777777'];

for (const backend of ['io_uring', 'node'] as const) {
  describe(`Arguments that end the process with Node [${backend}]`, () => {
    if (backend === 'io_uring') needsIoUring();
    const directory = temporaryDirectory();
    let ring: Ring;
    let fs: typeof nodeFs;
    before(() => {
      ring = new Ring({ backend });
      fs = ring.fs as unknown as typeof nodeFs;
    });
    after(() => ring?.close());

    const bitsOf = (name: string): number => statSync(directory.at(name)).mode & 0o7777;

    it('modes beyond an int32: the bits that the kernel looks at', async () => {
      const path = directory.file('file', 'x');
      for (const [index, mode] of WIDE_MODES.entries()) {
        const bits = Number.parseInt(
          Number(typeof mode === 'string' ? `0o${mode}` : mode)
            .toString(8)
            .slice(-4),
          8,
        );
        const umask = process.umask();
        await fs.chmod(path, mode);
        expect(bitsOf('file')).to.equal(bits);
        await fs.chmod(path, 0o600);
        const handle = await fs.open(path);
        await handle.chmod(mode).finally(() => handle.close());
        expect(bitsOf('file')).to.equal(bits);
        const opened = await fs.open(directory.at(`opened${index}`), 'w', mode);
        await opened.close();
        await fs.writeFile(directory.at(`written${index}`), 'x', { mode });
        expect([bitsOf(`opened${index}`), bitsOf(`written${index}`)]).to.deep.equal([
          bits & ~umask,
          bits & ~umask,
        ]);
        await fs.mkdir(directory.at(`made${index}`), { mode });
        // mkdir(2) takes no set-id bits.
        expect(bitsOf(`made${index}`)).to.equal(bits & 0o1777 & ~umask);
      }
    });

    it('opendir: an option that throws when it is read again', async () => {
      let count = 0;
      const options = {
        get bufferSize(): number {
          if (count++ > 0) throw new Error('read again');
          return 4;
        },
      };
      const opened = await within('opendir', fs.opendir(directory.path, options));
      await opened.close();
    });

    it('opendir: a bufferSize that is none', async () => {
      for (const bufferSize of [0, -1, 1.5, 2 ** 32, '32', null, undefined]) {
        const options = { bufferSize } as unknown as { bufferSize: number };
        const { code } = await rejection(fs.opendir(directory.path, options), `bufferSize ${bufferSize}`);
        expect(code).to.be.oneOf(['ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE']);
      }
    });

    it('read: a length that is none', async () => {
      const handle = await fs.open(directory.file('file', '0123456789'));
      for (const length of ['3', 1.5, Number.NaN, true, {}, [], 3n]) {
        const { code } = await rejection(
          handle.read(Buffer.alloc(4), 0, length as number, 0),
          `length ${length}`,
        );
        expect(code).to.be.oneOf(['ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE']);
      }
      await handle.close();
    });

    it('a handle whose stream could not be made can be closed', async () => {
      const handle = await fs.open(directory.file('file', '0123456789'));
      expect(() => handle.createReadStream({ start: -1 })).to.throw(RangeError);
      expect(() => handle.createWriteStream({ start: -1 })).to.throw(RangeError);
      await handle.close();
      expect(handle.fd).to.equal(-1);
    });
  });
}
