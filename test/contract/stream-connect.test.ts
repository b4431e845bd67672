/** Host names: the order of their addresses, and the race between them. */
import { expect } from 'chai';
import { Listener, StreamSocket } from 'ringlet';
import type { BackendStream } from '#ringlet/contract/streams.js';
import type { SocketAddress } from '#ringlet/contract/address.js';
import { connectToAny } from '#ringlet/net/streams/connect.js';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, rejection, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';

type Outcome = 'hangs' | 'fails' | 'connects';

const GOAL: SocketAddress = { address: 'name', port: 1, family: 'IPv4' };

/** A host whose addresses do as they are told. */
class Host {
  readonly tried: string[] = [];
  readonly given: string[] = [];
  readonly #outcomes: readonly Outcome[];

  constructor(...outcomes: Outcome[]) {
    this.#outcomes = outcomes;
  }

  find = async (): Promise<SocketAddress[]> =>
    this.#outcomes.map((_outcome, index) => ({ address: `a${index}`, port: 1, family: 'IPv4' }));

  attempt = (remote: SocketAddress, signal: AbortSignal | undefined): Promise<BackendStream> => {
    this.tried.push(remote.address);
    const outcome = this.#outcomes[this.tried.length - 1];
    const error = Object.assign(new Error(`refused by ${remote.address}`), { code: 'ECONNREFUSED' });
    if (outcome === 'fails') return Promise.reject(error);
    if (outcome === 'connects') return Promise.resolve({ remote } as BackendStream);
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        this.given.push(remote.address);
        reject(new Error('given up'));
      });
    });
  };
}

describe('Happy eyeballs', () => {
  const race = (
    host: Host,
    options: { attemptTimeoutMs?: number; timeoutMs?: number; signal?: AbortSignal },
  ) => {
    const all = { attemptTimeoutMs: 10, timeoutMs: 0, signal: undefined, ...options };
    return connectToAny(host.find, host.attempt, all, GOAL);
  };

  it('an address that hangs is joined by the next one, and given up when that one connects', async () => {
    const host = new Host('hangs', 'hangs', 'connects', 'connects');
    const stream = await within('the race', race(host, {}));
    expect(stream.remote?.address).to.equal('a2');
    expect(host.tried).to.deep.equal(['a0', 'a1', 'a2']);
    expect(host.given).to.deep.equal(['a0', 'a1']);
  });

  it('an address that fails is followed at once', async () => {
    const host = new Host('fails', 'fails', 'connects');
    const stream = await within('the race', race(host, { attemptTimeoutMs: 100_000 }));
    expect(stream.remote?.address).to.equal('a2');
  });

  it('when all fail, the errors come together, with the first one’s code', async () => {
    const error = (await rejection(race(new Host('fails', 'fails'), {}))) as unknown as AggregateError;
    expect(error).to.be.instanceOf(AggregateError);
    expect(error.errors.map(({ message }: Error) => message)).to.deep.equal([
      'refused by a0',
      'refused by a1',
    ]);
    expect(error).to.have.property('code', 'ECONNREFUSED');
    const single = await rejection(race(new Host('fails'), {}));
    expect(single.message).to.equal('refused by a0');
  });

  it('a time limit and an abort end every attempt', async () => {
    const host = new Host('hangs', 'hangs');
    const late = await rejection(race(host, { timeoutMs: 40 }));
    expect([late.code, late.message]).to.deep.equal(['ETIMEDOUT', 'connect ETIMEDOUT name:1']);
    expect(host.given).to.deep.equal(['a0', 'a1']);
    const controller = new AbortController();
    const other = new Host('hangs', 'hangs');
    const aborted = rejection(race(other, { signal: controller.signal }));
    await eventually('both to be tried', () => other.tried.length === 2);
    controller.abort('enough');
    expectAbort(await aborted, 'enough');
    expect(other.given).to.deep.equal(['a0', 'a1']);
  });
});

describeOnEachBackend('Host names', (makeRing) => {
  it('localhost: connects, wherever of the two the listener is', async () => {
    const ring = makeRing();
    for (const host of ['127.0.0.1', 'localhost']) {
      await using listener = await Listener.listen({ host, port: 0, ring });
      const { port } = listener.address;
      const connecting = StreamSocket.connect({ host: 'localhost', port, ring });
      await using accepted = await within('a connection', listener.accept());
      await using socket = await within('localhost', connecting);
      expect(socket.remoteAddress?.port).to.equal(accepted.localAddress.port);
    }
  });

  it('localAddress and localPort: where the connection comes from', async () => {
    const ring = makeRing();
    await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { port } = listener.address;
    const connecting = StreamSocket.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2', ring });
    await using accepted = await within('a connection', listener.accept());
    await using socket = await connecting;
    expect(accepted.remoteAddress?.address).to.equal('127.0.0.2');
    expect(socket.localAddress.address).to.equal('127.0.0.2');
  });
});
