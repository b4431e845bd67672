/** Listener.connections and accept, given up: by an abort, `return` or `close`, at any moment. No connection is lost. */
import { expect } from 'chai';
import { Listener, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { isPending, rejection, turns, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { goalOf, readAll, readBytes } from '../support/streams.js';

type Step = IteratorResult<StreamSocket, undefined>;

const DONE = { done: true, value: undefined };
const ROUNDS = 40;

describeOnEachBackend('Listener.connections, given up', (makeRing) => {
  let ring: ReturnType<typeof makeRing>;
  let listener: Listener;

  beforeEach(async () => {
    ring = makeRing();
    listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
  });
  afterEach(() => within('the end of a listener', listener.close()));

  const connect = (): Promise<StreamSocket> => StreamSocket.connect({ ring, ...goalOf(listener) });

  /** Both ends are one connection, and are closed then. */
  async function expectPair(near: StreamSocket, far: StreamSocket, id: string): Promise<void> {
    await near.write(id);
    expect(String(await readBytes(far, id.length))).to.equal(id);
    await Promise.all([near.close(), far.close()]);
  }

  it('by an abort: the first of several steps tells, the others end, and an accept waits on', async () => {
    const controller = new AbortController();
    const connections = listener.connections({ signal: controller.signal });
    const steps = [rejection(connections.next()), connections.next(), connections.next()];
    const accepting = listener.accept();
    const other = listener.connections();
    const taking = other.next();
    expect(await isPending(accepting)).to.equal(true);
    controller.abort('enough');
    const [error, ...ends] = await within('the steps', Promise.all(steps));
    expectAbort(error as Error, 'enough');
    expect(ends).to.deep.equal([DONE, DONE]);
    expect(await connections.next()).to.deep.equal(DONE);
    const nears = [await connect(), await connect()] as const;
    const far = await within('a connection', accepting);
    const { value } = (await within('another', taking)) as IteratorYieldResult<StreamSocket>;
    await expectPair(nears[0], far, 'first');
    await expectPair(nears[1], value, 'second');
    await other.return?.();
  });

  it('by an abort between two steps: the next one tells, and what had come is the next reader’s', async () => {
    const controller = new AbortController();
    const connections = listener.connections({ signal: controller.signal });
    const taking = connections.next();
    const nears = [await connect(), await connect()] as const;
    const { value } = (await within('a connection', taking)) as IteratorYieldResult<StreamSocket>;
    controller.abort('enough');
    expectAbort(await rejection(connections.next()), 'enough');
    expect(await connections.next()).to.deep.equal(DONE);
    await expectPair(nears[0], value, 'first');
    await expectPair(nears[1], await within('the other', listener.accept()), 'second');
  });

  for (const way of ['an abort', 'return'] as const) {
    it(`by ${way} as a connection comes: it is the step's, or the next reader's`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const controller = new AbortController();
        const connections = listener.connections({ signal: controller.signal });
        const step: Promise<Step | undefined> = connections.next().catch((error) => {
          expectAbort(error, 'enough');
          return undefined;
        });
        const connecting = connect();
        if (round % 2 === 0) await connecting;
        await turns(round % 5);
        if (way === 'return') await connections.return?.();
        else controller.abort('enough');
        const taken = (await within('a step', step))?.value;
        const near = await connecting;
        await expectPair(near, taken ?? (await within('an accept', listener.accept())), `round ${round}`);
        expect(listener.pendingCount).to.equal(0);
      }
    });
  }

  it('by an abort and close as a connection comes: it is the step’s, or is closed', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await using own = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      const controller = new AbortController();
      const step: Promise<Step | undefined> = own
        .connections({ signal: controller.signal })
        .next()
        .catch(() => undefined);
      const connecting = StreamSocket.connect({ ring, ...goalOf(own) });
      const near = await within('a connection', connecting);
      await turns(round % 5);
      controller.abort('enough');
      const closing = own.close();
      await (await within('a step', step))?.value?.close();
      await within('the close', closing);
      const end = readAll(near).catch((error: NodeJS.ErrnoException) => error.code);
      expect(await within('the end at the peer', end)).to.satisfy(
        (all: Buffer | string) => all === 'ECONNRESET' || all.length === 0,
      );
      await near.close();
    }
  });
});
