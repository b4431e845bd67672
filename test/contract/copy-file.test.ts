/** copyFile: what it makes of files that are there, that say nothing of their size, that don't fit. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const { COPYFILE_EXCL } = constants;
/** Larger than what is copied without the kernel's help in one go. */
const CONTENT = pattern(1_000_003);

describeOnEachBackend('Fs.copyFile', (makeRing) => {
  const directory = temporaryDirectory();

  it('content and permission bits, whatever the umask; a longer file is cut off', async () => {
    const { fs } = makeRing();
    const [from, to] = [directory.file('from', CONTENT), directory.at('to')];
    for (const mode of [0o640, 0o777, 0o4755, 0o400]) {
      chmodSync(from, mode);
      await fs.copyFile(from, to);
      expect(statSync(to).mode & 0o7777).to.equal(mode);
      expect(readFileSync(to).equals(CONTENT)).to.equal(true);
      chmodSync(to, 0o600);
      writeFileSync(to, Buffer.alloc(CONTENT.length + 10));
    }
    await fs.copyFile(directory.file('empty', ''), to);
    expect(statSync(to).size).to.equal(0);
  });

  it('onto itself, by its own name or a link: nothing happens', async () => {
    const { fs } = makeRing();
    const from = directory.file('from', CONTENT);
    symlinkSync(from, directory.at('link'));
    await fs.copyFile(from, from);
    await fs.copyFile(from, directory.at('link'));
    await fs.copyFile(directory.at('link'), from);
    expect(readFileSync(from).equals(CONTENT)).to.equal(true);
  });

  it('COPYFILE_EXCL: EEXIST where something is, which stays', async () => {
    const { fs } = makeRing();
    const [from, to] = [directory.file('from', CONTENT), directory.file('to', 'mine')];
    const error = await rejection(fs.copyFile(from, to, COPYFILE_EXCL));
    expect(error.message).to.equal(`EEXIST: file already exists, copyfile '${from}' -> '${to}'`);
    expect([error.syscall, error.path, error.dest]).to.deep.equal(['copyfile', from, to]);
    expect(readFileSync(to, 'utf8')).to.equal('mine');
    await fs.copyFile(from, directory.at('new'), COPYFILE_EXCL);
    expect(readFileSync(directory.at('new')).equals(CONTENT)).to.equal(true);
  });

  it('of /proc and /sys, whose files say nothing of their size: what is in them', async () => {
    const { fs } = makeRing();
    for (const from of ['/proc/version', '/sys/kernel/mm/transparent_hugepage/enabled']) {
      if (!existsSync(from)) continue;
      await fs.copyFile(from, directory.at('to'));
      expect(readFileSync(directory.at('to'), 'utf8')).to.equal(readFileSync(from, 'utf8'));
    }
  });

  it('onto a FIFO: EINVAL, and it stays', async () => {
    const { fs } = makeRing();
    const fifo = directory.at('fifo');
    execFileSync('mkfifo', [fifo]);
    await using reader = await fs.open(fifo, 'r+');
    const error = await rejection(fs.copyFile(directory.file('from', CONTENT), fifo));
    expect([error.code, reader.fd >= 0]).to.deep.equal(['EINVAL', true]);
    expect(lstatSync(fifo).isFIFO()).to.equal(true);
  });

  it('between file systems; and where there is too little room, ENOSPC and no half of a copy', async function () {
    const { fs } = makeRing();
    mkdirSync(directory.at('memory'));
    try {
      const options = ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', directory.at('memory')];
      execFileSync('mount', options, { stdio: 'pipe' });
    } catch (error) {
      skip(this, `no tmpfs can be mounted here: ${(error as Error).message}`);
    }
    try {
      const [from, to] = [directory.file('from', CONTENT), directory.at('memory/to')];
      await fs.copyFile(from, to);
      expect(readFileSync(to).equals(CONTENT)).to.equal(true);
      await fs.copyFile(to, directory.at('back'));
      expect(readFileSync(directory.at('back')).equals(CONTENT)).to.equal(true);
      const other = directory.at('memory/other');
      const error = await rejection(fs.copyFile(from, other));
      expect(error.message).to.equal(`ENOSPC: no space left on device, copyfile '${from}' -> '${other}'`);
      expect(existsSync(other)).to.equal(false);
    } finally {
      execFileSync('umount', [directory.at('memory')]);
    }
  });
});
