/** Fs.writeFile and appendFile on direct descriptors: no slot of the file table is left behind, whatever happens. */
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { describeDirectSlots, expectNoSlotInUse } from '../support/direct-slots.js';
import { eventually, rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const MANY = 1200;

describeDirectSlots('Fs.writeFile on direct descriptors', (make) => {
  const directory = temporaryDirectory();

  it('makes, replaces, appends, refuses to replace: with the mode that was asked for', async () => {
    const { ring, slotsInUse } = make();
    const path = directory.at('a');
    await ring.fs.writeFile(path, pattern(5000), { mode: 0o640 });
    expect(readFileSync(path).equals(pattern(5000))).to.equal(true);
    expect(statSync(path).mode & 0o777).to.equal(0o640 & ~process.umask());
    await ring.fs.writeFile(path, 'short');
    await ring.fs.appendFile(path, new Uint16Array([0x6161]));
    await ring.fs.writeFile(path, new DataView(Buffer.from('xyz').buffer, 0, 0));
    await ring.fs.appendFile(path, 'end');
    expect(readFileSync(path, 'utf8')).to.equal('end');
    expect((await rejection(ring.fs.writeFile(path, 'x', { flag: 'wx' }))).code).to.equal('EEXIST');
    expect(readFileSync(path, 'utf8')).to.equal('end');
    await expectNoSlotInUse(slotsInUse);
  });

  it('errors name the call that failed, and the path where it was open', async () => {
    const { ring, slotsInUse } = make();
    const missing = directory.at('missing/a');
    expect(await rejection(ring.fs.writeFile(missing, 'x'))).to.deep.include({
      code: 'ENOENT',
      syscall: 'open',
      path: missing,
    });
    expect((await rejection(ring.fs.writeFile(directory.path, 'x'))).code).to.equal('EISDIR');
    const full = await rejection(ring.fs.writeFile('/dev/full', 'x'));
    expect(full).to.deep.include({ code: 'ENOSPC', syscall: 'write' }).and.not.have.property('path');
    await expectNoSlotInUse(slotsInUse);
  });

  it(`${MANY} at once, some of them where nothing can be made`, async () => {
    const { ring, slotsInUse } = make();
    const writes = Array.from({ length: MANY }, (_unused, index) =>
      index % 10 === 9
        ? rejection(ring.fs.writeFile(directory.at('missing/a'), 'x'))
        : ring.fs.writeFile(directory.at(`f${index % 100}`), pattern((index % 100) * 9 + 1, index % 100)),
    );
    await Promise.all(writes);
    for (let index = 0; index < 100; index++) {
      if (index % 10 === 9) continue;
      const content = readFileSync(directory.at(`f${index}`));
      expect(content.equals(pattern(index * 9 + 1, index)), `file ${index}`).to.equal(true);
    }
    await expectNoSlotInUse(slotsInUse);
  });

  it('a FIFO whose reader is slow gets all of it', async () => {
    const { ring, slotsInUse } = make();
    const fifo = directory.fifo('fifo');
    const content = pattern(300_000);
    const writing = ring.fs.writeFile(fifo, content);
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(fifo, { highWaterMark: 10_000 })) {
      chunks.push(chunk as Buffer);
      await new Promise(setImmediate);
    }
    await writing;
    expect(Buffer.concat(chunks).equals(content)).to.equal(true);
    await expectNoSlotInUse(slotsInUse);
  });

  it('a FIFO: an abort ends the writing, before its reader comes and while it does not read', async () => {
    const { ring, slotsInUse } = make();
    const fifo = directory.fifo('fifo');
    const abort = new AbortController();
    const writing = rejection(ring.fs.writeFile(fifo, 'x', { signal: abort.signal }));
    await eventually('the writing has begun', () => ring.stats().inFlight > 0);
    abort.abort();
    expect((await writing).name).to.equal('AbortError');
    await expectNoSlotInUse(slotsInUse);

    const second = new AbortController();
    const stuck = rejection(ring.fs.writeFile(fifo, pattern(300_000), { signal: second.signal }));
    const reader = createReadStream(fifo, { highWaterMark: 1 });
    await once(reader, 'readable');
    second.abort();
    expect((await stuck).name).to.equal('AbortError');
    reader.destroy();
    await expectNoSlotInUse(slotsInUse);
  });
});
