/** Reads and writes around the page cache: O_DIRECT, which wants aligned memory. */

import { constants, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { addressOf } from '#ringlet/native/addresses.js';
import { frameRings } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const BLOCKS = 512;
const BLOCK_BYTES = 4096;

/** Memory that begins on a block. */
function alignedBuffer(bytes: number): Buffer {
  const memory = Buffer.alloc(bytes + BLOCK_BYTES);
  const start = (BLOCK_BYTES - (addressOf(memory) % BLOCK_BYTES)) % BLOCK_BYTES;
  return memory.subarray(start, start + bytes);
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['4 entries', { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }],
  ['registered descriptors', { registeredFds: 4 }],
  ['epoll', { backend: 'epoll' }],
] as const) {
  describe(`O_DIRECT [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    it(`${BLOCKS} blocks, each read from the completion of its write`, async function () {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT;
      const opening = makeRing().fs.open(directory.at('a'), flags);
      const handle: FileHandle = await opening.catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EINVAL') throw error;
        return skip(this, 'this file system has no O_DIRECT');
      });
      const content = alignedBuffer(BLOCKS * BLOCK_BYTES);
      pattern(content.length).copy(content);
      const back = alignedBuffer(content.length);
      const blocks = Array.from({ length: BLOCKS }, async (_unused, index) => {
        const position = index * BLOCK_BYTES;
        const { bytesWritten } = await handle.write(content, position, BLOCK_BYTES, position);
        const { bytesRead } = await handle.read(back, position, BLOCK_BYTES, position);
        expect([bytesWritten, bytesRead]).to.deep.equal([BLOCK_BYTES, BLOCK_BYTES]);
      });
      await within('all blocks', Promise.all(blocks), 25_000);
      await handle.close();
      expect(back.equals(content)).to.equal(true);
      expect(readFileSync(directory.at('a')).equals(content)).to.equal(true);
    });
  });
}
