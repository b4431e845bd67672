/** FileHandle.readv and writev: several buffers in one call. */
import { expect } from 'chai';
import { promises as nodeFs, readFileSync } from 'node:fs';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT = pattern(10_000);
/** The kernel's UIO_MAXIOV: how many buffers one call may name. */
const IOV_MAX = 1024;

describeOnEachBackend('FileHandle.readv', (makeRing) => {
  const directory = temporaryDirectory();
  let handle: FileHandle;
  beforeEach(async () => {
    handle = await makeRing().fs.open(directory.file('content', CONTENT));
  });
  afterEach(() => handle.close());

  it('fills the buffers one after the other from the cursor, and moves it', async () => {
    const buffers = [Buffer.alloc(3), Buffer.alloc(0), new Uint16Array(4), new DataView(new ArrayBuffer(5))];
    const result = await handle.readv(buffers);
    expect(result).to.have.all.keys('bytesRead', 'buffers');
    expect(result.bytesRead).to.equal(16);
    expect(result.buffers).to.equal(buffers);
    const joined = buffers.map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
    expect(Buffer.concat(joined)).to.deep.equal(CONTENT.subarray(0, 16));
    const next = Buffer.alloc(4);
    await handle.readv([next]);
    expect(next).to.deep.equal(CONTENT.subarray(16, 20));
  });

  it('a position leaves the cursor alone; null reads at the cursor', async () => {
    const [first, second] = [Buffer.alloc(10), Buffer.alloc(10)];
    await handle.readv([first, second], 5000);
    expect(Buffer.concat([first, second])).to.deep.equal(CONTENT.subarray(5000, 5020));
    await handle.readv([first], null);
    expect(first).to.deep.equal(CONTENT.subarray(0, 10));
  });

  it('across the end it is short, and 0 at it', async () => {
    const [first, second] = [Buffer.alloc(10), Buffer.alloc(10, 0xee)];
    expect((await handle.readv([first, second], CONTENT.length - 12)).bytesRead).to.equal(12);
    expect(second.subarray(2)).to.deep.equal(Buffer.alloc(8, 0xee));
    expect((await handle.readv([first, second], CONTENT.length)).bytesRead).to.equal(0);
  });

  it(`${IOV_MAX} buffers are filled in one call`, async () => {
    const buffers = Array.from({ length: IOV_MAX }, () => Buffer.alloc(9));
    expect((await handle.readv(buffers, 0)).bytesRead).to.equal(9 * IOV_MAX);
    expect(Buffer.concat(buffers).equals(CONTENT.subarray(0, 9 * IOV_MAX))).to.equal(true);
  });

  it(`more than ${IOV_MAX} buffers end as they do in Node`, async () => {
    const make = (): Buffer[] => Array.from({ length: IOV_MAX + 100 }, () => Buffer.alloc(4));
    const nodeHandle = await nodeFs.open(directory.at('content'));
    const inNode = await nodeHandle.readv(make(), 0).catch((error: unknown) => error);
    await nodeHandle.close();
    if (inNode instanceof Error) {
      const error = await rejection(handle.readv(make(), 0));
      expect(error.message).to.equal(inNode.message);
    } else {
      const buffers = make();
      const wanted = (inNode as { bytesRead: number }).bytesRead;
      expect((await handle.readv(buffers, 0)).bytesRead).to.equal(wanted);
      expect(Buffer.concat(buffers).subarray(0, wanted)).to.deep.equal(CONTENT.subarray(0, wanted));
    }
  });

  it('one that fails as it begins holds up none of the reads behind it', async () => {
    for (const round of [0, 1]) {
      const none = handle.readv([]).catch(() => {});
      const first = handle.read(Buffer.alloc(10));
      await within('a readv of no buffers', none);
      expect((await within('a read beside it', first)).bytesRead).to.equal(10);
      const { buffer } = await within('a read after it', handle.read(Buffer.alloc(10)));
      expect(buffer.equals(CONTENT.subarray(20 * round + 10, 20 * round + 20))).to.equal(true);
    }
  });

  it('300 calls at once each get their own bytes', async () => {
    const calls = Array.from({ length: 300 }, async (_unused, index) => {
      const buffers = [Buffer.alloc(7), Buffer.alloc(13)];
      await handle.readv(buffers, index * 20);
      const wanted = CONTENT.subarray(index * 20, index * 20 + 20);
      expect(Buffer.concat(buffers).equals(wanted), `call ${index}`).to.equal(true);
    });
    await Promise.all(calls);
  });
});

describeOnEachBackend('FileHandle.writev', (makeRing) => {
  const directory = temporaryDirectory();
  let handle: FileHandle;
  const written = (): Buffer => readFileSync(directory.at('out'));
  beforeEach(async () => {
    handle = await makeRing().fs.open(directory.at('out'), 'w');
  });
  afterEach(() => handle.close());

  it('writes the buffers one after the other at the cursor, and moves it', async () => {
    const buffers = [Buffer.from('ab'), Buffer.alloc(0), new Uint8Array([0x63, 0x64, 0x65]).subarray(1)];
    const result = await handle.writev(buffers);
    expect(result).to.have.all.keys('bytesWritten', 'buffers');
    expect(result.bytesWritten).to.equal(4);
    expect(result.buffers).to.equal(buffers);
    await handle.writev([Buffer.from('!')]);
    expect(written().toString()).to.equal('abde!');
  });

  it('a position leaves the cursor alone', async () => {
    await handle.writev([Buffer.from('......')]);
    await handle.writev([Buffer.from('x'), Buffer.from('y')], 2);
    await handle.writev([Buffer.from('!')], null);
    expect(written().toString()).to.equal('..xy..!');
  });

  it(`${IOV_MAX} buffers without bytes keep none behind them from being written`, async () => {
    const buffers = [...Array.from({ length: IOV_MAX }, () => Buffer.alloc(0)), Buffer.from('behind')];
    expect((await handle.writev(buffers)).bytesWritten).to.equal(6);
    expect((await handle.writev(buffers, 10)).bytesWritten).to.equal(6);
    expect(written().toString('latin1')).to.equal('behind\0\0\0\0behind');
  });

  it('no buffers at all write 0 bytes', async () => {
    expect(await handle.writev([])).to.deep.equal({ bytesWritten: 0, buffers: [] });
  });

  it(`${IOV_MAX} buffers are written in one call`, async () => {
    const buffers = Array.from({ length: IOV_MAX }, (_unused, index) => pattern(9, index + 1));
    expect((await handle.writev(buffers)).bytesWritten).to.equal(9 * IOV_MAX);
    expect(written().equals(Buffer.concat(buffers))).to.equal(true);
  });

  it(`more than ${IOV_MAX} buffers end as they do in Node`, async () => {
    const buffers = Array.from({ length: IOV_MAX + 100 }, (_unused, index) => pattern(4, index + 1));
    const nodeHandle = await nodeFs.open(directory.at('node'), 'w');
    const inNode = await nodeHandle.writev(buffers).catch((error: unknown) => error);
    await nodeHandle.close();
    if (inNode instanceof Error) {
      const error = await rejection(handle.writev(buffers));
      expect(error.message).to.equal(inNode.message);
    } else {
      const wanted = (inNode as { bytesWritten: number }).bytesWritten;
      expect((await handle.writev(buffers)).bytesWritten).to.equal(wanted);
      expect(written().equals(readFileSync(directory.at('node')))).to.equal(true);
    }
  });
});
