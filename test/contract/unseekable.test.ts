/** What has no positions, such as a FIFO or a terminal, answers as it answers Node: at a position, and with O_NONBLOCK. */
import { constants } from 'node:fs';
import nodePromises from 'node:fs/promises';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
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

  it('a FIFO opened with O_NONBLOCK: EAGAIN in place of waiting', async () => {
    const path = directory.fifo('fifo');
    const waiting: readonly Row[] = [['read', view(), 0, 4, null], ['readv', [view(), view()]], ['readFile']];
    const full: readonly Row[] = [
      ['write', view(), 0, 4, null],
      ['write', 'text'],
      ['writev', [view()]],
      ['writeFile', 'text'],
    ];
    const { O_RDWR, O_NONBLOCK } = constants;
    await using ours = await makeRing().fs.open(path, O_RDWR | O_NONBLOCK);
    const theirs = await nodePromises.open(path, O_RDWR | O_NONBLOCK);
    try {
      const expectAgain = async (row: Row): Promise<void> => {
        const outcome = await within(titleOf(row), outcomeOf(ours, row));
        expect(describeError(outcome)).to.deep.equal(describeError(await outcomeOf(theirs, row)));
        expect(outcome).to.have.property('code', 'EAGAIN');
      };
      for (const row of waiting) await expectAgain(row);
      // What there is room for, and then nothing.
      const { bytesWritten } = await ours.write(Buffer.alloc(2 ** 21));
      expect(bytesWritten).to.be.within(4096, 2 ** 21 - 1);
      for (const row of full) await expectAgain(row);
      expect((await ours.read(Buffer.alloc(100))).bytesRead).to.equal(100);
      expect((await theirs.read(Buffer.alloc(2 ** 21))).bytesRead).to.equal(bytesWritten - 100);
    } finally {
      await theirs.close();
    }
  });

  it('the kernel’s log opened with O_NONBLOCK: read to its end, where it says EAGAIN', async function () {
    const { fs } = makeRing();
    const handle = await fs
      .open('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK)
      .catch(() => undefined);
    if (handle === undefined) skip(this, '/dev/kmsg can’t be read here');
    const record = Buffer.alloc(8192);
    let failure: unknown;
    while (failure === undefined) {
      const reading = handle.read(record, 0, record.length, null);
      await within('a record', reading).catch((error: NodeJS.ErrnoException) => {
        // A record that is overwritten while it is read.
        if (error.code !== 'EPIPE') failure = error;
      });
    }
    expect(failure).to.include({ code: 'EAGAIN', syscall: 'read' });
    await handle.close();
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
