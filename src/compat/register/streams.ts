/**
 * TCP sockets of a whole program, and with them what Node builds on net.connect, net.Socket and net.Server: http.
 *
 * What is on a handle, a descriptor or a pipe of a child's is Node's, and so is a class that inherits from
 * net.Socket, as those of Node's own do. So are TLS and the servers of http2.
 */
import { syncBuiltinESMExports } from 'node:module';
import { isLeftToNode } from './engine.js';
import { onRequest } from './on-request.js';
import { exchangeServers } from './servers.js';
import { exchangeSockets } from './sockets.js';

let isExchanged = false;

/** Once, when it or a module that is built on it is asked for. */
function exchangeStreams(): void {
  if (isExchanged) return;
  isExchanged = true;
  exchangeSockets();
  exchangeServers();
  syncBuiltinESMExports();
}

/** Exchanges them when they are asked for. */
export function registerStreams(): void {
  if (isLeftToNode()) return;
  for (const name of ['net', 'http']) onRequest(name, exchangeStreams);
}
