/** FileHandle.write: buffers, views, strings, encodings, positions and the cursor. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('FileHandle.write', (makeRing) => {
  const directory = temporaryDirectory();
  let handle: FileHandle;
  const written = (): Buffer => readFileSync(directory.at('out'));

  beforeEach(async () => {
    handle = await makeRing().fs.open(directory.at('out'), 'w+');
  });
  afterEach(() => handle.close());

  it('write(buffer): writes it whole at the cursor and moves it', async () => {
    const first = Buffer.from('first ');
    const result = await handle.write(first);
    expect(result).to.have.all.keys('bytesWritten', 'buffer');
    expect(result.bytesWritten).to.equal(6);
    expect(result.buffer).to.equal(first);
    await handle.write(Buffer.from('second'));
    expect(written().toString()).to.equal('first second');
  });

  it('write(buffer, offset, length, position): writes that part there', async () => {
    await handle.write(Buffer.from('..........'));
    expect((await handle.write(Buffer.from('abcdef'), 1, 3, 4)).bytesWritten).to.equal(3);
    expect(written().toString()).to.equal('....bcd...');
  });

  it('write(buffer, offset): writes the rest of the buffer', async () => {
    expect((await handle.write(Buffer.from('abcdef'), 4)).bytesWritten).to.equal(2);
    expect(written().toString()).to.equal('ef');
  });

  it('write(buffer, options): takes offset, length and position', async () => {
    const buffer = Buffer.from('abcdef');
    await handle.write(buffer, { offset: 2, length: 2, position: 3 });
    await handle.write(buffer, { length: 1 });
    await handle.write(buffer, { offset: 5 });
    await handle.write(buffer, null);
    expect(written().toString()).to.equal('afabcdef');
  });

  it('a position leaves the cursor alone', async () => {
    await handle.write('0123');
    await handle.write(Buffer.from('X'), 0, 1, 1);
    await handle.write('4');
    expect(written().toString()).to.equal('0X234');
  });

  it('write(string): UTF-8 by default, and the result has the string in it', async () => {
    const result = await handle.write('grüße 🚀');
    expect(result).to.deep.equal({ bytesWritten: 12, buffer: 'grüße 🚀' });
    expect(written().toString()).to.equal('grüße 🚀');
  });

  it('write(string, position, encoding): writes there in that encoding', async () => {
    await handle.write('........');
    expect((await handle.write('6162', 2, 'hex')).bytesWritten).to.equal(2);
    expect((await handle.write('é', 5, 'latin1')).bytesWritten).to.equal(1);
    expect((await handle.write('Yg==', null, 'base64')).bytesWritten).to.equal(1);
    expect(written()).to.deep.equal(Buffer.from('..ab.\xe9..b', 'latin1'));
  });

  it('writes Uint16Array, DataView and BigUint64Array by their bytes', async () => {
    const memory = pattern(64).buffer.slice(0) as ArrayBuffer;
    const bytes = pattern(64);
    new Uint8Array(memory).set(bytes);
    const views = [
      new Uint16Array(memory, 8, 4),
      new DataView(memory, 3, 8),
      new BigUint64Array(memory, 24, 1),
    ];
    for (const view of views) expect((await handle.write(view)).bytesWritten).to.equal(8);
    const wanted = Buffer.concat([bytes.subarray(8, 16), bytes.subarray(3, 11), bytes.subarray(24, 32)]);
    expect(written()).to.deep.equal(wanted);
  });

  it('an empty buffer and an empty string write 0 bytes', async () => {
    expect((await handle.write(Buffer.alloc(0))).bytesWritten).to.equal(0);
    expect((await handle.write('')).bytesWritten).to.equal(0);
    expect((await handle.write(Buffer.from('abc'), 3)).bytesWritten).to.equal(0);
    expect(written().length).to.equal(0);
  });

  it('2,000 writes at once land each at its own position', async () => {
    const content = pattern(2000 * 16);
    const writes = Array.from({ length: 2000 }, (_unused, index) =>
      handle.write(content, index * 16, 16, index * 16),
    );
    for (const { bytesWritten } of await Promise.all(writes)) expect(bytesWritten).to.equal(16);
    expect(written().equals(content)).to.equal(true);
  });

  it('what is written past the end leaves zeros between', async () => {
    await handle.write(Buffer.from('x'), 0, 1, 5);
    expect(written()).to.deep.equal(Buffer.from('\0\0\0\0\0x'));
  });

  it("appending: 'a' writes at the end whatever the position", async () => {
    await handle.write('start');
    await using appending = await makeRing().fs.open(directory.at('out'), 'a');
    await appending.write(Buffer.from('+1'), 0, 2, 0);
    await appending.write('+2');
    expect(written().toString()).to.equal('start+1+2');
  });

  it('the buffer may be dropped by the caller at once: the bytes still arrive', async () => {
    const wanted: Buffer[] = [];
    const writes: Promise<unknown>[] = [];
    for (let index = 0; index < 200; index += 1) {
      wanted.push(pattern(1000, index + 1));
      writes.push(handle.write(pattern(1000, index + 1), 0, 1000, index * 1000));
      if (index % 50 === 0) globalThis.gc?.();
    }
    await Promise.all(writes);
    expect(written().equals(Buffer.concat(wanted))).to.equal(true);
  });
});
