/** Fs.writeFileAtomic: the old content or the new, and nothing left behind. */
import { chmodSync, linkSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Fs.writeFileAtomic', (makeRing) => {
  const directory = temporaryDirectory();

  it('makes a file with the mode asked for, and replaces one whose mode and other names stay', async () => {
    const { fs } = makeRing();
    const path = directory.at('a');
    await fs.writeFileAtomic(path, pattern(100_000), { mode: 0o640 });
    expect(readFileSync(path).equals(pattern(100_000))).to.equal(true);
    expect(statSync(path).mode & 0o777).to.equal(0o640 & ~process.umask());
    chmodSync(path, 0o666);
    linkSync(path, directory.at('other'));
    await fs.writeFileAtomic(path, 'new');
    expect(readFileSync(path, 'utf8')).to.equal('new');
    expect(statSync(path).mode & 0o777).to.equal(0o666);
    expect(statSync(directory.at('other')).size).to.equal(100_000);
    expect(readdirSync(directory.path).sort()).to.deep.equal(['a', 'other']);
  });

  it('takes names as long as the file system does, of whatever letters', async () => {
    const { fs } = makeRing();
    const names = ['a', 'n'.repeat(240), 'n'.repeat(255), 'é'.repeat(127), `${'𝕟'.repeat(63)}nnn`];
    for (const name of names) await fs.writeFileAtomic(directory.at(name), name);
    expect(readdirSync(directory.path).sort()).to.deep.equal([...names].sort());
    for (const name of names) expect(readFileSync(directory.at(name), 'utf8')).to.equal(name);
    const error = await rejection(fs.writeFileAtomic(directory.at('n'.repeat(256)), 'x'));
    expect(error.code).to.equal('ENAMETOOLONG');
  });

  it('a link stays a link', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'old');
    symlinkSync('a', directory.at('link'));
    await fs.writeFileAtomic(directory.at('link'), 'new');
    expect(lstatSync(directory.at('link')).isSymbolicLink()).to.equal(true);
    expect(readFileSync(path, 'utf8')).to.equal('new');
  });

  it('a failure on the way leaves the old content, and nothing else', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'old');
    const broken = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('the source has failed');
      })(),
    );
    expect((await rejection(fs.writeFileAtomic(path, broken))).message).to.equal('the source has failed');
    const abort = new AbortController();
    const stalled = (async function* (): AsyncGenerator<string> {
      yield 'half';
      abort.abort();
      await new Promise(() => {});
    })();
    const { signal } = abort;
    expect((await rejection(fs.writeFileAtomic(path, stalled, { signal }))).name).to.equal('AbortError');
    expect((await rejection(fs.writeFileAtomic(directory.path, 'x'))).code).to.equal('EISDIR');
    const missing = directory.at('missing/a');
    expect(await rejection(fs.writeFileAtomic(missing, 'x'))).to.include({ code: 'ENOENT', syscall: 'open' });
    expect((await rejection(fs.writeFileAtomic(path, 5 as never))).code).to.equal('ERR_INVALID_ARG_TYPE');
    expect(readFileSync(path, 'utf8')).to.equal('old');
    expect(readdirSync(directory.path)).to.deep.equal(['a']);
  });

  it('20 at once on one path: one of them whole', async () => {
    const { fs } = makeRing();
    const path = directory.at('a');
    const contents = Array.from({ length: 20 }, (_unused, index) => pattern(5000 + index, index + 1));
    await Promise.all(contents.map((content) => fs.writeFileAtomic(path, content)));
    const written = readFileSync(path);
    expect(contents.some((content) => content.equals(written))).to.equal(true);
    expect(readdirSync(directory.path)).to.deep.equal(['a']);
  });
});
