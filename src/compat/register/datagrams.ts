/** UDP of a whole program, by `dgram.createSocket`. */
import type dgram from 'node:dgram';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { exchangeIn, nodeModule } from '../../base/node-modules.js';
import { isInCluster } from './cluster.js';
import { isLeftToNode, isOnKernelRing, tellLeft } from './engine.js';
import { onRequest } from './on-request.js';

type Parameters = readonly [options: unknown, listener?: unknown];

const require = createRequire(import.meta.url);
let ringlet: typeof import('../dgram/index.js') | undefined;

/** Options that Node's alone have. */
const NODES = ['receiveBlockList', 'sendBlockList'];

function isNodes([options]: Parameters): boolean {
  if (isInCluster()) {
    tellLeft('UDP', 'the workers of a cluster share sockets');
    return true;
  }
  const given = NODES.find((name) => Boolean((options as Record<string, unknown> | null)?.[name]));
  if (given !== undefined) tellLeft('a UDP socket', given);
  return given !== undefined || !isOnKernelRing();
}

/** ringlet's, or undefined for one of Node's. */
function createOurs(parameters: Parameters): object | undefined {
  if (isNodes(parameters)) return undefined;
  ringlet ??= require('../dgram/index.js') as typeof import('../dgram/index.js');
  return new ringlet.Socket(...(parameters as ConstructorParameters<typeof ringlet.Socket>));
}

function exchangeSockets(): void {
  const node = nodeModule('node:dgram');
  const NodeSocket = node.Socket as unknown as new (...parameters: Parameters) => dgram.Socket;

  // As Node's, not called without `new`; a class that inherits from it is on Node's.
  function Socket(this: unknown, ...parameters: Parameters): unknown {
    if (new.target === undefined) return Reflect.apply(NodeSocket as never, this, parameters);
    if (new.target !== (Socket as unknown)) return Reflect.construct(NodeSocket, parameters, new.target);
    return createOurs(parameters) ?? new NodeSocket(...parameters);
  }
  Socket.prototype = NodeSocket.prototype;
  Object.setPrototypeOf(Socket, NodeSocket);
  Object.defineProperty(Socket, Symbol.hasInstance, {
    value(this: unknown, value: unknown) {
      if (this === Socket && ringlet !== undefined && value instanceof ringlet.Socket) return true;
      return Function.prototype[Symbol.hasInstance].call(this, value);
    },
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
