/**
 * What a failed call on a FileHandle says, compared field by field with what Node's own handle says of the
 * same call on this Node.
 */
import { expect } from 'chai';
import { mkdirSync, promises as nodeFs, writeFileSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

/** On a handle of a 10-byte file opened with the flags before the colon. */
const HANDLE_ROWS: readonly (readonly [flags: string, ...Row])[] = [
  ['r+', 'read', 'text'],
  ['r+', 'read', 5],
  ['r+', 'read', { buffer: 'text' }],
  ['r+', 'read', { buffer: [] }],
  ['r+', 'read', Buffer.alloc(0)],
  ['r+', 'read', Buffer.alloc(0), 0, 1],
  ['r+', 'read', Buffer.alloc(4), -1],
  ['r+', 'read', Buffer.alloc(4), 0.5],
  ['r+', 'read', Buffer.alloc(4), 'a'],
  ['r+', 'read', Buffer.alloc(4), 4],
  ['r+', 'read', Buffer.alloc(4), 5],
  ['r+', 'read', Buffer.alloc(4), 2 ** 53],
  ['r+', 'read', Buffer.alloc(4), 0, -1],
  ['r+', 'read', Buffer.alloc(4), 0, 5],
  ['r+', 'read', Buffer.alloc(4), 2, 3],
  ['r+', 'read', Buffer.alloc(4), Number.NaN],
  ['r+', 'readv', 'text'],
  ['r+', 'readv', undefined],
  ['r+', 'readv', ['text']],
  ['r+', 'readv', [Buffer.alloc(1), {}]],
  ['r+', 'readv', []],
  ['r+', 'write', 5],
  ['r+', 'write', null],
  ['r+', 'write', undefined],
  ['r+', 'write', {}],
  ['r+', 'write', true],
  ['r+', 'write', Buffer.alloc(4), -1],
  ['r+', 'write', Buffer.alloc(4), 5],
  ['r+', 'write', Buffer.alloc(4), 'a'],
  ['r+', 'write', Buffer.alloc(4), 0, 5],
  ['r+', 'write', Buffer.alloc(4), 0, -1],
  ['r+', 'write', Buffer.alloc(4), 2, 3],
  ['r+', 'write', 'text', 0, 'no such encoding'],
  ['r+', 'write', 'abc', 0, 'hex'],
  ['r+', 'writev', 'text'],
  ['r+', 'writev', [5]],
  ['r+', 'writev', undefined],
  ['r+', 'truncate', 'text'],
  ['r+', 'truncate', 1.5],
  ['r+', 'truncate', null],
  ['r+', 'truncate', Number.MAX_SAFE_INTEGER],
  ['r+', 'readFile', 'no such encoding'],
  ['r+', 'writeFile', 5],
  ['r+', 'writeFile', undefined],
  ['r+', 'appendFile', {}],
  ['r', 'write', 'x'],
  ['r', 'write', Buffer.from('x'), 0, 1, 0],
  ['r', 'writev', [Buffer.from('x')]],
  ['r', 'truncate', 1],
  ['r', 'writeFile', 'x'],
  ['w', 'read', Buffer.alloc(4)],
  ['w', 'readv', [Buffer.alloc(4)]],
  ['w', 'readFile'],
];

describeOnEachBackend('Errors of FileHandle, as Node words them', (makeRing) => {
  const directory = temporaryDirectory();
  const home = process.cwd();

  beforeEach(() => {
    process.chdir(directory.path);
    writeFileSync('file', '0123456789');
    mkdirSync('dir');
  });
  afterEach(() => process.chdir(home));

  for (const [flags, ...row] of HANDLE_ROWS) {
    it(`FileHandle opened '${flags}': ${titleOf(row)}`, async () => {
      const nodeHandle = await nodeFs.open('file', flags);
      const wanted = await outcomeOf(nodeHandle, row);
      await nodeHandle.close();
      writeFileSync('file', '0123456789');
      await using handle = await makeRing().fs.open('file', flags);
      expect(describeError(await outcomeOf(handle, row))).to.deep.equal(describeError(wanted));
    });
  }

  it('FileHandle of a directory: read and readFile say EISDIR', async () => {
    await using handle = await makeRing().fs.open('dir');
    for (const call of [handle.read(Buffer.alloc(4)), handle.readFile()]) {
      const error = await rejection(call);
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
