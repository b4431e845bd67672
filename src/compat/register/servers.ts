/**
 * net.Server of a whole program. What `listen` can be written like, look-ups, and what a server does until its last
 * connection has ended stay Node's. Servers of http, https, http2 and tls have their `listen` from it, and stay Node's
 * unless they are asked for.
 */
import { exchange, nodeModule, nodesOwn } from '../../base/node-modules.js';
import type { ServerInside } from '../../net/streams/serve-on.js';
import type { Listen } from '../net/server.js';
import { isInCluster } from './cluster.js';
import { isOnKernelRing, tellLeft } from './engine.js';
import { isLoaded } from './on-request.js';
import { ringletNet } from './sockets.js';

/** Why it is Node that listens; undefined where it is ringlet. */
function reasonOf(server: ServerInside, fd: number | undefined): string | undefined {
  if (isInCluster()) return 'the processes of a cluster share it';
  if (server._handle) return 'it has a handle';
  if (typeof fd === 'number') return 'it is on a descriptor';
  if (isOf(server, 'tls') || isOfHttp2(server)) return 'TLS and HTTP/2 read native handles by themselves';
  if (process.env.RINGLET_HTTP_SERVERS === '1' || !isOf(server, 'http')) return undefined;
  return 'an HTTP server reads native handles by itself, unless RINGLET_HTTP_SERVERS is 1';
}

/** Of a class without a public name. */
let http2Prototype: object | undefined;

/*
 * Their protocols are Node's native code, which takes a detour through streams where there is no native handle: long
 * for TLS and HTTP/2, and so short for HTTP that little is won or lost by it.
 */
function isOf(server: object, name: 'http' | 'tls'): boolean {
  return isLoaded(name) && server instanceof process.getBuiltinModule(`node:${name}`).Server;
}

function isOfHttp2(server: object): boolean {
  if (!isLoaded('http2')) return false;
  http2Prototype ??= Object.getPrototypeOf(process.getBuiltinModule('node:http2').createServer()) as object;
  return Object.prototype.isPrototypeOf.call(http2Prototype, server);
}

/** A server of Node's listens by ringlet. */
export function exchangeServers(): void {
  const { prototype } = nodeModule('node:net').Server as unknown as { prototype: { _listen2: Listen } };
  const nodes = nodesOwn(prototype);
  exchange(prototype, {
    _listen2(this: ServerInside, ...parameters: Parameters<Listen>) {
      const reason = reasonOf(this, parameters[4]);
      if (reason !== undefined) tellLeft('a server', reason);
      if (reason === undefined && isOnKernelRing()) ringletNet().listenOn(undefined, this, parameters);
      else nodes._listen2.apply(this, parameters);
    },
  });
}
