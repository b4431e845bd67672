/** Fs.link, symlink, lstat and rmdir, each against Node's own synchronous call, errors included. */
import { expect } from 'chai';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  promises as nodeFs,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isNodeAtLeast } from '#ringlet/base/node-version.js';
import { describeOnEachBackend } from '../support/backends.js';
import { byMethod, describeError, outcomeOf, type Row, titleOf } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

const ERROR_ROWS: readonly Row[] = [
  ...['link', 'symlink'].flatMap((method): Row[] => [
    [method, undefined, 'new'],
    [method, 'file', undefined],
    [method, 5, 'new'],
    [method, 'file', {}],
    [method, 'a\0b', 'new'],
    [method, 'file', 'a\0b'],
    [method, 'file', new URL('http://example.org/x')],
    [method, 'file', 'file'],
    [method, 'file', 'dir'],
    [method, 'file', 'missing/inside'],
    [method, 'file', 'file/inside'],
    [method, Buffer.from('file'), Buffer.from('dir')],
    [method, 'file', ''],
    [method, '', 'new'],
    [method, 'file', 'n'.repeat(256)],
  ]),
  ['link', 'missing', 'new'],
  ['link', 'dir', 'new'],
  ['link', 'loop/inside', 'new'],
  ['symlink', 'file', 'new', 'what'],
  ['symlink', 't'.repeat(4096), 'new'],
  ...['lstat', 'rmdir'].flatMap((method): Row[] => [
    [method, undefined],
    [method, null],
    [method, 5],
    [method, {}],
    [method, 'a\0b'],
    [method, new URL('http://example.org/x')],
    [method, ''],
    [method, 'missing'],
    [method, 'missing/inside'],
    [method, 'file/inside'],
    [method, 'loop/inside'],
    [method, 'n'.repeat(256)],
    [method, Buffer.from('missing')],
  ]),
  ['rmdir', 'file'],
  ['rmdir', 'full'],
  ['rmdir', 'loop'],
  ['rmdir', 'dir/.'],
  ['rmdir', 'dir', null],
  ['rmdir', 'dir', 5],
  ['rmdir', 'dir', { recursive: 'yes' }],
  ['rmdir', 'dir', { maxRetries: -1 }],
  ['rmdir', 'dir', { retryDelay: 'x' }],
];

describeOnEachBackend('Fs.link, symlink, lstat and rmdir', (makeRing) => {
  const directory = temporaryDirectory();

  it('link: a second name of the same file, by string, Buffer and URL', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    expect(await fs.link(path, directory.at('b'))).to.equal(undefined);
    await fs.link(Buffer.from(path), pathToFileURL(directory.at('c')));
    linkSync(path, directory.at('d'));
    const inodes = ['a', 'b', 'c', 'd'].map((name) => statSync(directory.at(name)).ino);
    expect(new Set(inodes).size).to.equal(1);
    expect(statSync(path).nlink).to.equal(4);
  });

  it('link: of a symbolic link is a second name of the link itself, as Node’s is', async () => {
    const { fs } = makeRing();
    directory.file('a', 'content');
    symlinkSync('a', directory.at('soft'));
    await fs.link(directory.at('soft'), directory.at('ring'));
    linkSync(directory.at('soft'), directory.at('node'));
    expect(readlinkSync(directory.at('ring'))).to.equal(readlinkSync(directory.at('node')));
  });

  it('symlink: says what it was told, whether that exists or not', async () => {
    const { fs } = makeRing();
    directory.file('a', 'content');
    expect(await fs.symlink('a', directory.at('good'))).to.equal(undefined);
    await fs.symlink('/no/where', Buffer.from(directory.at('bad')), 'file');
    await fs.symlink(Buffer.from('../x'), pathToFileURL(directory.at('up')), null);
    expect(readFileSync(directory.at('good'), 'utf8')).to.equal('content');
    expect(['good', 'bad', 'up'].map((name) => readlinkSync(directory.at(name)))).to.deep.equal([
      'a',
      '/no/where',
      '../x',
    ]);
  });

  it('lstat: a link itself where stat follows it, a Stats equal to lstatSync’s, bigint or not', async () => {
    const { fs } = makeRing();
    directory.file('a', 'content');
    mkdirSync(directory.at('dir'));
    symlinkSync('nowhere', directory.at('broken'));
    for (const name of ['a', 'dir', 'broken', '.']) {
      expect(await fs.lstat(directory.at(name))).to.deep.equal(lstatSync(directory.at(name)));
      expect(await fs.lstat(directory.at(name), { bigint: true })).to.deep.equal(
        lstatSync(directory.at(name), { bigint: true }),
      );
    }
    const stats = await fs.lstat(directory.at('broken'));
    expect([stats.isSymbolicLink(), stats.isFile()]).to.deep.equal([true, false]);
  });

  it('rmdir: an empty directory, by string, Buffer and URL', async () => {
    const { fs } = makeRing();
    const path = directory.at('dir');
    // An option that means nothing, until Node gave it up.
    const options = isNodeAtLeast(25) ? {} : { recursive: false };
    for (const form of [path, Buffer.from(path), pathToFileURL(path), `${path}/`]) {
      mkdirSync(path);
      expect(await fs.rmdir(form, options as object)).to.equal(undefined);
      expect(existsSync(path)).to.equal(false);
    }
    mkdirSync(path);
    rmdirSync(path);
  });

  it('rmdir: recursive does what this Node does', async () => {
    const rows: Row[] = [true, 'yes'].map((recursive) => ['rmdir', directory.at('dir'), { recursive }]);
    for (const row of rows) {
      const outcomes = [];
      for (const api of [nodeFs, makeRing().fs]) {
        mkdirSync(directory.at('dir/inside'), { recursive: true });
        outcomes.push([describeError(await outcomeOf(api, row)), existsSync(directory.at('dir'))]);
      }
      expect(outcomes[1], titleOf(row)).to.deep.equal(outcomes[0]);
    }
  });

  it('300 of each at once do their own', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    const names = Array.from({ length: 300 }, (_unused, index) => directory.at(`n${index}`));
    await Promise.all(names.map((name) => fs.link(path, name)));
    expect(statSync(path).nlink).to.equal(301);
    await Promise.all(names.map((name) => fs.unlink(name)));
    await Promise.all(names.map((name, index) => fs.symlink(`to ${index}`, name)));
    expect(names.map((name) => readlinkSync(name))).to.deep.equal(names.map((_name, index) => `to ${index}`));
    const sizes = await Promise.all(names.map(async (name) => (await fs.lstat(name)).size));
    expect(sizes).to.deep.equal(names.map((_name, index) => `to ${index}`.length));
    await Promise.all(names.map((name) => fs.unlink(name)));
    await Promise.all(names.map((name) => fs.mkdir(name)));
    await Promise.all(names.map((name) => fs.rmdir(name)));
    expect(await nodeFs.readdir(directory.path)).to.deep.equal(['a']);
  });

  it('an aborted call does nothing', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'content');
    mkdirSync(directory.at('dir'));
    const signal = AbortSignal.abort();
    for (const call of [
      fs.link(path, directory.at('new'), { signal }),
      fs.symlink(path, directory.at('new'), null, { signal }),
      fs.lstat(path, { signal }),
      fs.rmdir(directory.at('dir'), { signal }),
    ]) {
      const error = await call.then(
        () => undefined,
        (reason: NodeJS.ErrnoException) => reason,
      );
      expect(error?.code).to.equal('ABORT_ERR');
    }
    expect([existsSync(directory.at('new')), existsSync(directory.at('dir'))]).to.deep.equal([false, true]);
  });

  describe('errors, as Node words them', () => {
    const home = process.cwd();

    beforeEach(() => {
      process.chdir(directory.path);
      directory.file('file', '0123456789');
      symlinkSync('loop', 'loop');
      mkdirSync('dir');
      mkdirSync('full');
      directory.file('full/x', '');
    });
    afterEach(() => process.chdir(home));

    for (const [method, rows] of byMethod(ERROR_ROWS)) {
      it(`${method}: each of ${rows.length} wrong calls says what Node's says`, async () => {
        const { fs } = makeRing();
        const wanted: Record<string, unknown> = {};
        const actual: Record<string, unknown> = {};
        for (const row of rows) {
          wanted[titleOf(row)] = describeError(await outcomeOf(nodeFs, row));
          // What Node has done all the same is undone, or ringlet would find it done.
          rmSync('new', { force: true });
          mkdirSync('dir', { recursive: true });
          actual[titleOf(row)] = describeError(await outcomeOf(fs, row));
          rmSync('new', { force: true });
          mkdirSync('dir', { recursive: true });
        }
        expect(actual).to.deep.equal(wanted);
      });
    }
  });
});
