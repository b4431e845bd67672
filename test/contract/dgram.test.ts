/** 'ringlet/dgram': the same calls on node:dgram and on it, and what they come to. */
import nodeDgram from 'node:dgram';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, BlockList } from 'node:net';
import { inherits } from 'node:util';
import { expect } from 'chai';
import { createSocket, Socket } from 'ringlet/dgram';
import type { Ring } from 'ringlet';
import { closesSharedRings, describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runScript } from '../support/child.js';
import { eventually, turns, within } from '../support/eventually.js';
import { Peer } from '../support/peer.js';
import { pattern } from '../support/temporary.js';

type AnySocket = Socket | nodeDgram.Socket;
type Make = (options: object, listener?: (...parameters: unknown[]) => void) => AnySocket;

const address = '127.0.0.1';
/** Enough for messages of any length. */
const BUFFERS = { count: 8, bytes: 65_536 };

/** What a call threw, in words that can be compared. */
function thrown(call: () => unknown): unknown {
  try {
    call();
    return 'nothing';
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    return [name, code, message];
  }
}

/** Calls a method with parameters that its type would refuse. */
function call(socket: AnySocket, method: string, ...parameters: unknown[]): unknown {
  const target = socket as unknown as Record<string, (...parameters: unknown[]) => unknown>;
  return target[method]?.apply(socket, parameters);
}

async function closed(socket: AnySocket): Promise<void> {
  const close = once(socket, 'close');
  socket.close();
  await within('close', close);
}

async function bound(make: Make, options: object = { type: 'udp4' }): Promise<AnySocket> {
  const socket = make(options);
  const listening = once(socket, 'listening');
  call(socket, 'bind', 0, 'type' in options && options.type === 'udp6' ? '::1' : address);
  await within('listening', listening);
  return socket;
}

type Told = { code?: string; syscall?: string; message: string };

function told(error: unknown): unknown {
  if (!error) return error;
  const { code, syscall, message } = error as Told;
  return [code, syscall, message.replace(/\d{4,}/g, 'PORT')];
}

/** Each is run on both modules; what it resolves to must be the same. */
const SCENARIOS: Record<string, (make: Make, peer: Peer) => Promise<unknown>> = {
  'before bind: memberships, which bind the socket, and buffer sizes': async (make) => {
    const log: unknown[] = [];
    for (const method of ['getRecvBufferSize', 'getSendBufferSize', 'setRecvBufferSize']) {
      const socket = make({ type: 'udp4' });
      log.push(thrown(() => call(socket, method, 4096)));
      await closed(socket);
    }
    const socket = make({ type: 'udp4', reuseAddr: true });
    log.push(thrown(() => call(socket, 'addMembership', '224.0.0.114', address)));
    log.push(thrown(() => call(socket, 'dropMembership', '224.0.0.114', address)));
    log.push(thrown(() => call(socket, 'addMembership', '256.256.256.256')));
    await closed(socket);
    return log;
  },
  'bind: the callback, the event, address()': async (make) => {
    const log: unknown[] = [];
    const socket = make({ type: 'udp4' });
    socket.on('listening', () => log.push('event'));
    log.push(call(socket, 'bind', { port: 0, address }, () => log.push('callback')) === socket);
    await within('listening', once(socket, 'listening'));
    const { port, ...rest } = socket.address() as AddressInfo;
    log.push(
      rest,
      port > 0,
      thrown(() => call(socket, 'bind', 0)),
    );
    await closed(socket);
    return log;
  },
  'bind: a taken port is an error event': async (make, peer) => {
    const socket = make({ type: 'udp4' });
    const failed = once(socket, 'error');
    call(socket, 'bind', peer.port, address);
    const [error] = (await within('error', failed)) as [NodeJS.ErrnoException];
    await closed(socket);
    return told(error);
  },
  'message: data and rinfo': async (make, peer) => {
    const messages: unknown[] = [];
    const socket = make({ type: 'udp4' }, (data, rinfo) => messages.push(data, rinfo));
    call(socket, 'bind', 0, address);
    await within('listening', once(socket, 'listening'));
    const { port } = socket.address() as AddressInfo;
    for (const data of ['text', '', pattern(60_000)]) await peer.send(data, { address, port });
    await eventually('three messages', () => messages.length === 6);
    await closed(socket);
    return messages.map((each) => {
      return Buffer.isBuffer(each) ? each : { ...(each as nodeDgram.RemoteInfo), port: 'PORT' };
    });
  },
  'send: every form of it, without a bind': async (make, peer) => {
    const log: unknown[] = [];
    const socket = make({ type: 'udp4' });
    const { port } = peer;
    const sent = (...parameters: unknown[]): Promise<unknown> =>
      new Promise((resolve) => {
        call(socket, 'send', ...parameters, (error: Error | null, bytes: number) => resolve([error, bytes]));
      });
    log.push(await sent('text', port, address));
    log.push(await sent(Buffer.from('slices'), 1, 3, port, address));
    log.push(await sent('text slices', 5, 6, port, address));
    log.push(await sent(['a', Buffer.from('b'), new Uint8Array([0x63])], port, address));
    log.push(await sent([], port, address));
    log.push(await sent('to this machine', port));
    log.push(await sent('by name', port, 'localhost'));
    call(socket, 'send', 'without a callback', port, address);
    const received = await peer.wait(8);
    await closed(socket);
    return [log, received.map(({ data }) => data.toString())];
  },
  'send: refused by the system, with and without a callback': async (make, peer) => {
    const socket = await bound(make);
    const errors: unknown[] = [];
    socket.on('error', (error: Error) => errors.push(told(error)));
    const tooLong = Buffer.alloc(65_508);
    const outcome = await new Promise((resolve) => {
      call(socket, 'send', tooLong, peer.port, address, (error: Error, bytes: number) => {
        resolve([told(error), bytes]);
      });
    });
    call(socket, 'send', tooLong, peer.port, address);
    await turns(5);
    await closed(socket);
    return [outcome, errors];
  },
  'connect: sends without an address, disconnect': async (make, peer) => {
    const log: unknown[] = [];
    const socket = make({ type: 'udp4' });
    log.push(thrown(() => socket.remoteAddress()));
    socket.on('connect', () => log.push('event'));
    await within(
      'connect',
      new Promise<void>((resolve) => socket.connect(peer.port, address, () => resolve())),
    );
    const { port, ...remote } = socket.remoteAddress() as AddressInfo;
    log.push(remote, port === peer.port);
    log.push(thrown(() => socket.connect(peer.port, address)));
    log.push(thrown(() => call(socket, 'send', 'x', 0, 1, peer.port, address)));
    await new Promise((resolve) => call(socket, 'send', 'connected', resolve));
    await new Promise((resolve) => call(socket, 'send', Buffer.from('connected'), 3, 4, resolve));
    log.push((await peer.wait(2)).map(({ data }) => data.toString()));
    socket.disconnect();
    log.push(
      thrown(() => socket.disconnect()),
      thrown(() => call(socket, 'send', 'x')),
    );
    await closed(socket);
    return log;
  },
  'bad arguments': async (make) => {
    const socket = make({ type: 'udp4' });
    const log = [
      thrown(() => make('udp5' as unknown as object)),
      thrown(() => make({})),
      thrown(() => make({ type: 'udp4', lookup: 5 })),
      thrown(() => make({ type: 'udp4', signal: 5 })),
      thrown(() => call(socket, 'send')),
      thrown(() => call(socket, 'send', 5, 1, address)),
      thrown(() => call(socket, 'send', [5], 1, address)),
      thrown(() => call(socket, 'send', 'x', 0, address)),
      thrown(() => call(socket, 'send', 'x', 65_536, address)),
      thrown(() => call(socket, 'send', 'x', 5, 5)),
      thrown(() => call(socket, 'send', Buffer.alloc(5), 6, 1, 9, address)),
      thrown(() => call(socket, 'send', Buffer.alloc(5), 1, 5, 9, address)),
      thrown(() => call(socket, 'connect', 0)),
      thrown(() => call(socket, 'connect', 65_536)),
      thrown(() => call(socket, 'setTTL', 5)),
    ];
    await closed(socket);
    for (const [method, ...parameters] of [
      ['bind', 0],
      ['send', 'x', 9, address],
      ['connect', 9],
      ['close'],
      ['address'],
      ['remoteAddress'],
      ['addMembership', '224.0.0.1'],
    ] as const) {
      log.push([method, thrown(() => call(socket, method, ...parameters))]);
    }
    return log;
  },
  udp6: async (make) => {
    const socket = await bound(make, { type: 'udp6' });
    const { port, family } = socket.address() as AddressInfo;
    const arrived = once(socket, 'message');
    call(socket, 'send', 'to myself', port);
    const [data, rinfo] = (await within('a message', arrived)) as [Buffer, nodeDgram.RemoteInfo];
    await closed(socket);
    return [family, data.toString(), rinfo.address, rinfo.family, rinfo.size];
  },
  'lookup: the caller’s own, for all that takes a name': async (make, peer) => {
    const asked: unknown[] = [];
    const lookup = (host: string, family: unknown, found: (...parameters: unknown[]) => void): void => {
      asked.push([host, family]);
      setImmediate(() => {
        if (host === 'nowhere.test') found(Object.assign(new Error('nowhere'), { code: 'ENOTFOUND' }));
        else found(null, address, 4);
      });
    };
    const socket = make({ type: 'udp4', lookup });
    call(socket, 'bind', 0, 'here.test');
    await within('listening', once(socket, 'listening'));
    await new Promise((resolve) => call(socket, 'send', 'x', peer.port, 'there.test', resolve));
    const failed = await new Promise((resolve) =>
      call(socket, 'send', 'x', peer.port, 'nowhere.test', resolve),
    );
    await peer.wait(1);
    await closed(socket);
    return [asked.filter((each) => String(each).includes('.test')), (failed as Error).message];
  },
  'an abort of the signal closes it': async (make) => {
    const controller = new AbortController();
    const socket = await bound(make, { type: 'udp4', signal: controller.signal });
    const close = once(socket, 'close');
    controller.abort();
    await within('close', close);
    return thrown(() => socket.address());
  },
  settings: async (make) => {
    const socket = await bound(make, { type: 'udp4', recvBufferSize: 20_000, sendBufferSize: 30_000 });
    const log = [
      socket.getRecvBufferSize(),
      socket.getSendBufferSize(),
      socket.setTTL(9),
      thrown(() => socket.setTTL(0)),
      socket.setMulticastTTL(9),
      socket.setMulticastLoopback(false),
      socket.setBroadcast(true),
      thrown(() => socket.addMembership('no address')),
      thrown(() => call(socket, 'addMembership')),
      socket.ref() === socket,
      socket.unref() === socket,
      socket.getSendQueueSize(),
      socket.getSendQueueCount(),
    ];
    await closed(socket);
    return log;
  },
};

describeOnEachBackend("'ringlet/dgram'", (makeRing) => {
  closesSharedRings();
  const makeOn = (ring: Ring): Make => {
    return (options, listener) => {
      const wanted = typeof options === 'object' ? { ...options, ring } : options;
      return createSocket(wanted as unknown as { type: 'udp4' }, listener);
    };
  };
  const makeNode: Make = (options, listener) => nodeDgram.createSocket(options as { type: 'udp4' }, listener);

  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    it(`${title}: as node:dgram`, async () => {
      const outcome = async (make: Make): Promise<unknown> => {
        await using peer = await Peer.open();
        return await within('the scenario', scenario(make, peer));
      };
      const ring = makeRing({ receiveBuffers: BUFFERS });
      expect(await outcome(makeOn(ring))).to.deep.equal(await outcome(makeNode));
    });
  }

  it('send and close at once: it is sent, where node:dgram drops it', async () => {
    const make = makeOn(makeRing({ receiveBuffers: BUFFERS }));
    await using peer = await Peer.open();
    const first = await bound(make);
    call(first, 'send', 'bound', peer.port, address);
    await closed(first);
    const second = make({ type: 'udp4' });
    call(second, 'send', 'not yet bound', peer.port, address);
    await closed(second);
    const texts = (await peer.wait(2)).map(({ data }) => data.toString());
    expect(texts).to.deep.equal(['bound', 'not yet bound']);
  });

  it('what a message listener throws reaches the process, and the others are still told', async () => {
    const script = `
      import { createSocket } from 'ringlet/dgram';
      const seen = [];
      process.on('uncaughtException', (error) => {
        seen.push(error.message);
        if (seen.length === 6) { console.log(JSON.stringify(seen)); socket.close(); }
      });
      const socket = createSocket('udp4', (data) => {
        seen.push(String(data));
        throw new Error('of the listener');
      });
      socket.bind(0, '127.0.0.1', () => {
        for (const text of ['one', 'two', 'three']) socket.send(text, socket.address().port, '127.0.0.1');
      });`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    expect(JSON.parse(outcome.stdout)).to.include.members(['one', 'two', 'three', 'of the listener']);
  });

  it('a bound socket keeps the process alive, and not after unref()', async () => {
    const script = `
      import { createSocket } from 'ringlet/dgram';
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1', () => {
        setTimeout(() => { console.log('still here'); socket.unref(); }, 50).unref();
      });`;
    const outcome = await runScript(script);
    expectCleanExit(outcome);
    expect(outcome.stdout.trim()).to.equal('still here');
  });
});

describe("'ringlet/dgram' alone", () => {
  closesSharedRings();

  it('node:dgram’s old ways, block lists, a descriptor, and the calls that come back with a result', async () => {
    const made = (Socket as unknown as (type: string) => unknown)('udp4') as Socket;
    made.close();
    function Mine(this: Socket) {
      (Socket as unknown as (type: string) => void).call(this, 'udp4');
    }
    inherits(Mine, Socket);
    const mine = Reflect.construct(Mine, []) as Socket;
    const { port } = mine.bindSync({ address });
    expect(mine.address().port).to.equal(port);
    expect(thrown(() => createSocket('udp4').bindSync({ address: 'a name' }))).to.include(
      'ERR_INVALID_ARG_VALUE',
    );
    const blocked = new BlockList();
    blocked.addAddress('127.0.0.9');
    const heard: string[] = [];
    const listener = createSocket({ type: 'udp4', receiveBlockList: blocked, sendBlockList: blocked });
    listener.on('message', (data) => heard.push(String(data)));
    listener.bindSync({ address });
    const refused = new Promise((resolve) => listener.send('x', 9, '127.0.0.9', resolve));
    expect(await within('an answer', refused)).to.have.property('code', 'ERR_IP_BLOCKED');
    const outsider = createSocket('udp4');
    outsider.bindSync({ address: '127.0.0.9' });
    await new Promise((resolve) => outsider.send('from outside', listener.address().port, address, resolve));
    mine.connectSync(listener.address().port, address);
    await within('connect', once(mine, 'connect'));
    mine.send('from a friend');
    await eventually('a message', () => heard.length > 0);
    expect(heard).to.deep.equal(['from a friend']);
    await Promise.all([closed(mine), closed(listener), closed(outsider)]);
  });

  it('bind({ fd }) takes over a socket that is bound', async () => {
    const holder = await bound((options) => nodeDgram.createSocket(options as nodeDgram.SocketOptions));
    const { port } = holder.address() as AddressInfo;
    const script = `
      import { createSocket } from 'ringlet/dgram';
      const socket = createSocket({ type: 'udp4', recvBufferSize: 9000, sendBufferSize: 8000 });
      socket.on('message', (data) => { console.log(String(data), socket.address().port); socket.close(); });
      socket.bind({ fd: 3 }, () => console.log('bound', socket.getRecvBufferSize(), socket.getSendBufferSize()));`;
    const inside = Object.getOwnPropertySymbols(holder).map((key) => Reflect.get(holder, key));
    const { handle } = inside.find((each) => each?.handle?.fd > 0) as { handle: { fd: number } };
    const { fd } = handle;
    const argv = ['--input-type=module', '-e', script];
    const child = spawn(process.execPath, argv, {
      cwd: PACKAGE_ROOT,
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    const ended = once(child, 'exit');
    await eventually('the bind', () => said.includes('\n'));
    // It is blocking now for all that have it.
    await closed(holder);
    const peer = createSocket('udp4');
    await new Promise((resolve) => peer.send('passed', port, address, resolve));
    await within('the end', ended);
    expect(said).to.equal(`bound 18000 16000\npassed ${port}\n`);
    await closed(peer);
  });
});
