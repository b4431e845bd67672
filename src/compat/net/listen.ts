/** Has a server of Node's listen with a Listener, where Node would open a handle. */
import { nextTick } from '../../base/real-timers.js';
import { listenAtOnce } from '../../net/streams/listener.js';
import { listenWith, type ServerInside } from '../../net/streams/serve-on.js';
import type { Ring } from '../../ring/ring.js';
import { socketOn } from './socket.js';

/** Where, as Node has found out. */
export interface ListenPlace {
  /** Null for every address. */
  readonly address: string | null;
  readonly port: number | null;
  readonly backlog: number | undefined;
  /** libuv's (uv_tcp_bind). */
  readonly flags: number | undefined;
}

const IPV6_ONLY = 1;
const REUSE_PORT = 2;

/** Emits 'listening' or 'error', on the next tick. */
export function listenOnRing(server: ServerInside, place: ListenPlace, ring?: Ring): void {
  const { address, port, backlog, flags = 0 } = place;
  try {
    const listener = listenAtOnce({
      port: port ?? 0,
      ...(address ? { host: address } : {}),
      backlog: Number(backlog) > 0 ? Math.floor(Number(backlog)) : undefined,
      ipv6Only: (flags & IPV6_ONLY) !== 0,
      reusePort: (flags & REUSE_PORT) !== 0,
      ring,
    });
    if (listener === undefined) throw new Error('what Node has looked up is no address');
    void listenWith(server, listener, (connection, options) =>
      socketOn(connection, options as object, server as never, false),
    );
  } catch (error) {
    nextTick(() => server.emit('error', error));
    return;
  }
  nextTick(() => {
    if (server.listening) server.emit('listening');
  });
}
