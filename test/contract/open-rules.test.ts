/** Fs.open with rules for resolving the path, and relative to a directory (openat2(2)). */
import { expect } from 'chai';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { FileHandle, OpenOptions, ResolveRule } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { type CallError, rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const { ELOOP, ENOENT, ENOTDIR, EXDEV } = constants.errno;

describeOnEachBackend('Fs.open with resolve and directory', (makeRing, configuration) => {
  const directory = temporaryDirectory();

  beforeEach(() => {
    mkdirSync(directory.at('root/inner'), { recursive: true });
    directory.file('outside', 'outside');
    directory.file('root/file', 'root file');
    directory.file('root/inner/file', 'inner file');
    symlinkSync('file', directory.at('root/soft'));
    symlinkSync('inner', directory.at('root/softdir'));
    symlinkSync('../outside', directory.at('root/escape'));
    symlinkSync('/file', directory.at('root/absolute'));
  });

  if (configuration.title === 'node') {
    it('is refused, because Node has no such call: ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      const { fs } = makeRing();
      await using root = await fs.open(directory.at('root'));
      for (const options of [{ resolve: 'beneath' }, { directory: root }] as const) {
        const error = await rejection(fs.open('file', 'r', null, options));
        expect(error.code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      }
      await using plain = await fs.open(directory.at('root/file'), 'r', null, { resolve: [] });
      expect(await plain.readFile('utf8')).to.equal('root file');
    });
    return;
  }

  async function contentOf(path: string, options: OpenOptions): Promise<string> {
    await using file = await makeRing().fs.open(path, 'r', null, options);
    return await file.readFile('utf8');
  }

  it('directory: a relative path begins there, an absolute one does not care', async () => {
    const { fs } = makeRing();
    await using root = await fs.open(directory.at('root'));
    for (const [path, content] of [
      ['file', 'root file'],
      ['inner/file', 'inner file'],
      ['../outside', 'outside'],
      ['escape', 'outside'],
      [directory.at('outside'), 'outside'],
    ] as const) {
      await using file = await fs.open(path, 'r', null, { directory: root });
      expect(await file.readFile('utf8'), path).to.equal(content);
    }
    await using made = await fs.open('made', 'wx', 0o640, { directory: root });
    await made.write('made');
    expect(readFileSync(directory.at('root/made'), 'utf8')).to.equal('made');
  });

  const RULES: readonly [rule: ResolveRule, path: string, outcome: string | number][] = [
    ['beneath', 'file', 'root file'],
    ['beneath', 'inner/../file', 'root file'],
    ['beneath', 'soft', 'root file'],
    ['beneath', '../outside', EXDEV],
    ['beneath', 'escape', EXDEV],
    ['beneath', 'absolute', EXDEV],
    ['beneath', '/etc/passwd', EXDEV],
    ['inRoot', 'file', 'root file'],
    ['inRoot', '/file', 'root file'],
    ['inRoot', 'absolute', 'root file'],
    ['inRoot', '../../../file', 'root file'],
    ['inRoot', 'escape', ENOENT],
    ['inRoot', '/etc/passwd', ENOENT],
    ['noSymlinks', 'inner/file', 'inner file'],
    ['noSymlinks', 'soft', ELOOP],
    ['noSymlinks', 'softdir/file', ELOOP],
    ['noMagicLinks', 'soft', 'root file'],
    ['noCrossDevice', 'inner/file', 'inner file'],
    ['noCrossDevice', '/proc/self/status', EXDEV],
    ['cached', 'file', 'root file'],
  ];
  for (const [rule, path, outcome] of RULES) {
    it(`resolve '${rule}': ${path} ${typeof outcome === 'string' ? 'is opened' : `fails with errno ${outcome}`}`, async function () {
      const { backend, fs } = makeRing();
      await using root = await fs.open(directory.at('root'));
      const options = { directory: root, resolve: rule };
      // Warm, for what must be cached.
      await fs.readFile(directory.at('root/file'));
      const opening = fs.open(path, 'r', null, options);
      if (rule === 'cached' && backend === 'epoll') {
        const code = await opening.then(
          () => undefined,
          (error: CallError) => error.code,
        );
        if (code === 'EINVAL') skip(this, 'needs openat2 with RESOLVE_CACHED (Linux 5.12)');
      }
      if (typeof outcome === 'string') {
        await using file = await opening;
        expect(await file.readFile('utf8')).to.equal(outcome);
      } else {
        const error = await rejection(opening);
        expect(error).to.include({ errno: -outcome, syscall: 'open', path });
        expect(error.message).to.match(new RegExp(`, open '${path}'$`));
      }
    });
  }

  it("resolve 'noMagicLinks': a link to an open file fails with ELOOP", async () => {
    const { fs } = makeRing();
    await using file = await fs.open(directory.at('root/file'));
    const magic = `/proc/self/fd/${file.fd}`;
    expect(await contentOf(magic, {})).to.equal('root file');
    const error = await rejection(fs.open(magic, 'r', null, { resolve: 'noMagicLinks' }));
    expect(error.errno).to.equal(-ELOOP);
  });

  it('rules may be combined, and without a directory begin at the working directory', async () => {
    const { fs } = makeRing();
    await using root = await fs.open(directory.at('root'));
    const both = { directory: root, resolve: ['inRoot', 'noSymlinks'] } as const;
    expect((await rejection(fs.open('absolute', 'r', null, both))).errno).to.equal(-ELOOP);
    await using file = await fs.open('/inner/file', 'r', null, both);
    expect(await file.readFile('utf8')).to.equal('inner file');
    const home = process.cwd();
    process.chdir(directory.at('root'));
    try {
      await using own = await fs.open('file', 'r', null, { resolve: 'beneath' });
      expect(await own.readFile('utf8')).to.equal('root file');
      expect((await rejection(fs.open('..', 'r', null, { resolve: 'beneath' }))).errno).to.equal(-EXDEV);
    } finally {
      process.chdir(home);
    }
  });

  it('a new file gets its mode, and O_TRUNC empties an old one', async () => {
    const { fs } = makeRing();
    await using root = await fs.open(directory.at('root'));
    const options: OpenOptions = { directory: root, resolve: 'beneath' };
    await using made = await fs.open('made', 'wx', 0o604, options);
    expect((await made.stat()).mode & 0o777).to.equal(0o604 & ~process.umask());
    await using emptied = await fs.open('file', 'w', 0o666, options);
    expect((await emptied.stat()).size).to.equal(0);
  });

  it('a FIFO waits for its other side, as it does without rules', async () => {
    const { fs } = makeRing();
    directory.fifo('root/fifo');
    await using root = await fs.open(directory.at('root'));
    const options: OpenOptions = { directory: root, resolve: 'beneath' };
    const opening = fs.open('fifo', 'r', null, options);
    const writing = fs.open('fifo', 'w', null, options);
    await using writer = await writing;
    await using reader = await opening;
    await writer.write('through');
    expect((await reader.read(Buffer.alloc(7))).bytesRead).to.equal(7);
  });

  it('the directory stays open until the file is opened, and close waits for that', async () => {
    const { fs } = makeRing();
    directory.fifo('root/fifo');
    const root = await fs.open(directory.at('root'));
    const opening = fs.open('fifo', 'w', null, { directory: root });
    const closing = root.close();
    writeFileSync(directory.at('root/late'), '');
    await using reader = await fs.open(directory.at('root/fifo'), 'r');
    await using writer = await opening;
    await closing;
    expect([reader.fd, writer.fd].every((fd) => fd > 0)).to.equal(true);
  });

  it('a ring that is closed before the loop has turned: the open rejects, and nothing stays open', async () => {
    const ring = makeRing();
    const opening = rejection(ring.fs.open('/file', 'r', null, { resolve: 'inRoot' }));
    await ring.close();
    // The kernel may find at once that there is no such file: an SQ thread, or by its cache of names.
    expect((await opening).code).to.be.oneOf(['ERR_RINGLET_CLOSED', 'ENOENT']);
  });

  it('bad input: what is wrong is named', async () => {
    const { fs } = makeRing();
    await using root = await fs.open(directory.at('root'));
    const openWith = (options: object): Promise<CallError> =>
      rejection(fs.open('file', 'r', null, options as OpenOptions));
    const unknown = await openWith({ resolve: 'safely' });
    expect(unknown.code).to.equal('ERR_INVALID_ARG_VALUE');
    expect(unknown.message).to.contain("must be one of: 'noCrossDevice'");
    expect((await openWith({ resolve: ['beneath', 5] })).code).to.equal('ERR_INVALID_ARG_VALUE');
    expect((await openWith({ resolve: ['beneath', 'inRoot'] })).message).to.contain(
      "both 'beneath' and 'inRoot'",
    );
    expect((await openWith({ directory: root.fd })).code).to.equal('ERR_INVALID_ARG_TYPE');
    expect((await openWith([])).code).to.equal('ERR_INVALID_ARG_TYPE');
    await using file = await fs.open(directory.at('root/file'));
    expect((await openWith({ directory: file })).errno).to.equal(-ENOTDIR);
    const closed: FileHandle = await fs.open(directory.at('root'));
    await closed.close();
    expect((await openWith({ directory: closed })).message).to.equal('file closed');
    await using foreign = await makeRing().fs.open(directory.at('root'));
    expect((await openWith({ directory: foreign })).code).to.equal('ERR_INVALID_ARG_VALUE');
  });
});
