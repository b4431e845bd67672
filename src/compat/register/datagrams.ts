/** UDP of a whole program, by `dgram.createSocket`. */
import type dgram from 'node:dgram';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { exchangeIn, nodeModule } from '../../base/node-modules.js';
import { isInCluster } from './cluster.js';
import { isLeftToNode, isOnKernelRing, tellLeft } from './engine.js';
import { onRequest } from './on-request.js';
import { standIn } from './stand-in.js';

type Parameters = readonly unknown[];

const require = createRequire(import.meta.url);
let ringlet: typeof import('../dgram/index.js') | undefined;

function isNodes(): boolean {
  if (isInCluster()) tellLeft('UDP', 'the workers of a cluster share sockets');
  return isInCluster() || !isOnKernelRing();
}

/** ringlet's, or undefined for one of Node's. */
function createOurs(parameters: Parameters): object | undefined {
  if (isNodes()) return undefined;
  ringlet ??= require('../dgram/index.js') as typeof import('../dgram/index.js');
  return new ringlet.Socket(...(parameters as ConstructorParameters<typeof ringlet.Socket>));
}

function exchangeSockets(): void {
  const node = nodeModule('node:dgram');
  const Socket = standIn(node.Socket as unknown as new (...parameters: never[]) => dgram.Socket, {
    create: createOurs,
    isOurs: (value) => ringlet !== undefined && value instanceof ringlet.Socket,
    isCallable: false,
  });
  exchangeIn('node:dgram', {
    Socket,
    // Node's can be called with `new`.
    createSocket: function createSocket(...parameters: Parameters) {
      return createOurs(parameters) ?? Reflect.apply(node.createSocket, undefined, parameters);
    },
  });
  syncBuiltinESMExports();
}

/** Exchanges it when it is asked for. */
export function registerDatagrams(): void {
  if (!isLeftToNode()) onRequest('dgram', exchangeSockets);
}
