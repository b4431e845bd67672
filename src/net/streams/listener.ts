/** Listener: a TCP port or Unix socket that accepts connections, as an async iterator. */
import { type InspectOptions, inspect } from 'node:util';
import { orAborted } from '../../base/abort.js';
import { checkOurs, OURS } from '../../base/construction.js';
import { Line, type Place } from '../../base/line.js';
import { showAs } from '../../base/shown.js';
import { checkSignalOptions } from '../../base/validate.js';
import { Waiter } from '../../base/waiter.js';
import type { SocketAddress } from '../../contract/address.js';
import type { BackendListener, BackendStream, StreamBackend, StreamBounds } from '../../contract/streams.js';
import { abortError, listenerClosedError } from '../../errors/index.js';
import { backendOf } from '../../ring/ring.js';
import { type Remains, unwatchDropped, watchDropped } from '../dropped-sockets.js';
import { addressesOf } from './connect.js';
import { type ListenOptions, type ListenWishes, readPlace, readWishes } from './listen-options.js';
import type { StreamCallOptions } from './stream-calls.js';
import { type StreamSocket, wrapStream } from './stream-socket.js';

/** A call that waits for a connection. */
class Taker extends Waiter<StreamSocket | null> {
  /** Where it waits. */
  place: Place<Taker> | undefined;
}

/** How a backend reaches the listener that it works for: strongly while a connection is awaited. */
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

/** What is left of a listener that was not closed. */
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

/** For Server: a listener that need not look a name up, and that may not listen yet; otherwise undefined. @throws as `listen` rejects. */
export let listenAtOnce: (options: ListenOptions) => Listener | undefined;

/** For servers: what carries a listener and its connections. */
export let streamsOf: (listener: Listener) => StreamBackend;

/**
 * A stream socket that listens, on TCP or on a Unix path: its connections by `for await` or `accept`.
 * `Listener.listen` makes one.
 */
export class Listener implements AsyncIterable<StreamSocket> {
  readonly #streams: StreamBackend;
  readonly #bounds: StreamBounds;
  readonly #pendingMax: number;
  readonly #backend: BackendListener;
  readonly #waiting: BackendStream[] = [];
  readonly #link = new ListenerLink(this);
  readonly #takers = new Line<Taker>();
  #isAccepting = false;
  #isRef = true;
  #closing: Promise<void> | undefined;

  private constructor(key: typeof OURS, wishes: ListenWishes, streams: StreamBackend, local: SocketAddress) {
    checkOurs(key);
    const { target, pendingMax, onAcceptError } = wishes;
    this.#streams = streams;
    this.#bounds = target.bounds;
    this.#pendingMax = pendingMax;
    const link = this.#link;
    this.#backend = streams.listen(
      { ...target, local },
      {
        onConnection: (stream) => {
          const { listener } = link;
          if (listener === undefined) void stream.close(false);
          else listener.#onConnection(stream);
        },
        onAcceptError,
        onClosed: () => void link.listener?.close(),
      },
    );
    watchDropped('Listener', this, new ListenerRemains(this.#backend, this.#waiting));
    this.#updateRef();
  }

  static {
    streamsOf = (listener) => listener.#streams;
    listenAtOnce = (options) => {
      const wishes = readWishes(options);
      const { local, host } = readPlace(options);
      return host === undefined
        ? new Listener(OURS, wishes, backendOf(options.ring).streams, local)
        : undefined;
    };
  }

  /**
   * Listens on a TCP port or a Unix socket. From then on the kernel lets peers connect, as far as the backlog
   * goes; they are accepted from the first iteration or `accept` on.
   *
   * Rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT or
   * ERR_MISSING_ARGS; with `syscall` 'listen', `code`, `address` and `port` (EADDRINUSE, EADDRNOTAVAIL,
   * EACCES); ENOTFOUND for a name; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for an option that the node backend has
   * not; AbortError; ERR_RINGLET_CLOSED.
   */
  static async listen(options: ListenOptions): Promise<Listener> {
    const wishes = readWishes(options);
    const { signal } = wishes;
    const { streams } = backendOf(options.ring);
    if (signal?.aborted) throw abortError(signal);
    const { local, host } = readPlace(options);
    const found = host === undefined ? local : await firstAddressOf(host, local.port, signal);
    const listener = new Listener(OURS, wishes, streams, found);
    await listener.#whenListening();
    if (signal?.aborted) {
      await listener.close();
      throw abortError(signal);
    }
    return listener;
  }

  async #whenListening(): Promise<void> {
    try {
      await this.#backend.listening;
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** What the listener is bound to, with the port that it really got. */
  get address(): SocketAddress {
    return this.#backend.local;
  }

  /** Accepted connections that have not been taken yet. */
  get pendingCount(): number {
    return this.#waiting.length;
  }

  /** What `console.log` shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { address, pendingCount, isClosed } = this;
    return showAs('Listener', { address, pendingCount, isClosed }, depth, options);
  }

  /** Whether `close` has been called, or the ring has been closed. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * The next connection.
   *
   * @throws (rejects) AbortError; ERR_SERVER_NOT_RUNNING when the listener is closed, or has been meanwhile.
   */
  async accept(options: StreamCallOptions = {}): Promise<StreamSocket> {
    const socket = await this.#next(checkSignalOptions(options), new Set());
    if (socket === null) throw listenerClosedError();
    return socket;
  }

  /** Connections as they come, until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<StreamSocket> {
    return this.connections();
  }

  /**
   * Connections as they come, until the listener is closed. Several iterators share them. Neither `break` nor an
   * abort closes the listener: the kernel goes on collecting connections, and what had been accepted is the next
   * reader's.
   *
   * Rejects with AbortError.
   */
  connections(options: StreamCallOptions = {}): AsyncIterableIterator<StreamSocket> {
    const signal = checkSignalOptions(options);
    /** Steps that wait: the next may be asked for before the last one has come. */
    const takers = new Set<Taker>();
    let isDone = false;
    const finish = (): void => {
      isDone = true;
      for (const taker of takers) {
        this.#forget(taker);
        taker.fulfil(null);
      }
      if (this.#takers.length === 0) this.#pause();
    };
    const next = async (): Promise<IteratorResult<StreamSocket, undefined>> => {
      if (isDone) return { done: true, value: undefined };
      try {
        const value = await this.#next(signal, takers);
        if (value !== null) return { done: false, value };
      } catch (error) {
        // Of steps that waited together the first one tells.
        if (!isDone) {
          finish();
          throw error;
        }
      }
      finish();
      return { done: true, value: undefined };
    };
    return {
      next,
      return: async () => {
        finish();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** @returns null once the listener is closed, or a taker has been told so. @param takers has it while it waits. */
  async #next(signal: AbortSignal | undefined, takers: Set<Taker>): Promise<StreamSocket | null> {
    if (signal?.aborted) throw abortError(signal);
    const taken = this.#take();
    if (taken !== undefined) return taken;
    if (this.#closing !== undefined) return null;
    const taker: Taker = new Taker(signal, () => this.#forget(taker));
    taker.place = this.#takers.push(taker);
    takers.add(taker);
    this.#update();
    try {
      return await taker.promise;
    } finally {
      takers.delete(taker);
    }
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
      taker.fulfil(wrapStream(stream, this.#bounds));
      this.#updateRef();
      return;
    }
    this.#waiting.push(stream);
    this.#update();
  }

  /** Accepts while a caller waits, and on until enough connections do. */
  #update(): void {
    if (this.#closing !== undefined) return;
    this.#updateRef();
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

  /** An accept that is not awaited does not keep the process alive. */
  #updateRef(): void {
    this.#link.awaited = this.#takers.length > 0 ? this : undefined;
    this.#backend.setRef(this.#isRef && this.#takers.length > 0);
  }

  /** Lets a pending accept keep the process alive again. That is how a listener begins. */
  ref(): this {
    this.#isRef = true;
    this.#updateRef();
    return this;
  }

  /** Lets the process exit although an accept is pending. */
  unref(): this {
    this.#isRef = false;
    this.#updateRef();
    return this;
  }

  /**
   * Stops listening: connections that have not been taken are closed, and iterations end quietly. Connections that
   * were taken go on. When it returns, no peer can connect any more and the port or name is free; the file of a
   * Unix path has been removed, unless another has taken its place. Safe to call again: the promise is the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    unwatchDropped('Listener', this);
    this.#link.awaited = undefined;
    const waiting = this.#waiting.splice(0);
    for (const taker of this.#takers.take()) taker.fulfil(null);
    await Promise.all([this.#backend.close(), ...waiting.map((stream) => stream.close(false))]);
  }

  /** Closes the listener, as `close` does; connections that were accepted go on. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function firstAddressOf(
  host: string,
  port: number,
  signal: AbortSignal | undefined,
): Promise<SocketAddress> {
  const found = addressesOf(host, port, 0);
  const [first] = await (signal === undefined ? found : orAborted(found, signal));
  return first as SocketAddress;
}
