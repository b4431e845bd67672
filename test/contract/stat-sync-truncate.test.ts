/** Fs.stat, FileHandle.stat, sync, datasync and truncate. */
import { expect } from 'chai';
import { constants, mkdirSync, readFileSync, Stats, statSync, symlinkSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describeOnEachBackend } from '../support/backends.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

/** Every own property of Node's own answer, compared one by one, so that a difference names its field. */
function expectSameStats(actual: object, wanted: object): void {
  expect(Object.keys(actual)).to.have.members(Object.keys(wanted));
  for (const [name, value] of Object.entries(wanted)) {
    // The access time moves when anyone reads the file.
    if (name.startsWith('atime')) continue;
    expect(Reflect.get(actual, name), name).to.deep.equal(value);
  }
}

describeOnEachBackend('Fs.stat', (makeRing) => {
  const directory = temporaryDirectory();

  it('is what node:fs says of a file, field by field, in a real Stats', async () => {
    const path = directory.file('a', pattern(12_345));
    const stats = await makeRing().fs.stat(path);
    expect(stats).to.be.instanceOf(Stats);
    expectSameStats(stats, statSync(path));
    expect(stats.isFile()).to.equal(true);
    expect(stats.size).to.equal(12_345);
    expect(stats.mtime).to.be.instanceOf(Date);
  });

  it('bigint: true gives a real BigIntStats with nanoseconds', async () => {
    const path = directory.file('a', 'x');
    const stats = await makeRing().fs.stat(path, { bigint: true });
    expect(stats.constructor.name).to.equal('BigIntStats');
    expect(Object.getPrototypeOf(stats)).to.equal(Object.getPrototypeOf(statSync(path, { bigint: true })));
    expectSameStats(stats, statSync(path, { bigint: true }));
    expect(stats.mtimeNs).to.be.a('bigint');
    expect(stats.isFile()).to.equal(true);
  });

  it('tells a directory, a device and a FIFO, and follows a link', async () => {
    const { fs } = makeRing();
    const path = directory.file('target', 'abc');
    symlinkSync(path, directory.at('link'));
    mkdirSync(directory.at('dir'));
    const fifo = directory.fifo('fifo');
    expect((await fs.stat(directory.at('dir'))).isDirectory()).to.equal(true);
    expect((await fs.stat('/dev/null')).isCharacterDevice()).to.equal(true);
    expect((await fs.stat(fifo)).isFIFO()).to.equal(true);
    expectSameStats(await fs.stat(directory.at('link')), statSync(path));
    expectSameStats(await fs.stat('/dev/null'), statSync('/dev/null'));
  });

  it('takes a Buffer and a URL, and 500 calls at once', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'x');
    const { ino } = statSync(path);
    expect((await fs.stat(Buffer.from(path))).ino).to.equal(ino);
    expect((await fs.stat(pathToFileURL(path))).ino).to.equal(ino);
    const all = await Promise.all(Array.from({ length: 500 }, () => fs.stat(path)));
    expect(all.every((stats) => stats.ino === ino)).to.equal(true);
  });

  it('FileHandle.stat: is of the open file, even when its name is gone', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open(directory.at('a'), 'w+');
    await handle.write('12345');
    expectSameStats(await handle.stat(), statSync(directory.at('a')));
    expectSameStats(await handle.stat({ bigint: true }), statSync(directory.at('a'), { bigint: true }));
    await fs.unlink(directory.at('a'));
    const stats = await handle.stat();
    expect([stats.size, stats.nlink]).to.deep.equal([5, 0]);
  });
});

describeOnEachBackend('FileHandle.sync, datasync and truncate', (makeRing) => {
  const directory = temporaryDirectory();

  it('sync and datasync: fulfil with undefined, alone and 20 at once', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), 'w');
    await handle.write('x');
    expect(await handle.sync()).to.equal(undefined);
    expect(await handle.datasync()).to.equal(undefined);
    await Promise.all(Array.from({ length: 20 }, () => handle.datasync()));
  });

  it('truncate: cuts, empties by default, and grows with zeros', async () => {
    const path = directory.file('a', '0123456789');
    await using handle = await makeRing().fs.open(path, 'r+');
    expect(await handle.truncate(4)).to.equal(undefined);
    expect(readFileSync(path, 'utf8')).to.equal('0123');
    await handle.truncate(6);
    expect(readFileSync(path, 'utf8')).to.equal('0123\0\0');
    await handle.truncate();
    expect(readFileSync(path, 'utf8')).to.equal('');
  });

  it('truncate: a negative length counts as 0, as in Node', async () => {
    const path = directory.file('a', 'abc');
    await using handle = await makeRing().fs.open(path, 'r+');
    await handle.truncate(-5);
    expect(statSync(path).size).to.equal(0);
  });

  it('truncate: takes a length beyond 32 bits', async () => {
    await using handle = await makeRing().fs.open(directory.at('a'), constants.O_CREAT | constants.O_RDWR);
    await handle.truncate(2 ** 33 + 1);
    expect((await handle.stat()).size).to.equal(2 ** 33 + 1);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4, 1), 0, 4, 2 ** 33 - 1);
    expect([bytesRead, ...buffer]).to.deep.equal([2, 0, 0, 1, 1]);
  });
});
