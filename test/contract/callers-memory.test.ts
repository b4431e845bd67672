/**
 * Memory that callers pass: whatever a view says of itself, whatever becomes of it while arguments are read or
 * while a call waits for its turn, no byte outside of it is read or written.
 */
import { expect } from 'chai';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  DatagramSocket,
  type FileHandle,
  Listener,
  type OutgoingDatagram,
  type Ring,
  type TransferRequest,
} from 'ringlet';
import net, { type SocketConnectOptions } from 'ringlet/net';
import { describeOnEachBackend } from '../support/backends.js';
import { takeMessage } from '../support/datagrams.js';
import { type CallError, eventually, rejection, within } from '../support/eventually.js';
import { skip } from '../support/skip.js';
import { connectPair, goalOf, type Pair, readAll, readBytes } from '../support/streams.js';
import { temporaryDirectory } from '../support/temporary.js';

const MEMORY_BYTES = 65_536;
const START = 32_768;
const BYTES = 100;
const CLAIM = 5000;
const [OUTSIDE, INSIDE, OTHERS, CONTENT] = [0xee, 0x11, 0xbb, 0x41];

/** A view of 100 bytes in the middle of more, and memory that it has nothing to do with. */
class Given {
  readonly memory = Buffer.from(new ArrayBuffer(MEMORY_BYTES)).fill(OUTSIDE);
  readonly others = Buffer.from(new ArrayBuffer(MEMORY_BYTES)).fill(OTHERS);
  readonly honest = new Uint8Array(this.memory.buffer, START, BYTES).fill(INSIDE);

  /** That nothing but the view has been written to. */
  expectUntouched(what: string): void {
    const around = Buffer.concat([this.memory.subarray(0, START), this.memory.subarray(START + BYTES)]);
    expect(around.equals(Buffer.alloc(around.length, OUTSIDE)), `${what}: around the view`).to.equal(true);
    const { others } = this;
    expect(others.equals(Buffer.alloc(others.length, OTHERS)), `${what}: others' memory`).to.equal(true);
  }
}

class Boaster extends Uint8Array {
  override get length(): number {
    return CLAIM;
  }
  override get byteLength(): number {
    return CLAIM;
  }
}

const claim = (target: object, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value });
};

const LIES: Readonly<Record<string, (given: Given) => NodeJS.ArrayBufferView>> = {
  'its length': ({ honest }) => Object.defineProperty(honest, 'length', { value: CLAIM }),
  'its byteLength': ({ honest }) => Object.defineProperty(honest, 'byteLength', { value: CLAIM }),
  'both lengths': ({ honest }) => {
    claim(honest, 'length', CLAIM);
    claim(honest, 'byteLength', CLAIM);
    return honest;
  },
  'its byteOffset': ({ honest }) => Object.defineProperty(honest, 'byteOffset', { value: 2 * START }),
  'its buffer': ({ honest, others }) => Object.defineProperty(honest, 'buffer', { value: others.buffer }),
  'a DataView its byteLength': ({ honest }) => {
    const view = new DataView(honest.buffer, honest.byteOffset, honest.length);
    return Object.defineProperty(view, 'byteLength', { value: CLAIM });
  },
  'its class both lengths': ({ honest }) => new Boaster(honest.buffer as ArrayBuffer, START, BYTES),
};

/** Runs `use` with each lie, and then looks at the memory. */
async function eachLie(
  use: (view: NodeJS.ArrayBufferView, given: Given, lie: string) => Promise<unknown>,
): Promise<void> {
  for (const [lie, make] of Object.entries(LIES)) {
    const given = new Given();
    await use(make(given), given, lie);
    given.expectUntouched(`a view that says ${lie}`);
  }
}

const DATA = Buffer.alloc(BYTES, INSIDE);

function expectJust(count: number, bytes: Uint8Array, lie: string): void {
  const expected = Buffer.concat(Array.from({ length: count }, () => DATA));
  expect(Buffer.from(bytes).equals(expected), `the bytes of a view that lies about ${lie}`).to.equal(true);
}

describeOnEachBackend('Views that lie', (makeRing) => {
  const directory = temporaryDirectory();
  let ring: Ring;
  let file: FileHandle;
  beforeEach(async () => {
    ring = makeRing();
    file = await ring.fs.open(directory.file('content', Buffer.alloc(MEMORY_BYTES, CONTENT)), 'r+');
  });
  afterEach(() => file.close());

  it('FileHandle.read and readv fill what there is', async () => {
    await eachLie(async (view, { honest }) => {
      // The second time its place is known.
      for (let round = 0; round < 3; round++) {
        const { bytesRead } = await file.read(view, { position: 0 });
        expect(bytesRead).to.equal(BYTES);
      }
      expect((await rejection(file.read(view, 0, CLAIM, 0))).code).to.equal('ERR_OUT_OF_RANGE');
      expect((await file.readv([view], 0)).bytesRead).to.equal(BYTES);
      expect(honest[BYTES - 1]).to.equal(CONTENT);
    });
  });

  it('an honest view of memory that another has lied about is filled', async () => {
    const given = new Given();
    const liar = Object.defineProperty(new Uint8Array(given.memory.buffer, 0, 10), 'byteOffset', {
      value: 1000,
    });
    await file.read(liar, 0, 10, 0);
    given.memory.fill(OUTSIDE);
    await file.read(given.honest, 0, BYTES, 0);
    expect(Buffer.from(given.honest).equals(Buffer.alloc(BYTES, CONTENT))).to.equal(true);
    given.honest.fill(INSIDE);
    given.expectUntouched('after a lie');
  });

  it('FileHandle.write, writev, writeFile and the parts of a content', async () => {
    const path = directory.at('written');
    await eachLie(async (view, _given, lie) => {
      const target = await ring.fs.open(path, 'w');
      await target.write(view);
      await target.writev([view, view]);
      await target.writeFile(view);
      await target.writeFile([view]);
      expect((await rejection(target.write(view, 0, CLAIM))).code).to.equal('ERR_OUT_OF_RANGE');
      await target.close();
      expectJust(5, readFileSync(path), lie);
    });
  });

  it('Fs.writeFile, appendFile and writeFileAtomic', async () => {
    const path = directory.at('written');
    await eachLie(async (view, _given, lie) => {
      await ring.fs.writeFile(path, view);
      await ring.fs.appendFile(path, view);
      expectJust(2, readFileSync(path), lie);
      await ring.fs.writeFileAtomic(path, view);
      expectJust(1, readFileSync(path), lie);
    });
  });

  it('the parts of a chain', async () => {
    const path = directory.at('written');
    await eachLie(async (view, { honest }, lie) => {
      const target = await ring.fs.open(path, 'w');
      const results = await ring.chain((chain) => [
        chain.write(target, view, { position: 0 }),
        chain.writev(target, [view, view], BYTES),
        chain.read(file, view, { position: 0 }),
        chain.readv(file, [view], 0),
      ]);
      expect(results.map(({ status }) => status)).to.deep.equal(Array(4).fill('fulfilled'));
      await target.close();
      expectJust(3, readFileSync(path), lie);
      expect(honest[BYTES - 1]).to.equal(CONTENT);
    });
  });

  it('StreamSocket.write, writev and read', async () => {
    await using pair = await connectPair(ring);
    await eachLie(async (view, { honest }, lie) => {
      const sent = await Promise.all([pair.near.write(view), pair.near.writev([view, view])]);
      expect(sent).to.deep.equal([BYTES, 2 * BYTES]);
      expectJust(3, await readBytes(pair.far, 3 * BYTES), lie);
      await pair.far.write(Buffer.alloc(2 * BYTES, CONTENT));
      const { bytesRead } = await within('bytes', pair.near.read(view, { fill: true }));
      expect(bytesRead).to.equal(BYTES);
      expect(honest[BYTES - 1]).to.equal(CONTENT);
      await readBytes(pair.near, BYTES);
    });
  });

  type Use = (sink: Writable) => Promise<void>;
  /** Streams of Node's making: each has `use` write, and ends with what has come of it. */
  const sinks: Readonly<Record<string, (use: Use) => Promise<Buffer>>> = {
    'StreamSocket.toDuplex': async (use) => {
      await using pair = await connectPair(ring);
      const [content] = await Promise.all([readAll(pair.far), use(pair.near.toDuplex())]);
      return content;
    },
    'a socket of ringlet/net': async (use) => {
      await using listener = await Listener.listen({ host: '127.0.0.1', port: 0, ring });
      const near = net.connect({ ...goalOf(listener), ring } as SocketConnectOptions);
      await using far = await within('a connection', listener.accept());
      const [content] = await Promise.all([readAll(far), use(near)]);
      return content;
    },
    'FileHandle.createWriteStream': async (use) => {
      const path = directory.at('streamed');
      await use((await ring.fs.open(path, 'w')).createWriteStream());
      return readFileSync(path);
    },
  };

  for (const [name, open] of Object.entries(sinks)) {
    it(`${name}: write, several at once, and end`, async () => {
      await eachLie(async (view, _given, lie) => {
        const content = open(async (sink) => {
          sink.write(view);
          sink.cork();
          sink.write(view);
          sink.write(view);
          sink.uncork();
          sink.end(view);
          await finished(sink, { readable: false });
        });
        expectJust(4, await within('all of it', content), lie);
      });
    });
  }

  it('a read of what an iterator has left', async () => {
    await eachLie(async (view, { honest }) => {
      await using pair = await connectPair(ring);
      await pair.far.write('first');
      for await (const _chunk of pair.near) {
        await pair.far.write(Buffer.alloc(CLAIM, CONTENT));
        await eventually('bytes to wait', () => pair.near.bufferedBytes > 0);
        break;
      }
      await within('bytes', pair.near.read(view, { fill: true }));
      expect(honest[BYTES - 1]).to.equal(CONTENT);
    });
  });

  it('DatagramSocket.send and sendMany', async () => {
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    const remote = socket.address;
    await eachLie(async (view, _given, lie) => {
      await socket.send(view, remote);
      expectJust(1, (await takeMessage(socket)).data, lie);
      await socket.send([view, view], remote);
      expectJust(2, (await takeMessage(socket)).data, lie);
      await socket.sendMany([{ data: view, remote }]);
      expectJust(1, (await takeMessage(socket)).data, lie);
      await socket.sendMany([{ data: [view, view], remote }]);
      expectJust(2, (await takeMessage(socket)).data, lie);
    });
  });
});

/** Memory that a getter gives away, and what its next owner finds in it. */
class Stolen {
  readonly buffer = new ArrayBuffer(4096);
  readonly view = new Uint8Array(this.buffer);
  #owned: Uint8Array | undefined;

  take(): void {
    this.#owned ??= new Uint8Array(structuredClone(this.buffer, { transfer: [this.buffer] }));
  }

  expectUntouched(what: string): void {
    this.take();
    const isZero = (this.#owned as Uint8Array).every((byte) => byte === 0);
    expect(isZero, `${what}: the memory of the next owner`).to.equal(true);
  }
}

/** An option that takes the memory away as it is read. */
function thief<Value>(stolen: Stolen, name: string, value: Value): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      stolen.take();
      return value;
    },
  });
}

function thievingSignal(stolen: Stolen, when: 'aborted' | 'addEventListener'): AbortSignal {
  const take = (): void => stolen.take();
  const signal = { addEventListener: when === 'aborted' ? () => {} : take, removeEventListener: () => {} };
  const aborted = {
    get: () => {
      if (when === 'aborted') take();
      return false;
    },
  };
  return Object.defineProperty(signal, 'aborted', aborted) as unknown as AbortSignal;
}

/** The compiler's library is older than it. */
type ResizableBuffer = ArrayBuffer & { resize(bytes: number): void };

const GONE = 'ERR_BUFFER_OUT_OF_BOUNDS';
/** What a call may say of memory that it no longer finds. */
const REFUSALS: readonly unknown[] = [
  GONE,
  'ERR_OUT_OF_RANGE',
  'ERR_INVALID_ARG_VALUE',
  'ERR_INVALID_ARG_TYPE',
];

describeOnEachBackend('Memory given away while arguments are read', (makeRing) => {
  const directory = temporaryDirectory();
  let ring: Ring;
  let file: FileHandle;
  let pair: Pair;
  beforeEach(async () => {
    ring = makeRing({ inlineReads: false });
    file = await ring.fs.open(directory.file('content', Buffer.alloc(MEMORY_BYTES, CONTENT)), 'r+');
    pair = await connectPair(ring);
    await pair.far.write(Buffer.alloc(1000, CONTENT));
  });
  afterEach(async () => {
    await file.close();
    await pair[Symbol.asyncDispose]();
  });

  type Call = (stolen: Stolen) => Promise<unknown>;
  const calls: Readonly<Record<string, Call>> = {
    'read by position': (stolen) => file.read(stolen.view, thief(stolen, 'position', 0)),
    'read by length': (stolen) => file.read(stolen.view, thief(stolen, 'length', 100)),
    'read by aborted': (stolen) =>
      file.read(stolen.view, { position: 0, signal: thievingSignal(stolen, 'aborted') }),
    'read by addEventListener': (stolen) =>
      file.read(stolen.view, { position: 0, signal: thievingSignal(stolen, 'addEventListener') }),
    'readv by signal': (stolen) => file.readv([stolen.view], 0, thief(stolen, 'signal', undefined)),
    'readv by an element': (stolen) => {
      const views = [stolen.view, stolen.view];
      Object.defineProperty(views, 1, {
        get: () => {
          stolen.take();
          return stolen.view;
        },
      });
      return file.readv(views, 0);
    },
    'readMany by position': (stolen) =>
      file.readMany([
        { buffer: stolen.view, position: 0 },
        Object.assign(thief(stolen, 'position', 0), { buffer: stolen.view }) as TransferRequest,
      ]),
    'write by position': (stolen) => file.write(stolen.view, thief(stolen, 'position', 0)),
    'chain part by position': (stolen) =>
      ring.chain((chain) => [chain.read(file, stolen.view, thief(stolen, 'position', 0))]),
    'chain by its builder': (stolen) =>
      ring.chain((chain) => {
        const part = chain.read(file, stolen.view, { position: 0 });
        stolen.take();
        return [part];
      }),
    'chain by timeoutMs': (stolen) =>
      ring.chain((chain) => [chain.read(file, stolen.view)], thief(stolen, 'timeoutMs', 1000)),
    'stream read by length': (stolen) => pair.near.read(stolen.view, thief(stolen, 'length', 100)),
    'stream read by aborted': (stolen) =>
      pair.near.read(stolen.view, { signal: thievingSignal(stolen, 'aborted') }),
    'stream read by addEventListener': (stolen) =>
      pair.near.read(stolen.view, { signal: thievingSignal(stolen, 'addEventListener') }),
    'stream write by addEventListener': (stolen) =>
      pair.near.write(stolen.view, { signal: thievingSignal(stolen, 'addEventListener') }),
  };

  for (const [title, call] of Object.entries(calls)) {
    it(title, async () => {
      const stolen = new Stolen();
      // Its place is known from here on.
      for (let round = 0; round < 3; round++) await file.read(stolen.view, 0, 10, 0);
      stolen.view.fill(0);
      const outcome = await within(title, call(stolen)).catch((error: CallError) => error);
      if (outcome instanceof Error) expect(REFUSALS).to.include((outcome as CallError).code);
      stolen.expectUntouched(title);
      // Nothing is out of step.
      expect((await file.read(Buffer.alloc(10), 0, 10, 0)).bytesRead).to.equal(10);
    });
  }
});

describeOnEachBackend('Memory given away while a call waits for its turn', (makeRing, { options }) => {
  const directory = temporaryDirectory();

  /** Runs `use` on a ring whose only place is taken, and then frees it. */
  async function whileFull(use: (ring: Ring, file: FileHandle) => Promise<unknown>): Promise<unknown> {
    const ring = makeRing({ inFlightMax: 1, inlineReads: false });
    const file = await ring.fs.open(directory.file('content', Buffer.alloc(MEMORY_BYTES, CONTENT)), 'r+');
    const path = directory.fifo('pipe');
    const opening = ring.fs.open(path);
    await eventually('the place to be taken', () => ring.stats().inFlight === 1);
    const outcome = use(ring, file).catch((error: CallError) => error);
    const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const pipe = await within('the FIFO to open', opening);
    const result = await within('the call that waited', outcome);
    closeSync(writer);
    await Promise.all([file.close(), pipe.close()]);
    return result;
  }

  it('FileHandle.read and writev reject, and those behind them go on', async () => {
    for (const call of ['read', 'writev'] as const) {
      const stolen = new Stolen();
      const honest = Buffer.alloc(10);
      let behind: Promise<{ bytesRead: number }> | undefined;
      const outcome = await whileFull((_ring, file) => {
        const calling = call === 'read' ? file.read(stolen.view, 0, 100, 0) : file.writev([stolen.view], 0);
        behind = file.read(honest, 0, 10, 0);
        stolen.take();
        return calling;
      });
      expect(outcome).to.include({ code: GONE });
      expect(await behind).to.include({ bytesRead: 10 });
      stolen.expectUntouched(call);
    }
  });

  it('a part of a chain is refused when its turn comes, and ends the chain', async () => {
    const stolen = new Stolen();
    const outcome = await whileFull((ring, file) => {
      const chaining = ring.chain((chain) => [
        chain.sync(file),
        chain.write(file, stolen.view, { position: 0 }),
      ]);
      stolen.take();
      return chaining;
    });
    const [sync, write] = outcome as [PromiseSettledResult<void>, PromiseRejectedResult];
    expect([sync.status, write.reason.code]).to.deep.equal(['fulfilled', GONE]);
    expect(readFileSync(directory.at('content'))[0]).to.equal(CONTENT);
  });

  it('of a link of a chain nothing is done', async function () {
    if (options.backend === 'node') skip(this, 'Node is called for one part after another');
    const ring = makeRing();
    const file = await ring.fs.open(directory.file('content', Buffer.alloc(MEMORY_BYTES, CONTENT)), 'r+');
    const stolen = new Stolen();
    const results = await ring.chain((chain) => {
      chain.write(file, Buffer.from('x'), { position: 0 });
      chain.write(file, stolen.view, { position: 0 });
      chain.sync(file);
      stolen.take();
    });
    const codes = results.map((result) => (result as PromiseRejectedResult).reason.code);
    expect(codes).to.deep.equal(['ECANCELED', GONE, 'ECANCELED']);
    await file.close();
    expect(readFileSync(directory.at('content'))[0]).to.equal(CONTENT);
  });

  it('a resizable buffer that has shrunk is refused, and one that has grown is not', async () => {
    for (const bytes of [50, 4000]) {
      const buffer = Reflect.construct(ArrayBuffer, [100, { maxByteLength: 4096 }]) as ResizableBuffer;
      const view = new Uint8Array(buffer);
      const outcome = await whileFull((_ring, file) => {
        const reading = file.read(view, 0, undefined, 0);
        buffer.resize(bytes);
        return reading;
      });
      expect(outcome).to.include(bytes < 100 ? { code: GONE } : { bytesRead: 100 });
    }
  });

  it('a stream leaves that write out, and sends the others', async function () {
    if (options.backend === 'node') skip(this, 'net.Socket has every write at once');
    await using pair = await connectPair(makeRing(), undefined, { sendBufferBytes: 4096 });
    const first = Buffer.alloc(1024 * 1024, INSIDE);
    const stolen = new Stolen();
    const writes = [
      pair.near.write(first),
      pair.near.write(stolen.view),
      pair.near.writev([Buffer.from('la'), Buffer.from('st')]),
    ];
    stolen.take();
    const outcomes = Promise.allSettled(writes);
    expect((await readBytes(pair.far, first.length)).equals(first)).to.equal(true);
    expect(String(await readBytes(pair.far, 4))).to.equal('last');
    const [, lost] = await outcomes;
    expect((lost as PromiseRejectedResult).reason).to.include({ code: GONE, bytesWritten: 0 });
    expect(await Promise.all([writes[0], writes[2]])).to.deep.equal([first.length, 4]);
  });

  it('sendMany says how many had left before', async () => {
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring: makeRing() });
    const stolen = new Stolen();
    const remote = socket.address;
    const messages: OutgoingDatagram[] = Array.from({ length: 300 }, () => ({ data: 'x', remote }));
    messages[299] = { data: stolen.view, remote };
    const sending = rejection(socket.sendMany(messages));
    stolen.take();
    expect(await sending).to.include({ code: GONE, sentCount: 299 });
  });
});
