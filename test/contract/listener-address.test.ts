/** What a listener occupies: its path, name or port, from the bind until `close` has been called. */
import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Listener } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { temporaryDirectory } from '../support/temporary.js';

describeOnEachBackend('Listener: its address', (makeRing, { options: { backend } }) => {
  const temporary = temporaryDirectory();
  const home = process.cwd();

  afterEach(() => process.chdir(home));

  it('a Unix path is gone when close has been called', async () => {
    const path = join(temporary.path, 'gone');
    const listener = await Listener.listen({ path, ring: makeRing() });
    expect(existsSync(path)).to.equal(true);
    const closing = listener.close();
    expect(existsSync(path)).to.equal(false);
    await closing;
  });

  it('a relative Unix path is removed where it was bound, after a chdir too', async () => {
    const other = temporary.file('other', 'of another directory');
    const ring = makeRing();
    process.chdir(temporary.path);
    const listener = await Listener.listen({ path: 'socket', ring });
    expect(listener.address.path).to.equal('socket');
    process.chdir('/');
    expect(existsSync(temporary.at('socket'))).to.equal(true);
    await listener.close();
    expect(existsSync(temporary.at('socket'))).to.equal(false);
    expect(existsSync(other)).to.equal(true);
  });

  // The node backend's is libuv's, which removes whatever is at the path.
  if (backend === 'node') return;

  it('a file that has taken the place of the Unix path stays', async () => {
    const path = join(temporary.path, 'socket');
    const ring = makeRing();
    const listener = await Listener.listen({ path, ring });
    unlinkSync(path);
    writeFileSync(path, 'not a socket');
    await listener.close();
    expect(readFileSync(path, 'utf8')).to.equal('not a socket');
  });

  it('the socket of another listener that has taken the place of the Unix path stays', async () => {
    const path = join(temporary.path, 'socket');
    const ring = makeRing();
    const first = await Listener.listen({ path, ring });
    const second = await Listener.listen({ path: join(temporary.path, 'second'), ring });
    renameSync(join(temporary.path, 'second'), path);
    await first.close();
    expect(existsSync(path)).to.equal(true);
    await second.close();
    unlinkSync(path);
  });
});
