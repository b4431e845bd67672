/**
 * Two rings of one thread, used in turn, stalled for ever: work that one ring's turn had staged on the
 * other was left lying when the other's own turn was already over and the event loop blocked.
 */
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Rings in turn', (makeRing) => {
  const directory = temporaryDirectory();

  it('200 reads, each on the other one of three rings, fulfil one after the other', async () => {
    const path = directory.file('a', pattern(200));
    const files = await Promise.all([makeRing(), makeRing(), makeRing()].map(({ fs }) => fs.open(path)));
    const buffer = Buffer.alloc(200);
    const reading = (async () => {
      for (let index = 0; index < 200; index += 1) {
        // Backwards too: which ring's turn comes first must not matter.
        const file = files[index < 100 ? index % 3 : (200 - index) % 3] as (typeof files)[0];
        await file.read(buffer, index, 1, index);
      }
    })();
    await within('reads on rings in turn', reading);
    expect(buffer.equals(pattern(200))).to.equal(true);
    await Promise.all(files.map((file) => file.close()));
  });
});
