/**
 * net.Server of a whole program, and those of http, https, http2 and tls, which have theirs from it. What `listen` can
 * be written like, look-ups, and what a server does until its last connection has ended stay Node's.
 */
import { nodeModule } from '../../base/node-modules.js';
import type { ServerInside } from '../../net/streams/serve-on.js';
import { isInCluster } from './cluster.js';
import { isOnKernelRing, tellLeft } from './engine.js';
import { ringletNet } from './sockets.js';

/** What Node's server calls to listen, by a name that it keeps for those who wrap it (Node 20 to 26, lib/net.js). */
type Listen = (
  this: ServerInside,
  address: string | null,
  port: number | null,
  addressType: number | null,
  backlog: number | undefined,
  fd: number | undefined,
  flags: number | undefined,
) => void;

/** Why it is Node that listens; undefined where it is ringlet. */
function reasonOf(server: ServerInside, port: number | null, fd: number | undefined): string | undefined {
  if (server._handle) return 'it has a handle';
  if (typeof fd === 'number') return 'it is on a descriptor';
  if (port === -1) return 'a Unix socket';
  return isInCluster() ? 'the workers of a cluster share it' : undefined;
}

/** A server of Node's listens by ringlet. */
export function exchangeServers(): void {
  const prototype = nodeModule('node:net').Server.prototype as unknown as { _listen2: Listen };
  const nodes = prototype._listen2;
  prototype._listen2 = function listen(...parameters) {
    const [address, port, , backlog, fd, flags] = parameters;
    const reason = reasonOf(this, port, fd);
    if (reason !== undefined) tellLeft('a server', reason);
    if (reason !== undefined || !isOnKernelRing()) {
      nodes.apply(this, parameters);
      return;
    }
    ringletNet().listenOnRing(this, { address, port, backlog, flags });
  };
}
