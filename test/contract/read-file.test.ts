/** Fs.readFile and FileHandle.readFile: whole files of every kind, as bytes and as text. */
import { expect } from 'chai';
import { readFileSync, truncateSync } from 'node:fs';
import nodePromises from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { foreignRuntime } from '#ringlet/native/ruling.js';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, rejection } from '../support/eventually.js';
import { describeError } from '../support/outcomes.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Fs.readFile', (makeRing) => {
  const directory = temporaryDirectory();

  for (const bytes of [0, 1, 4095, 4096, 4097, 65_536, 524_288, 524_289, 3_000_001]) {
    it(`${bytes} bytes come back whole, as a Buffer of that length`, async () => {
      const content = pattern(bytes);
      const read = await makeRing().fs.readFile(directory.file('a', content));
      expect(Buffer.isBuffer(read)).to.equal(true);
      expect(read.length).to.equal(bytes);
      expect(read.equals(content)).to.equal(true);
    });
  }

  it('a small file is copied into memory that Buffers share, unless it is to be its own', async () => {
    const ring = makeRing();
    const path = directory.file('a', pattern(1000));
    // Where the machine has just been slow, workers read, into memory of the content's own.
    await eventually('contents that share their memory', async () => {
      const reads = await Promise.all(Array.from({ length: 40 }, () => ring.fs.readFile(path)));
      // None overlaps another.
      for (const [index, read] of reads.entries()) read.fill(index);
      for (const [index, read] of reads.entries()) {
        expect(read.equals(Buffer.alloc(1000, index))).to.equal(true);
      }
      return ring.backend === 'node' || new Set(reads.map(({ buffer }) => buffer)).size <= 20;
    });
    for (const [bytes, options] of [
      [1000, { pooled: false }],
      [1000, { pooled: false, signal: new AbortController().signal }],
      [5000, {}],
      [5000, { pooled: true }],
    ] as const) {
      const read = await ring.fs.readFile(directory.file('b', pattern(bytes)), options);
      expect([read.byteOffset, read.buffer.byteLength]).to.deep.equal([0, bytes]);
    }
    const error = await rejection(ring.fs.readFile(path, { pooled: 1 as unknown as boolean }));
    expect(error.code).to.equal('ERR_INVALID_ARG_TYPE');
  });

  it('a large file: whole from its path in several parts, and from where the cursor of a handle is', async () => {
    const content = pattern(21_000_003);
    const path = directory.file('large', content);
    const { fs } = makeRing();
    expect((await fs.readFile(path)).equals(content)).to.equal(true);
    expect((await fs.readFile(path, { flag: 'r+' })).equals(content)).to.equal(true);
    expect((await fs.readFile(path, { encoding: 'latin1' })).length).to.equal(content.length);
    await using handle = await fs.open(path);
    await handle.read(Buffer.alloc(5));
    expect((await handle.readFile()).equals(content.subarray(5))).to.equal(true);
    expect((await handle.readFile()).length).to.equal(0);
  });

  it('a file of 2 GiB is refused as by Node, from path and handle', async function () {
    if (foreignRuntime() !== null)
      skip(this, 'compares with Node’s own call, which is another on other runtimes');
    const { fs } = makeRing();
    const path = directory.file('huge', '');
    // Nothing but a hole.
    truncateSync(path, 2 ** 31);
    await using handle = await fs.open(path);
    const errors = [
      await rejection(fs.readFile(path)),
      await rejection(fs.readFile(path, 'utf8')),
      await rejection(handle.readFile()),
    ];
    const expected = await rejection(nodePromises.readFile(path));
    expect(expected.code).to.equal('ERR_FS_FILE_TOO_LARGE');
    for (const error of errors) expect(describeError(error)).to.deep.equal(describeError(expected));
  });

  it('a large file that grows, shrinks or is aborted while it is read', async () => {
    const content = pattern(21_000_003);
    const path = directory.file('large', content);
    const { fs } = makeRing();
    for (const bytes of [30_000_000, 9_000_000, 100, 0]) {
      const reading = fs.readFile(path);
      truncateSync(path, bytes);
      const read = await reading;
      const common = Math.min(read.length, bytes, content.length);
      expect(read.subarray(0, common).equals(content.subarray(0, common)), `${bytes} bytes`).to.equal(true);
    }
    directory.file('large', content);
    const controller = new AbortController();
    const aborted = rejection(fs.readFile(path, { signal: controller.signal }));
    controller.abort();
    expect((await aborted).name).to.equal('AbortError');
  });

  it('a string, a Buffer, a URL and a FileHandle name the file', async () => {
    const { fs } = makeRing();
    const path = directory.file('a b#c', 'text');
    await using handle = await fs.open(path);
    for (const form of [path, Buffer.from(path), pathToFileURL(path), handle]) {
      expect(await fs.readFile(form, 'utf8')).to.equal('text');
    }
  });

  it('an encoding, alone or among the options, gives a string', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'grüße 🚀');
    expect(await fs.readFile(path, 'utf8')).to.equal('grüße 🚀');
    expect(await fs.readFile(path, { encoding: 'utf-8' })).to.equal('grüße 🚀');
    for (const encoding of ['hex', 'base64', 'latin1', 'utf16le', 'ascii', 'base64url'] as const) {
      expect(await fs.readFile(path, encoding), encoding).to.equal(readFileSync(path, encoding));
    }
    expect(await fs.readFile(path, null)).to.deep.equal(readFileSync(path));
    expect(await fs.readFile(path, {})).to.deep.equal(readFileSync(path));
    expect(await fs.readFile(path, { encoding: null })).to.deep.equal(readFileSync(path));
  });

  it('characters of several bytes survive wherever the reading is split', async () => {
    const text = `x${'ä€🚀'.repeat(150_000)}`;
    expect((await makeRing().fs.readFile(directory.file('a', text), 'utf8')) === text).to.equal(true);
  });

  it('a file of /proc, whose size is 0, is read to its end', async () => {
    const { fs } = makeRing();
    const text = await fs.readFile('/proc/self/status', 'utf8');
    expect(text)
      .to.match(/^Name:/)
      .and.to.contain('nonvoluntary_ctxt_switches');
    const cpus = await fs.readFile('/proc/cpuinfo', 'utf8');
    expect(cpus.match(/^processor/gm)?.length).to.equal(
      readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm)?.length,
    );
  });

  it('FileHandle.readFile: starts at the cursor, moves it to the end, leaves the handle open', async () => {
    const path = directory.file('a', '0123456789');
    await using handle = await makeRing().fs.open(path);
    await handle.read(Buffer.alloc(4));
    expect(await handle.readFile('utf8')).to.equal('456789');
    expect((await handle.readFile()).length).to.equal(0);
    expect((await handle.read(Buffer.alloc(4), 0, 4, 0)).bytesRead).to.equal(4);
  });

  it('flag: opens as it says', async () => {
    const path = directory.at('new');
    const { fs } = makeRing();
    expect((await fs.readFile(path, { flag: 'a+' })).length).to.equal(0);
    expect((await rejection(fs.readFile(path, { flag: 'ax+' }))).code).to.equal('EEXIST');
  });

  it('a file that shrinks to nothing before the read gives an empty Buffer', async () => {
    const path = directory.file('a', pattern(100_000));
    await using handle = await makeRing().fs.open(path);
    truncateSync(path, 0);
    expect((await handle.readFile()).length).to.equal(0);
  });

  it('a FIFO is read until its writers have gone', async () => {
    const fifo = directory.fifo('fifo');
    const { fs } = makeRing();
    const reading = fs.readFile(fifo, 'utf8');
    await using writer = await fs.open(fifo, 'w');
    await writer.write('one ');
    await writer.write('two');
    await writer.close();
    expect(await reading).to.equal('one two');
  });

  it('500 files at once each come back with their own content', async () => {
    const { fs } = makeRing();
    const paths = Array.from({ length: 500 }, (_unused, index) =>
      directory.file(`f${index}`, pattern(index * 11, index + 1)),
    );
    const contents = await Promise.all(paths.map((path) => fs.readFile(path)));
    contents.forEach((content, index) => {
      expect(content.equals(pattern(index * 11, index + 1)), `file ${index}`).to.equal(true);
    });
  });

  it('each Buffer is the caller’s own: changing one changes no other', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', 'same content');
    const [first, second] = await Promise.all([fs.readFile(path), fs.readFile(path)]);
    first.fill(0);
    expect(second.toString()).to.equal('same content');
    expect(await fs.readFile(path, 'utf8')).to.equal('same content');
  });
});
