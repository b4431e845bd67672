/** Connections and listeners over node:net. */

import type { Server, Socket } from 'node:net';
import { onAbortOf } from '../base/abort.js';
import { EBADF, ENOTSUP } from '../base/errno.js';
import { nodeModule, nodesOwn } from '../base/node-modules.js';
import type {
  BackendListener,
  BackendStream,
  ConnectionSink,
  ListenTarget,
  NativeHandle,
  StreamBackend,
  StreamBounds,
  StreamTarget,
} from '../contract/streams.js';
import { absoluteUnixPath } from '../contract/unix-path.js';
import {
  addressError,
  connectionClosedError,
  featureUnavailableError,
  listenError,
  ringClosedError,
} from '../errors/index.js';
import type { Admission } from './admission.js';
import { NodeListener } from './stream-listener.js';
import { applyOptions, checkAvailable, NodeStream } from './stream-socket.js';

/** Loaded when it is needed: not every program uses sockets. */
const net = (): typeof import('node:net') => nodeModule('node:net');

/** It listens by Node's own call, also where `ringlet/register` has exchanged that for all servers. */
function keepNodes(server: Server): void {
  const { _listen2 } = nodesOwn(net().Server.prototype) as unknown as { _listen2: unknown };
  Object.defineProperty(server, '_listen2', { value: _listen2 });
}

/** First releases with the `reusePort` option of server.listen. */
function hasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

export class NodeStreams implements StreamBackend {
  readonly givesDescriptors = false;
  readonly #admission: Admission;
  readonly #streams = new Set<NodeStream>();
  readonly #listeners = new Set<NodeListener>();
  readonly #onEnd = new Set<() => void>();
  isRef = true;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  setRef(isRef: boolean): void {
    this.isRef = isRef;
    for (const stream of this.#streams) stream.updateRef();
    for (const listener of this.#listeners) listener.updateRef();
  }

  remove(stream: NodeStream): void {
    this.#streams.delete(stream);
  }

  removeListener(listener: NodeListener): void {
    this.#listeners.delete(listener);
  }

  wrap(
    socket: Socket,
    bounds: StreamBounds,
    path: { local: string; remote: string } | undefined,
  ): NodeStream {
    const stream = new NodeStream(this, socket, this.#admission, bounds, path);
    this.#streams.add(stream);
    return stream;
  }

  async connect(target: StreamTarget, signal: AbortSignal | undefined): Promise<BackendStream> {
    checkAvailable(target.options);
    const { address, port, path } = target.remote;
    const facts = path === undefined ? { kind: 'connect', address, port } : { kind: 'connect', path };
    let socket: Socket | undefined;
    const start = (): Promise<Socket> => {
      socket = open(target);
      return connected(socket);
    };
    const giveUp = (): void => {
      socket?.destroy();
    };
    const stopWatching = onAbortOf(signal, giveUp);
    try {
      const ready = await this.#admission.run(start, signal, (late) => late.destroy(), facts);
      applyOptions(ready, target.options);
      return this.wrap(ready, target.bounds, path === undefined ? undefined : { local: '', remote: path });
    } finally {
      stopWatching();
    }
  }

  listen(target: ListenTarget, sink: ConnectionSink): BackendListener {
    checkAvailable(target.options);
    if (target.incomingCpu !== undefined) {
      throw featureUnavailableError('incomingCpu', 'Node has no call for it; it needs io_uring');
    }
    const { address, port, path } = target.local;
    if (target.reusePort && !hasReusePort()) throw listenError(ENOTSUP, address, port);
    const server = net().createServer({ allowHalfOpen: true, pauseOnConnect: true });
    keepNodes(server);
    const facts = path === undefined ? { kind: 'listen', address, port } : { kind: 'listen', path };
    const listening = this.#admission.run(() => listenOn(server, target), undefined, undefined, facts);
    const listener = new NodeListener(this, server, listening, target, sink);
    this.#listeners.add(listener);
    return listener;
  }

  adopt(fd: number, bounds: StreamBounds): BackendStream {
    if (this.#admission.isClosed) throw ringClosedError();
    let socket: Socket;
    try {
      socket = new (net().Socket)({ fd, readable: true, writable: true, allowHalfOpen: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EBADF') throw addressError(EBADF, 'open');
      throw error;
    }
    socket.pause();
    return this.wrap(socket, bounds, undefined);
  }

  adoptHandle(handle: NativeHandle, bounds: StreamBounds): BackendStream {
    if (this.#admission.isClosed) throw ringClosedError();
    // An option of which its type does not know.
    const options = { handle, pauseOnCreate: true, allowHalfOpen: true } as object;
    const socket = new (net().Socket)(options);
    const isUnix = socket.remoteFamily === undefined && socket.localFamily === undefined;
    return this.wrap(socket, bounds, isUnix ? { local: '', remote: '' } : undefined);
  }

  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback);
    return () => void this.#onEnd.delete(callback);
  }

  async close(): Promise<void> {
    for (const callback of this.#onEnd) callback();
    await Promise.all([
      ...[...this.#listeners].map((listener) => listener.close()),
      ...[...this.#streams].map((stream) => stream.close(false)),
    ]);
  }
}

function open({ remote, local }: StreamTarget): Socket {
  const socket = new (net().Socket)({ allowHalfOpen: true });
  socket.pause();
  if (remote.path !== undefined) return socket.connect({ path: remote.path });
  const from = local === undefined ? {} : { localAddress: local.address, localPort: local.port };
  return socket.connect({ host: remote.address, port: remote.port, ...from });
}

function connected(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // One that is given up ends without an error.
    const onClose = (): void => reject(connectionClosedError());
    socket.once('error', reject);
    socket.once('close', onClose);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.off('close', onClose);
      resolve(socket);
    });
  });
}

/** Without a host Node listens on `::`, or on 0.0.0.0, at once; a host is asked for on the next tick. */
function listenOn(server: Server, target: ListenTarget): Promise<void> {
  const { local, isAnyAddress, backlog, reusePort, ipv6Only } = target;
  const where =
    local.path === undefined
      ? { port: local.port, ...(isAnyAddress ? {} : { host: local.address }) }
      : { path: absoluteUnixPath(local.path) };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // One that is closed before it listens.
    server.once('close', resolve);
    const options = { ...where, backlog, ipv6Only, exclusive: true, ...(reusePort ? { reusePort } : {}) };
    server.listen(options, () => {
      server.off('error', reject);
      server.off('close', resolve);
      resolve();
    });
  });
}
