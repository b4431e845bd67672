/** On the node backend, reads of a few idle FIFOs kept every thread of Node's pool: nothing else went on. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, rejection, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

/** More than any pool that a test run is likely to have been given. */
const FIFOS = 80;

describeOnEachBackend('Reads of idle FIFOs', (makeRing) => {
  const directory = temporaryDirectory();

  it(`${FIFOS} of them pending: other calls go on, each gets its own bytes, and an abort ends the others`, async () => {
    const ring = makeRing();
    const file = directory.file('file', 'content');
    const paths = Array.from({ length: FIFOS }, (_unused, index) => directory.fifo(`fifo-${index}`));
    const fifos = await Promise.all(paths.map((path) => ring.fs.open(path, 'r+')));
    const controller = new AbortController();
    const reads: Promise<{ bytesRead: number }>[] = fifos.map((fifo, index) =>
      index % 2 === 0
        ? fifo.read(Buffer.alloc(4))
        : fifo.readv([Buffer.alloc(4)], null, { signal: controller.signal }),
    );
    const aborted = reads.filter((_unused, index) => index % 2 === 1).map((read) => rejection(read));
    expect(await isPending(Promise.race(reads))).to.equal(true);
    expect(await within('a file of the ring', ring.fs.readFile(file, 'utf8'))).to.equal('content');
    expect(await within('a file of Node’s', readFile(file, 'utf8'))).to.equal('content');
    controller.abort();
    for (const error of await within('the aborted', Promise.all(aborted))) {
      expect(error.name).to.equal('AbortError');
    }
    for (const [index, path] of paths.entries()) {
      if (index % 2 === 1) continue;
      const writer = openSync(path, 'r+');
      writeSync(writer, String(1000 + index));
      closeSync(writer);
      const read = await within(`read ${index}`, Promise.resolve(reads[index]));
      expect(read?.bytesRead).to.equal(4);
    }
    await within('the closes', Promise.all(fifos.map((fifo) => fifo.close())));
  });
});
