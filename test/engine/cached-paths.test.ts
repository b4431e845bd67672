/** `inlineReads` for paths: what is answered on the spot is what Node says, and the ring is asked for the rest. */
import { expect } from 'chai';
import { lstatSync, readdirSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import type { Ring } from 'ringlet';
import { frameRings } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const LARGE_BYTES = 100_000;

function meanUs(call: () => unknown): number {
  const startMs = performance.now();
  for (let count = 0; count < 1000; count++) call();
  return Math.round(performance.now() - startMs);
}

describe('RingOptions.inlineReads for paths', () => {
  const makeRing = frameRings({});
  const directory = temporaryDirectory();

  /** A ring that has answered one call on the spot; else the machine keeps a file system that may wait. */
  async function makeInlineRing(context: Mocha.Context): Promise<Ring> {
    const ring = makeRing({ backend: 'io_uring' });
    await ring.fs.stat(directory.path);
    if (ring.stats().inlinePaths === 0) skip(context, 'stat is not answered on the spot here');
    return ring;
  }

  function onTheSpot(ring: Ring): number {
    return ring.stats().inlinePaths;
  }

  it('stat and lstat: a file, a directory, a link, a FIFO, a device, a file of /proc: as by Node', async function () {
    const ring = await makeInlineRing(this);
    const file = directory.file('a', 'text');
    symlinkSync('a', directory.at('link'));
    const fifo = directory.fifo('fifo');
    const paths = [file, directory.path, directory.at('link'), fifo, '/dev/null', '/proc/self/status', '/'];
    for (const path of paths) {
      // The caches know it from here on.
      statSync(path);
      for (const bigint of [false, true]) {
        // After a failed attempt one call goes without.
        await ring.fs.stat(file);
        const before = onTheSpot(ring);
        const stats = await ring.fs.stat(path, { bigint });
        // To follow a link may mean to note when that was, which a disk has a part in.
        if (!path.endsWith('link')) expect(onTheSpot(ring) - before, path).to.equal(1);
        expect(Object.getPrototypeOf(stats)).to.equal(Object.getPrototypeOf(statSync(path, { bigint })));
        if (path.startsWith('/proc')) continue;
        expect(stats, path).to.deep.equal(statSync(path, { bigint }));
        expect(Object.keys(stats)).to.deep.equal(Object.keys(statSync(path, { bigint })));
        expect(await ring.fs.lstat(path, { bigint }), path).to.deep.equal(lstatSync(path, { bigint }));
      }
    }
  });

  it('errors: a name that is not there, a file that is no directory, a circle of links', async function () {
    const ring = await makeInlineRing(this);
    const file = directory.file('a', 'text');
    symlinkSync('circle', directory.at('circle'));
    for (const [path, code] of [
      [directory.at('missing'), 'ENOENT'],
      [`${file}/b`, 'ENOTDIR'],
      [directory.at('circle'), 'ELOOP'],
      [directory.at('n'.repeat(256)), 'ENAMETOOLONG'],
      [`/${'n/'.repeat(3000)}`, 'ENAMETOOLONG'],
      ['', 'ENOENT'],
    ] as const) {
      expect(await rejection(ring.fs.stat(path)), path).to.deep.include({ code, syscall: 'stat', path });
      expect(await rejection(ring.fs.readFile(path)), path).to.deep.include({ code, syscall: 'open', path });
    }
  });

  it('a directory: EISDIR of the read, which names no path', async function () {
    const ring = await makeInlineRing(this);
    const error = await rejection(ring.fs.readFile(directory.path));
    expect(error.message).to.equal('EISDIR: illegal operation on a directory, read');
    expect(error).to.not.have.property('path');
  });

  it('changes show at once: a size, a name that is gone, one that has come', async function () {
    const ring = await makeInlineRing(this);
    const path = directory.file('a', pattern(5000));
    for (const bytes of [5000, 100, 0, 70_000]) {
      truncateSync(path, bytes);
      expect((await ring.fs.stat(path)).size).to.equal(bytes);
      expect((await ring.fs.readFile(path)).length).to.equal(bytes);
    }
    const other = directory.at('b');
    expect((await rejection(ring.fs.stat(other))).code).to.equal('ENOENT');
    await ring.fs.rename(path, other);
    expect((await ring.fs.stat(other)).size).to.equal(70_000);
    expect((await rejection(ring.fs.readFile(path))).code).to.equal('ENOENT');
  });

  it('the loop has its turn: 2,000 in a row, of which a timer need not await the last', async function () {
    const ring = await makeInlineRing(this);
    const path = directory.file('a', 'text');
    let isFired = false;
    setTimeout(() => {
      isFired = true;
    }, 0);
    let count = 0;
    while (!isFired && count < 1_000_000) {
      await ring.fs.stat(path);
      count++;
    }
    expect(isFired, 'a timer among calls that never end').to.equal(true);
    expect(ring.stats().submitted).to.be.greaterThan(0);
  });

  it('one at a time on the spot, many at a time through the ring, and on the spot again', async function () {
    const ring = await makeInlineRing(this);
    const path = directory.file('a', 'text');
    const statUs = meanUs(() => statSync(path));
    if (statUs > 50) skip(this, `a stat takes ${statUs} µs here: several in a row are too long for a turn`);
    /** How many of the calls were made on the spot. */
    const countOnTheSpot = async (calls: number, atATime: number): Promise<number> => {
      const before = onTheSpot(ring);
      let left = calls;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          if (left % 2 === 0) await ring.fs.stat(path);
          else expect((await ring.fs.readFile(path)).length).to.equal(4);
        }
      };
      await Promise.all(Array.from({ length: atATime }, worker));
      return onTheSpot(ring) - before;
    };
    expect(await countOnTheSpot(1000, 1)).to.be.greaterThan(900);
    expect(await countOnTheSpot(1000, 32)).to.be.lessThan(200);
    expect(await countOnTheSpot(1000, 1)).to.be.greaterThan(900);
  });

  it('500 files beyond a slab at once: whole, with a bounded number of descriptors, and none is left', async function () {
    const ring = await makeInlineRing(this);
    const before = readdirSync('/proc/self/fd').length;
    const paths = Array.from({ length: 10 }, (_unused, index) =>
      directory.file(`f${index}`, pattern(LARGE_BYTES, index + 1)),
    );
    const contents = await Promise.all(
      Array.from({ length: 500 }, (_unused, index) => ring.fs.readFile(paths[index % 10] as string)),
    );
    contents.forEach((content, index) => {
      expect(content.equals(pattern(LARGE_BYTES, (index % 10) + 1))).to.equal(true);
    });
    expect(readdirSync('/proc/self/fd').length).to.equal(before);
  });

  it('inlineReads: false, a signal, a recording: through the ring', async () => {
    const path = directory.file('a', 'text');
    const ring = makeRing({ backend: 'io_uring', inlineReads: false });
    await ring.fs.stat(path);
    expect(await ring.fs.readFile(path, 'utf8')).to.equal('text');
    const other = makeRing({ backend: 'io_uring' });
    await other.fs.stat(path, { signal: new AbortController().signal });
    expect(onTheSpot(ring) + onTheSpot(other)).to.equal(0);
  });
});
