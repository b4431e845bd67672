/**
 * TCP sockets of a whole program, and with them what Node builds on net.connect, net.Socket and
 * net.Server: http, https, http2, tls.
 *
 * What is on a handle, a descriptor or a pipe of a child's is Node's, and so is a class that inherits from
 * net.Socket, as those of Node's own do.
 */
import { syncBuiltinESMExports } from 'node:module';
import { isLeftToNode } from './engine.js';
import { areRequestsSeen, isLoaded, onRequest } from './on-request.js';
import { exchangeServers } from './servers.js';
import { exchangeSockets } from './sockets.js';
import { exchangeTls } from './tls.js';

/** Each, once, when it or a module that is built on it is asked for. */
function once(exchange: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    exchange();
    syncBuiltinESMExports();
  };
}

const net = once(() => {
  exchangeSockets();
  exchangeServers();
});
const tls = once(() => {
  net();
  exchangeTls();
});

/** Exchanges them when they are asked for. */
export function registerStreams(): void {
  if (isLeftToNode()) return;
  for (const name of ['net', 'http']) onRequest(name, net);
  // Where requests are not seen, it is not loaded for the sake of programs that do without.
  if (areRequestsSeen || isLoaded('tls')) for (const name of ['tls', 'https', 'http2']) onRequest(name, tls);
}
