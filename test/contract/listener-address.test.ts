/** What a listener occupies: its path, name or port, from the bind until `close` has been called. */
import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from 'node:net';
import { Listener, type ListenOptions, type Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { rejection, turns, within } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { goalOf, readBytes } from '../support/streams.js';
import { temporaryDirectory } from '../support/temporary.js';

/** The code of the error that a peer's connect ends with. */
function refusalBy(where: { port: number; host: string } | { path: string }): Promise<string | undefined> {
  const refusal = new Promise<string | undefined>((resolve) => {
    const peer = connect(where);
    peer.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    peer.on('connect', () => {
      peer.destroy();
      resolve('it was connected');
    });
  });
  return within('a refusal', refusal);
}

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

  const places: [title: string, listen: (ring: Ring) => Promise<ListenOptions>][] = [
    ['a port', async (ring) => ({ host: '127.0.0.1', port: await freePort(), ring })],
    ['a port of every address', async (ring) => ({ port: await freePort(), ring })],
    ['a Unix path', async (ring) => ({ path: temporary.at('again'), ring })],
    ['an abstract name', async (ring) => ({ path: `\0ringlet-${process.pid}-again`, ring })],
  ];
  for (const [title, optionsOn] of places) {
    it(`${title} is free when close has been called, and refuses peers`, async () => {
      const ring = makeRing();
      const options = await optionsOn(ring);
      for (let round = 0; round < 10; round += 1) {
        const first = await Listener.listen(options);
        const accepting = rejection(first.accept(), 'an accept of a closed listener');
        const { port } = first.address;
        const where = options.path === undefined ? { port, host: '127.0.0.1' } : { path: options.path };
        // Armed, and in the kernel.
        await turns(round % 2);
        const closing = first.close();
        expect(await refusalBy(where)).to.be.oneOf(['ECONNREFUSED', 'ENOENT']);
        await closing;
        expect(await accepting).to.have.property('code', 'ERR_SERVER_NOT_RUNNING');
      }
    });

    it(`${title} is another listener's at once`, async () => {
      const ring = makeRing();
      const options = await optionsOn(ring);
      const first = await Listener.listen(options);
      const accepting = rejection(first.accept(), 'an accept of a closed listener');
      await turns(2);
      const closing = first.close();
      const second = await Listener.listen(options);
      const taken = second.accept();
      await using near = await StreamSocket.connect({ ...goalOf(second), ring });
      await using far = await within('a connection', taken);
      await near.write('hello');
      expect(String(await readBytes(far, 5))).to.equal('hello');
      await Promise.all([closing, accepting, second.close()]);
    });
  }

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
