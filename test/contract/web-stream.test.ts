/** FileHandle.readableWebStream beside Node's own. */
import nodePromises, { type FileHandle as NodeHandle } from 'node:fs/promises';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, within } from '../support/eventually.js';
import { describeError } from '../support/outcomes.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT = pattern(100_000);
type Options = Parameters<FileHandle['readableWebStream']>[0];

describeOnEachBackend('FileHandle.readableWebStream', (makeRing) => {
  const directory = temporaryDirectory();

  const open = (content = CONTENT): Promise<FileHandle> =>
    makeRing().fs.open(directory.file('content', content));
  const openTheirs = (): Promise<NodeHandle> => nodePromises.open(directory.at('content'));

  for (const options of [{}, { type: 'bytes' }] as const) {
    it(`${JSON.stringify(options)}: the same chunks as Node's, and the handle stays open`, async () => {
      const ours = await open();
      const theirs = await openTheirs();
      const chunks: unknown[][] = [];
      for (const stream of [ours.readableWebStream(options), theirs.readableWebStream(options as object)]) {
        chunks.push([]);
        for await (const chunk of stream) chunks.at(-1)?.push(chunk);
      }
      expect(chunks[0]?.map((chunk) => chunk?.constructor.name)).to.deep.equal(
        chunks[1]?.map((chunk) => chunk?.constructor.name),
      );
      expect(Buffer.concat(chunks[0]?.map((chunk) => Buffer.from(chunk as ArrayBuffer)) ?? [])).to.deep.equal(
        CONTENT,
      );
      expect(ours.fd).to.be.above(0);
      await within('the handle to be closed', ours.close());
      await theirs.close();
    });
  }

  it('a reader with a buffer of its own gets the bytes in it, behind an offset, too', async () => {
    const handle = await open();
    const reader = handle.readableWebStream({ type: 'bytes' }).getReader({ mode: 'byob' });
    const { value } = await reader.read(new Uint8Array(new ArrayBuffer(64), 16, 32));
    expect(value).to.have.property('byteOffset', 16);
    expect(Buffer.from(value as Uint8Array)).to.deep.equal(CONTENT.subarray(0, 32));
    await reader.cancel();
    await within('the handle to be closed', handle.close());
  });

  it('autoClose: closes the handle at the end, and when the stream is cancelled', async () => {
    const handle = await open();
    for await (const _chunk of handle.readableWebStream({ type: 'bytes', autoClose: true }));
    expect(handle.fd).to.equal(-1);
    const second = await open();
    await second.readableWebStream({ type: 'bytes', autoClose: true }).cancel();
    expect(second.fd).to.equal(-1);
  });

  it('FileHandle.close: ends the stream, also one that waits for a silent FIFO', async () => {
    const handle = await open();
    const reader = handle.readableWebStream({ type: 'bytes' }).getReader();
    expect((await reader.read()).done).to.equal(false);
    await within('the handle to be closed', handle.close());
    expect((await reader.read()).done).to.equal(true);

    const path = directory.fifo('silent');
    const writer = await nodePromises.open(path, 'r+');
    try {
      const fifo = await makeRing().fs.open(path);
      const waiting = fifo.readableWebStream({ type: 'bytes' }).getReader().read();
      expect(await isPending(waiting)).to.equal(true);
      const closing = fifo.close();
      expect((await within('the read to end', waiting)).done).to.equal(true);
      await within('the FIFO to be closed', closing);
    } finally {
      await writer.close();
    }
  });

  it('a second stream, a closed handle, wrong options: refused as by Node', async () => {
    const refusals = async (handle: Pick<FileHandle, 'readableWebStream' | 'close'>): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const attempt = (options?: unknown): void => {
        try {
          handle.readableWebStream(options as Options);
          seen.push('made');
        } catch (error) {
          seen.push(describeError(error));
        }
      };
      attempt({ type: 'bytes' });
      attempt({ type: 'bytes' });
      await handle.close();
      attempt({ type: 'bytes' });
      return seen;
    };
    const ours = await refusals(await open());
    expect(ours).to.deep.equal(await refusals(await openTheirs()));
    expect(ours).to.have.length(3);
  });
});
