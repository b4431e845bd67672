/**
 * What TLS looks for in a socket of ringlet's. It puts a JSStreamSocket on one that has no native handle, and for a
 * net.Socket, which ringlet's are here by `instanceof`, it waits for 'connect' besides (Node 20 to 26, _tls_wrap.js and
 * internal/tls/wrap.js).
 */
import type net from 'node:net';
import { nodeModule } from '../../base/node-modules.js';
import { nextTick } from '../../base/real-timers.js';

type Call = (...parameters: unknown[]) => unknown;
type SocketClass = abstract new (...parameters: never[]) => object;

/** TLS's own: what it does is all that tells it from others. */
function isOfTls(listener: unknown): boolean {
  return /^\(\) => \{\s+this\.connecting = false;\s+this\.emit\('connect'\);/.test(
    Function.prototype.toString.call(listener),
  );
}

/** Gives the class of ringlet's sockets what TLS needs. */
export function standUnderTls(Ours: SocketClass): void {
  const { prototype } = Ours as unknown as { prototype: net.Socket };
  passThrough(Ours);
  connectAlong(Ours);
  const once = prototype.once as Call;
  Object.defineProperties(prototype, {
    // The end of a line of sockets whose time limits an activity puts off.
    _parent: { value: null, writable: true, configurable: true },
    _unrefTimer: { value() {}, writable: true, configurable: true },
    once: {
      value: function onceOrNow(this: net.Socket, event: unknown, listener: unknown) {
        if (event !== 'connect' || !isOfTls(listener)) return once.call(this, event, listener);
        // It has connected: TLS is told so at once, and nothing else is.
        if (this.connecting || this.pending) return once.call(this, event, listener);
        nextTick(listener as () => void);
        return this;
      },
      writable: true,
      configurable: true,
    },
  });
}

/**
 * A JSStreamSocket keeps what it is put on in `stream`, and counts as connected: HTTP/2 would take a connection for one
 * that has begun before it has. So it connects while a socket of ringlet's under it does.
 */
function connectAlong(Ours: SocketClass): void {
  Object.defineProperty(nodeModule('node:net').Socket.prototype, 'stream', {
    get() {
      return undefined;
    },
    set(this: net.Socket & { connecting: boolean }, stream: unknown) {
      const own = { value: stream, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, 'stream', own);
      if (!(stream instanceof Ours) || !(stream as net.Socket).connecting) return;
      this.connecting = true;
      (stream as net.Socket).once('connect', () => {
        Object.assign(this, { connecting: false }).emit('connect');
      });
    },
    configurable: true,
  });
}

/** Calls on a socket of Node's that are for the connection under it; a JSStreamSocket does not pass them on. */
const PASSED = ['ref', 'unref', 'setNoDelay', 'setKeepAlive'] as const;
/** Where its addresses come from: `remoteAddress` and the like. */
const NAMES = { _getpeername: 'remote', _getsockname: 'local' } as const;

/** Has a TLSSocket, or the JSStreamSocket of HTTP/2, pass on what concerns a connection of ringlet's under it. */
function passThrough(Ours: SocketClass): void {
  const prototype = nodeModule('node:net').Socket.prototype as unknown as Record<string, Call>;
  const under = (socket: unknown): net.Socket | undefined => {
    const { _parent, stream } = socket as { _parent?: unknown; stream?: unknown };
    return [_parent, stream].find((each) => each instanceof Ours) as net.Socket | undefined;
  };
  for (const name of PASSED) {
    const nodes = prototype[name] as Call;
    prototype[name] = function passed(this: unknown, ...parameters) {
      const socket = under(this);
      if (socket === undefined) return nodes.apply(this, parameters);
      Reflect.apply(socket[name] as Call, socket, parameters);
      return this;
    };
  }
  for (const [name, end] of Object.entries(NAMES)) {
    const nodes = prototype[name] as Call;
    prototype[name] = function nameOf(this: unknown) {
      const socket = under(this);
      if (socket === undefined) return nodes.call(this);
      const read = (property: string): unknown => Reflect.get(socket, `${end}${property}`) as unknown;
      return { address: read('Address'), family: read('Family'), port: read('Port') };
    };
  }
}
