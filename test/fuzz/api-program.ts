/**
 * Calls of the whole public API with wild arguments: `api-program.js OPTIONS SEED CALLS`, in a directory of its own.
 *
 * Prints what went wrong as JSON: the process must live, each promise settle, no memory be written that was not
 * given for it, no error be one of JavaScript's own from inside ringlet, and rings close. Each call has its own
 * random numbers, so that a seed repeats the arguments; what they meet depends on time.
 */
import { mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { DatagramSocket, type FileHandle, Listener, Ring, type RingOptions, StreamSocket } from 'ringlet';
import { createRandom, type Random } from '../support/random.js';
import { GuardedMemory } from './guarded-memory.js';
import { NAMES, OwnError, WildValues } from './wild-values.js';

type Callable = (...args: unknown[]) => unknown;

const [optionsText = '{}', seedText = '1', callsText = '1000'] = process.argv.slice(2);
const OPTIONS = JSON.parse(optionsText) as RingOptions;
const SEED = Number(seedText);
const CALLS = Number(callsText);

/** Calls between which the event loop has its turn. */
const TURN_CALLS = 25;
/** Calls between which what has been closed or removed is made anew. */
const REFILL_CALLS = 250;
const KEPT_MAX = 8;
const PENDING_MAX = 3000;
const END_MS = 15_000;

/** Of every object: what would end the watching, not what is watched. */
const LEFT_OUT: ReadonlySet<string | symbol> = new Set([
  ...['constructor', 'domain', 'detach', 'fd'],
  ...['on', 'once', 'addListener', 'prependListener', 'prependOnceListener', 'off', 'removeListener', 'emit'],
  ...['removeAllListeners', 'listeners', 'rawListeners', 'listenerCount', 'eventNames', 'setMaxListeners'],
  // Never over, or over with an error that nobody can listen for, in Node too.
  ...['watch', 'watchFile', 'readLines'],
]);

let current = createRandom(SEED);
const random: Random = {
  integer: (below) => current.integer(below),
  pick: (values) => current.pick(values),
  chance: (percent) => current.chance(percent),
};

const memory = new GuardedMemory(random);
const faults = memory.faults;
const counts = { calls: 0, thrown: 0, rejected: 0, fulfilled: 0 };
/** Where to look after a crash: the calls before it. */
const log = openSync('calls.log', 'w');
const LOG_LINES = 64;
const LOG_BYTES = 160;

const kept = {
  files: [] as FileHandle[],
  connections: [] as StreamSocket[],
  datagrams: [] as DatagramSocket[],
  listeners: [] as Listener[],
  pools: [] as ReturnType<Ring['bufferPool']>[],
  iterators: [] as AsyncIterator<unknown>[],
  releasable: [] as { release(): void }[],
};
const pending = new Map<Promise<unknown>, string>();
const closings: Promise<unknown>[] = [];
let ring = makeRing();

function makeRing(): Ring {
  return new Ring({
    inFlightMax: random.pick([1, 2, 8, 64]),
    submissionEntries: random.pick([4, 8, 64]),
    completionEntries: 64,
    receiveBuffers: { count: random.pick([2, 8]), bytes: random.pick([100, 4096]) },
    ...(random.chance(30) && { registeredFds: random.pick([1, 16, 256]) }),
    ...OPTIONS,
  });
}

function fault(text: string): void {
  if (faults.length < 20 && !faults.includes(text)) faults.push(text);
}

/** Whether the engine has thrown it in the middle of ringlet, and no value of a caller's has brought it about. */
function isSlip(error: unknown): error is Error {
  if (!(error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError))
    return false;
  if ('code' in error || /revoked|primitive|Symbol|BigInt|detached/.test(error.message)) return false;
  // Node 20's own, from the text of an error about an argument whose constructor is no object.
  if (error.message.startsWith("Cannot use 'in' operator to search for 'name'")) return false;
  return /^\s+at .*\/dist\//.test(error.stack?.split('\n')[1] ?? '');
}

function note(error: unknown, what: string): void {
  if (isSlip(error)) fault(`${what}: ${error.stack?.split('\n').slice(0, 4).join(' ')}`);
}

/** What a call has made is called upon later, and closed at the end. */
function keep(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { close, destroy, next, release, acquire } = value as Record<string, unknown>;
  if (value instanceof StreamSocket) kept.connections.push(value);
  else if (value instanceof DatagramSocket) kept.datagrams.push(value);
  else if (value instanceof Listener) kept.listeners.push(value);
  else if (typeof acquire === 'function') kept.pools.push(value as ReturnType<Ring['bufferPool']>);
  else if (typeof next === 'function') kept.iterators.push(value as AsyncIterator<unknown>);
  else if (typeof release === 'function') kept.releasable.push(value as { release(): void });
  else if (typeof destroy === 'function') endStream(value as Destroyable);
  else if ('appendFile' in value) kept.files.push(value as FileHandle);
  else if (typeof close === 'function') track('close of what was opened', Reflect.apply(close, value, []));
}

type Destroyable = NodeJS.EventEmitter & { destroy(): void };

function endStream(stream: Destroyable): void {
  stream.on('error', (error) => note(error, 'a stream'));
  setImmediate(() => stream.destroy());
}

function track(what: string, result: unknown): void {
  if (!(result instanceof Promise)) {
    keep(result);
    return;
  }
  pending.set(result, what);
  result.then(
    (value) => {
      pending.delete(result);
      counts.fulfilled++;
      keep(value);
    },
    (error: unknown) => {
      pending.delete(result);
      counts.rejected++;
      note(error, what);
    },
  );
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 20));
  if (Object.is(value, -0)) return 'no number';
  return typeof value === 'object' && value !== null ? 'object' : String(value);
}

function call(target: object, name: string | symbol, args: readonly unknown[]): void {
  const what = `${target.constructor?.name ?? 'object'}.${String(name)}`;
  const line = `${counts.calls} ${what}(${args.map(show).join(', ')})`.slice(0, LOG_BYTES - 1);
  memory.call = line;
  writeSync(log, `${line.padEnd(LOG_BYTES - 1)}\n`, (counts.calls % LOG_LINES) * LOG_BYTES);
  try {
    track(what, (Reflect.get(target, name) as Callable).apply(target, [...args]));
  } catch (error) {
    counts.thrown++;
    note(error, what);
  }
}

function nameOf(value: unknown): string {
  const { constructor: made, [Symbol.toStringTag]: tag } = Object(value) as Record<PropertyKey, unknown>;
  return String((made as { name?: unknown } | undefined)?.name || tag);
}

function methodsOf(target: object): (string | symbol)[] {
  const names = new Set<string | symbol>();
  for (let each = target; each !== Object.prototype && each !== null; each = Object.getPrototypeOf(each)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      if (typeof value === 'function' && !LEFT_OUT.has(name)) names.add(name);
    }
  }
  return [...names];
}

const values = new WildValues(random, {
  memory,
  object: () => random.pick([...kept.files, ...kept.connections, ...kept.datagrams, ring, ring.fs]),
  disturb() {
    switch (random.integer(6)) {
      case 0:
        memory.resize();
        break;
      case 1:
        track(
          'close in the middle',
          random.pick([...kept.files, ...kept.connections, ring.fs as never]).close?.(),
        );
        break;
      case 2:
        kept.releasable.pop()?.release();
        break;
      case 3:
        if (random.chance(2)) replaceRing();
    }
  },
});

function replaceRing(): void {
  closings.push(ring.close());
  kept.listeners.length = 0;
  ring = makeRing();
}

function callMethod(target: object | undefined, usual: (name: string | symbol) => readonly unknown[]): void {
  if (target === undefined) return;
  const names = methodsOf(target).filter((name) => name !== 'close' || random.chance(10));
  if (names.length === 0) return;
  const name = random.pick(names);
  call(target, name, random.chance(60) ? usual(name) : values.list());
}

function pickOf<Value>(list: readonly Value[]): Value | undefined {
  return list.length === 0 ? undefined : random.pick(list);
}

const views = (): unknown[] => [memory.view(), memory.view()];

function fileArgs(name: string | symbol): unknown[] {
  if (random.chance(15)) return values.doomedTransfer();
  return [String(name).endsWith('v') ? views() : memory.view(), ...values.list()];
}

function buildChain(chain: object): unknown {
  const parts: unknown[] = [];
  for (let left = random.integer(6); left > 0; left--) {
    const add = Reflect.get(chain, random.pick(methodsOf(chain))) as Callable;
    const file = random.chance(80) ? pickOf(kept.files) : values.any();
    parts.push(add.call(chain, file, random.pick([memory.view(), 'text', views(), 100]), values.any()));
  }
  return random.chance(70) ? parts : values.any();
}

/** What gives a socket an address that is not this machine's, or a port that may be somebody else's. */
const AT_HOME = { host: '127.0.0.1', address: '127.0.0.1', path: undefined, localAddress: undefined };

const KINDS: readonly (readonly [weight: number, run: () => void])[] = [
  [30, () => callMethod(ring.fs, () => [random.pick(NAMES), ...values.list().slice(0, 2)])],
  [30, () => callMethod(pickOf(kept.files), fileArgs)],
  [10, () => callMethod(pickOf(kept.connections), fileArgs)],
  [
    10,
    () => {
      const socket = pickOf(kept.datagrams);
      const data = random.pick([memory.view(), views(), 'text']);
      callMethod(socket, (name) =>
        name === 'sendMany' ? [[{ data, remote: socket?.address }]] : [data, socket?.address, values.any()],
      );
    },
  ],
  [8, () => call(ring, 'chain', [buildChain, values.any()])],
  [
    5,
    () => {
      const name = random.pick(['sleep', 'interval', 'poll', 'watch', 'recordLatency', 'stats', 'cancelAll']);
      const fd = random.pick([pickOf(kept.files)?.fd, 999, -1]);
      const events = random.pick([['readable'], ['writable', 'hangup'], values.any()]);
      call(ring, name, name === 'poll' || name === 'watch' ? [fd, events, values.any()] : [1, values.any()]);
    },
  ],
  [2, () => call(ring, 'bufferPool', [{ count: 2, bytes: 100, ...values.options(3), hugePages: undefined }])],
  [3, () => callMethod(pickOf(kept.pools), () => [])],
  [3, () => call(pickOf(kept.iterators) ?? {}, random.pick(['next', 'return']), [])],
  [
    2,
    () => {
      const [Class, name] = random.pick([
        [StreamSocket, 'connect'],
        [Listener, 'listen'],
        [DatagramSocket, 'bind'],
      ] as const);
      const port = name === 'connect' ? (kept.listeners[0]?.address.port ?? 1) : 0;
      call(Class, name, [
        random.chance(90) ? { ...values.options(1), ...AT_HOME, ring, port } : values.number(),
      ]);
    },
  ],
  [1, () => closings.push(new Ring({ ...values.options(3), ...OPTIONS }).close())],
  [1, () => track('close', pickOf(kept.files)?.close())],
];
const TOTAL = KINDS.reduce((sum, [weight]) => sum + weight, 0);

function callSomething(): void {
  let left = random.integer(TOTAL);
  const kind = KINDS.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  try {
    kind?.[1]();
  } catch (error) {
    // A ring that is refused, a getter of a socket that is closed.
    note(error, 'a call');
  }
}

function thin(): void {
  const drop = <Value>(list: Value[], end: (value: Value) => unknown): void => {
    while (list.length > KEPT_MAX) {
      const [value] = list.splice(random.integer(list.length), 1);
      track(`the end of a ${nameOf(value)} too many`, end(value as Value));
    }
  };
  for (const list of [kept.files, kept.connections, kept.datagrams, kept.listeners, kept.pools]) {
    drop<{ close(): unknown }>(list, (each) => each.close());
  }
  drop(kept.iterators, (each) => each.return?.());
  drop(kept.releasable, (each) => each.release());
}

async function refill(): Promise<void> {
  for (const name of readdirSync('.')) {
    if (![...NAMES, 'calls.log'].includes(name)) rmSync(name, { recursive: true, force: true });
  }
  try {
    mkdirSync('d', { recursive: true });
    for (const name of ['a', 'b', 'd/x']) writeFileSync(name, Buffer.alloc(random.integer(70_000), 'a'));
  } catch {
    // A name is a directory, or what led to it is none: that is as good.
  }
  while (kept.files.length < 4)
    kept.files.push(await ring.fs.open('.', 'r').catch(() => ring.fs.open('/dev/null')));
  for (const name of ['a', 'b']) track('open', ring.fs.open(name, random.pick(['r+', 'w+', 'a+'])));
  if (kept.datagrams.length < 2) track('bind', DatagramSocket.bind({ address: '127.0.0.1', ring }));
  if (kept.listeners.length === 0)
    kept.listeners.push(await Listener.listen({ host: '127.0.0.1', port: 0, ring }));
  const [listener] = kept.listeners as [Listener];
  if (kept.connections.length < 3) {
    track('accept', listener.accept({ signal: AbortSignal.timeout(1000) }));
    track('connect', StreamSocket.connect({ host: '127.0.0.1', port: listener.address.port, ring }));
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function run(): Promise<void> {
  for (let index = 0; index < CALLS; index++) {
    current = createRandom(SEED + index * 7919);
    if (index % REFILL_CALLS === 0) {
      await Promise.race([
        refill().catch((error: unknown) => note(error, 'refill')),
        nextTurn().then(nextTurn),
      ]);
    }
    counts.calls++;
    memory.call = String(counts.calls);
    callSomething();
    if (index % TURN_CALLS > 0) continue;
    thin();
    await nextTurn();
    while (pending.size > PENDING_MAX) await nextTurn();
  }
}

async function end(): Promise<void> {
  for (const iterator of kept.iterators) track(`return of a ${nameOf(iterator)}`, iterator.return?.());
  for (const each of kept.releasable) each.release();
  for (const list of [kept.files, kept.connections, kept.datagrams, kept.listeners, kept.pools]) {
    for (const each of list) track(`close of a ${nameOf(each)}`, each.close());
  }
  closings.push(ring.close());
  const deadline = Date.now() + END_MS;
  let areClosed = false;
  const closing = Promise.allSettled(closings).then(() => {
    areClosed = true;
  });
  while ((pending.size > 0 || !areClosed) && Date.now() < deadline)
    await Promise.race([closing, nextTurn()]).then(nextTurn);
  if (!areClosed) fault('a ring does not close');
  for (const what of new Set(pending.values())) fault(`${what} does not settle`);
  // What Node's pool has begun goes on after its caller has been answered.
  const left = (): { inFlight: number; waiting: number; staleCompletions: number } => {
    const { inFlight, waiting, staleCompletions } = ring.stats();
    return { inFlight, waiting, staleCompletions };
  };
  const isAnythingLeft = (): boolean => Object.values(left()).some((count) => count > 0);
  while (isAnythingLeft() && Date.now() < deadline) await nextTurn();
  if (isAnythingLeft()) fault(`left: ${JSON.stringify(left())}`);
}

process.on('unhandledRejection', (error) => {
  if (!(error instanceof OwnError)) fault(`unhandled: ${(error as Error)?.stack ?? error}`);
});
process.on('uncaughtException', (error) => {
  if (!(error instanceof OwnError)) fault(`uncaught: ${error?.stack ?? error}`);
});
process.on('warning', () => {});

await run();
await end();
memory.checkAll();
console.log(JSON.stringify({ ...counts, faults }));
process.exit(faults.length === 0 ? 0 : 1);
