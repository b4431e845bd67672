/** The life of a FileHandle: closing, closed, closed twice, closed while something is pending. */
import { expect } from 'chai';
import { closeSync, openSync, promises as nodeFs, writeSync } from 'node:fs';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, rejection, within } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

/** Every method of a handle, with arguments that are fine. */
const CALLS: readonly (readonly [method: string, ...parameters: unknown[]])[] = [
  ['read', Buffer.alloc(4)],
  ['read', Buffer.alloc(4), 0, 4, 0],
  ['read'],
  ['readv', [Buffer.alloc(4)]],
  ['write', 'text'],
  ['write', Buffer.alloc(4)],
  ['writev', [Buffer.alloc(4)]],
  ['stat'],
  ['sync'],
  ['datasync'],
  ['truncate'],
  ['readFile'],
  ['writeFile', 'text'],
  ['appendFile', 'text'],
];

type Call = (...parameters: unknown[]) => Promise<unknown>;

describeOnEachBackend('FileHandle.close', (makeRing) => {
  const directory = temporaryDirectory();

  for (const [method, ...parameters] of CALLS) {
    it(`afterwards ${method}() rejects as Node's does`, async () => {
      const path = directory.file('a', 'content');
      const nodeHandle = await nodeFs.open(path, 'r+');
      const handle = await makeRing().fs.open(path, 'r+');
      await Promise.all([nodeHandle.close(), handle.close()]);
      const wanted = await rejection((Reflect.get(nodeHandle, method) as Call).apply(nodeHandle, parameters));
      const error = await rejection((Reflect.get(handle, method) as Call).apply(handle, parameters));
      expect([error.name, error.message, error.code, error.syscall]).to.deep.equal([
        wanted.name,
        wanted.message,
        wanted.code,
        wanted.syscall,
      ]);
    });
  }

  it('twice, three times, at once and afterwards: each fulfils with undefined', async () => {
    const handle = await makeRing().fs.open(directory.file('a', ''));
    const both = [handle.close(), handle.close()];
    expect(await Promise.all(both)).to.deep.equal([undefined, undefined]);
    expect(await handle.close()).to.equal(undefined);
  });

  it('a second close does not close a descriptor that has got the number since', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    const handle = await fs.open(path);
    const { fd } = handle;
    await handle.close();
    const strangers: number[] = [];
    while (!strangers.includes(fd)) strangers.push(openSync(path, 'r'));
    await handle.close();
    expect(openDescriptors().get(fd)).to.equal(path);
    for (const stranger of strangers) closeSync(stranger);
  });

  it('waits for what is pending: 500 reads started before it all fulfil', async () => {
    const content = pattern(5000);
    const handle = await makeRing().fs.open(directory.file('a', content));
    const reads = Array.from({ length: 500 }, (_unused, index) =>
      handle.read(Buffer.alloc(10), 0, 10, index * 10),
    );
    const closing = handle.close();
    const results = await Promise.all(reads);
    results.forEach(({ buffer }, index) => {
      expect(buffer.equals(content.subarray(index * 10, index * 10 + 10)), `read ${index}`).to.equal(true);
    });
    await closing;
    expect(handle.fd).to.equal(-1);
  });

  it('stays pending while a read waits on a FIFO, and fulfils once that has its data', async () => {
    const fifo = directory.fifo('fifo');
    const handle = await makeRing().fs.open(fifo, 'r+');
    const reading = handle.read(Buffer.alloc(4));
    const closing = handle.close();
    expect(await isPending(closing)).to.equal(true);
    const writer = openSync(fifo, 'r+');
    writeSync(writer, 'data');
    closeSync(writer);
    expect((await within('the read', reading)).buffer.toString()).to.equal('data');
    await within('the close', closing);
  });

  it('refuses new work at once, while it waits', async () => {
    const handle = await makeRing().fs.open(directory.file('a', 'content'));
    const reads = Array.from({ length: 50 }, () => handle.read(Buffer.alloc(4), 0, 4, 0));
    const closing = handle.close();
    const late = await rejection(handle.read(Buffer.alloc(4)));
    expect(late.code).to.equal('EBADF');
    await Promise.all(reads);
    await closing;
  });

  it('Symbol.asyncDispose: closes at the end of the scope, by whatever way it is left', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', '');
    let outer: FileHandle | undefined;
    const failure = new Error('left');
    const leave = async (): Promise<void> => {
      await using handle = await fs.open(path);
      outer = handle;
      throw failure;
    };
    expect(await rejection(leave())).to.equal(failure);
    expect(outer?.fd).to.equal(-1);
  });
});
