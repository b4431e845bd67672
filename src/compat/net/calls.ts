/** The many ways in which node:net's calls can be written, brought into one shape each. */
import { BlockList, type LookupFunction } from 'node:net';
import { checkBoolean, checkInteger, checkNumber, checkString } from '../../base/validate.js';
import { checkPort, familyOf } from '../../contract/address.js';
import { invalidArgType, invalidIpAddress, missingArgs } from '../../errors/index.js';

const ATTEMPT_TIMEOUT_MS_MIN = 10;
const ATTEMPT_TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The part of `socket.connect(options)` that says where to. */
export interface ConnectOptions {
  /** The peer's, from 0 to 65535. */
  port?: number | string | undefined;
  /** A literal address, or a name to look up. Default 'localhost'. */
  host?: string | undefined;
  /** A Unix socket, instead of `port` and `host`; a name that begins with NUL is abstract. */
  path?: string | undefined;
  /** The IP address to connect from. Default: the system chooses. */
  localAddress?: string | undefined;
  /** The port to connect from. Default: the system chooses. */
  localPort?: number | undefined;
  /** Of the addresses that a name is looked up for; 0, the default, for both. */
  family?: 0 | 4 | 6 | 'IPv4' | 'IPv6' | undefined;
  /** Flags for the look-up, of `dns`. Default 0. */
  hints?: number | undefined;
  /** Finds the addresses of names. Default: `dns.lookup`. */
  lookup?: LookupFunction | undefined;
  /**
   * Whether several addresses of a name are tried, each after a while beside those before. Default: as
   * `net.getDefaultAutoSelectFamily()` has it.
   */
  autoSelectFamily?: boolean | undefined;
  /** Milliseconds before the next address joins in, 10 at least. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
}

/** Of `server.listen`. */
export interface ListenOptions {
  /** From 0 to 65535; 0, the default, for one that the system chooses. */
  port?: number | string | null | undefined;
  /** The address to listen on, or a name for it. Default: all, of IPv6 and IPv4. */
  host?: string | undefined;
  /** A Unix socket, instead of `port` and `host`; a name that begins with NUL is abstract. */
  path?: string | undefined;
  /** How many connections may wait in the kernel. Default 511, within net.core.somaxconn. */
  backlog?: number | undefined;
  /** Whether a listener on :: is for IPv6 alone. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEPORT, as Node has it: the kernel shares connections out among listeners on the port. Default false. */
  reusePort?: boolean | undefined;
  /** Whether it is this worker's own, and not shared by those of a cluster. Default false. */
  exclusive?: boolean | undefined;
  /** A socket that is bound already, as systemd passes them, instead of `port` and `path`. */
  fd?: number | undefined;
  /** Whether all users may read from a Unix socket. Default false. */
  readableAll?: boolean | undefined;
  /** Whether all users may write to a Unix socket. Default false. */
  writableAll?: boolean | undefined;
  /** An abort closes the server. */
  signal?: AbortSignal | undefined;
}

export type Goal =
  | { readonly path: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly local: { localAddress?: string; localPort?: number };
      readonly family: 0 | 4 | 6;
      readonly hints: number;
      readonly lookup: LookupFunction | undefined;
      /** Undefined where one address has to do. */
      readonly attemptTimeoutMs: number | undefined;
    };

/** One that is no path. */
export type HostGoal = Exclude<Goal, { path: string }>;

type Listener = () => void;

interface Call<Options> {
  readonly options: Options;
  readonly listener: Listener | undefined;
}

/** Whether it is what net._normalizeArgs gives, which Node's own calls and those that wrap them pass on. */
function isNormalized(value: unknown): value is unknown[] {
  if (!Array.isArray(value)) return false;
  return Object.getOwnPropertySymbols(value).some(({ description }) => description === 'normalizedArgs');
}

/** `(options[, listener])`, `(path[, listener])`, `(port[, host][, …][, listener])`. */
export function readCall<Options extends object>(parameters: readonly unknown[]): Call<Options> {
  if (isNormalized(parameters[0])) return readCall(parameters[0]);
  const [first, second] = parameters;
  const last = parameters.at(-1);
  const listener = typeof last === 'function' ? (last as Listener) : undefined;
  if (typeof first === 'object' && first !== null) return { options: { ...first } as Options, listener };
  const isPath = typeof first === 'string' && !(Number(first) >= 0);
  if (isPath) return { options: { path: first } as object as Options, listener };
  if (parameters.length === 0) return { options: {} as Options, listener };
  const host = typeof second === 'string' ? { host: second } : {};
  return { options: { port: first, ...host } as object as Options, listener };
}

/** @throws what net.Socket's `connect` throws. */
export function readGoal(options: ConnectOptions): Goal {
  const { path, port, host, localAddress, localPort, lookup } = options;
  if (port === undefined && (path === undefined || path === null)) {
    throw missingArgs('"options" or "port" or "path"');
  }
  if (path) return { path: checkString(path, 'options.path') };
  if (localAddress && familyOf(localAddress) === undefined) throw invalidIpAddress(localAddress);
  if (localPort) checkNumber(localPort, 'options.localPort');
  if (port !== undefined && typeof port !== 'number' && typeof port !== 'string') {
    throw invalidArgType('options.port', 'one of type number or string', port);
  }
  const number = port === undefined ? 0 : checkPort(port);
  const family = readFamily(options.family);
  const net = process.getBuiltinModule('node:net');
  const isRacing =
    options.autoSelectFamily == null
      ? net.getDefaultAutoSelectFamily()
      : checkBoolean(options.autoSelectFamily, 'options.autoSelectFamily');
  const attemptTimeoutMs =
    options.autoSelectFamilyAttemptTimeout == null
      ? net.getDefaultAutoSelectFamilyAttemptTimeout()
      : checkInteger(
          options.autoSelectFamilyAttemptTimeout,
          'options.autoSelectFamilyAttemptTimeout',
          1,
          ATTEMPT_TIMEOUT_MS_MAX,
        );
  if (lookup !== undefined && lookup !== null && typeof lookup !== 'function') {
    throw invalidArgType('options.lookup', 'of type function', lookup);
  }
  return {
    host: host || 'localhost',
    port: number,
    local: { ...(localAddress ? { localAddress } : {}), ...(localPort ? { localPort } : {}) },
    family,
    hints: options.hints || 0,
    lookup: lookup ?? undefined,
    attemptTimeoutMs:
      isRacing && family === 0 && !localAddress
        ? Math.max(attemptTimeoutMs, ATTEMPT_TIMEOUT_MS_MIN)
        : undefined,
  };
}

function readFamily(family: ConnectOptions['family']): 0 | 4 | 6 {
  if (family === 'IPv4' || family === 4) return 4;
  return family === 'IPv6' || family === 6 ? 6 : 0;
}

/** @throws ERR_INVALID_ARG_TYPE. */
export function checkBlockList(value: unknown): BlockList {
  if (value instanceof BlockList) return value;
  throw invalidArgType('options.blockList', 'an instance of net.BlockList', value);
}
