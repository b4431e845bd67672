/** Fs.rename, unlink and mkdir, recursive as well. */
import { expect } from 'chai';
import { existsSync, mkdirSync, promises as nodeFs, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeOnEachBackend } from '../support/backends.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Fs.rename and unlink', (makeRing) => {
  const directory = temporaryDirectory();

  it('rename: moves a file onto a new and onto an existing name', async () => {
    const { fs } = makeRing();
    const from = directory.file('from', 'moved');
    expect(await fs.rename(from, directory.at('to'))).to.equal(undefined);
    expect(existsSync(from)).to.equal(false);
    expect(readFileSync(directory.at('to'), 'utf8')).to.equal('moved');
    const over = directory.file('over', 'replaced');
    await fs.rename(Buffer.from(directory.at('to')), pathToFileURL(over));
    expect(readFileSync(over, 'utf8')).to.equal('moved');
  });

  it('rename: moves a directory with what is in it', async () => {
    mkdirSync(directory.at('dir'));
    directory.file('dir/inside', 'x');
    await makeRing().fs.rename(directory.at('dir'), directory.at('moved'));
    expect(readFileSync(directory.at('moved/inside'), 'utf8')).to.equal('x');
  });

  it('unlink: removes the name, by string, Buffer and URL', async () => {
    const { fs } = makeRing();
    const path = directory.at('a');
    for (const form of [path, Buffer.from(path), pathToFileURL(path)]) {
      directory.file('a', 'x');
      expect(await fs.unlink(form)).to.equal(undefined);
      expect(existsSync(path)).to.equal(false);
    }
  });

  it('300 renames, then 300 unlinks at once, each do their own', async () => {
    const { fs } = makeRing();
    const names = Array.from({ length: 300 }, (_unused, index) => `n${index}`);
    for (const name of names) directory.file(name, name);
    await Promise.all(names.map((name) => fs.rename(directory.at(name), directory.at(`${name}.moved`))));
    for (const name of names) expect(readFileSync(directory.at(`${name}.moved`), 'utf8')).to.equal(name);
    await Promise.all(names.map((name) => fs.unlink(directory.at(`${name}.moved`))));
    expect(await nodeFs.readdir(directory.path)).to.deep.equal([]);
  });
});

describeOnEachBackend('Fs.mkdir', (makeRing) => {
  const directory = temporaryDirectory();

  it('makes one directory and fulfils with undefined', async () => {
    const { fs } = makeRing();
    expect(await fs.mkdir(directory.at('a'))).to.equal(undefined);
    expect(statSync(directory.at('a')).isDirectory()).to.equal(true);
    await fs.mkdir(Buffer.from(directory.at('b')));
    await fs.mkdir(pathToFileURL(directory.at('c')));
    expect(await nodeFs.readdir(directory.path)).to.have.members(['a', 'b', 'c']);
  });

  it('the mode may be a number, a string of octal digits, or an option', async () => {
    const { fs } = makeRing();
    const umask = process.umask();
    await fs.mkdir(directory.at('number'), 0o750);
    await fs.mkdir(directory.at('text'), '700');
    await fs.mkdir(directory.at('option'), { mode: 0o711 });
    await fs.mkdir(directory.at('default'));
    const mode = (name: string): number => statSync(directory.at(name)).mode & 0o777;
    expect(['number', 'text', 'option', 'default'].map(mode)).to.deep.equal(
      [0o750, 0o700, 0o711, 0o777].map((wanted) => wanted & ~umask),
    );
  });

  it('recursive: makes what is missing and names the first it made, as Node does', async () => {
    const { fs } = makeRing();
    mkdirSync(directory.at('here'));
    for (const [api, root] of [
      [nodeFs, 'node'],
      [fs, 'ringlet'],
    ] as const) {
      const first = await api.mkdir(directory.at(`here/${root}/b/c`), { recursive: true });
      expect(first).to.equal(directory.at(`here/${root}`));
      expect(statSync(directory.at(`here/${root}/b/c`)).isDirectory()).to.equal(true);
      expect(await api.mkdir(directory.at(`here/${root}/b/c`), { recursive: true })).to.equal(undefined);
      expect(await api.mkdir(directory.at(`here/${root}/b/d`), { recursive: true })).to.equal(
        directory.at(`here/${root}/b/d`),
      );
    }
  });

  it('recursive: odd spellings of the path give what Node gives', async () => {
    const { fs } = makeRing();
    for (const spelling of ['x//y///z', 'x/./y/z/', 'x/../w/y', 'x/y/../v']) {
      const outcomes: (string | undefined)[] = [];
      for (const [api, root] of [
        [nodeFs, 'node'],
        [fs, 'ring'],
      ] as const) {
        mkdirSync(directory.at(root), { recursive: true });
        const outcome = await api
          .mkdir(`${directory.at(root)}/${spelling}`, { recursive: true })
          .catch((error: NodeJS.ErrnoException) => error.code);
        outcomes.push(outcome?.replaceAll(directory.at(root), ''));
        outcomes.push(String(existsSync(join(directory.at(root), spelling))));
        await nodeFs.rm(directory.at(root), { recursive: true });
      }
      expect(outcomes.slice(2), spelling).to.deep.equal(outcomes.slice(0, 2));
    }
  });

  it('recursive: 20 calls at once for one deep path all fulfil', async () => {
    const { fs } = makeRing();
    const path = directory.at('a/b/c/d/e');
    await Promise.all(Array.from({ length: 20 }, () => fs.mkdir(path, { recursive: true })));
    expect(statSync(path).isDirectory()).to.equal(true);
  });
});
