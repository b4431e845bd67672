/** Streams that are given up in the middle, and peers that keep one waiting: nothing is lost or left behind. */
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectNothingHeld } from '../support/leftovers.js';
import { expectAbort } from '../support/outcomes.js';
import { connectPair, readAll, readBytes } from '../support/streams.js';
import { pattern } from '../support/temporary.js';

const MIB = 1024 * 1024;

describeOnEachBackend('Faults of streams', (makeRing) => {
  it('an abort of a filling read in the middle: it fulfils with what it has, and the rest is the next one’s', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const controller = new AbortController();
    const reading = pair.near.read(Buffer.alloc(10), { fill: true, signal: controller.signal });
    await pair.far.write('half');
    expect(await isPending(reading)).to.equal(true);
    controller.abort('enough');
    const { bytesRead, buffer } = await within('the read', reading);
    expect(String(buffer.subarray(0, bytesRead))).to.equal('half');
    // Nothing has come: then it is an abort.
    const again = new AbortController();
    const waiting = pair.near.read(Buffer.alloc(10), { fill: true, signal: again.signal });
    expect(await isPending(waiting)).to.equal(true);
    again.abort('enough');
    expectAbort(await rejection(waiting), 'enough');
    await pair.far.write('the rest');
    expect(String(await readBytes(pair.near, 8))).to.equal('the rest');
    await pair[Symbol.asyncDispose]();
    await expectNothingHeld(ring);
  });

  for (const lease of [false, true]) {
    it(`iterators left by break, by an error and by an abort, ${lease ? 'leased' : 'copied'}: no byte and no buffer is lost`, async () => {
      const ring = makeRing();
      await using pair = await connectPair(ring);
      const received: Buffer[] = [];
      const blocks = Array.from({ length: 9 }, (_unused, index) => pattern(20_000, 21 + index));
      for (const [round, block] of blocks.entries()) {
        await pair.near.write(block);
        const controller = new AbortController();
        const options = { signal: controller.signal };
        const take = (data: Uint8Array): void => {
          received.push(Buffer.from(data));
          if (round % 3 === 1) throw new Error('mine');
          if (round % 3 === 2) controller.abort();
        };
        const loop = async (): Promise<void> => {
          if (lease) {
            for await (using chunk of pair.far.chunks({ ...options, lease })) {
              take(chunk.data);
              if (round % 3 === 0) break;
            }
          } else {
            for await (const chunk of pair.far.chunks(options)) {
              take(chunk);
              if (round % 3 === 0) break;
            }
          }
        };
        const left = await within(
          'the loop',
          loop().then(
            () => undefined,
            (error: Error) => error,
          ),
        );
        expect(left?.name ?? 'no error').to.equal(['no error', 'Error', 'AbortError'][round % 3]);
      }
      await pair.near.end();
      received.push(await within('the rest', readAll(pair.far)));
      expect(Buffer.concat(received).equals(Buffer.concat(blocks))).to.equal(true);
      await pair[Symbol.asyncDispose]();
      await expectNothingHeld(ring);
    });
  }

  it('a peer that sends one byte at a time: filling reads wait, others take what there is', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring, undefined, { noDelay: true });
    const words = 'one byte at a time, and then the end';
    const sending = (async () => {
      for (const letter of words) {
        await pair.near.write(letter);
        await turns(1);
      }
      await pair.near.end();
    })();
    expect(String(await readBytes(pair.far, 8))).to.equal('one byte');
    let rest = '';
    for (;;) {
      const { bytesRead, buffer } = await within('a read', pair.far.read(Buffer.alloc(4)));
      if (bytesRead === 0) break;
      rest += buffer.toString('latin1', 0, bytesRead);
    }
    expect(rest).to.equal(words.slice(8));
    expect((await pair.far.read(Buffer.alloc(4), { fill: true })).bytesRead).to.equal(0);
    await sending;
    await pair[Symbol.asyncDispose]();
    await expectNothingHeld(ring);
  });

  it('a peer that never reads: writes wait, and a close ends them', async () => {
    const ring = makeRing();
    await using pair = await connectPair(ring);
    const writing = pair.near.write(Buffer.alloc(12 * MIB));
    const outcomes = [writing, pair.near.write('behind it'), pair.near.end()].map((call) => rejection(call));
    expect(await isPending(writing)).to.equal(true);
    await within('the close', pair.near.close());
    for (const { code } of await Promise.all(outcomes)) expect(code).to.equal('ERR_SOCKET_CLOSED');
    await pair[Symbol.asyncDispose]();
    await expectNothingHeld(ring);
  });
});
