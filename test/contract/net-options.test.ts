/** 'ringlet/net': options, ways to inherit, and handles that few programs use, compared with node:net. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import nodeNet, { type AddressInfo, BlockList } from 'node:net';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inherits } from 'node:util';
import { expect } from 'chai';
import ringletNet from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { eventually, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

type Net = typeof nodeNet;
type Socket = nodeNet.Socket;

const host = '127.0.0.1';

interface World {
  net: Net;
  /** Names the ring, for ringlet's. */
  on: object;
  directory: string;
}

async function listening(server: nodeNet.Server, where: unknown = { port: 0, host }): Promise<number> {
  server.listen(where as nodeNet.ListenOptions);
  await within('listening', once(server, 'listening'));
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? 0 : address.port;
}

async function closed(...all: (nodeNet.Server | Socket)[]): Promise<void> {
  for (const each of all) {
    const over = once(each, 'close');
    if ('listening' in each) each.close();
    else each.destroy();
    await within('close', over);
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** Each is run on both modules, and what it comes to must be the same. */
const SCENARIOS: Record<string, (world: World) => Promise<unknown>> = {
  'classes: without new, and inherited from by util.inherits': async ({ net, on }) => {
    const call = (made: unknown, ...all: unknown[]) => (made as (...all: unknown[]) => unknown)(...all);
    const log = [
      call(net.Server, on) instanceof net.Server,
      call(net.Socket, on) instanceof net.Socket,
      call((net as unknown as { Stream: unknown }).Stream, { highWaterMark: 7, ...on }) instanceof net.Socket,
    ];
    function OldServer(this: nodeNet.Server) {
      (net.Server as unknown as (options: object) => void).call(this, on);
    }
    function OldSocket(this: Socket & { note: string }) {
      (net.Socket as unknown as (options: object) => void).call(this, on);
      this.note = 'of its own';
    }
    inherits(OldServer, net.Server);
    inherits(OldSocket, net.Socket);
    class NewSocket extends net.Socket {
      attached = 'a name that is free';
    }
    const server = Reflect.construct(OldServer, []) as nodeNet.Server;
    server.on('connection', (socket) => socket.end('hello'));
    const port = await listening(server);
    const socket = Reflect.construct(OldSocket, []) as Socket & { note: string };
    const words = text(socket.connect(port, host));
    const derived = new NewSocket(on);
    const others = text(derived.connect(port, host));
    log.push(socket instanceof net.Socket, Object.getPrototypeOf(socket) === OldSocket.prototype);
    const heard = [await words, await others, socket.note, derived.attached, derived.constructor.name];
    await closed(server);
    return [log, heard];
  },
  'options of a stream: marks of each side, encoding, one side alone': async ({ net, on }) => {
    const marks = new net.Socket({ readableHighWaterMark: 10, writableHighWaterMark: 20, ...on } as object);
    const encoded = new net.Socket({ encoding: 'utf8', ...on } as object);
    const neither = new net.Socket({ readable: false, writable: false, ...on });
    const states = [marks.readableHighWaterMark, marks.writableHighWaterMark, encoded.readableEncoding];
    return [states, neither.readable, neither.writable];
  },
  'keep-alive and the like, asked for before there is a connection': async ({ net, on }) => {
    const server = net.createServer(on, (socket) => void socket.end('hello'));
    const port = await listening(server);
    const options = { keepAlive: true, keepAliveInitialDelay: 5000, noDelay: true, ...on };
    const socket = new net.Socket(options as nodeNet.SocketConstructorOpts);
    const words = await within('the words', text(socket.setKeepAlive(true, 9000).connect(port, host)));
    await closed(server);
    return words;
  },
  'timeout is a property like others': async ({ net, on }) => {
    const socket = new net.Socket(on);
    const before = [socket.timeout, Object.keys(socket).includes('timeout')];
    (socket as { timeout?: number }).timeout = 5;
    const after = socket.timeout;
    socket.setTimeout(50);
    const log = [before, after, socket.timeout];
    socket.destroy();
    return log;
  },
  'onread: what comes goes into one buffer, or into new ones; false holds it back': async ({ net, on }) => {
    const log: unknown[] = [];
    const server = net.createServer(on, (socket) => void socket.end('abcdefgh'));
    const port = await listening(server);
    for (const isMaking of [false, true]) {
      const whole = Buffer.alloc(4);
      let [heard, madeCount] = ['', 0];
      const make = (): Buffer => {
        madeCount++;
        return Buffer.alloc(4);
      };
      const onread = {
        buffer: isMaking ? make : whole,
        callback: (bytes: number, buffer: Uint8Array) => {
          heard += Buffer.from(buffer.subarray(0, bytes)).toString();
          if (heard.length >= 8) return true;
          setImmediate(() => socket.resume());
          return false;
        },
      };
      const socket = net.connect({ port, host, onread, ...on } as nodeNet.NetConnectOpts);
      socket.on('data', () => log.push('data'));
      await within('the end', once(socket, 'close'));
      log.push([heard, socket.bytesRead, isMaking ? madeCount > 1 : whole.byteLength]);
    }
    await closed(server);
    return log;
  },
  'onread: its callback is a method of the socket': async ({ net, on }) => {
    const server = net.createServer(on, (socket) => void socket.end('abc'));
    const port = await listening(server);
    const callers: unknown[] = [];
    const onread = {
      buffer: Buffer.alloc(8),
      callback(this: unknown) {
        callers.push(this);
        return true;
      },
    };
    const socket = net.connect({ port, host, onread, ...on } as nodeNet.NetConnectOpts);
    await within('the end', once(socket, 'close'));
    await closed(server);
    return callers.map((caller) => caller === socket);
  },
  'a write before there is a connection is over after it is there': async ({ net, on }) => {
    const log: unknown[] = [];
    const server = net.createServer(on, (socket) => void socket.resume());
    const port = await listening(server);
    const socket = new net.Socket({ ...on, highWaterMark: 0 } as nodeNet.SocketConstructorOpts);
    socket.connect(port, host, () => log.push('connect'));
    socket.on('error', () => log.push('error')).on('close', () => log.push('close', socket.pending));
    socket.write('über', () => log.push('written', socket.bytesWritten, socket.pending));
    log.push(socket.bytesWritten);
    socket.end('!', () => log.push('ended'));
    await within('the end', once(socket, 'close'));
    await closed(server);
    return log;
  },
  'port 0 is refused': async ({ net, on }) => {
    const socket = net.connect({ port: 0, host, ...on } as nodeNet.NetConnectOpts);
    const [error] = await within('the error', once(socket, 'error'));
    const { code, syscall, message, port } = error as NodeJS.ErrnoException & { port: number };
    return [code, syscall, message, port];
  },
  'what programs find of Node itself': async ({ net, on }) => {
    type Inside = { _handle: unknown; _connecting: boolean; _connectionKey: string };
    const server = net.createServer(on);
    const port = await listening(server);
    const socket = new net.Socket(on);
    const inside = socket as unknown as Inside;
    const log: unknown[] = [(server as unknown as Inside)._connectionKey, inside._handle, inside._connecting];
    const { _normalizeArgs } = nodeNet as unknown as { _normalizeArgs(all: unknown[]): unknown };
    (socket as { connect(all: unknown): void }).connect(_normalizeArgs([port, host]));
    log.push(inside._connecting);
    await within('the connection', once(socket, 'connect'));
    log.push(inside._connecting);
    socket.destroy();
    log.push(socket.pending, inside._handle);
    await closed(server);
    return log;
  },
  'maxConnections of 0': async ({ net, on }) => {
    const log: unknown[] = [];
    const server = net.createServer(on, (socket) => {
      log.push('connection');
      socket.destroy();
    });
    server.maxConnections = 0;
    server.on('drop', () => log.push('drop'));
    const port = await listening(server);
    const socket = nodeNet.connect(port, host).on('error', () => {});
    await within('the end', once(socket.resume(), 'close'));
    await closed(server);
    return log;
  },
  'hints and what lookup throws or makes up': async ({ net, on }) => {
    const log: unknown[] = [];
    const lookups: unknown[] = [
      undefined,
      () => {
        throw new Error('no look-up');
      },
      (_host: string, options: { all?: boolean }, found: (...all: unknown[]) => void) =>
        options.all ? found(null, [{ address: host, family: 100 }]) : found(null, host, 100),
      (_host: string, options: { all?: boolean }, found: (...all: unknown[]) => void) =>
        options.all ? found(null, [{ address: 'x', family: 4 }]) : found(null, 'x', 4),
    ];
    for (const lookup of lookups) {
      const socket = new net.Socket(on);
      const failed = new Promise((resolve) =>
        socket.once('error', (error) => resolve([codeOf(error), error.message])),
      );
      try {
        const hints = lookup === undefined ? 98_765 : 0;
        socket.connect({ port: 9, host: 'a name', hints, lookup } as nodeNet.TcpSocketConnectOpts);
        log.push(await within('an error', failed));
      } catch (error) {
        log.push('thrown', codeOf(error), (error as Error).message);
      }
      socket.destroy();
    }
    return log;
  },
  'captureRejections: a connection whose listener rejects is destroyed': async ({ net, on }) => {
    EventEmitter.captureRejections = true;
    const server = net.createServer(on, async () => {
      throw new Error('of a listener');
    });
    EventEmitter.captureRejections = false;
    const heard: unknown[] = [];
    server.prependListener('connection', (far) => far.on('error', ({ message }) => heard.push(message)));
    const port = await listening(server);
    const socket = nodeNet.connect(port, host).on('error', () => {});
    await within('the end', once(socket.resume(), 'close'));
    await closed(server);
    return heard;
  },
  'readableAll and writableAll of a Unix socket': async ({ net, on, directory }) => {
    const path = join(directory, `socket${Math.random()}`);
    const server = net.createServer(on);
    await listening(server, { path, readableAll: true, writableAll: true });
    const mode = statSync(path).mode & 0o666;
    const address = server.address() === path;
    await closed(server);
    return [mode, address];
  },
  'a socket on one of Node’s handles': async ({ net, on }) => {
    const server = nodeNet.createServer((socket) => void socket.end('from a handle'));
    const port = await listening(server);
    const socket = nodeNet.connect(port, host).pause();
    await within('a connection', once(socket, 'connect'));
    const inside = socket as unknown as { _handle: object | null };
    const handle = inside._handle;
    inside._handle = null;
    const taken = new net.Socket({ handle, ...on } as object);
    const words = await within('the words', text(taken));
    await closed(server);
    return words;
  },
};

describeOnEachBackend("'ringlet/net': options", (makeRing) => {
  const temporary = temporaryDirectory();

  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    it(`${title}: as node:net`, async () => {
      const world = { directory: temporary.path };
      const on = { ring: makeRing() };
      const ours = await within(
        'the scenario',
        scenario({ ...world, net: ringletNet as unknown as Net, on }),
      );
      const nodes = await within('the scenario of Node', scenario({ ...world, net: nodeNet, on: {} }));
      expect(ours).to.deep.equal(nodes);
    });
  }

  it('blockList: a socket does not connect to what is on it, and a server does not let it in', async () => {
    const blockList = new BlockList();
    blockList.addAddress(host);
    const ring = makeRing();
    const socket = ringletNet.connect({ port: 9, host, blockList, ring });
    const [error] = await within('an error', once(socket, 'error'));
    let count = 0;
    const server = ringletNet.createServer({ blockList, ring }, () => count++);
    const port = await listening(server as unknown as nodeNet.Server);
    const client = nodeNet.connect(port, host).on('error', () => {});
    await within('the end', once(client.resume(), 'close'));
    await closed(server as unknown as nodeNet.Server);
    expect([codeOf(error), count]).to.deep.equal(['ERR_IP_BLOCKED', 0]);
  });

  it('setTypeOfService: a number from 0 to 255', () => {
    const socket = new ringletNet.Socket();
    const codes = ['1', Number.NaN, 1.5, 256, -1].map((tos) => {
      try {
        socket.setTypeOfService(tos as number);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
      return undefined;
    });
    const type = 'ERR_INVALID_ARG_TYPE';
    const range = 'ERR_OUT_OF_RANGE';
    expect(codes).to.deep.equal([type, type, range, range, range]);
    expect(socket.setTypeOfService(16).getTypeOfService()).to.equal(16);
  });

  it('a socket and a server have no names of ringlet’s own', () => {
    const shown: string[] = [];
    for (const [ours, theirs] of [
      [ringletNet.Socket, nodeNet.Socket],
      [ringletNet.Server, nodeNet.Server],
    ] as const) {
      for (let at = ours.prototype as object; at !== EventEmitter.prototype; at = Object.getPrototypeOf(at)) {
        shown.push(...Object.getOwnPropertyNames(at).filter((name) => !(name in theirs.prototype)));
      }
    }
    // What Node has as a property of each socket, or has from 24 on.
    const known = ['connecting', 'getTypeOfService', 'setTypeOfService'];
    expect(shown.filter((name) => !known.includes(name))).to.deep.equal([]);
  });
});

describe("'ringlet/net' in a cluster and under systemd", () => {
  const temporary = temporaryDirectory();

  it('workers share a port, and each serves', async () => {
    const script = `
      import cluster from 'node:cluster';
      import net from 'ringlet/net';
      import nodeNet from 'node:net';
      if (cluster.isPrimary) {
        const workers = [cluster.fork(), cluster.fork()];
        const ports = await Promise.all(workers.map((worker) =>
          new Promise((resolve) => worker.on('listening', ({ port }) => resolve(port)))));
        const words = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
          let heard = '';
          nodeNet.connect(ports[0], '127.0.0.1').on('error', reject)
            .on('data', (chunk) => { heard += chunk; }).on('end', () => resolve(heard));
        })));
        console.log(ports[0] === ports[1], new Set(words).size);
        cluster.disconnect();
      } else {
        net.createServer((socket) => {
          if (!(socket instanceof net.Socket)) throw new Error('a socket of Node’s');
          socket.end(String(process.pid));
        }).listen({ port: 0, host: '127.0.0.1' });
      }`;
    const program = join(temporary.path, 'cluster.mjs');
    mkdirSync(join(temporary.path, 'node_modules'));
    symlinkSync(PACKAGE_ROOT, join(temporary.path, 'node_modules/ringlet'));
    writeFileSync(program, script);
    const outcome = await runProgram([process.execPath, program]);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('true 2\n');
  });

  it('serves on a socket that was passed as descriptor 3', async () => {
    const script = `
      import net from 'ringlet/net';
      const server = net.createServer((socket) => { socket.end('passed'); server.close(); });
      server.listen({ fd: 3 }, () => console.log(server.address().port));`;
    const holder = nodeNet.createServer();
    const port = await listening(holder);
    const { _handle: handle } = holder as unknown as { _handle: { fd: number } };
    const argv = ['--input-type=module', '-e', script];
    const stdio = ['ignore', 'pipe', 'inherit', handle.fd] as const;
    const child = spawn(process.execPath, argv, { cwd: PACKAGE_ROOT, stdio: [...stdio] });
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    const ended = once(child, 'exit');
    await eventually('the port', () => said.includes('\n'));
    holder.close();
    const words = await within('the words', text(nodeNet.connect(Number(said), host)));
    expect([Number(said), words, (await within('the end', ended))[0]]).to.deep.equal([port, 'passed', 0]);
  });
});
