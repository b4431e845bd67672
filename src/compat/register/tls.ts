/** tls.connect of a whole program, and what calls it: https, http2. Servers have theirs from net.Server. */
import type tls from 'node:tls';
import { exchangeIn, nodeModule } from '../../base/node-modules.js';
import { isOnKernelRing, tellLeft } from './engine.js';
import { connect } from './sockets.js';

type Options = Record<string, unknown>;
type NormalizeArgs = (parameters: unknown[]) => [options: Options, callback: (() => void) | null];

/** What tls.connect is asked for, in one object. */
function readCall(parameters: unknown[]): [options: Options, callback: (() => void) | null] {
  const { _normalizeArgs } = nodeModule('node:net') as unknown as { _normalizeArgs: NormalizeArgs };
  const [options, callback] = _normalizeArgs(parameters);
  const [, second, third] = parameters;
  const added = [second, third].find((value) => typeof value === 'object' && value !== null);
  return [{ ...options, ...(added as Options | undefined) }, callback];
}

/** Options with which the connection is Node's own. */
const NODES = ['socket', 'onread'] as const;

/** tls.connect: TLS on a socket of ringlet's. */
function connectTls(...parameters: unknown[]): unknown {
  const node = nodeModule('node:tls');
  const [options, callback] = readCall(parameters);
  const given = NODES.find((name) => options[name]);
  if (given !== undefined && given !== 'socket') tellLeft('a TLS connection', `the option ${given}`);
  if (given !== undefined || !isOnKernelRing()) return Reflect.apply(node.connect, undefined, parameters);
  // Whoever ends it, TLS says its last word before; its signal and its time limit are TLS's.
  const socket = connect({ ...options, allowHalfOpen: true, signal: undefined, timeout: undefined });
  const host = options.host ?? 'localhost';
  const over = node.connect({ ...options, socket, host } as tls.ConnectionOptions, callback ?? undefined);
  if (options.timeout) over.setTimeout(options.timeout as number);
  return over;
}

/** Tls's exports find ringlet's in their place. */
export function exchangeTls(): void {
  exchangeIn('node:tls', { connect: connectTls });
}
