/** A listener over net.Server. Node accepts whatever comes; what is not taken waits for its `pause` to end. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { setImmediate } from '../base/real-timers.js';
import type { SocketAddress } from '../contract/address.js';
import type { BackendListener, ConnectionSink, ListenTarget } from '../contract/streams.js';
import { applyOptions, fdOf } from './stream-socket.js';
import type { NodeStreams } from './streams.js';

/** How many of those; further ones are reset. */
const EARLY_MAX = 1024;

export class NodeListener implements BackendListener {
  readonly listening: Promise<void>;
  readonly #host: NodeStreams;
  readonly #server: Server;
  readonly #wanted: ListenTarget;
  readonly #sink: ConnectionSink;
  /** Accepted while no connection was wanted: Node cannot be told to stop. */
  #early: Socket[] = [];
  #bound: AddressInfo | string | undefined;
  #isAccepting = false;
  #isRef = true;
  #hasReported = false;
  #closing: Promise<void> | undefined;

  /** @param server one that begins to listen, and does so when `listening` is fulfilled. */
  constructor(
    host: NodeStreams,
    server: Server,
    listening: Promise<void>,
    wanted: ListenTarget,
    sink: ConnectionSink,
  ) {
    this.#host = host;
    this.#server = server;
    this.#wanted = wanted;
    this.#sink = sink;
    this.listening = listening.then(() => {
      server.on('error', (error) => {
        if (this.#hasReported) return;
        this.#hasReported = true;
        sink.onAcceptError(error);
      });
    });
    server.on('connection', (socket) => this.#onConnection(socket));
    this.updateRef();
  }

  get fd(): number {
    return fdOf(this.#server);
  }

  get local(): SocketAddress {
    this.#bound ??= this.#server.address() ?? undefined;
    const bound = this.#bound;
    if (bound === undefined || typeof bound === 'string') return this.#wanted.local;
    const { address, port, family } = bound;
    return { address, port, family: family === 'IPv6' ? 'IPv6' : 'IPv4' };
  }

  #onConnection(socket: Socket): void {
    this.#hasReported = false;
    if (this.#closing !== undefined) {
      socket.destroy();
    } else if (this.#early.length >= EARLY_MAX) {
      socket.resetAndDestroy();
    } else if (this.#isAccepting) {
      this.#hand(socket);
    } else {
      // An error before it is taken is told by the first call on it.
      socket.on('error', () => {});
      this.#early.push(socket);
    }
  }

  #hand(socket: Socket): void {
    applyOptions(socket, this.#wanted.options);
    const path = this.local.path;
    this.#sink.onConnection(
      this.#host.wrap(
        socket,
        this.#wanted.bounds,
        path === undefined ? undefined : { local: path, remote: '' },
      ),
    );
  }

  resume(): void {
    this.#isAccepting = true;
    this.updateRef();
    while (this.#isAccepting && this.#early.length > 0) this.#hand(this.#early.shift() as Socket);
  }

  pause(): void {
    this.#isAccepting = false;
    this.updateRef();
  }

  updateRef(): void {
    if (this.#isAccepting && this.#isRef && this.#host.isRef) this.#server.ref();
    else this.#server.unref();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.updateRef();
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // For a caller that asks afterwards.
    void this.local;
    this.#host.removeListener(this);
    for (const socket of this.#early.splice(0)) socket.destroy();
    // Its own callback would wait for every connection to end. The handle itself is closed at once.
    this.#server.close();
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sink.onClosed();
  }
}
