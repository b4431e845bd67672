/** Writes of more than a FIFO holds: they take all of it, as write(2) does, while it is read. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

/** More than three times what a FIFO holds. */
const CONTENT = pattern(200_001);

describeOnEachBackend('Writes to a FIFO', (makeRing) => {
  const directory = temporaryDirectory();

  async function openFifo(name: string): Promise<FileHandle> {
    const path = directory.at(name);
    execFileSync('mkfifo', [path]);
    return await makeRing().fs.open(path, 'r+');
  }

  async function readBytes(handle: FileHandle, bytes: number): Promise<Buffer> {
    const content = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; ) {
      at += (await within('a read', handle.read(content, at, bytes - at))).bytesRead;
    }
    return content;
  }

  it('write: all of it, in order', async () => {
    await using fifo = await openFifo('write');
    const writing = fifo.write(CONTENT);
    expect((await readBytes(fifo, CONTENT.length)).equals(CONTENT)).to.equal(true);
    expect((await writing).bytesWritten).to.equal(CONTENT.length);
  });

  it('writev: all of it, in order, pieces without bytes among them', async () => {
    await using fifo = await openFifo('writev');
    const empty = Array.from({ length: 3 }, () => Buffer.alloc(0));
    const pieces = [...empty, CONTENT.subarray(0, 70_000), Buffer.alloc(0), CONTENT.subarray(70_000)];
    const writing = fifo.writev(pieces);
    expect((await readBytes(fifo, CONTENT.length)).equals(CONTENT)).to.equal(true);
    expect((await writing).bytesWritten).to.equal(CONTENT.length);
    expect((await fifo.writev(empty)).bytesWritten).to.equal(0);
  });

  it('a close waits for the rest', async () => {
    const fifo = await openFifo('closed');
    await using other = await makeRing().fs.open(directory.at('closed'), 'r+');
    const writing = fifo.write(CONTENT);
    const closing = fifo.close();
    expect((await readBytes(other, CONTENT.length)).equals(CONTENT)).to.equal(true);
    expect((await within('the write', writing)).bytesWritten).to.equal(CONTENT.length);
    await within('the close', closing);
  });
});

describeOnEachBackend('Writes to a FIFO whose reader goes', (makeRing) => {
  const directory = temporaryDirectory();

  it('tell of the bytes that were written before', async () => {
    const path = directory.at('left');
    execFileSync('mkfifo', [path]);
    const { fs } = makeRing();
    const [reader, writer] = await Promise.all([fs.open(path, 'r'), fs.open(path, 'w')]);
    const writing = writer.write(CONTENT);
    await within('a read', reader.read(Buffer.alloc(10)));
    await reader.close();
    const { bytesWritten } = await within('the write', writing);
    expect(bytesWritten).to.be.within(10, CONTENT.length - 1);
    expect((await rejection(writer.write('more'))).code).to.equal('EPIPE');
    await writer.close();
  });
});
