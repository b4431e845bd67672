/** Listener: a TCP port or Unix socket that accepts connections, as an async iterator. */
import { type Abortable, orAborted, unwatchAbort, watchAbort } from '../../abort.js';
import type { BackendListener, BackendStream, ListenTarget } from '../../backend/streams.js';
import { checkOurs, OURS } from '../../construction.js';
import { abortError, invalidArgType, listenerClosedError, missingArgs } from '../../errors.js';
import { Line, type Place } from '../../line.js';
import { backendOf } from '../../ring.js';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkSignal,
  checkSignalOptions,
  checkString,
} from '../../validate.js';
import { type Remains, unwatchDropped, watchDropped } from '../dropped-sockets.js';
import { checkPort, familyOf, type SocketAddress } from '../address.js';
import { addressesOf } from './connect.js';
import { readBounds, readStreamOptions, type StreamSocketOptions } from './stream-options.js';
import type { StreamCallOptions } from './stream-calls.js';
import { type StreamSocket, wrapStream } from './stream-socket.js';
import { checkUnixPath, unixAddress } from '../unix-path.js';

const BACKLOG = 511;
const PENDING_MAX = 128;
const COUNT_MAX = 2 ** 31 - 1;

/** Beside what the listener itself needs: what its connections get. */
export interface ListenOptions extends StreamSocketOptions {
  /** 0 to 65535; 0 takes a free one. Either this or `path`. */
  port?: number | undefined;
  /** A literal address, or a name to look up. Default: every address of the machine, IPv6 and IPv4. */
  host?: string | undefined;
  /** A Unix socket, up to 107 bytes; a name that begins with NUL is abstract. A path must not exist yet. */
  path?: string | undefined;
  /** Connections that the kernel keeps until they are accepted, up to net.core.somaxconn. Default 511. */
  backlog?: number | undefined;
  /**
   * From how many accepted connections on that nobody has taken the listener stops accepting; those that the
   * kernel's backlog held at that moment may still come. Default 128.
   */
  pendingMax?: number | undefined;
  /** For an IPv6 address: whether IPv4 is left out. Otherwise it comes as `::ffff:1.2.3.4`. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEPORT: listeners that all ask for it share a port, and the kernel spreads what comes. Default false. */
  reusePort?: boolean | undefined;
  /** SO_INCOMING_CPU: of listeners that share a port, this one gets what arrives on that CPU. */
  incomingCpu?: number | undefined;
  /**
   * Whether TCP and Unix connections are accepted straight into the ring's file table, and have no descriptor
   * until somebody needs one: `fd`, `detach`, `end`, a setter, `localAddress` of a listener on every address,
   * `peerCredentials`. So there may be more of them than the process may have descriptors. One that can't be made
   * rejects or throws with EMFILE and `syscall` 'dup', 'setsockopt', 'getsockopt' or 'getsockname'; `end` and
   * `reset` do without. Connections that find the table full have descriptors, as have those of a listener with
   * `zeroCopy`, `quickAck`, or options of Unix sockets. Needs a ring with `registeredFds` and Linux 6.13; without
   * effect otherwise, and on the node backend. Default true.
   */
  directDescriptors?: boolean | undefined;
  /**
   * Told of an accept that failed, mostly for want of descriptors (EMFILE, ENFILE) or memory: once, until
   * one succeeds again. The listener goes on. Default: a process warning.
   */
  onAcceptError?: ((error: Error) => void) | undefined;
  /** Ends the look-up of a name. */
  signal?: AbortSignal | undefined;
}

/** A call that waits for a connection. */
class Taker implements Abortable {
  readonly promise: Promise<StreamSocket | null>;
  /** Where it waits. */
  place: Place<Taker> | undefined;
  resolve!: (socket: StreamSocket | null) => void;
  reject!: (error: Error) => void;
  readonly #listener: { forget(taker: Taker): void };
  readonly #signal: AbortSignal | undefined;

  constructor(listener: { forget(taker: Taker): void }, signal: AbortSignal | undefined) {
    this.#listener = listener;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Once it has its place, which an abort gives up. */
  watch(): void {
    if (this.#signal !== undefined) watchAbort(this.#signal, this);
  }

  settle(socket: StreamSocket | null): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.resolve(socket);
  }

  onAbort(signal: AbortSignal): void {
    this.#listener.forget(this);
    this.reject(abortError(signal));
  }
}

/** How a backend reaches the listener that it works for: strongly while somebody awaits a connection. */
class ListenerLink {
  readonly #weak: WeakRef<Listener>;
  awaited: Listener | undefined;

  constructor(listener: Listener) {
    this.#weak = new WeakRef(listener);
  }

  get listener(): Listener | undefined {
    return this.awaited ?? this.#weak.deref();
  }
}

/** What is left of a listener that nobody closed. */
class ListenerRemains implements Remains {
  readonly #backend: BackendListener;
  readonly #waiting: BackendStream[];

  constructor(backend: BackendListener, waiting: BackendStream[]) {
    this.#backend = backend;
    this.#waiting = waiting;
  }

  get isClosing(): boolean {
    return this.#backend.isClosing;
  }

  async abandon(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    await Promise.all([this.#backend.close(), ...waiting.map((stream) => stream.close(false))]);
  }
}

export class Listener implements AsyncIterable<StreamSocket> {
  readonly #bounds: ListenTarget['bounds'];
  readonly #pendingMax: number;
  #backend!: BackendListener;
  readonly #waiting: BackendStream[] = [];
  readonly #link = new ListenerLink(this);
  readonly #takers = new Line<Taker>();
  #isAccepting = false;
  #isRef = true;
  #closing: Promise<void> | undefined;

  private constructor(key: typeof OURS, bounds: ListenTarget['bounds'], pendingMax: number) {
    checkOurs(key);
    this.#bounds = bounds;
    this.#pendingMax = pendingMax;
  }

  /**
   * Listens on a TCP port or a Unix socket. From then on the kernel lets peers connect, as far as the backlog
   * goes; they are accepted once somebody iterates, or calls `accept`.
   *
   * Rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT or
   * ERR_MISSING_ARGS; with `syscall` 'listen', `code`, `address` and `port` (EADDRINUSE, EADDRNOTAVAIL,
   * EACCES); ENOTFOUND for a name; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for an option that the node backend has
   * not; AbortError; ERR_RINGLET_CLOSED.
   */
  static async listen(options: ListenOptions): Promise<Listener> {
    checkObject(options, 'options');
    const target = readTarget(options);
    const pendingMax = checkInteger(options.pendingMax ?? PENDING_MAX, 'options.pendingMax', 1, COUNT_MAX);
    const { onAcceptError = warn } = options;
    if (typeof onAcceptError !== 'function') {
      throw invalidArgType('options.onAcceptError', 'of type function', onAcceptError);
    }
    const signal = checkSignal(options.signal);
    const { streams } = backendOf(options.ring);
    if (signal?.aborted) throw abortError(signal);
    const local = await findLocal(options, signal);
    const listener = new Listener(OURS, target.bounds, pendingMax);
    const link = listener.#link;
    const sink = {
      onConnection: (stream: BackendStream) => {
        const { listener } = link;
        if (listener === undefined) void stream.close(false);
        else listener.#onConnection(stream);
      },
      onAcceptError,
      onClosed: () => void link.listener?.close(),
    };
    listener.#backend = await streams.listen({ ...target, local }, sink).catch((error: unknown) => {
      // As Node does where the machine has no IPv6.
      const { code = '' } = error as NodeJS.ErrnoException;
      if (options.host !== undefined || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) throw error;
      return streams.listen({ ...target, local: { ...local, address: '0.0.0.0', family: 'IPv4' } }, sink);
    });
    watchDropped('Listener', listener, new ListenerRemains(listener.#backend, listener.#waiting));
    listener.#updateHold();
    if (signal?.aborted) {
      await listener.close();
      throw abortError(signal);
    }
    return listener;
  }

  /** What the listener is bound to, with the port that it really got. */
  get address(): SocketAddress {
    return this.#backend.local;
  }

  /** Accepted connections that nobody has taken yet. */
  get pendingCount(): number {
    return this.#waiting.length;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * The next connection.
   *
   * @throws (rejects) AbortError; ERR_SERVER_NOT_RUNNING when the listener is closed, or has been meanwhile.
   */
  async accept(options: StreamCallOptions = {}): Promise<StreamSocket> {
    const signal = checkSignalOptions(options);
    if (signal?.aborted) throw abortError(signal);
    const taken = this.#take();
    if (taken !== undefined) return taken;
    if (this.#closing !== undefined) throw listenerClosedError();
    const taker = new Taker({ forget: (gone) => this.#forget(gone) }, signal);
    const socket = await this.#wait(taker);
    if (socket === null) throw listenerClosedError();
    return socket;
  }

  /** Connections as they come, until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<StreamSocket> {
    return this.connections();
  }

  /**
   * Connections as they come, until the listener is closed. Several iterators share them. `break` does not
   * close the listener: the kernel goes on collecting connections.
   *
   * Rejects with AbortError.
   */
  connections(options: StreamCallOptions = {}): AsyncIterableIterator<StreamSocket> {
    const signal = checkSignalOptions(options);
    let isDone = false;
    let taker: Taker | undefined;
    const finish = (): IteratorResult<StreamSocket, undefined> => {
      isDone = true;
      if (taker !== undefined) this.#forget(taker);
      taker?.settle(null);
      taker = undefined;
      if (this.#takers.length === 0) this.#pause();
      return { done: true, value: undefined };
    };
    const next = async (): Promise<IteratorResult<StreamSocket, undefined>> => {
      if (isDone) return finish();
      if (signal?.aborted) {
        finish();
        throw abortError(signal);
      }
      let socket: StreamSocket | null | undefined = this.#take();
      if (socket === undefined) {
        if (this.#closing !== undefined) return finish();
        const mine = new Taker({ forget: (gone) => this.#forget(gone) }, signal);
        taker = mine;
        try {
          socket = await this.#wait(mine);
        } catch (error) {
          isDone = true;
          throw error;
        } finally {
          if (taker === mine) taker = undefined;
        }
      }
      return socket === null ? finish() : { done: false, value: socket };
    };
    return {
      next,
      return: async () => finish(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #wait(taker: Taker): Promise<StreamSocket | null> {
    taker.place = this.#takers.push(taker);
    taker.watch();
    this.#update();
    return taker.promise;
  }

  #forget(taker: Taker): void {
    if (taker.place !== undefined) this.#takers.remove(taker.place);
    this.#update();
  }

  #take(): StreamSocket | undefined {
    const stream = this.#waiting.shift();
    if (stream === undefined) return undefined;
    this.#update();
    return wrapStream(stream, this.#bounds);
  }

  #onConnection(stream: BackendStream): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.settle(wrapStream(stream, this.#bounds));
      this.#updateHold();
      return;
    }
    this.#waiting.push(stream);
    this.#update();
  }

  /** Accepts while somebody waits, and on until enough connections do. */
  #update(): void {
    if (this.#closing !== undefined) return;
    this.#updateHold();
    if (this.#takers.length > 0 && !this.#isAccepting) {
      this.#isAccepting = true;
      this.#backend.resume();
    } else if (this.#isAccepting && this.#takers.length === 0 && this.#waiting.length >= this.#pendingMax) {
      this.#pause();
    }
  }

  #pause(): void {
    if (!this.#isAccepting || this.#closing !== undefined) return;
    this.#isAccepting = false;
    this.#backend.pause();
  }

  /** An accept that nobody waits for does not keep the process alive. */
  #updateHold(): void {
    this.#link.awaited = this.#takers.length > 0 ? this : undefined;
    if (this.#isRef && this.#takers.length > 0) this.#backend.ref();
    else this.#backend.unref();
  }

  /** Lets a pending accept keep the process alive again. That is how a listener begins. */
  ref(): this {
    this.#isRef = true;
    this.#updateHold();
    return this;
  }

  /** Lets the process exit although an accept is pending. */
  unref(): this {
    this.#isRef = false;
    this.#updateHold();
    return this;
  }

  /**
   * Stops listening and frees the address: connections that nobody has taken are closed, and iterations end
   * quietly. Connections that were taken go on. A Unix path is removed. Safe to call again: the promise is the
   * same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    unwatchDropped('Listener', this);
    this.#link.awaited = undefined;
    const waiting = this.#waiting.splice(0);
    for (const taker of this.#takers.take()) taker.settle(null);
    await Promise.all([this.#backend.close(), ...waiting.map((stream) => stream.close(false))]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function warn(error: Error): void {
  const { code } = error as NodeJS.ErrnoException;
  process.emitWarning(`A listener cannot accept: ${error.message}`, {
    type: 'RingletWarning',
    ...(code === undefined ? {} : { code }),
  });
}

function readTarget(options: ListenOptions): Omit<ListenTarget, 'local'> {
  const flag = (name: 'ipv6Only' | 'reusePort' | 'directDescriptors', byDefault = false): boolean =>
    checkBoolean(options[name] ?? byDefault, `options.${name}`);
  const { incomingCpu } = options;
  return {
    backlog: checkInteger(options.backlog ?? BACKLOG, 'options.backlog', 0, COUNT_MAX),
    reusePort: flag('reusePort'),
    ipv6Only: flag('ipv6Only'),
    incomingCpu:
      incomingCpu === undefined ? undefined : checkInteger(incomingCpu, 'options.incomingCpu', 0, COUNT_MAX),
    hasDirectDescriptors: flag('directDescriptors', true),
    options: readStreamOptions(options),
    bounds: readBounds(options),
  };
}

async function findLocal(options: ListenOptions, signal: AbortSignal | undefined): Promise<SocketAddress> {
  const { path, port, host } = options;
  if (path !== undefined) return unixAddress(checkUnixPath(path, 'options.path'));
  if (port === undefined) throw missingArgs('"options.port" or "options.path"');
  const number = checkPort(port, 'options.port');
  if (host === undefined) return { address: '::', port: number, family: 'IPv6' };
  const name = checkString(host, 'options.host');
  const literal = familyOf(name);
  if (literal !== undefined) return { address: name, port: number, family: literal };
  const found = addressesOf(name, number, 0);
  const [first] = await (signal === undefined ? found : orAborted(found, signal));
  return first as SocketAddress;
}
