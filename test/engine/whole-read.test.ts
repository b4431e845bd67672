/** Fs.readFile of small files on direct descriptors: no slot of the file table is left behind, whatever happens. */
import { once } from 'node:events';
import { appendFileSync, closeSync, constants, createWriteStream, openSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { needsOfRing } from '../support/backends.js';
import { describeDirectSlots, expectNoSlotInUse } from '../support/direct-slots.js';
import { eventually, rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MANY = 1500;

describeDirectSlots('Fs.readFile on direct descriptors', (make, options) => {
  const directory = temporaryDirectory();

  it('a file, an empty one, a directory, one that is not there: each as ever, and no slot is kept', async () => {
    const { ring, slotsInUse } = make();
    const path = directory.file('a', pattern(2000));
    expect((await ring.fs.readFile(path)).equals(pattern(2000))).to.equal(true);
    expect((await ring.fs.readFile(directory.file('empty', ''))).length).to.equal(0);
    expect(await ring.fs.readFile('/dev/null', 'utf8')).to.equal('');
    expect(await rejection(ring.fs.readFile(directory.path))).to.deep.include({
      code: 'EISDIR',
      syscall: 'read',
    });
    const missing = directory.at('missing');
    expect(await rejection(ring.fs.readFile(missing))).to.deep.include({
      code: 'ENOENT',
      syscall: 'open',
      path: missing,
    });
    symlinkSync('circle', directory.at('circle'));
    expect((await rejection(ring.fs.readFile(directory.at('circle')))).code).to.equal('ELOOP');
    await expectNoSlotInUse(slotsInUse);
  });

  // An SQ thread closes it in its own time.
  if (!options.sqPoll) {
    it('the file is closed by the time the promise is fulfilled', async () => {
      const { ring, slotsInUse } = make();
      const path = directory.file('a', pattern(2000));
      for (let i = 0; i < 50; i++) {
        await ring.fs.readFile(path);
        expect(slotsInUse()).to.equal(0);
      }
    });
  }

  for (const bytes of [49_151, 49_152, 49_153, 65_535, 65_536, 65_537, 200_000]) {
    it(`${bytes} bytes: around what the first reads hold`, async () => {
      const { ring, slotsInUse } = make();
      const content = pattern(bytes);
      const path = directory.file('a', content);
      expect((await ring.fs.readFile(path)).equals(content)).to.equal(true);
      expect(await ring.fs.readFile(path, 'latin1')).to.equal(content.toString('latin1'));
      await expectNoSlotInUse(slotsInUse);
    });
  }

  it('paths of every length up to 255 bytes a name, and of two bytes a letter', async () => {
    const { ring } = make();
    for (const length of [1, 100, 169, 170, 171, 172, 255]) {
      const name = 'n'.repeat(length);
      directory.file(name, `${length}`);
      expect(await ring.fs.readFile(directory.at(name), 'utf8')).to.equal(`${length}`);
    }
    const letters = directory.file('ä'.repeat(127), 'letters');
    expect(await ring.fs.readFile(letters, 'utf8')).to.equal('letters');
    expect(await ring.fs.readFile(Buffer.from(letters), 'utf8')).to.equal('letters');
  });

  it(`${MANY} at once, some of them missing, each with its own result`, async () => {
    const { ring, slotsInUse } = make();
    const paths = Array.from({ length: 100 }, (_unused, index) =>
      directory.file(`f${index}`, pattern(index * 7, index + 1)),
    );
    const results = await Promise.all(
      Array.from({ length: MANY }, (_unused, index) =>
        index % 10 === 9
          ? rejection(ring.fs.readFile(directory.at('missing')))
          : ring.fs.readFile(paths[index % 100] as string),
      ),
    );
    results.forEach((result, index) => {
      if (index % 10 === 9) expect((result as NodeJS.ErrnoException).code).to.equal('ENOENT');
      else {
        const of = index % 100;
        expect((result as Buffer).equals(pattern(of * 7, of + 1)), `read ${index}`).to.equal(true);
      }
    });
    await expectNoSlotInUse(slotsInUse);
  });

  it('a FIFO: without a writer, with a slow one, one that comes and goes', async () => {
    const { ring, slotsInUse } = make();
    for (let i = 0; i < 3; i++) {
      // Another one each time: an SQ thread says that it has closed a file a little before it has, and a
      // writer would take the last reading's reader for the next one's.
      const fifo = directory.fifo(`fifo${i}`);
      const reading = ring.fs.readFile(fifo, 'utf8');
      await eventually('the reading has begun', () => ring.stats().inFlight > 0);
      const writer = createWriteStream(fifo);
      await once(writer, 'open');
      for (const word of ['one ', 'two ', 'three']) {
        await new Promise((resolve) => writer.write(word, resolve));
        await new Promise(setImmediate);
      }
      writer.end();
      expect(await reading).to.equal('one two three');
    }
    await expectNoSlotInUse(slotsInUse);
  });

  it('a FIFO: an abort ends the reading, before its writer comes and after', async () => {
    const { ring, slotsInUse } = make();
    const fifo = directory.fifo('fifo');
    const abortWhile = async (isUnderWay: () => Promise<unknown>): Promise<void> => {
      const abort = new AbortController();
      const reading = rejection(ring.fs.readFile(fifo, { signal: abort.signal }));
      await isUnderWay();
      abort.abort();
      expect((await reading).name).to.equal('AbortError');
    };
    await abortWhile(() => eventually('the reading has begun', () => ring.stats().inFlight > 0));
    await expectNoSlotInUse(slotsInUse);
    const writer = createWriteStream(fifo);
    await abortWhile(async () => {
      await once(writer, 'open');
      await new Promise((resolve) => writer.write('one', resolve));
    });
    writer.destroy();
    await expectNoSlotInUse(slotsInUse);
  });

  it('a ring that is closed makes no table, on whichever ring has its descriptor by now', async function () {
    const { ring: closed } = make();
    // In user space it has the table, and descriptors in it.
    if (options.backend !== 'epoll') needsOfRing(this, closed, 'directDescriptors');
    await closed.close();
    const { ring, slotsInUse } = make();
    const fifo = directory.fifo('fifo');
    expect((await rejection(closed.fs.readFile(fifo))).code).to.equal('ERR_RINGLET_CLOSED');
    const writer = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const before = slotsInUse() ?? 0;
    // What can be aborted is never read inline.
    const { signal } = new AbortController();
    const reading = rejection(ring.fs.readFile(fifo, { signal }));
    await eventually('its file is in a slot', () => slotsInUse() === before + 1);
    await ring.close();
    expect((await reading).code).to.equal('ERR_RINGLET_CLOSED');
    closeSync(writer);
  });

  it('a file that grows between the reads is read to its end', async () => {
    const { ring } = make();
    const path = directory.file('a', 'x');
    let length = 1;
    for (let i = 0; i < 100; i++) {
      const reading = ring.fs.readFile(path);
      appendFileSync(path, 'x'.repeat(10));
      length += 10;
      const read = await reading;
      expect(read.length).to.be.oneOf([length - 10, length]);
      expect(read.every((byte) => byte === 0x78)).to.equal(true);
    }
  });

  it('ring.close: ends the reading of a FIFO, whose writer then finds no reader', async () => {
    const { ring } = make();
    const fifo = directory.fifo('fifo');
    const reading = rejection(ring.fs.readFile(fifo));
    const writer = createWriteStream(fifo);
    await once(writer, 'open');
    await eventually('the reading has begun', () => ring.stats().inFlight > 0);
    await ring.close();
    expect((await reading).code).to.equal('ERR_RINGLET_CLOSED');
    const failure = once(writer, 'error');
    await eventually('EPIPE', () => !writer.write('one') || writer.errored !== null).catch(() => {});
    expect(((await failure) as [NodeJS.ErrnoException])[0].code).to.equal('EPIPE');
  });
});
