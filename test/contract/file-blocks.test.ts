/**
 * Files block by block: written, read back from the write's own completion, in one buffer and in four.
 * Many more blocks than places, through a small ring, with one large block among them.
 */
import { expect } from 'chai';
import { readFileSync, statSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const BLOCKS = 512;
const BLOCK_BYTES = 4096;
const MANY_BLOCKS = 8192;
const LARGE_BYTES = 2 * 1024 * 1024;

describeOnEachBackend('Files block by block', (makeRing) => {
  const directory = temporaryDirectory();

  /** Four buffers that make up a block, of different lengths. */
  function quarters(block: Buffer): Buffer[] {
    return [
      block.subarray(0, 100),
      block.subarray(100, 1124),
      block.subarray(1124, 1125),
      block.subarray(1125),
    ];
  }

  it(`${BLOCKS} blocks, each read from the completion of its write`, async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    const content = pattern(BLOCKS * BLOCK_BYTES);
    const back = Buffer.alloc(content.length);
    const blocks = Array.from({ length: BLOCKS }, async (_unused, index) => {
      const position = index * BLOCK_BYTES;
      const { bytesWritten } = await handle.write(content, position, BLOCK_BYTES, position);
      const { bytesRead } = await handle.read(back, position, BLOCK_BYTES, position);
      expect([bytesWritten, bytesRead]).to.deep.equal([BLOCK_BYTES, BLOCK_BYTES]);
    });
    await within('all blocks', Promise.all(blocks));
    expect(back.equals(content)).to.equal(true);
    expect(readFileSync(directory.at('a')).equals(content)).to.equal(true);
  });

  it(`${BLOCKS} blocks in four vectors each, read from the completion of their write`, async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    const content = pattern(BLOCKS * BLOCK_BYTES, 2);
    const back = Buffer.alloc(content.length);
    const blocks = Array.from({ length: BLOCKS }, async (_unused, index) => {
      const position = index * BLOCK_BYTES;
      const range = [position, position + BLOCK_BYTES] as const;
      const { bytesWritten } = await handle.writev(quarters(content.subarray(...range)), position);
      const { bytesRead } = await handle.readv(quarters(back.subarray(...range)), position);
      expect([bytesWritten, bytesRead]).to.deep.equal([BLOCK_BYTES, BLOCK_BYTES]);
    });
    await within('all blocks', Promise.all(blocks));
    expect(back.equals(content)).to.equal(true);
    expect(readFileSync(directory.at('a')).equals(content)).to.equal(true);
  });

  it(`${MANY_BLOCKS} writes of a block and one of 2 MiB at once, then datasync and sync`, async () => {
    await using handle = await makeRing({ completionEntries: 256 }).fs.open(directory.at('a'), 'w');
    const content = pattern(MANY_BLOCKS * BLOCK_BYTES + LARGE_BYTES, 4);
    const writes: Promise<{ bytesWritten: number }>[] = [
      handle.write(content, MANY_BLOCKS * BLOCK_BYTES, LARGE_BYTES, MANY_BLOCKS * BLOCK_BYTES),
    ];
    for (let index = 0; index < MANY_BLOCKS; index += 1) {
      const position = index * BLOCK_BYTES;
      writes.push(handle.write(content, position, BLOCK_BYTES, position));
    }
    const [large, ...others] = await within('all writes', Promise.all(writes), 25_000);
    expect(large?.bytesWritten).to.equal(LARGE_BYTES);
    expect(others.every(({ bytesWritten }) => bytesWritten === BLOCK_BYTES)).to.equal(true);
    expect(await handle.datasync()).to.equal(undefined);
    expect(await handle.sync()).to.equal(undefined);
    expect(readFileSync(directory.at('a')).equals(content)).to.equal(true);
  });

  it(`${MANY_BLOCKS} reads of a block and one of 2 MiB at once`, async () => {
    const content = pattern(MANY_BLOCKS * BLOCK_BYTES + LARGE_BYTES, 5);
    await using handle = await makeRing({ completionEntries: 256 }).fs.open(directory.file('a', content));
    const back = Buffer.alloc(content.length);
    const reads: Promise<{ bytesRead: number }>[] = [];
    for (let index = 0; index < MANY_BLOCKS; index += 1) {
      const position = index * BLOCK_BYTES;
      reads.push(handle.read(back, position, BLOCK_BYTES, position));
    }
    reads.push(handle.read(back, MANY_BLOCKS * BLOCK_BYTES, LARGE_BYTES, MANY_BLOCKS * BLOCK_BYTES));
    const results = await within('all reads', Promise.all(reads), 25_000);
    expect(results.at(-1)?.bytesRead).to.equal(LARGE_BYTES);
    expect(back.equals(content)).to.equal(true);
  });

  it('open, stat and close by an absolute path: the numbers are those of Node’s own calls', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', pattern(12345));
    const handle = await fs.open(path);
    expect(await handle.stat()).to.deep.equal(statSync(path));
    expect(await fs.stat(path)).to.deep.equal(statSync(path));
    const { fd } = handle;
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).to.contain('flags:');
    await handle.close();
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`))
      .to.throw()
      .with.property('code', 'ENOENT');
  });
});
