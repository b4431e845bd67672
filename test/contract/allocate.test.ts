/** FileHandle.allocate, as the file system shows it to Node's own synchronous calls. */
import { expect } from 'chai';
import { readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import type { AllocateMode } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { EBADF, EINVAL, EOPNOTSUPP, ESPIPE } = constants.errno;
const BLOCK = 4096;

describeOnEachBackend('FileHandle.allocate', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const allocatedBytes = (): number => statSync(directory.at('a')).blocks * 512;

  it('bad input: what is wrong is named', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    const call = handle.allocate.bind(handle) as (...parameters: unknown[]) => Promise<void>;
    const codes: (string | undefined)[] = [];
    for (const parameters of [
      [],
      ['0', 1],
      [-1, 1],
      [0.5, 1],
      [0, 0],
      [0, -1],
      [0, '1'],
      [0, 1, 5],
      [0, 1, { mode: 'what' }],
      [0, 1, { mode: 3 }],
      [0, 1, { signal: 'no signal' }],
    ]) {
      codes.push((await rejection(call(...parameters))).code);
    }
    expect(codes).to.deep.equal([
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_OUT_OF_RANGE',
      'ERR_OUT_OF_RANGE',
      'ERR_OUT_OF_RANGE',
      'ERR_OUT_OF_RANGE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_TYPE',
    ]);
    await handle.close();
    expect((await rejection(handle.allocate(0, 1))).message).to.equal('file closed');
  });

  if (configuration.title === 'node') {
    it('is refused, because Node has no such call: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
      const error = await rejection(handle.allocate(0, BLOCK));
      expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      expect(error.message).to.contain('FileHandle.allocate');
    });
    return;
  }

  it('by default reserves the range and makes the file longer', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    expect(await handle.allocate(BLOCK, 3 * BLOCK)).to.equal(undefined);
    expect(statSync(directory.at('a')).size).to.equal(4 * BLOCK);
    expect(allocatedBytes()).to.equal(3 * BLOCK);
    expect(readFileSync(directory.at('a')).equals(Buffer.alloc(4 * BLOCK))).to.equal(true);
    await handle.allocate(0, 100);
    expect(statSync(directory.at('a')).size).to.equal(4 * BLOCK);
  });

  it('keepSize reserves beyond the end, and the length stays', async () => {
    await using handle = await makeRing().fs.open(directory.file('a', 'content'), 'r+');
    await handle.allocate(0, 8 * BLOCK, { mode: 'keepSize' });
    expect(readFileSync(directory.at('a'), 'utf8')).to.equal('content');
    expect(allocatedBytes()).to.be.at.least(8 * BLOCK);
  });

  it('punchHole gives the range back: it reads as zeros, and the length stays', async () => {
    const content = pattern(4 * BLOCK);
    await using handle = await makeRing().fs.open(directory.file('a', content), 'r+');
    await handle.sync();
    const before = allocatedBytes();
    await handle.allocate(BLOCK, 2 * BLOCK, { mode: 'punchHole' });
    expect(allocatedBytes()).to.equal(before - 2 * BLOCK);
    const wanted = Buffer.from(content).fill(0, BLOCK, 3 * BLOCK);
    expect(readFileSync(directory.at('a')).equals(wanted)).to.equal(true);
  });

  it('zeroRange, zeroRangeKeepSize: zeros within the file; beyond it only the first makes it longer', async () => {
    const content = pattern(2 * BLOCK);
    for (const [mode, size] of [
      ['zeroRange', 3 * BLOCK],
      ['zeroRangeKeepSize', 2 * BLOCK],
    ] as const) {
      await using handle = await makeRing().fs.open(directory.file('a', content), 'r+');
      await supported(handle.allocate(10, 3 * BLOCK - 10, { mode }), mode);
      const wanted = Buffer.alloc(size);
      content.copy(wanted, 0, 0, 10);
      expect(readFileSync(directory.at('a')).equals(wanted), mode).to.equal(true);
    }
  });

  it('collapseRange takes a range out, insertRange puts a hole in', async function () {
    const content = pattern(4 * BLOCK);
    await using handle = await makeRing().fs.open(directory.file('a', content), 'r+');
    await supported(handle.allocate(BLOCK, BLOCK, { mode: 'collapseRange' }), 'collapseRange', this);
    const rest = Buffer.concat([content.subarray(0, BLOCK), content.subarray(2 * BLOCK)]);
    expect(readFileSync(directory.at('a')).equals(rest)).to.equal(true);
    await supported(handle.allocate(BLOCK, BLOCK, { mode: 'insertRange' }), 'insertRange', this);
    const parted = Buffer.concat([rest.subarray(0, BLOCK), Buffer.alloc(BLOCK), rest.subarray(BLOCK)]);
    expect(readFileSync(directory.at('a')).equals(parted)).to.equal(true);
  });

  /** Not every file system has every mode; the one that says so is believed. */
  async function supported(call: Promise<void>, mode: AllocateMode, context?: Mocha.Context): Promise<void> {
    await call.catch((error: CallError) => {
      if (error.errno === -EOPNOTSUPP && context) skip(context, `this file system has no ${mode}`);
      throw error;
    });
  }

  it('beyond 4 GiB: offset and length are 64 bits wide', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    await handle.allocate(5 * 2 ** 30, BLOCK);
    expect(statSync(directory.at('a')).size).to.equal(5 * 2 ** 30 + BLOCK);
    await handle.allocate(0, 5 * 2 ** 30, { mode: 'punchHole' });
    expect(allocatedBytes()).to.equal(BLOCK);
  });

  it('errors: EBADF read-only, EINVAL for part of a block, ESPIPE for a FIFO, with syscall fallocate', async () => {
    const { fs } = makeRing();
    await using readOnly = await fs.open(directory.file('a', pattern(4 * BLOCK)));
    await using handle = await fs.open(directory.at('a'), 'r+');
    await using fifo = await fs.open(directory.fifo('fifo'), 'r+');
    const calls: [Promise<void>, number, string][] = [
      [readOnly.allocate(0, BLOCK), EBADF, 'EBADF: bad file descriptor, fallocate'],
      [handle.allocate(1, BLOCK, { mode: 'collapseRange' }), EINVAL, 'EINVAL: invalid argument, fallocate'],
      [fifo.allocate(0, BLOCK), ESPIPE, 'ESPIPE: invalid seek, fallocate'],
    ];
    for (const [call, errno, message] of calls) {
      expect(await rejection(call)).to.include({ errno: -errno, syscall: 'fallocate', message });
    }
  });

  it('an aborted call does nothing', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w+');
    const error = await rejection(handle.allocate(0, BLOCK, { signal: AbortSignal.abort() }));
    expect(error.code).to.equal('ABORT_ERR');
    expect(statSync(directory.at('a')).size).to.equal(0);
  });
});
