/** AbortSignal against completion: whoever wins, the outcome tells the truth and nothing is left over. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { describeOnEachBackend } from '../support/backends.js';
import type { CallError } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('AbortSignal, lost and won races', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const reason = new Error('no longer wanted');

  it('one signal aborts many reads and leaves the others alone', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open(directory.file('a', pattern(1000)));
    const controller = new AbortController();
    const mixed = Array.from({ length: 200 }, (_unused, index) =>
      handle.read(Buffer.alloc(5), {
        position: index * 5,
        ...(index % 2 === 0 ? { signal: controller.signal } : {}),
      }),
    );
    controller.abort(reason);
    const outcomes = await Promise.allSettled(mixed);
    outcomes.forEach((outcome, index) => {
      if (outcome.status === 'fulfilled') {
        expect(outcome.value.buffer.equals(pattern(1000).subarray(index * 5, index * 5 + 5))).to.equal(true);
      } else {
        expect(index % 2, 'only those with the signal').to.equal(0);
        expectAbort(outcome.reason as CallError, reason);
      }
    });
  });

  it('a lost race fulfils truthfully: reads aborted at any moment', async () => {
    const { fs } = makeRing();
    const content = pattern(64 * 300);
    await using handle = await fs.open(directory.file('a', content));
    for (let round = 0; round < 300; round += 1) {
      const controller = new AbortController();
      const reading = handle.read(Buffer.alloc(64), { position: round * 64, signal: controller.signal });
      if (round % 3 === 1) await Promise.resolve();
      if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(reason);
      const outcome = await reading.catch((error: CallError) => error);
      if (outcome instanceof Error) expectAbort(outcome, reason);
      else expect(outcome.buffer.equals(content.subarray(round * 64, round * 64 + 64))).to.equal(true);
    }
  });

  it('a lost race fulfils truthfully: a write that fulfils is in the file', async () => {
    const { fs } = makeRing();
    const path = directory.at('out');
    await using handle = await fs.open(path, 'w');
    await handle.truncate(300);
    const fulfilled: number[] = [];
    for (let round = 0; round < 300; round += 1) {
      const controller = new AbortController();
      const writing = handle.write(Buffer.from([1]), { position: round, signal: controller.signal });
      if (round % 2) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(reason);
      await writing.then(
        ({ bytesWritten }) => {
          expect(bytesWritten).to.equal(1);
          fulfilled.push(round);
        },
        (error: CallError) => expectAbort(error, reason),
      );
    }
    const content = readFileSync(path);
    for (const position of fulfilled) expect(content[position], `position ${position}`).to.equal(1);
  });

  it('a late success is undone: aborted opens leave no descriptor', async () => {
    const { fs } = makeRing();
    const path = directory.file('a', '');
    for (let round = 0; round < 100; round += 1) {
      const controller = new AbortController();
      const opening = fs.open(path, 'r', 0o666, { signal: controller.signal });
      if (round % 3 === 1) await Promise.resolve();
      if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(reason);
      await opening.then(
        (handle) => handle.close(),
        (error: CallError) => expectAbort(error, reason),
      );
    }
  });

  it('the aborted buffer may be used again: nothing is written into it afterwards', async () => {
    const { fs } = makeRing();
    await using handle = await fs.open('/dev/zero');
    for (let round = 0; round < 100; round += 1) {
      const controller = new AbortController();
      const buffer = Buffer.alloc(4096, 7);
      const reading = handle.read(buffer, { signal: controller.signal });
      controller.abort(reason);
      const outcome = await reading.catch((error: CallError) => error);
      buffer.fill(9);
      await handle.read(Buffer.alloc(1));
      if (!(outcome instanceof Error) || configuration.title !== 'node') {
        expect(
          buffer.every((byte) => byte === 9),
          `round ${round}`,
        ).to.equal(true);
      }
    }
  });
});
