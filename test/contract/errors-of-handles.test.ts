/**
 * What a failed call on a FileHandle says, compared field by field with what Node's own handle says of the
 * same call on this Node.
 */
import { expect } from 'chai';
import { mkdirSync, promises as nodeFs, writeFileSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, rejections } from '../support/eventually.js';
import { byMethod, describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

/** By the flags with which the 10-byte file was opened. */
const ROWS: Readonly<Record<'r+' | 'r' | 'w', readonly Row[]>> = {
  'r+': [
    ['read', 'text'],
    ['read', 5],
    ['read', { buffer: 'text' }],
    ['read', { buffer: [] }],
    ['read', Buffer.alloc(0)],
    ['read', Buffer.alloc(0), 0, 1],
    ['read', Buffer.alloc(4), -1],
    ['read', Buffer.alloc(4), 0.5],
    ['read', Buffer.alloc(4), 'a'],
    ['read', Buffer.alloc(4), 4],
    ['read', Buffer.alloc(4), 5],
    ['read', Buffer.alloc(4), 2 ** 53],
    ['read', Buffer.alloc(4), 0, -1],
    ['read', Buffer.alloc(4), 0, 5],
    ['read', Buffer.alloc(4), 2, 3],
    ['read', Buffer.alloc(4), Number.NaN],
    ['readv', 'text'],
    ['readv', undefined],
    ['readv', ['text']],
    ['readv', [Buffer.alloc(1), {}]],
    ['readv', []],
    ['write', 5],
    ['write', null],
    ['write', undefined],
    ['write', {}],
    ['write', true],
    ['write', Buffer.alloc(4), -1],
    ['write', Buffer.alloc(4), 5],
    ['write', Buffer.alloc(4), 'a'],
    ['write', Buffer.alloc(4), 0, 5],
    ['write', Buffer.alloc(4), 0, -1],
    ['write', Buffer.alloc(4), 2, 3],
    ['write', 'text', 0, 'no such encoding'],
    ['write', 'abc', 0, 'hex'],
    ['writev', 'text'],
    ['writev', [5]],
    ['writev', undefined],
    ['truncate', 'text'],
    ['truncate', 1.5],
    ['truncate', null],
    ['truncate', Number.MAX_SAFE_INTEGER],
    ['readFile', 'no such encoding'],
    ['writeFile', 5],
    ['writeFile', undefined],
    ['appendFile', {}],
  ],
  r: [
    ['write', 'x'],
    ['write', Buffer.from('x'), 0, 1, 0],
    ['writev', [Buffer.from('x')]],
    ['truncate', 1],
    ['writeFile', 'x'],
  ],
  w: [['read', Buffer.alloc(4)], ['readv', [Buffer.alloc(4)]], ['readFile']],
};

describeOnEachBackend('Errors of FileHandle, as Node words them', (makeRing) => {
  const directory = temporaryDirectory();
  const home = process.cwd();

  beforeEach(() => {
    process.chdir(directory.path);
    writeFileSync('file', '0123456789');
    mkdirSync('dir');
  });
  afterEach(() => process.chdir(home));

  for (const [flags, allRows] of Object.entries(ROWS)) {
    for (const [method, rows] of byMethod(allRows)) {
      it(`opened '${flags}', ${method}: each of ${rows.length} wrong calls says what Node's says`, async () => {
        const { fs } = makeRing();
        const wanted: Record<string, unknown> = {};
        const actual: Record<string, unknown> = {};
        for (const row of rows) {
          for (const [api, outcomes] of [
            [nodeFs, wanted],
            [fs, actual],
          ] as const) {
            writeFileSync('file', '0123456789');
            const handle = await api.open('file', flags);
            outcomes[titleOf(row)] = describeError(await outcomeOf(handle, row));
            await handle.close();
          }
        }
        expect(actual).to.deep.equal(wanted);
      });
    }
  }

  it('FileHandle of a directory: read and readFile say EISDIR', async () => {
    await using handle = await makeRing().fs.open('dir');
    const calls = { read: handle.read(Buffer.alloc(4)), readFile: handle.readFile() };
    for (const [, error] of await rejections(calls)) {
      expect(describeError(error)).to.include({ code: 'EISDIR', errno: -21, syscall: 'read' });
      expect(error.message).to.equal('EISDIR: illegal operation on a directory, read');
    }
  });

  it('a full device: write says ENOSPC', async () => {
    await using handle = await makeRing().fs.open('/dev/full', 'w');
    const error = await rejection(handle.write('x'));
    expect(error.message).to.equal('ENOSPC: no space left on device, write');
    expect(describeError(error)).to.include({ code: 'ENOSPC', errno: -28, syscall: 'write' });
  });
});
