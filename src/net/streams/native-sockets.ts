/**
 * Connections of a listener as net.Sockets of Node's own, for servers of TLS. Node's TLS reads and writes a native
 * handle by itself; through a Duplex each record passes through JavaScript, for twice the processor time of a request.
 * So a ring accepts the connection and gives it away, with its descriptor.
 */
import type { Socket } from 'node:net';
import { debuglog } from 'node:util';
import { nodeModule } from '../../base/node-modules.js';
import { nextTick } from '../../base/real-timers.js';
import { binding } from '../../native/binding.js';
import { type Listener, streamsOf } from './listener.js';
import type { ServerInside } from './serve-on.js';
import type { StreamSocket } from './stream-socket.js';

const log = debuglog('ringlet');

/** What a net.Socket of a server has besides (Node 20 to 26, lib/net.js). */
interface ServedSocket extends Socket {
  server?: ServerInside;
  _server?: ServerInside;
}

/** Whether it is one of tls, https or http2, of which each has this method of tls.Server's. */
function speaksTls(server: ServerInside): boolean {
  return 'setSecureContext' in server;
}

/** A server's connections that are Node's. They end with the ring, as those do that stay on it. */
export class NativeSockets {
  readonly #server: ServerInside;
  readonly #open = new Set<ServedSocket>();
  /** Has the ring forget them. */
  readonly #callOff: () => void;
  #isRingOpen = true;
  #isOver = false;

  private constructor(server: ServerInside, listener: Listener) {
    this.#server = server;
    this.#callOff = streamsOf(listener).onEnd(() => {
      this.#isRingOpen = false;
      for (const socket of this.#open) socket.destroy();
    });
  }

  /** Undefined where the server's connections stay on the ring, or have no descriptor to give away. */
  static of(server: ServerInside, listener: Listener): NativeSockets | undefined {
    if (!speaksTls(server)) return undefined;
    const { port, path = port } = listener.address;
    const isByDescriptor = streamsOf(listener).givesDescriptors;
    log('server on %s: TLS over %s', path, isByDescriptor ? 'descriptors' : 'streams');
    return isByDescriptor ? new NativeSockets(server, listener) : undefined;
  }

  /**
   * Has the server emit the connection, unless it has been closed by then. It is counted at once, for others may come
   * in the meantime.
   *
   * @param emit what it does with a socket, as with any other.
   */
  async give(
    connection: StreamSocket,
    isServed: () => boolean,
    emit: (socket: Socket) => void,
  ): Promise<void> {
    const server = this.#server;
    server._connections++;
    const socket = await this.#take(connection);
    // What a listener of the event throws is the process's.
    nextTick(() => {
      if (socket !== undefined && this.#isRingOpen && isServed()) {
        // It counts itself down when it is destroyed.
        socket._server = server;
        emit(socket);
        return;
      }
      server._connections--;
      server._emitCloseIfDrained();
      socket?.destroy();
    });
  }

  /** No more of them come. */
  end(): void {
    this.#isOver = true;
    if (this.#open.size === 0) this.#callOff();
  }

  /** Undefined where it has ended, or there is no descriptor left for it. */
  async #take(connection: StreamSocket): Promise<ServedSocket | undefined> {
    let fd: number;
    try {
      fd = await connection.detach();
    } catch {
      // As libuv does with one for which there is no descriptor.
      void connection.close();
      return undefined;
    }
    try {
      return this.#socketOn(fd);
    } catch {
      binding().closeFd(fd);
      return undefined;
    }
  }

  #socketOn(fd: number): ServedSocket {
    const server = this.#server;
    const { allowHalfOpen, highWaterMark, pauseOnConnect } = server;
    // With options that its type leaves out.
    const options = {
      fd,
      allowHalfOpen,
      pauseOnCreate: pauseOnConnect,
      readable: true,
      writable: true,
      ...(highWaterMark !== undefined && {
        readableHighWaterMark: highWaterMark,
        writableHighWaterMark: highWaterMark,
      }),
    };
    const socket: ServedSocket = new (nodeModule('node:net').Socket)(options);
    socket.server = server;
    const open = this.#open;
    const { _destroy: destroy } = socket;
    // Not by 'close': listeners may be removed.
    socket._destroy = (error, callback) => {
      open.delete(socket);
      if (this.#isOver) this.end();
      destroy.call(socket, error, callback);
    };
    open.add(socket);
    return socket;
  }
}
