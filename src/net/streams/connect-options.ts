/** What connecting can be asked for, and where that leads: a literal address, a path, or a name to look up. */

import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkString,
  type OptionNames,
} from '../../base/validate.js';
import { anyAddress, checkPort, familyOf, readHost, type SocketAddress } from '../../contract/address.js';
import { checkUnixPath, unixAddress } from '../../contract/unix-path.js';
import { invalidIpAddress, missingArgs } from '../../errors/index.js';
import { addressesOf } from './connect.js';
import { STREAM_SOCKET_OPTIONS, type StreamSocketOptions } from './stream-options.js';

export const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** What `StreamSocket.connect` can be asked for. */
export interface StreamConnectOptions extends StreamSocketOptions {
  /** 1 to 65535. Either this or `path`. */
  port?: number | undefined;
  /** A literal address, or a name to look up. Default 'localhost'. */
  host?: string | undefined;
  /** The same as `host`. */
  address?: string | undefined;
  /** A Unix socket, up to 107 bytes; a name that begins with NUL is abstract. */
  path?: string | undefined;
  /** Restricts a name to addresses of one family. Default 0: both. */
  family?: 0 | 4 | 6 | undefined;
  /** A literal address to connect from. Default: the system's choice. */
  localAddress?: string | undefined;
  /** A port to connect from. Default 0: a free one. */
  localPort?: number | undefined;
  /** Whether a name's further addresses join in when one takes long. Default: net's own, true. */
  autoSelectFamily?: boolean | undefined;
  /** After how many milliseconds, at least 10, the next one does. Default: net's own, 250. */
  autoSelectFamilyAttemptTimeoutMs?: number | undefined;
  /** Milliseconds for look-up and connection together; then ETIMEDOUT. Default 0: the system's limits. */
  timeoutMs?: number | undefined;
  /** Ends the attempt with an AbortError. */
  signal?: AbortSignal | undefined;
}

export const STREAM_CONNECT_OPTIONS: OptionNames<StreamConnectOptions> = {
  ...STREAM_SOCKET_OPTIONS,
  port: true,
  host: true,
  address: true,
  path: true,
  family: true,
  localAddress: true,
  localPort: true,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeoutMs: true,
  timeoutMs: true,
  signal: true,
};

interface Goal {
  /** The address itself, or what names it in an error. */
  goal: SocketAddress;
  /** For a name. */
  find: (() => Promise<SocketAddress[]>) | undefined;
  /** Where to connect from. */
  localFor: (remote: SocketAddress) => SocketAddress | undefined;
}

export function readGoal(options: StreamConnectOptions): Goal {
  const { path, port } = options;
  if (path !== undefined) {
    const goal = unixAddress(checkUnixPath(path, 'options.path'));
    return { goal, find: undefined, localFor: () => undefined };
  }
  if (port === undefined) throw missingArgs('"options.port" or "options.path"');
  const number = checkPort(port, 'Port', false);
  const name = readHost(options) ?? 'localhost';
  const family = checkOneOf(options.family ?? 0, 'options.family', [0, 4, 6] as const);
  const { local, localFor } = readLocal(options);
  const literal = familyOf(name);
  if (literal !== undefined)
    return { goal: { address: name, port: number, family: literal }, find: undefined, localFor };
  const isRacing = checkBoolean(
    options.autoSelectFamily ?? netDefaults().getDefaultAutoSelectFamily(),
    'options.autoSelectFamily',
  );
  const find = async (): Promise<SocketAddress[]> => {
    const wanted = local === undefined ? family : local.family === 'IPv4' ? 4 : 6;
    const addresses = await addressesOf(name, number, wanted);
    return isRacing ? addresses : addresses.slice(0, 1);
  };
  return { goal: { address: name, port: number, family: 'IPv4' }, find, localFor };
}

function readLocal(
  options: StreamConnectOptions,
): Pick<Goal, 'localFor'> & { local: SocketAddress | undefined } {
  const port = checkPort(options.localPort ?? 0, 'options.localPort');
  const { localAddress } = options;
  if (localAddress === undefined) {
    const localFor: Goal['localFor'] = ({ family }) =>
      port === 0 || family === 'Unix' ? undefined : { address: anyAddress(family), port, family };
    return { local: undefined, localFor };
  }
  const address = checkString(localAddress, 'options.localAddress');
  const family = familyOf(address);
  if (family === undefined) throw invalidIpAddress(address);
  const local = { address, port, family };
  return { local, localFor: () => local };
}

/** Loaded when it is needed: not every program makes connections. */
const netDefaults = (): typeof import('node:net') => process.getBuiltinModule('node:net');

export function readAttemptTimeout(options: StreamConnectOptions): number {
  const wanted =
    options.autoSelectFamilyAttemptTimeoutMs ?? netDefaults().getDefaultAutoSelectFamilyAttemptTimeout();
  const least = 10;
  return checkInteger(wanted, 'options.autoSelectFamilyAttemptTimeoutMs', least, TIMEOUT_MS_MAX);
}
