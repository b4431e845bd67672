/** Ring.recordLatency and the tracing channel 'ringlet:operation': what they see, and that they stop. */
import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { DatagramSocket, type OperationTrace, type Ring } from 'ringlet';
import { describeOnEachBackend, doesWithout } from '../support/backends.js';
import { eventually, rejection } from '../support/eventually.js';
import { pattern, type TemporaryDirectory, temporaryDirectory } from '../support/temporary.js';

const CHANNEL = 'ringlet:operation';

interface Event {
  event: 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';
  trace: OperationTrace;
  /** A copy, because the trace goes on changing. */
  atThatTime: OperationTrace;
}

/** Subscribes while `body` runs; returns what was published, events of internal timers left out. */
async function traced(body: () => Promise<unknown>): Promise<Event[]> {
  const events: Event[] = [];
  const note = (event: Event['event']) => (message: unknown) => {
    const trace = message as OperationTrace;
    if (trace.kind !== 'timeout') events.push({ event, trace, atThatTime: { ...trace } });
  };
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  const tracing = tracingChannel<unknown, object>(CHANNEL);
  tracing.subscribe(subscribers);
  try {
    await body();
  } finally {
    tracing.unsubscribe(subscribers);
  }
  return events;
}

/** One call of every kind; returns their kinds. */
async function useEverything(ring: Ring, directory: TemporaryDirectory): Promise<string[]> {
  const { fs } = ring;
  const file = await fs.open(directory.file('a', pattern(100)), 'r+');
  const buffer = Buffer.alloc(10);
  await file.read(buffer, 0, 10, 0);
  await file.write(buffer, 0, 10, 0);
  await file.readv([buffer], 0);
  await file.writev([buffer], 0);
  await file.stat();
  await file.sync();
  await file.datasync();
  await file.truncate(50);
  await file.close();
  await fs.stat(directory.path);
  await fs.rename(directory.at('a'), directory.at('b'));
  await fs.unlink(directory.at('b'));
  await fs.mkdir(directory.at('c'));
  const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
  await socket.send('text', socket.address);
  await socket.close();
  return [
    ...['open', 'read', 'write', 'readv', 'writev', 'fstat', 'fsync', 'fdatasync', 'close'],
    ...['stat', 'rename', 'unlink', 'mkdir', 'send'],
    // What Node's pool does for a ring is none of its operations.
    ...(doesWithout(ring, 'truncate') ? [] : ['ftruncate']),
  ];
}

describeOnEachBackend('Ring.recordLatency', (makeRing) => {
  const directory = temporaryDirectory();

  it('a histogram for each kind of operation, in nanoseconds', async () => {
    const ring = makeRing();
    const recording = ring.recordLatency();
    const startedAt = performance.now();
    const kinds = await useEverything(ring, directory);
    const elapsedNs = (performance.now() - startedAt) * 1e6;
    recording.stop();
    expect([...recording.histograms.keys()])
      .to.include.members(kinds)
      .and.not.include('other');
    for (const kind of kinds) {
      const histogram = recording.histograms.get(kind);
      expect(histogram?.count, kind).to.be.at.least(1);
      // Less would be a clock in other units: no system call is that fast.
      expect(histogram?.min, kind).to.be.at.least(100);
      expect(histogram?.max, kind).to.be.at.most(elapsedNs * 1.01);
    }
  });

  it('counts each operation once, failures too, and nothing before it began or after stop()', async () => {
    const ring = makeRing();
    const path = directory.file('a', pattern(100));
    await using file = await ring.fs.open(path);
    const recording = ring.recordLatency();
    const reads = Array.from({ length: 50 }, (_unused, index) => file.read(Buffer.alloc(1), 0, 1, index));
    await Promise.all(reads);
    await rejection(ring.fs.stat(directory.at('missing')));
    recording.stop();
    expect(recording.isStopped).to.equal(true);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    await rejection(ring.fs.stat(directory.at('missing')));
    const counts = Object.fromEntries(
      [...recording.histograms].map(([kind, histogram]) => [kind, histogram.count]),
    );
    expect(counts.read).to.equal(50);
    expect(counts.stat).to.equal(1);
  });

  it('a wait shows: a read of an empty FIFO takes as long as the byte does to come', async () => {
    const ring = makeRing();
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    const recording = ring.recordLatency();
    const read = fifo.read(Buffer.alloc(1));
    await ring.sleep(30);
    await fifo.write(Buffer.alloc(1));
    await read;
    recording.stop();
    const histogram = recording.histograms.get('read');
    // One per cent less, which is the histogram's own precision.
    expect(histogram?.max).to.be.at.least(29.7e6);
  });

  it('several recordings at once have histograms of their own, and end on their own', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(directory.file('a', pattern(100)));
    const read = (): Promise<unknown> => file.read(Buffer.alloc(1), 0, 1, 0);
    const first = ring.recordLatency();
    await read();
    {
      using second = ring.recordLatency();
      await read();
      expect(second.histograms.get('read')?.count).to.equal(1);
    }
    await read();
    first.stop();
    first.stop();
    expect(first.histograms.get('read')?.count).to.equal(3);
  });

  it('results and errors are the same while it records', async () => {
    const ring = makeRing();
    using recording = ring.recordLatency();
    const path = directory.file('a', pattern(100));
    expect((await ring.fs.readFile(path)).equals(pattern(100))).to.equal(true);
    async function theCallerItself(): Promise<void> {
      await ring.fs.stat('missing');
    }
    const error = await rejection(theCallerItself());
    expect([error.code, error.syscall, error.path]).to.deep.equal(['ENOENT', 'stat', 'missing']);
    expect(error.stack).to.contain('theCallerItself');
    expect(recording.histograms.get('stat')?.count).to.equal(1);
  });
});

describeOnEachBackend('Tracing channel ringlet:operation', (makeRing, { options }) => {
  const directory = temporaryDirectory();
  /** What an open choice comes to where it is tested. */
  const backend = options.backend === 'auto' ? 'epoll' : options.backend;

  it('start, end, asyncStart and asyncEnd of one object each, for every kind of operation', async () => {
    const ring = makeRing();
    let kinds: string[] = [];
    const events = await traced(async () => {
      kinds = await useEverything(ring, directory);
    });
    const traces = new Set(events.map(({ trace }) => trace));
    expect([...traces].map(({ kind }) => kind))
      .to.include.members(kinds)
      .and.not.include('other');
    for (const trace of traces) {
      const names = events.filter((event) => event.trace === trace).map(({ event }) => event);
      expect(names, trace.kind).to.deep.equal(['start', 'end', 'asyncStart', 'asyncEnd']);
      expect(trace.backend).to.equal(backend);
      expect(trace.error, trace.kind).to.equal(undefined);
    }
  });

  it('says what an operation is about: descriptor, paths, address, bytes asked for, and its result', async () => {
    const ring = makeRing();
    const path = directory.file('a', pattern(100));
    let fd = -1;
    let port = -1;
    const events = await traced(async () => {
      const file = await ring.fs.open(path);
      fd = file.fd;
      await file.read(Buffer.alloc(500), 0, 500, 0);
      await file.close();
      await ring.fs.rename(path, directory.at('b'));
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      ({ port } = socket.address);
      await socket.send('text', socket.address);
      await socket.close();
    });
    const started = (kind: string): OperationTrace | undefined =>
      events.find(({ event, atThatTime }) => event === 'start' && atThatTime.kind === kind)?.atThatTime;
    const ended = (kind: string): OperationTrace | undefined =>
      events.find(({ event, atThatTime }) => event === 'asyncEnd' && atThatTime.kind === kind)?.atThatTime;
    expect(started('open')).to.deep.equal({ backend, kind: 'open', path });
    expect(started('read')).to.deep.equal({ backend, kind: 'read', fd, bytes: 500 });
    expect(started('close')).to.deep.equal({ backend, kind: 'close', fd });
    expect(started('rename')).to.deep.equal({ backend, kind: 'rename', path, dest: directory.at('b') });
    expect(started('send')).to.deep.include({ backend, kind: 'send', address: '127.0.0.1', port, bytes: 4 });
    const { result } = ended('read') ?? {};
    expect(typeof result === 'number' ? result : (result as { bytesRead: number }).bytesRead).to.equal(100);
    expect(ended('send')?.result).to.equal(4);
  });

  it('a failure: error comes before asyncStart, with the error that the caller gets', async () => {
    const ring = makeRing();
    const missing = directory.at('missing');
    let error: unknown;
    const events = await traced(async () => {
      error = await rejection(ring.fs.stat(missing));
    });
    expect(events.map(({ event }) => event)).to.deep.equal([
      'start',
      'end',
      'error',
      'asyncStart',
      'asyncEnd',
    ]);
    const [first, , failed] = events;
    expect(first?.atThatTime).to.deep.equal({ backend, kind: 'stat', path: missing });
    expect(failed?.atThatTime.error).to.equal(error);
    expect(first?.trace).to.equal(events.at(-1)?.trace);
  });

  it('a store bound to the start channel reaches the events, and the caller keeps its own', async () => {
    const ring = makeRing();
    const bound = new AsyncLocalStorage<string>();
    const own = new AsyncLocalStorage<string>();
    const start = channel(`tracing:${CHANNEL}:start`);
    const seen: (string | undefined)[] = [];
    const subscriber = (): void => {
      seen.push(own.getStore());
    };
    start.bindStore(bound, (trace) => (trace as OperationTrace).kind);
    const asyncEnd = channel(`tracing:${CHANNEL}:asyncEnd`);
    asyncEnd.subscribe(subscriber);
    try {
      await own.run('the caller', async () => {
        await ring.fs.stat(directory.path);
        expect([own.getStore(), bound.getStore()]).to.deep.equal(['the caller', undefined]);
      });
    } finally {
      start.unbindStore(bound);
      asyncEnd.unsubscribe(subscriber);
    }
    expect(seen).to.deep.equal(['the caller']);
  });

  it('one subscriber of one event is enough; without any, nothing is published', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(directory.file('a', pattern(100)));
    const kinds: string[] = [];
    const subscriber = (trace: unknown): void => {
      kinds.push((trace as OperationTrace).kind);
    };
    const asyncEnd = channel(`tracing:${CHANNEL}:asyncEnd`);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    asyncEnd.subscribe(subscriber);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    asyncEnd.unsubscribe(subscriber);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    expect(kinds).to.deep.equal(['read']);
  });

  it('a subscriber that throws does not take the operation with it', async () => {
    const ring = makeRing();
    const thrown: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    const asyncEnd = channel(`tracing:${CHANNEL}:asyncEnd`);
    const fault = new Error('on purpose');
    const subscriber = (): void => {
      throw fault;
    };
    asyncEnd.subscribe(subscriber);
    try {
      expect((await ring.fs.stat(directory.path)).isDirectory()).to.equal(true);
      asyncEnd.unsubscribe(subscriber);
      // diagnostics_channel rethrows on the next tick.
      await eventually('what the subscriber threw', () => thrown.length > 0);
    } finally {
      asyncEnd.unsubscribe(subscriber);
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    expect(thrown).to.deep.equal([fault]);
  });
});
