/** O_DIRECT with the buffers of a pool, and what a file system says that it asks for. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { constants, mkdirSync, readFileSync } from 'node:fs';
import type { Context } from 'mocha';
import type { FileHandle, Ring } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { O_CREAT, O_DIRECT, O_RDWR } = constants;
const BLOCK_BYTES = 4096;

describeOnEachBackend('Direct I/O', (makeRing) => {
  const directory = temporaryDirectory();

  /** A handle of a file of ten blocks and 100 bytes, opened for direct I/O. */
  async function openDirect(context: Context, ring: Ring): Promise<[FileHandle, Buffer]> {
    const content = pattern(10 * BLOCK_BYTES + 100);
    const path = directory.file('file', content);
    try {
      const handle = await ring.fs.open(path, O_RDWR | O_DIRECT);
      const alignment = await handle.directAlignment();
      if (alignment !== null && (alignment.offsetBytes === 0 || alignment.offsetBytes > BLOCK_BYTES)) {
        await handle.close();
        skip(context, `the file system of ${path} asks for blocks of ${alignment.offsetBytes} bytes`);
      }
      return [handle, content];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      return skip(context, `the file system of ${path} has no O_DIRECT`);
    }
  }

  it('blocks are read and written, one by one, many at once, and vectored', async function () {
    const ring = makeRing();
    const [handle, content] = await openDirect(this, ring);
    await using file = handle;
    await using pool = ring.bufferPool({ count: 8, bytes: 2 * BLOCK_BYTES });
    for (let index = 0; index < 3; index++) {
      const buffer = await pool.acquire();
      const position = index * BLOCK_BYTES;
      expect((await file.read(buffer.data, { position })).bytesRead).to.equal(2 * BLOCK_BYTES);
      expect(buffer.data.equals(content.subarray(position, position + 2 * BLOCK_BYTES))).to.equal(true);
      buffer.release();
    }
    const isRight = await Promise.all(
      Array.from({ length: 50 }, async (_unused, index) => {
        using buffer = await pool.acquire();
        const position = (index % 9) * BLOCK_BYTES;
        const part = buffer.data.subarray(BLOCK_BYTES);
        const { bytesRead } = await file.read(part, { position });
        const wanted = content.subarray(position, position + BLOCK_BYTES);
        return bytesRead === BLOCK_BYTES && part.equals(wanted);
      }),
    );
    expect(isRight.every(Boolean)).to.equal(true);

    using one = await pool.acquire();
    using other = await pool.acquire();
    const changed = pattern(4 * BLOCK_BYTES, 2);
    changed.copy(one.data);
    changed.copy(other.data, 0, 2 * BLOCK_BYTES);
    expect((await file.write(one.data, { position: 0 })).bytesWritten).to.equal(2 * BLOCK_BYTES);
    expect((await file.writev([one.data, other.data], 0)).bytesWritten).to.equal(4 * BLOCK_BYTES);
    expect(
      readFileSync(directory.at('file'))
        .subarray(0, 4 * BLOCK_BYTES)
        .equals(changed),
    ).to.equal(true);
  });

  it('the end of a file of an odd length: a short read, and then none', async function () {
    const ring = makeRing();
    const [handle, content] = await openDirect(this, ring);
    await using file = handle;
    await using pool = ring.bufferPool({ count: 1, bytes: 4 * BLOCK_BYTES });
    using buffer = await pool.acquire();
    const { bytesRead } = await file.read(buffer.data, { position: 9 * BLOCK_BYTES });
    expect(bytesRead).to.equal(BLOCK_BYTES + 100);
    expect(buffer.data.subarray(0, bytesRead).equals(content.subarray(9 * BLOCK_BYTES))).to.equal(true);
    expect((await file.read(buffer.data, { position: 10 * BLOCK_BYTES })).bytesRead).to.equal(100);
    expect((await file.read(buffer.data, { position: 11 * BLOCK_BYTES })).bytesRead).to.equal(0);
  });

  it('memory, position or length out of line: EINVAL, as the system says', async function () {
    const ring = makeRing();
    const [handle] = await openDirect(this, ring);
    await using file = handle;
    await using pool = ring.bufferPool({ count: 1, bytes: 2 * BLOCK_BYTES });
    using buffer = await pool.acquire();
    const calls: [string, Promise<unknown>][] = [
      ['read', file.read(buffer.data, 1, BLOCK_BYTES, 0)],
      ['read', file.read(buffer.data, 0, BLOCK_BYTES, 1)],
      ['read', file.read(buffer.data, 0, BLOCK_BYTES - 1, 0)],
      ['write', file.write(buffer.data, 1, BLOCK_BYTES, 0)],
      ['write', file.write(buffer.data, 0, 100, 0)],
    ];
    for (const [syscall, call] of calls) {
      expect(await rejection(call)).to.include({ code: 'EINVAL', syscall });
    }
  });

  it('FileHandle.directAlignment: powers of two that a pool’s buffers meet; the same for a plain handle', async function () {
    const ring = makeRing();
    const [handle] = await openDirect(this, ring);
    await using file = handle;
    await using plain = await ring.fs.open(directory.at('file'));
    const alignment = await file.directAlignment();
    if (alignment === null) skip(this, 'the kernel or the file system does not say');
    expect(await plain.directAlignment()).to.deep.equal(alignment);
    const { memoryBytes, offsetBytes } = alignment;
    for (const bytes of [memoryBytes, offsetBytes]) {
      expect(bytes).to.be.within(1, BLOCK_BYTES);
      expect(bytes & (bytes - 1)).to.equal(0);
    }
    // The least that it asks for is enough.
    await using pool = ring.bufferPool({ count: 1, bytes: 2 * BLOCK_BYTES });
    using buffer = await pool.acquire();
    const { bytesRead } = await file.read(buffer.data, memoryBytes, offsetBytes, offsetBytes);
    expect(bytesRead).to.equal(offsetBytes);
  });

  it('FileHandle.directAlignment of what has no blocks: null or zeros; of a closed handle EBADF', async () => {
    const { fs } = makeRing();
    for (const path of ['/proc/self/status', directory.fifo('fifo')]) {
      await using file = await fs.open(path, path.startsWith('/proc') ? 'r' : 'r+');
      expect(await file.directAlignment()).to.be.oneOf([null]);
    }
    const closed = await fs.open(directory.path);
    await closed.close();
    expect(await rejection(closed.directAlignment())).to.include({ code: 'EBADF', syscall: 'statx' });
  });

  it('tmpfs: opens for direct I/O as it pleases, and takes any memory then', async function () {
    const ring = makeRing();
    mkdirSync(directory.at('memory'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory.at('memory')], { stdio: 'pipe' });
    } catch (error) {
      skip(this, `no tmpfs can be mounted here: ${(error as Error).message}`);
    }
    try {
      const path = directory.at('memory/file');
      const plain = await ring.fs.open(path, 'w+');
      const alignment = await plain.directAlignment();
      await plain.close();
      expect(alignment).to.equal(null);
      const opening = await ring.fs.open(path, O_RDWR | O_CREAT | O_DIRECT).catch((error: unknown) => error);
      if (opening instanceof Error) {
        // Before Linux 6.6.
        expect(opening).to.include({ code: 'EINVAL', syscall: 'open' });
        return;
      }
      await using file = opening as FileHandle;
      await using pool = ring.bufferPool({ count: 1, bytes: 100 });
      using buffer = await pool.acquire();
      buffer.data.set(pattern(100));
      expect((await file.write(buffer.data, 1, 99, 0)).bytesWritten).to.equal(99);
      expect((await file.read(buffer.data, 0, 99, 0)).bytesRead).to.equal(99);
      expect(buffer.data.subarray(0, 99).equals(pattern(100).subarray(1))).to.equal(true);
    } finally {
      execFileSync('umount', [directory.at('memory')]);
    }
  });
});
