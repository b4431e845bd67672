/** FileHandle.read: every overload, every kind of view and position, and what 0 means. */
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT = pattern(10_000);

describeOnEachBackend('FileHandle.read', (makeRing) => {
  const directory = temporaryDirectory();
  let handle: FileHandle;

  beforeEach(async () => {
    handle = await makeRing().fs.open(directory.file('content', CONTENT));
  });
  afterEach(() => handle.close());

  it('read(buffer, offset, length, position): fills that part of the buffer and no more', async () => {
    const buffer = Buffer.alloc(100, 0xee);
    const result = await handle.read(buffer, 10, 50, 1234);
    expect(result).to.have.all.keys('bytesRead', 'buffer');
    expect(result.bytesRead).to.equal(50);
    expect(result.buffer).to.equal(buffer);
    expect(buffer.subarray(10, 60)).to.deep.equal(CONTENT.subarray(1234, 1284));
    expect(buffer.subarray(0, 10)).to.deep.equal(Buffer.alloc(10, 0xee));
    expect(buffer.subarray(60)).to.deep.equal(Buffer.alloc(40, 0xee));
  });

  it('read(buffer): fills the whole buffer from the cursor', async () => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(64));
    expect(bytesRead).to.equal(64);
    expect(buffer).to.deep.equal(CONTENT.subarray(0, 64));
  });

  it('read(buffer, options): takes offset, length and position, each with its default', async () => {
    const buffer = Buffer.alloc(32);
    expect((await handle.read(buffer, { position: 100 })).bytesRead).to.equal(32);
    expect(buffer).to.deep.equal(CONTENT.subarray(100, 132));
    expect((await handle.read(buffer, { offset: 30, position: 500 })).bytesRead).to.equal(2);
    expect(buffer.subarray(30)).to.deep.equal(CONTENT.subarray(500, 502));
    expect((await handle.read(buffer, { length: 5, position: 0 })).bytesRead).to.equal(5);
    expect(buffer.subarray(0, 5)).to.deep.equal(CONTENT.subarray(0, 5));
  });

  it('read(options): takes the buffer from the options', async () => {
    const buffer = Buffer.alloc(16);
    const result = await handle.read({ buffer, offset: 4, length: 8, position: 40 });
    expect(result.bytesRead).to.equal(8);
    expect(result.buffer).to.equal(buffer);
    expect(buffer.subarray(4, 12)).to.deep.equal(CONTENT.subarray(40, 48));
  });

  it('read(): allocates 16 KiB itself', async () => {
    const { bytesRead, buffer } = await handle.read();
    expect(buffer.byteLength).to.equal(16_384);
    expect(bytesRead).to.equal(CONTENT.length);
    expect(buffer.subarray(0, bytesRead)).to.deep.equal(CONTENT);
  });

  it('null and undefined for offset, length and position mean their defaults', async () => {
    const buffer = Buffer.alloc(8);
    expect((await handle.read(buffer, null, null, null)).bytesRead).to.equal(8);
    expect(buffer).to.deep.equal(CONTENT.subarray(0, 8));
    expect((await handle.read(buffer, undefined, undefined, undefined)).bytesRead).to.equal(8);
    expect(buffer).to.deep.equal(CONTENT.subarray(8, 16));
  });

  it('a position leaves the cursor alone; null and -1 read at the cursor and move it', async () => {
    const buffer = Buffer.alloc(4);
    await handle.read(buffer, 0, 4, null);
    expect(buffer).to.deep.equal(CONTENT.subarray(0, 4));
    await handle.read(buffer, 0, 4, 9000);
    expect(buffer).to.deep.equal(CONTENT.subarray(9000, 9004));
    await handle.read(buffer, 0, 4, -1);
    expect(buffer).to.deep.equal(CONTENT.subarray(4, 8));
    await handle.read(buffer, 0, 4);
    expect(buffer).to.deep.equal(CONTENT.subarray(8, 12));
  });

  it('a bigint position reads there', async () => {
    const buffer = Buffer.alloc(4);
    expect((await handle.read(buffer, 0, 4, 777n)).bytesRead).to.equal(4);
    expect(buffer).to.deep.equal(CONTENT.subarray(777, 781));
    expect((await handle.read(buffer, { position: 0n })).bytesRead).to.equal(4);
    expect(buffer).to.deep.equal(CONTENT.subarray(0, 4));
  });

  it('0 bytes means the end of the file, at it and far beyond it', async () => {
    const buffer = Buffer.alloc(4, 0xee);
    for (const position of [CONTENT.length, CONTENT.length + 1, 2 ** 40, 2n ** 40n]) {
      expect((await handle.read(buffer, 0, 4, position)).bytesRead, String(position)).to.equal(0);
    }
    expect(buffer).to.deep.equal(Buffer.alloc(4, 0xee));
  });

  it('a read across the end is short and touches nothing beyond what it read', async () => {
    const buffer = Buffer.alloc(100, 0xee);
    expect((await handle.read(buffer, 0, 100, CONTENT.length - 30)).bytesRead).to.equal(30);
    expect(buffer.subarray(0, 30)).to.deep.equal(CONTENT.subarray(-30));
    expect(buffer.subarray(30)).to.deep.equal(Buffer.alloc(70, 0xee));
  });

  it('a length of 0 reads nothing and does not move the cursor', async () => {
    const buffer = Buffer.alloc(4, 0xee);
    const result = await handle.read(buffer, 0, 0, null);
    expect(result.bytesRead).to.equal(0);
    expect(result.buffer).to.equal(buffer);
    expect(buffer).to.deep.equal(Buffer.alloc(4, 0xee));
    await handle.read(buffer, 0, 4, null);
    expect(buffer).to.deep.equal(CONTENT.subarray(0, 4));
  });

  it('offset and length count from the start of a view, not of its ArrayBuffer', async () => {
    const whole = new Uint8Array(64).fill(0xee);
    const view = whole.subarray(16, 48);
    expect((await handle.read(view, 2, 10, 300)).bytesRead).to.equal(10);
    expect(Buffer.from(whole.subarray(18, 28))).to.deep.equal(CONTENT.subarray(300, 310));
    expect(whole.filter((byte) => byte === 0xee).length).to.be.at.least(54);
  });

  it('Uint16Array, DataView and BigInt64Array are filled by bytes', async () => {
    const memory = new ArrayBuffer(64);
    for (const view of [
      new Uint16Array(memory, 8, 8),
      new DataView(memory, 9, 16),
      new BigInt64Array(memory, 16, 2),
      new Float64Array(memory, 24, 2),
    ]) {
      new Uint8Array(memory).fill(0);
      const result = await handle.read(view, 0, 16, 2000);
      expect(result.bytesRead, view.constructor.name).to.equal(16);
      expect(result.buffer).to.equal(view);
      expect(Buffer.from(memory, view.byteOffset, 16)).to.deep.equal(CONTENT.subarray(2000, 2016));
    }
  });

  it('a view on a SharedArrayBuffer is filled', async () => {
    const view = new Uint8Array(new SharedArrayBuffer(32));
    expect((await handle.read(view, 0, 32, 10)).bytesRead).to.equal(32);
    expect(Buffer.from(view)).to.deep.equal(CONTENT.subarray(10, 42));
  });

  it('2,000 reads at once each get their own bytes', async () => {
    const reads = Array.from({ length: 2000 }, (_unused, index) => {
      const position = (index * 37) % (CONTENT.length - 64);
      return handle.read(Buffer.alloc(64), 0, 64, position).then(({ bytesRead, buffer }) => {
        expect(bytesRead).to.equal(64);
        expect(buffer.equals(CONTENT.subarray(position, position + 64)), `at ${position}`).to.equal(true);
      });
    });
    await Promise.all(reads);
  });

  it('2,000 reads at once into parts of one ArrayBuffer do not touch each other', async () => {
    const memory = Buffer.alloc(2000 * 5);
    await Promise.all(
      Array.from({ length: 2000 }, (_unused, index) => handle.read(memory, index * 5, 5, index * 5)),
    );
    expect(memory.equals(CONTENT)).to.equal(true);
  });

  it('one buffer used again and again in sequence has the last read in it', async () => {
    const buffer = Buffer.alloc(16);
    for (let round = 0; round < 500; round += 1) {
      const position = (round * 19) % 9000;
      const { bytesRead } = await handle.read(buffer, 0, 16, position);
      expect(bytesRead).to.equal(16);
      expect(buffer.equals(CONTENT.subarray(position, position + 16)), `round ${round}`).to.equal(true);
    }
  });
});

describeOnEachBackend('FileHandle.read, of what is no regular file', (makeRing) => {
  it('/dev/zero always has bytes, /dev/null is at its end', async () => {
    const { fs } = makeRing();
    await using zero = await fs.open('/dev/zero');
    await using none = await fs.open('/dev/null');
    const buffer = Buffer.alloc(1 << 20, 1);
    // A device may well give less than a megabyte at once.
    let bytes = 0;
    while (bytes < buffer.length) {
      const { bytesRead } = await zero.read(buffer, bytes);
      expect(bytesRead).to.be.greaterThan(0);
      bytes += bytesRead;
    }
    expect(buffer.every((byte) => byte === 0)).to.equal(true);
    expect((await none.read(buffer)).bytesRead).to.equal(0);
  });

  it('a file of /proc, whose size is 0, is read', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open('/proc/self/status');
    const { bytesRead, buffer } = await handle.read();
    expect(buffer.toString('utf8', 0, bytesRead)).to.match(/^Name:/);
  });
});
