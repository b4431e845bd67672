/** net.Socket, net.connect and net.createConnection of a whole program. */
import type net from 'node:net';
import { createRequire } from 'node:module';
import { exchangeIn, nodeModule, nodesOwn } from '../../base/node-modules.js';
import { isOnKernelRing, tellLeft } from './engine.js';
import { isLoaded } from './on-request.js';
import { standIn } from './stand-in.js';
import { standUnderTls } from './under-tls.js';

type Ringlet = typeof import('./net-on-ring.js');
type Options = Record<string, unknown>;

const require = createRequire(import.meta.url);
let ringlet: Ringlet | undefined;

/** 'ringlet/net', made ready to stand in for Node's. */
export function ringletNet(): Ringlet {
  if (ringlet === undefined) {
    ringlet = require('./net-on-ring.js') as Ringlet;
    standUnderTls(ringlet.Socket);
  }
  return ringlet;
}

/** Whether it is a socket of ringlet's. */
export function isOurs(value: unknown): boolean {
  return ringlet !== undefined && value instanceof ringlet.Socket;
}

/** What only Node's sockets do, or refuse, when an option says it. */
const NODES = ['handle', 'fd', 'objectMode', 'readableObjectMode', 'writableObjectMode'] as const;

const node = (): typeof net => nodeModule('node:net');

function isNodes(options: unknown): boolean {
  if (options !== undefined && options !== null) {
    if (typeof options !== 'object') return true;
    const given = NODES.find((name) => (options as Options)[name]);
    if (given !== undefined || (options as Options).fd === 0) {
      tellLeft('a socket', `the option ${given ?? 'fd'}`);
      return true;
    }
  }
  // Wrapped, by what traces programs, it is to be called.
  const { prototype } = node().Socket;
  if (prototype.connect !== nodesOwn(prototype).connect) {
    tellLeft('sockets', 'net.Socket.prototype.connect is wrapped');
    return true;
  }
  return !isOnKernelRing();
}

/** net.connect in all its forms. */
export function connect(...parameters: unknown[]): unknown {
  // What net._normalizeArgs has made.
  const forms = Array.isArray(parameters[0]) ? (parameters[0] as unknown[]) : parameters;
  const [options] = forms;
  const isByOptions = typeof options === 'object' && options !== null;
  if (isNodes(isByOptions ? options : undefined)) {
    return Reflect.apply(node().connect, undefined, parameters);
  }
  return Reflect.apply(ringletNet().connect, undefined, forms);
}

/** Net's exports find ringlet's in their place. */
export function exchangeSockets(): void {
  const NodeSocket = node().Socket as unknown as new (options: never) => net.Socket;
  const { prototype } = NodeSocket;
  // As it is before a program wraps it.
  Object.defineProperty(nodesOwn(prototype), 'connect', { value: prototype.connect });

  const Socket = standIn(NodeSocket, {
    create: ([options]) =>
      isNodes(options) ? undefined : new (ringletNet().Socket)((options ?? {}) as object),
    isOurs,
    isCallable: true,
  });
  const nodesCreateConnection: unknown = node().createConnection;
  exchangeIn('node:net', { Socket, Stream: Socket, connect, createConnection: connect });
  if (!isLoaded('_http_agent')) return;
  // Before Node 24 it keeps the function.
  const agents = (process.getBuiltinModule('node:http').Agent as unknown as { prototype: Options }).prototype;
  if (agents.createConnection === nodesCreateConnection) agents.createConnection = connect;
}
