/** Positions where there are none: a FIFO and a terminal answer as they answer Node. */
import nodePromises from 'node:fs/promises';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { describeError, outcomeOf, type Row } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

const view = (): Buffer => Buffer.from('abcd');
const ROWS: readonly Row[] = [
  ['read', view(), 0, 4, 0],
  ['read', view(), 0, 4, 10],
  ['read', view(), { position: 2 }],
  ['readv', [view(), view()], 3],
  ['write', view(), 0, 4, 0],
  ['write', 'text', 1],
  ['writev', [view()], 0],
];

describeOnEachBackend('transfers at a position of what has none', (makeRing) => {
  const directory = temporaryDirectory();

  async function expectSame(path: string): Promise<void> {
    await using ours = await makeRing().fs.open(path, 'r+');
    const theirs = await nodePromises.open(path, 'r+');
    try {
      for (const row of ROWS) {
        const outcome = await within(`${row[0]} at a position`, outcomeOf(ours, row));
        const expected = await within(`Node's ${row[0]} at a position`, outcomeOf(theirs, row));
        expect(outcome).to.be.instanceOf(Error);
        expect(describeError(outcome)).to.deep.equal(describeError(expected));
        expect(outcome).to.have.property('code', 'ESPIPE');
      }
    } finally {
      await theirs.close();
    }
  }

  it('a FIFO: ESPIPE at once, whether it has data or not', async () => {
    const path = directory.fifo('fifo');
    await expectSame(path);
    await using handle = await makeRing().fs.open(path, 'r+');
    await handle.write('data');
    const error = await handle.read(Buffer.alloc(4), 0, 4, 0).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'ESPIPE', syscall: 'read' });
    expect((await handle.read(Buffer.alloc(8))).bytesRead).to.equal(4);
  });

  it('a terminal: ESPIPE', async () => {
    await expectSame('/dev/ptmx');
  });

  it('devices that take a position: as Node', async () => {
    for (const path of ['/dev/zero', '/dev/null', '/dev/urandom', '/proc/self/stat']) {
      await using ours = await makeRing().fs.open(path);
      const theirs = await nodePromises.open(path);
      try {
        const mine = await ours.read(view(), 0, 4, 0);
        const others = await theirs.read(view(), 0, 4, 0);
        expect(mine.bytesRead, path).to.equal(others.bytesRead);
      } finally {
        await theirs.close();
      }
    }
  });
});
