/** 'ringlet/dgram': binds that fail, look-ups, ends and asynchronous contexts; each the same on node:dgram and on it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import nodeDgram from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { expect } from 'chai';
import { createSocket } from 'ringlet/dgram';
import { describeOnEachBackend } from '../support/backends.js';
import { eventually, turns, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { skip } from '../support/skip.js';

type Socket = nodeDgram.Socket;
type Make = (options?: object) => Socket;

const address = '127.0.0.1';

/** What a socket emits, in order, without its messages. */
function logOf(socket: Socket): string[] {
  const log: string[] = [];
  socket.on('listening', () => log.push('listening'));
  socket.on('connect', () => log.push('connect'));
  socket.on('close', () => log.push('close'));
  socket.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => log.push(code));
  return log;
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const lookupAs =
  (asked: string[], delayTurns: number, failure?: Error) =>
  (name: string, _options: unknown, found: (error: Error | null, address: string) => void): void => {
    asked.push(name);
    void turns(delayTurns).then(() => found(failure ?? null, address));
  };

const REPLACED_LOOKUP = 'a dns.lookup that a program has replaced is asked, too';

const SCENARIOS: Record<string, (make: Make, peer: Peer) => Promise<unknown>> = {
  'what a listener puts off comes in the order of ticks and promises': async (make, peer) => {
    const socket = make();
    const log: string[] = [];
    socket.on('message', () => {
      void Promise.resolve().then(() => log.push('promise'));
      process.nextTick(() => log.push('tick'));
    });
    socket.bind(0, address);
    await within('listening', once(socket, 'listening'));
    await peer.send('x', socket.address());
    await eventually('both', () => log.length === 2);
    socket.close();
    return log;
  },
  'sizes of buffers that are none': async (make) => {
    const sizes = ['4096', {}, -1, 1.5, 2 ** 32, null, 0, ''];
    const codes = sizes.map(
      (size) =>
        codeOf(() => make({ recvBufferSize: size }).close()) ??
        codeOf(() => make({ sendBufferSize: size }).close()),
    );
    return codes;
  },
  'a bind that fails drops what waited for it': async (make, peer) => {
    const socket = make();
    const log = logOf(socket);
    socket.bind(peer.port, address);
    socket.send('x', 9, address, () => log.push('sent'));
    await within('the error', once(socket, 'error'));
    const counts = [socket.getSendQueueCount(), socket.getSendQueueSize()];
    socket.bind(0, address);
    await within('listening', once(socket, 'listening'));
    socket.close(() => log.push('callback'));
    await within('close', once(socket, 'close'));
    return [log, counts];
  },
  'a socket that is closed while it binds to a taken port only closes': async (make, peer) => {
    const socket = make();
    const log = logOf(socket);
    socket.bind(peer.port, address);
    socket.close(() => log.push('callback'));
    log.push(`${codeOf(() => socket.close())}`);
    await within('close', once(socket, 'close'));
    await turns(5);
    return log;
  },
  'a socket that is closed while it binds does not listen': async (make) => {
    const socket = make();
    const log = logOf(socket);
    socket.bind(0, address, () => log.push('bound'));
    socket.close();
    await turns(5);
    return [log, codeOf(() => socket.bind(0)), codeOf(() => socket.send('x', 9))];
  },
  'a close behind a send that waits for the bind: first listening, then close': async (make, peer) => {
    const socket = make();
    const log = logOf(socket);
    socket.send('x', peer.port, address);
    socket.close(() => log.push('callback'));
    await within('close', once(socket, 'close'));
    return log;
  },
  'close() emits on the next tick': async (make) => {
    const socket = make();
    socket.bind(0, address);
    await within('listening', once(socket, 'listening'));
    const log = logOf(socket);
    socket.close();
    process.nextTick(() => log.push('tick'));
    setImmediate(() => log.push('immediate'));
    await turns(3);
    return log;
  },
  'a look-up that fails is an error, and the next bind may succeed': async (make) => {
    const asked: string[] = [];
    const failure = Object.assign(new Error('none'), { code: 'ENOTFOUND' });
    let lookup = lookupAs(asked, 1, failure);
    const socket = make({ lookup: (...parameters: Parameters<typeof lookup>) => lookup(...parameters) });
    const log = logOf(socket);
    socket.bind(0, 'nowhere.test');
    await within('the error', once(socket, 'error'));
    lookup = lookupAs(asked, 0);
    socket.bind(0, 'here.test', () => log.push('bound'));
    await within('listening', once(socket, 'listening'));
    socket.close();
    await turns(2);
    return [asked, log];
  },
  'a look-up that ends after the close is heard of no more': async (make) => {
    const asked: string[] = [];
    const socket = make({ lookup: lookupAs(asked, 5, new Error('late')) });
    const log = logOf(socket);
    socket.bind(0, 'late.test');
    socket.close();
    await turns(20);
    return [asked, log];
  },
  'one’s own look-up is asked for everything, literal addresses too': async (make, peer) => {
    const asked: string[] = [];
    const socket = make({ lookup: lookupAs(asked, 0) });
    const sent = (...parameters: unknown[]): Promise<unknown> =>
      new Promise((resolve) => Reflect.apply(socket.send, socket, [...parameters, resolve]));
    await sent('x', peer.port, 'name.test');
    await sent('x', peer.port, address);
    await sent('x', peer.port);
    const connected = once(socket, 'connect');
    socket.connect(peer.port, 'peer.test');
    await within('connect', connected);
    socket.close();
    return asked;
  },
  [REPLACED_LOOKUP]: async (make) => {
    const asked: string[] = [];
    const { lookup } = dns;
    let socket: Socket;
    dns.lookup = lookupAs(asked, 0) as unknown as typeof dns.lookup;
    try {
      socket = make();
    } finally {
      dns.lookup = lookup;
    }
    socket.bind(0, address);
    await within('listening', once(socket, 'listening'));
    socket.close();
    return asked;
  },
  'a connect that fails is told to its callback, and may be made again': async (make, peer) => {
    const failure = Object.assign(new Error('none'), { code: 'ENOTFOUND' });
    let lookup = lookupAs([], 1);
    const socket = make({ lookup: (...parameters: Parameters<typeof lookup>) => lookup(...parameters) });
    const log = logOf(socket);
    socket.bind(0);
    await within('listening', once(socket, 'listening'));
    lookup = lookupAs([], 1, failure);
    await new Promise<void>((resolve) => {
      const onConnected = (error?: Error): void => {
        log.push(`callback ${(error as NodeJS.ErrnoException).code}`);
        resolve();
      };
      socket.connect(peer.port, 'nowhere.test', onConnected as () => void);
      log.push(`${codeOf(() => socket.connect(peer.port))}`);
    });
    lookup = lookupAs([], 0);
    socket.connect(peer.port, 'here.test');
    await within('connect', once(socket, 'connect'));
    socket.close();
    await turns(2);
    return log;
  },
  'disposal waits for close, and may come twice': async (make) => {
    const socket = make();
    const log = logOf(socket);
    socket.bind(0, address);
    await within('listening', once(socket, 'listening'));
    await within('disposal', socket[Symbol.asyncDispose]());
    log.push('disposed');
    await within('disposal', socket[Symbol.asyncDispose]());
    return log;
  },
  'an abort closes it at any time': async (make) => {
    const outcomes: unknown[] = [];
    for (const when of ['before', 'unbound', 'binding', 'bound', 'closed']) {
      const controller = new AbortController();
      if (when === 'before') controller.abort();
      const socket = make({ signal: controller.signal });
      const log = logOf(socket);
      if (when === 'binding') socket.bind(0, address);
      if (when === 'bound' || when === 'closed') {
        socket.bind(0, address);
        await within('listening', once(socket, 'listening'));
      }
      if (when === 'closed') socket.close();
      controller.abort();
      await turns(5);
      outcomes.push(when, log);
    }
    return outcomes;
  },
  'events come in the context of the socket’s making, or of the call that they answer': async (
    make,
    peer,
  ) => {
    const storage = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const note = (what: string) => (): unknown => seen.push(`${what} in ${storage.getStore() ?? 'none'}`);
    const socket = storage.run('making', () => make());
    socket.on('listening', note('listening')).on('message', note('message')).on('connect', note('connect'));
    socket.on('close', note('close')).on('error', note('error'));
    storage.run('binding', () => socket.bind(0, address));
    await within('listening', once(socket, 'listening'));
    const { port } = socket.address();
    for (const request of ['first', 'second']) {
      const arrived = once(socket, 'message');
      storage.run(request, () => socket.send(request, port, address, note('callback')));
      await within('a message', arrived);
      await eventually('the callback', () => seen.includes(`callback in ${request}`));
    }
    storage.run('connecting', () => socket.connect(peer.port, address));
    await within('connect', once(socket, 'connect'));
    storage.run('closing', () => socket.close());
    await within('close', once(socket, 'close'));
    return seen.sort();
  },
};

describeOnEachBackend("'ringlet/dgram' ends", (makeRing) => {
  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    it(title, async function () {
      const outcome = async (make: Make): Promise<unknown> => {
        await using peer = await Peer.open();
        return await within('the scenario', scenario(make, peer));
      };
      const ring = makeRing();
      const ours = await outcome((options = {}) => {
        return createSocket({ type: 'udp4', ring, ...options }) as unknown as Socket;
      });
      const theirs = await outcome((options = {}) => nodeDgram.createSocket({ type: 'udp4', ...options }));
      if (title === REPLACED_LOOKUP && (theirs as string[]).length === 0)
        skip(this, 'this Node keeps its own look-up; ours still asks the one in its place');
      expect(ours).to.deep.equal(theirs);
    });
  }

  it('address() is known when bind() returns, and the port is taken', async () => {
    const ring = makeRing();
    const socket = createSocket({ type: 'udp4', ring });
    socket.bind(0, address);
    const { port } = socket.address();
    expect(port).to.be.greaterThan(0);
    await within('listening', once(socket, 'listening'));
    expect(socket.address().port).to.equal(port);
    await socket[Symbol.asyncDispose]();
  });
});
