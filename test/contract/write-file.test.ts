/** Fs.writeFile and appendFile, and the FileHandle's: every form of data, encodings, flush and flags. */
import { expect } from 'chai';
import { readFileSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { Fs } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

async function* later<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  for (const item of items) {
    await new Promise((resolve) => setImmediate(resolve));
    yield item;
  }
}

const BYTES = pattern(256);

/** Every form of data that Node takes, made anew for each test, and the bytes it stands for. */
const FORMS: readonly [name: string, make: () => Parameters<Fs['writeFile']>[1], wanted: Buffer][] = [
  ['a string', () => 'grüße 🚀', Buffer.from('grüße 🚀')],
  ['an empty string', () => '', Buffer.alloc(0)],
  ['a Buffer', () => BYTES, BYTES],
  ['an empty Buffer', () => Buffer.alloc(0), Buffer.alloc(0)],
  [
    'a Uint8Array inside a larger ArrayBuffer',
    () => new Uint8Array(BYTES).subarray(3, 9),
    BYTES.subarray(3, 9),
  ],
  ['a Uint16Array', () => new Uint16Array(new Uint8Array(BYTES).buffer, 2, 4), BYTES.subarray(2, 10)],
  ['a DataView', () => new DataView(new Uint8Array(BYTES).buffer, 5, 7), BYTES.subarray(5, 12)],
  ['an array of strings', () => ['ab', 'cd', ''], Buffer.from('abcd')],
  ['a Set of Buffers', () => new Set([Buffer.from('x'), Buffer.from('yz')]), Buffer.from('xyz')],
  ['an async generator of strings and views', () => later(['ab', Buffer.from('cd')]), Buffer.from('abcd')],
  ['a readable stream', () => Readable.from(['one', 'two']), Buffer.from('onetwo')],
];

describeOnEachBackend('Fs.writeFile', (makeRing) => {
  const directory = temporaryDirectory();
  const written = (): Buffer => readFileSync(directory.at('out'));

  for (const [name, make, wanted] of FORMS) {
    it(`${name}: replaces what was there`, async () => {
      const path = directory.file('out', 'something longer that was there before'.repeat(20));
      expect(await makeRing().fs.writeFile(path, make())).to.equal(undefined);
      expect(written()).to.deep.equal(wanted);
    });

    it(`FileHandle.writeFile, ${name}: writes at the cursor`, async () => {
      await using handle = await makeRing().fs.open(directory.at('out'), 'w');
      await handle.write('<');
      expect(await handle.writeFile(make())).to.equal(undefined);
      await handle.write('>');
      expect(written()).to.deep.equal(Buffer.concat([Buffer.from('<'), wanted, Buffer.from('>')]));
    });

    it(`appendFile, ${name}: adds at the end`, async () => {
      const { fs } = makeRing();
      const path = directory.at('out');
      await fs.appendFile(path, 'start ');
      expect(await fs.appendFile(path, make())).to.equal(undefined);
      await using handle = await fs.open(path, 'a');
      await handle.appendFile(make());
      expect(written()).to.deep.equal(Buffer.concat([Buffer.from('start '), wanted, wanted]));
    });
  }

  it('a string, a Buffer, a URL and a FileHandle name the file', async () => {
    const { fs } = makeRing();
    const path = directory.at('out');
    for (const form of [path, Buffer.from(path), pathToFileURL(path)]) {
      await fs.writeFile(form, `to ${typeof form}`);
      expect(written().toString()).to.equal(`to ${typeof form}`);
    }
    await using handle = await fs.open(path, 'r+');
    await fs.writeFile(handle, 'TO');
    expect(written().toString()).to.equal('TO object');
  });

  it('an encoding, alone or among the options, and for the parts of an iterable', async () => {
    const { fs } = makeRing();
    const path = directory.at('out');
    await fs.writeFile(path, '616263', 'hex');
    expect(written().toString()).to.equal('abc');
    await fs.writeFile(path, 'é', { encoding: 'latin1' });
    expect([...written()]).to.deep.equal([0xe9]);
    await fs.writeFile(path, ['YQ==', 'Yg=='], { encoding: 'base64' });
    expect(written().toString()).to.equal('ab');
    await fs.appendFile(path, 'c', 'utf16le');
    expect(written().toString('latin1')).to.equal('abc\0');
  });

  it('flag and mode: open as they say', async () => {
    const { fs } = makeRing();
    const path = directory.at('out');
    await fs.writeFile(path, 'one', { mode: 0o600, flag: 'wx' });
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect((await rejection(fs.writeFile(path, 'two', { flag: 'wx' }))).code).to.equal('EEXIST');
    await fs.writeFile(path, '+', { flag: 'a' });
    await fs.writeFile(path, '0', { flag: 'r+' });
    expect(written().toString()).to.equal('0ne+');
  });

  it('flush: true writes the same, for writeFile and appendFile', async () => {
    const { fs } = makeRing();
    const path = directory.at('out');
    await fs.writeFile(path, 'durable', { flush: true });
    await fs.appendFile(path, ' still', { flush: true });
    await fs.writeFile(directory.at('parts'), ['a', 'b'], { flush: true });
    expect(written().toString()).to.equal('durable still');
    expect(readFileSync(directory.at('parts'), 'utf8')).to.equal('ab');
  });

  it('3 MB arrive whole, as bytes and as text', async () => {
    const { fs } = makeRing();
    const content = pattern(3_000_001);
    await fs.writeFile(directory.at('out'), content);
    expect(written().equals(content)).to.equal(true);
    const text = 'ä€🚀'.repeat(300_000);
    await fs.writeFile(directory.at('out'), text);
    expect(written().toString() === text).to.equal(true);
  });

  it('an iterable that throws rejects with its error and closes the file', async () => {
    const failure = new Error('out of parts');
    const parts = (function* (): Generator<string> {
      yield 'first';
      throw failure;
    })();
    expect(await rejection(makeRing().fs.writeFile(directory.at('out'), parts))).to.equal(failure);
    expect(written().toString()).to.equal('first');
  });

  it('200 files at once, and 200 appends to one file, lose nothing', async () => {
    const { fs } = makeRing();
    const names = Array.from({ length: 200 }, (_unused, index) => `f${index}`);
    await Promise.all(names.map((name) => fs.writeFile(directory.at(name), name.repeat(9))));
    for (const name of names) expect(readFileSync(directory.at(name), 'utf8')).to.equal(name.repeat(9));
    await Promise.all(names.map((name) => fs.appendFile(directory.at('out'), `${name}\n`)));
    expect(written().toString().trim().split('\n')).to.have.members(names);
  });
});
