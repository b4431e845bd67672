/** What a listener can be asked for, and the same checked and complete. */
import { AsyncResource } from 'node:async_hooks';
import { nextTick } from '../../base/real-timers.js';
import {
  checkBoolean,
  checkInteger,
  checkOptions,
  checkSignal,
  type OptionNames,
} from '../../base/validate.js';
import { checkPort, familyOf, readHost, type SocketAddress } from '../../contract/address.js';
import type { ListenTarget } from '../../contract/streams.js';
import { checkUnixPath, unixAddress } from '../../contract/unix-path.js';
import { invalidArgType, missingArgs } from '../../errors/index.js';
import {
  readBounds,
  readStreamOptions,
  STREAM_SOCKET_OPTIONS,
  type StreamSocketOptions,
} from './stream-options.js';

const BACKLOG = 511;
const PENDING_MAX = 128;
const INT32_MAX = 2 ** 31 - 1;

/** Beside what the listener itself needs: what its connections get. */
export interface ListenOptions extends StreamSocketOptions {
  /** 0 to 65535; 0 takes a free one. Either this or `path`. */
  port?: number | undefined;
  /** A literal address, or a name to look up. Default: every address of the machine, IPv6 and IPv4. */
  host?: string | undefined;
  /** The same as `host`. */
  address?: string | undefined;
  /** A Unix socket, up to 107 bytes; a name that begins with NUL is abstract. A path must not exist yet. */
  path?: string | undefined;
  /** Connections that the kernel keeps until they are accepted, up to net.core.somaxconn. Default 511. */
  backlog?: number | undefined;
  /**
   * From how many accepted connections on that were not taken the listener stops accepting; those that the
   * kernel's backlog held at that moment may still come. Default 128.
   */
  pendingMax?: number | undefined;
  /** For an IPv6 address: whether IPv4 is left out. Otherwise it comes as `::ffff:1.2.3.4`. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_REUSEPORT: listeners that all ask for it share a port, and the kernel spreads what comes. Default false. */
  reusePort?: boolean | undefined;
  /** SO_INCOMING_CPU: of listeners that share a port, this one gets what arrives on that CPU. */
  incomingCpu?: number | undefined;
  /**
   * Whether TCP and Unix connections are accepted straight into the ring's file table, and have no descriptor
   * until one is needed: `fd`, `detach`, `end`, a setter, `localAddress` of a listener on every address,
   * `peerCredentials`. So there may be more of them than the process may have descriptors. One that can't be made
   * rejects or throws with EMFILE and `syscall` 'dup', 'setsockopt', 'getsockopt' or 'getsockname'; `end` and
   * `reset` do without. Connections that find the table full have descriptors, as have those of a listener with
   * `zeroCopy`, `quickAck`, or options of Unix sockets. Needs a ring with `registeredFds` and Linux 6.13; without
   * effect otherwise, and on the node backend. Default true.
   */
  directDescriptors?: boolean | undefined;
  /**
   * Told of an accept that failed, mostly for want of descriptors (EMFILE, ENFILE) or memory: once, until
   * one succeeds again. The listener goes on. Default: a process warning.
   */
  onAcceptError?: ((error: Error) => void) | undefined;
  /** Ends the look-up of a name. */
  signal?: AbortSignal | undefined;
}

const LISTEN_OPTIONS: OptionNames<ListenOptions> = {
  ...STREAM_SOCKET_OPTIONS,
  port: true,
  host: true,
  address: true,
  path: true,
  backlog: true,
  pendingMax: true,
  ipv6Only: true,
  reusePort: true,
  incomingCpu: true,
  directDescriptors: true,
  onAcceptError: true,
  signal: true,
};

/** What is bound, and where: `host` is still to be looked up. */
interface ListenPlace {
  readonly local: SocketAddress;
  readonly host: string | undefined;
}

/** The options of a listener, checked, but for where it listens. */
export interface ListenWishes {
  readonly target: Omit<ListenTarget, 'local'>;
  readonly pendingMax: number;
  /** Calls the user's function on a stack of its own, in the async context that it was given in. */
  readonly onAcceptError: (error: Error) => void;
  readonly signal: AbortSignal | undefined;
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. */
export function readWishes(options: ListenOptions): ListenWishes {
  checkOptions<ListenOptions>(options, LISTEN_OPTIONS);
  const target = readTarget(options);
  const pendingMax = checkInteger(options.pendingMax ?? PENDING_MAX, 'options.pendingMax', 1, INT32_MAX);
  const { onAcceptError = warn } = options;
  if (typeof onAcceptError !== 'function') {
    throw invalidArgType('options.onAcceptError', 'of type function', onAcceptError);
  }
  const inContext = AsyncResource.bind(onAcceptError);
  return {
    target,
    pendingMax,
    onAcceptError: (error) => nextTick(inContext, error),
    signal: checkSignal(options.signal),
  };
}

function readTarget(options: ListenOptions): Omit<ListenTarget, 'local'> {
  const flag = (name: 'ipv6Only' | 'reusePort' | 'directDescriptors', byDefault = false): boolean =>
    checkBoolean(options[name] ?? byDefault, `options.${name}`);
  const { incomingCpu } = options;
  return {
    backlog: checkInteger(options.backlog ?? BACKLOG, 'options.backlog', 0, INT32_MAX),
    reusePort: flag('reusePort'),
    ipv6Only: flag('ipv6Only'),
    isAnyAddress: options.path === undefined && readHost(options) === undefined,
    incomingCpu:
      incomingCpu === undefined ? undefined : checkInteger(incomingCpu, 'options.incomingCpu', 0, INT32_MAX),
    hasDirectDescriptors: flag('directDescriptors', true),
    options: readStreamOptions(options),
    bounds: readBounds(options),
  };
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_MISSING_ARGS, ERR_SOCKET_BAD_PORT. */
export function readPlace(options: ListenOptions): ListenPlace {
  const { path, port } = options;
  if (path !== undefined) {
    return { local: unixAddress(checkUnixPath(path, 'options.path')), host: undefined };
  }
  if (port === undefined) throw missingArgs('"options.port" or "options.path"');
  const number = checkPort(port, 'options.port');
  const host = readHost(options) ?? '::';
  const literal = familyOf(host);
  return {
    local: { address: host, port: number, family: literal ?? 'IPv6' },
    host: literal === undefined ? host : undefined,
  };
}

function warn(error: Error): void {
  const { code } = error as NodeJS.ErrnoException;
  process.emitWarning(`A listener cannot accept: ${error.message}`, {
    type: 'RingletWarning',
    ...(code === undefined ? {} : { code }),
  });
}
