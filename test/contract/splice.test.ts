/** FileHandle.splice: bytes from one open file to another, one of which is a pipe. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('FileHandle.splice', (makeRing, { title }) => {
  const directory = temporaryDirectory();
  const hasSplice = title !== 'node';

  /** Moves as many bytes as there are, and returns how many that were. */
  async function moveAll(from: FileHandle, to: FileHandle, length: number): Promise<number> {
    let count = 0;
    for (;;) {
      const bytes = await from.splice(to, length - count);
      count += bytes;
      if (bytes === 0 || count === length) return count;
    }
  }

  if (!hasSplice) {
    it('rejects with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', async () => {
      const { fs } = makeRing();
      await using file = await fs.open(directory.file('a', 'text'));
      await using pipe = await fs.open(directory.fifo('pipe'), 'r+');
      const { code, message } = await rejection(file.splice(pipe, 4));
      expect(code).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
      expect(message).to.equal('splice is unavailable: Node has no splice');
    });
  } else {
    it('a file through a pipe into another, at their cursors, is the same; 0 at its end', async () => {
      const { fs } = makeRing();
      const content = pattern(300_000);
      await using source = await fs.open(directory.file('a', content));
      await using target = await fs.open(directory.at('b'), 'w');
      await using pipe = await fs.open(directory.fifo('pipe'), 'r+');
      let total = 0;
      for (;;) {
        const bytes = await source.splice(pipe, 2 ** 40);
        if (bytes === 0) break;
        expect(await moveAll(pipe, target, bytes)).to.equal(bytes);
        total += bytes;
      }
      expect(total).to.equal(content.length);
      expect(readFileSync(directory.at('b')).equals(content)).to.equal(true);
    });

    it('position and targetPosition leave the cursors alone, as numbers and bigints', async () => {
      const { fs } = makeRing();
      await using source = await fs.open(directory.file('a', '0123456789'));
      const path = directory.file('b', '..........');
      await using target = await fs.open(path, 'r+');
      await using pipe = await fs.open(directory.fifo('pipe'), 'r+');
      expect(await source.splice(pipe, 3, { position: 4 })).to.equal(3);
      expect(await pipe.splice(target, 3, { targetPosition: 2n })).to.equal(3);
      expect(await source.splice(pipe, 2, { position: null })).to.equal(2);
      expect(await pipe.splice(target, 2, { position: -1 })).to.equal(2);
      expect(await source.splice(pipe, 0)).to.equal(0);
      expect(readFileSync(path, 'utf8')).to.equal('01456.....');
    });

    it('waits for an empty pipe, and the target’s close waits for it, on another ring too', async () => {
      const { fs } = makeRing();
      await using pipe = await fs.open(directory.fifo('pipe'), 'r+');
      const path = directory.at('b');
      const target = await makeRing().fs.open(path, 'w');
      const moving = pipe.splice(target, 4);
      const closing = target.close();
      expect(await rejection(pipe.splice(target, 4))).to.include({ code: 'EBADF', syscall: 'splice' });
      await pipe.write('text');
      expect(await moving).to.equal(4);
      await closing;
      expect(readFileSync(path, 'utf8')).to.equal('text');
    });

    it('an abort, cancel and the ring’s close end one that waits', async () => {
      const ring = makeRing();
      const pipe = await ring.fs.open(directory.fifo('pipe'), 'r+');
      const target = await ring.fs.open(directory.at('b'), 'w');
      const abort = new AbortController();
      const aborted = rejection(pipe.splice(target, 1, { signal: abort.signal }));
      abort.abort();
      expect((await aborted).name).to.equal('AbortError');
      expect((await rejection(pipe.splice(target, 1, { timeout: 5 }))).name).to.equal('AbortError');
      const canceled = rejection(pipe.splice(target, 1));
      expect(await pipe.cancel()).to.equal(1);
      expect(await canceled).to.include({ code: 'ECANCELED', syscall: 'splice' });
      const closed = rejection(pipe.splice(target, 1));
      await ring.close();
      expect((await closed).code).to.equal('ERR_RINGLET_CLOSED');
      await pipe.close();
      await target.close();
    });

    it('errors: no pipe, a position in a pipe, a pipe without a reader, closed handles', async () => {
      const { fs } = makeRing();
      await using file = await fs.open(directory.file('a', 'text'), 'r+');
      await using other = await fs.open(directory.file('b', 'text'), 'r+');
      const fifo = directory.fifo('pipe');
      const pipe = await fs.open(fifo, 'r+');
      const is = (code: string): object => ({ code, syscall: 'splice' });
      expect(await rejection(file.splice(other, 1))).to.include(is('EINVAL'));
      expect(await rejection(pipe.splice(pipe, 1))).to.include(is('EINVAL'));
      expect(await rejection(file.splice(pipe, 1, { targetPosition: 0 }))).to.include(is('ESPIPE'));
      const writer = await fs.open(fifo, 'w');
      await pipe.close();
      expect(await rejection(file.splice(writer, 1))).to.include(is('EPIPE'));
      await writer.close();
      expect(await rejection(file.splice(writer, 1))).to.include(is('EBADF'));
      expect(await rejection(writer.splice(file, 1))).to.include(is('EBADF'));
    });
  }

  it('refuses arguments that make no sense', async () => {
    const { fs } = makeRing();
    await using file = await fs.open(directory.file('a', 'text'));
    for (const [code, call] of [
      ['ERR_INVALID_ARG_TYPE', () => file.splice(file.fd as never, 1)],
      ['ERR_INVALID_ARG_TYPE', () => file.splice(file, '1' as never)],
      ['ERR_OUT_OF_RANGE', () => file.splice(file, -1)],
      ['ERR_OUT_OF_RANGE', () => file.splice(file, 1, { position: 1.5 })],
      ['ERR_INVALID_ARG_TYPE', () => file.splice(file, 1, { targetPosition: '0' as never })],
      ['ERR_INVALID_ARG_VALUE', () => file.splice(file, 1, { offset: 0 } as never)],
    ] as const) {
      expect((await rejection(call())).code).to.equal(code);
    }
  });
});
