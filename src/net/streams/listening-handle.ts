/** A Listener in the place of the native handle of one of Node's servers. */
import { chmodSync, statSync } from 'node:fs';
import { nodeModule, nodesOwn } from '../../base/node-modules.js';
import type { Listener } from './listener.js';

/** What a net.Server asks of its handle (Node 20 to 26, lib/net.js). */
export interface ServerHandle {
  /** Where it is bound; not there for a Unix socket. */
  getsockname?: ((out: object) => number) | undefined;
  close(): void;
  ref(): void;
  unref(): void;
}

type NativeHandle = new (type: number) => { close(): void };

const FOR_SERVERS = 1;
/** libuv's flags (uv_pipe_chmod). */
const READABLE = 1;
const WRITABLE = 2;

/** In the place of a native handle, for runtimes that have none. */
class NoHandle {
  close(): void {}
}

/**
 * The class of a Unix socket's native handle, of which one that was never opened stands for nothing. It has to be
 * native, because Node hands the handle of a server that is sent to a child process to native code, which would crash
 * over any other object. Over this one the message fails, with EBADF.
 */
function nativeHandle(): NativeHandle {
  const { Socket } = nodeModule('node:net');
  const socket = new Socket();
  try {
    // What is no path is refused when the handle has been made, and not opened.
    const { connect } = nodesOwn(Socket.prototype) as { connect: (options: object) => void };
    connect.call(socket, { path: true });
  } catch {
    // As it should be.
  }
  const inside = socket as unknown as { _handle: { constructor: NativeHandle; close(): void } | null };
  const handle = inside._handle;
  inside._handle = null;
  socket.destroy();
  handle?.close();
  return process.versions.bun === undefined && handle ? handle.constructor : NoHandle;
}

function handleClass(Native: NativeHandle): new (listener: Listener) => ServerHandle {
  return class ListeningHandle extends Native implements ServerHandle {
    readonly #listener: Listener;
    declare readonly getsockname: ServerHandle['getsockname'];

    constructor(listener: Listener) {
      super(FOR_SERVERS);
      this.#listener = listener;
      if (listener.address.family !== 'Unix') this.getsockname = (out) => this.#tell(out);
    }

    #tell(out: object): number {
      const { address, family, port } = this.#listener.address;
      Object.assign(out, { address, family, port });
      return 0;
    }

    /** For `readableAll` and `writableAll` of a Unix socket: the native one has no name. */
    fchmod(mode: number): number {
      const { path = '' } = this.#listener.address;
      chmodSync(path, statSync(path).mode | (mode & READABLE ? 0o444 : 0) | (mode & WRITABLE ? 0o222 : 0));
      return 0;
    }

    override close(): void {
      super.close();
      void this.#listener.close();
    }

    ref(): void {
      this.#listener.ref();
    }

    unref(): void {
      this.#listener.unref();
    }
  };
}

let ListeningHandle: ReturnType<typeof handleClass> | undefined;

/** What has `listening`, `address`, `close`, `ref` and `unref` be the server's own. */
export function handleOn(listener: Listener): ServerHandle {
  ListeningHandle ??= handleClass(nativeHandle());
  return new ListeningHandle(listener);
}
