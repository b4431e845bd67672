/** Opening files: flags, modes, kinds of path, and that what is opened is given back. */
import { expect } from 'chai';
import { constants, fstatSync, readFileSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describeOnEachBackend } from '../support/backends.js';
import { openDescriptors } from '../support/leftovers.js';
import { rejection } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Fs.open', (makeRing) => {
  const directory = temporaryDirectory();

  it('opens an existing file for reading by default', async () => {
    const path = directory.file('a', 'content');
    const handle = await makeRing().fs.open(path);
    try {
      expect(handle.fd).to.be.a('number').greaterThan(2);
      expect(fstatSync(handle.fd).ino).to.equal(statSync(path).ino);
      const error = await rejection(handle.write('x'));
      expect(error.code).to.equal('EBADF');
    } finally {
      await handle.close();
    }
  });

  it('takes a string, a Buffer and a file URL as the path', async () => {
    const path = directory.file('näme with spaces', 'x');
    const { fs } = makeRing();
    for (const form of [path, Buffer.from(path), pathToFileURL(path)]) {
      await using handle = await fs.open(form);
      expect(fstatSync(handle.fd).ino).to.equal(statSync(path).ino);
    }
  });

  it('opens a path of bytes that are no UTF-8', async () => {
    const path = Buffer.concat([Buffer.from(`${directory.path}/`), Buffer.from([0xff, 0xfe, 0x80])]);
    const { fs } = makeRing();
    await using handle = await fs.open(path, 'w');
    await handle.write('x');
    expect(readFileSync(path, 'utf8')).to.equal('x');
  });

  it('takes flags as strings and as numbers', async () => {
    const { fs } = makeRing();
    const path = directory.at('flags');
    const numeric = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;
    await using made = await fs.open(path, numeric);
    await made.write('0123456789');
    {
      await using appending = await fs.open(path, 'a');
      await appending.write('+');
    }
    expect(readFileSync(path, 'utf8')).to.equal('0123456789+');
    {
      await using updating = await fs.open(path, 'r+');
      await updating.write('AB', 0);
    }
    expect(readFileSync(path, 'utf8')).to.equal('AB23456789+');
    {
      await using _emptied = await fs.open(path, 'w');
    }
    expect(readFileSync(path, 'utf8')).to.equal('');
    expect((await rejection(fs.open(path, 'wx'))).code).to.equal('EEXIST');
  });

  it('creates with the mode that was asked for, less the umask, and 0o666 by default', async () => {
    const { fs } = makeRing();
    const umask = process.umask();
    for (const [name, mode, wanted] of [
      ['default', undefined, 0o666],
      ['number', 0o640, 0o640],
      ['text', '600', 0o600],
    ] as const) {
      const path = directory.at(name);
      await using _handle = await fs.open(path, 'w', mode);
      expect(statSync(path).mode & 0o777, name).to.equal(wanted & ~umask);
    }
  });

  it('sets close-on-exec', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open(directory.file('a', ''));
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8'))?.[1];
    expect(Number.parseInt(flags ?? '', 8) & 0o2000000, 'O_CLOEXEC').to.equal(0o2000000);
  });

  it('FileHandle.close: gives the number back and leaves -1', async () => {
    const path = directory.file('a', '');
    const handle = await makeRing().fs.open(path);
    const { fd } = handle;
    expect(openDescriptors().get(fd)).to.equal(path);
    await handle.close();
    expect(handle.fd).to.equal(-1);
    expect(openDescriptors().get(fd)).not.to.equal(path);
  });

  it('opens and closes 1,000 files, 100 at a time, each with its own descriptor', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'x');
    for (let round = 0; round < 10; round += 1) {
      const handles = await Promise.all(Array.from({ length: 100 }, () => fs.open(path)));
      expect(new Set(handles.map(({ fd }) => fd)).size).to.equal(100);
      await Promise.all(handles.map((handle) => handle.close()));
    }
  });

  it('opens a directory for reading, as Node does', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open(directory.path, 'r');
    expect((await handle.stat()).isDirectory()).to.equal(true);
  });
});
