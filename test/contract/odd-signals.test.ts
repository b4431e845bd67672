/** Whatever passes for an AbortSignal and misbehaves: calls settle once, what is refused is not begun, closes end. */
import { expect } from 'chai';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { DatagramSocket, Listener, type Ring, StreamSocket } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, isPending, rejection, within } from '../support/eventually.js';
import { expectAbort } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

type Call = (signal: AbortSignal) => Promise<unknown>;

const boom = (): never => {
  throw new Error('boom');
};

/** A signal of nobody's: what is given replaces parts of one that never fires. */
function signalWith(parts: PropertyDescriptorMap): AbortSignal {
  const steady = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
  return Object.defineProperties(steady, parts) as unknown as AbortSignal;
}

/** A signal of another library, which can be fired and counts its listeners. */
class OtherSignal {
  aborted = false;
  reason: unknown;
  readonly listeners = new Set<() => void>();
  addEventListener(_type: string, listener: () => void): void {
    this.listeners.add(listener);
  }
  removeEventListener(_type: string, listener: () => void): void {
    this.listeners.delete(listener);
  }
  fire(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.listeners) listener();
  }
  get asSignal(): AbortSignal {
    return this as unknown as AbortSignal;
  }
}

/** Collects what would be the process's errors, and keeps them from mocha. */
async function uncaughtDuring(run: () => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const earlier = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', ({ message }) => messages.push(message));
  try {
    await run();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of earlier) process.on('uncaughtException', listener);
  }
  return messages;
}

describeOnEachBackend('Objects that pass for an AbortSignal', (makeRing) => {
  const directory = temporaryDirectory();

  /** Runs `use` with a call of each kind, and closes everything they were made on. */
  async function withCalls(
    use: (calls: Readonly<Record<string, Call>>, read: Buffer, ring: Ring) => Promise<void>,
  ): Promise<void> {
    const ring = makeRing();
    const path = directory.file('content', 'A'.repeat(1000));
    const handle = await ring.fs.open(path, 'r+');
    const listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
    const { port } = listener.address as { port: number };
    const connection = await StreamSocket.connect({ host: '127.0.0.1', port, ring });
    const peer = await listener.accept();
    const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    const read = Buffer.alloc(1000);
    await use(
      {
        read: (signal) => handle.read(read, { position: 0, signal }),
        write: (signal) => handle.write(Buffer.from('B'), { position: 999, signal }),
        stat: (signal) => ring.fs.stat(path, { signal }),
        unlink: (signal) => ring.fs.unlink(path, { signal }),
        chain: (signal) => ring.chain((c) => [c.stat(path), c.unlink(path)], { signal }),
        sleep: (signal) => ring.sleep(0, { signal }),
        poll: (signal) => ring.poll(handle.fd, ['writable'], { signal }),
        'stream read': (signal) => connection.read(Buffer.alloc(1), { signal }),
        'stream write': (signal) => connection.write('x', { signal }),
        connect: (signal) => StreamSocket.connect({ host: '127.0.0.1', port, ring, signal }),
        accept: (signal) => listener.accept({ signal }),
        send: (signal) => socket.send('x', socket.address, { signal }),
        receive: (signal) => socket.receive({ signal }),
      },
      read,
      ring,
    );
    expect(readFileSync(path, 'latin1')).to.equal('A'.repeat(1000));
    // In front of what an abandoned write would have left.
    await within('a later write', connection.write('y'));
    const [byte] = await peer.read(Buffer.alloc(1)).then(({ buffer }) => buffer as Buffer);
    expect(byte).to.equal('y'.charCodeAt(0));
    for (const each of [handle, connection, peer, listener, socket]) await within('a close', each.close());
    await within('closing the ring', ring.close());
    const { inFlight, waiting } = ring.stats();
    expect([inFlight, waiting]).to.deep.equal([0, 0]);
  }

  const refusing: Record<string, () => AbortSignal> = {
    'addEventListener throws': () => signalWith({ addEventListener: { value: boom } }),
    '`aborted` throws': () => signalWith({ aborted: { get: boom } }),
    'a proxy that throws': () => new Proxy(new AbortController().signal, { get: boom }),
    'the engine’s own, with an `aborted` that throws': () =>
      Object.defineProperty(new AbortController().signal, 'aborted', { get: boom }),
  };
  for (const [title, make] of Object.entries(refusing)) {
    it(`${title}: each call rejects with that, has done nothing, and everything can be closed`, async () => {
      await withCalls(async (calls, read) => {
        for (const [name, call] of Object.entries(calls)) {
          expect((await rejection(call(make()), name)).message).to.equal('boom');
        }
        expect(read.includes('A')).to.equal(false);
      });
    });
  }

  it('fires inside addEventListener: each call rejects with AbortError and has done nothing', async () => {
    const signal = (): AbortSignal =>
      signalWith({ addEventListener: { value: (_type: string, listener: () => void) => listener() } });
    await withCalls(async (calls, read) => {
      for (const [name, call] of Object.entries(calls)) {
        expect((await rejection(call(signal()), name)).name).to.equal('AbortError');
      }
      expect(read.includes('A')).to.equal(false);
    });
  });

  it('fires twice: a call rejects once, and what comes after it is not ended', async () => {
    await withCalls(async ({ receive, accept, 'stream read': readStream }) => {
      for (const call of [receive, accept, readStream] as Call[]) {
        const signal = new OtherSignal();
        const pending = call(signal.asSignal);
        expect(await isPending(pending)).to.equal(true);
        const [listener] = signal.listeners;
        signal.fire('enough');
        listener?.();
        expectAbort(await rejection(pending), 'enough');
      }
    });
  });

  it('removeEventListener throws: the error is the process’s, the batch settles, and everything can be closed', async () => {
    const errors = await uncaughtDuring(async () => {
      const { fs } = makeRing({ inlineReads: false });
      const handle = await fs.open(directory.file('content', 'A'.repeat(1000)), 'r+');
      const signal = signalWith({ removeEventListener: { value: boom } });
      const reads = Array.from({ length: 20 }, (_, position) =>
        handle.read(Buffer.alloc(1), { position, ...(position === 7 ? { signal } : {}) }),
      );
      const results = await within('all reads', Promise.all(reads));
      expect(results.map(({ bytesRead }) => bytesRead)).to.deep.equal(results.map(() => 1));
      await within('closing the handle', handle.close());
    });
    expect(errors).to.deep.equal(['boom']);
  });

  it('a removeEventListener of the signal’s own is not asked where the engine’s will do', async () => {
    const { fs } = makeRing({ inlineReads: false });
    const path = directory.file('content', 'A');
    const { signal } = new AbortController();
    Object.defineProperty(signal, 'removeEventListener', { value: boom });
    await using handle = await fs.open(path);
    expect((await handle.read(Buffer.alloc(1), { signal })).bytesRead).to.equal(1);
    expect((await fs.stat(path, { signal })).size).to.equal(1);
  });

  it('another library’s signal: it aborts with its reason, between steps too, and keeps no listener', async () => {
    await withCalls(async (calls, _read, ring) => {
      const signal = new OtherSignal();
      for (const name of ['read', 'sleep', 'send']) await (calls[name] as Call)(signal.asSignal);
      // The socket has sent itself something.
      await calls.receive?.(signal.asSignal);
      await eventually('no listener left', () => signal.listeners.size === 0);
      const pending = [calls.receive, calls.accept, calls['stream read']].map((call) =>
        rejection((call as Call)(signal.asSignal)),
      );
      const interval = ring.interval(1, { signal: signal.asSignal });
      await interval.next();
      await interval.next();
      // What has waited meanwhile has left the signal alone, and comes back to it.
      expect(signal.listeners.size).to.equal(1);
      signal.fire('enough');
      for (const error of await Promise.all(pending)) expectAbort(error, 'enough');
      expectAbort(await rejection(interval.next()), 'enough');
    });
  });

  it('no code of a signal’s runs while operations settle', async () => {
    const stacks: string[] = [];
    const note = (): boolean => {
      stacks.push(new Error('asked').stack ?? '');
      return false;
    };
    await withCalls(async (calls) => {
      const signal = signalWith({
        aborted: { get: note },
        reason: { get: note },
        addEventListener: { value: note },
        removeEventListener: { value: note },
      });
      for (const name of ['read', 'stat', 'sleep', 'send', 'receive']) await (calls[name] as Call)(signal);
    });
    expect(stacks).to.not.have.length(0);
    // The names of what runs in a drain, on a ring and on Node's pool.
    for (const stack of stacks) expect(stack).to.not.match(/Dispatcher|#settle|oncomplete/);
  });

  it('readFile and writeFile take one that can’t be listened to at its word, as Node does', async () => {
    const { fs } = makeRing();
    const path = directory.file('content', 'A');
    const deaf = signalWith({ addEventListener: { value: boom } });
    expect(await fs.readFile(path, { encoding: 'utf8', signal: deaf })).to.equal('A');
    await fs.writeFile(path, 'B', { signal: deaf });
    await using handle = await fs.open(path);
    expect(await handle.readFile({ encoding: 'utf8', signal: deaf })).to.equal('B');
    const aborted = signalWith({
      aborted: { value: true },
      reason: { value: 'enough' },
      addEventListener: { value: boom },
    });
    expectAbort(await rejection(fs.readFile(path, { signal: aborted })), 'enough');
  });
});

describe('The drop-in, and objects that pass for an AbortSignal', () => {
  const { Socket } = createRequire(import.meta.url)('ringlet/net') as typeof import('ringlet/net');

  it('a socket of ringlet/net is destroyed by another library’s signal', async () => {
    const signal = new OtherSignal();
    const socket = new Socket({ signal: signal.asSignal });
    const failing = new Promise<Error>((resolve) => socket.once('error', resolve));
    signal.fire('enough');
    expectAbort(await within('the error', failing), 'enough');
  });
});
