/** Socket addresses as users see them, the checks on what they type, and the look-up of host names. */
import { orAborted } from '../base/abort.js';
import { checkString } from '../base/validate.js';
import { abortError, badPort, invalidArgValue } from '../errors/index.js';

/** The family of an IP address. */
export type AddressFamily = 'IPv4' | 'IPv6';

/** An end of a socket: an IP address and a port, or a Unix socket's path. */
export interface SocketAddress {
  /** A literal IPv4 or IPv6 address; a link-local one carries its `%scope`. Empty for a Unix socket. */
  readonly address: string;
  /** 0 to 65535; 0 for a Unix socket. */
  readonly port: number;
  /** 'Unix' for a Unix socket. */
  readonly family: AddressFamily | 'Unix';
  /** Of a Unix socket: its path; an abstract name begins with NUL; empty for a socket without a name. */
  readonly path?: string;
}

/** Loaded when it is needed: not every program uses sockets. */
let net: typeof import('node:net') | undefined;

const PORT_MAX = 65_535;

/** A port from 0 (or 1) to 65535, as a number or in decimal digits, as Node takes it. */
export function checkPort(value: unknown, name = 'Port', isZeroAllowed = true): number {
  const port = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  const least = isZeroAllowed ? 0 : 1;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < least || port > PORT_MAX) {
    throw badPort(name, value, isZeroAllowed);
  }
  return port;
}

/** Who sends, mostly sends to where it has sent before. */
let lastAddress = '';
let lastFamily: AddressFamily | undefined;

/** The family of a literal address; undefined for anything else, host names included. */
export function familyOf(address: string): AddressFamily | undefined {
  if (address === lastAddress) return lastFamily;
  net ??= process.getBuiltinModule('node:net');
  const version = net.isIP(address);
  lastAddress = address;
  if (version === 0) lastFamily = undefined;
  else lastFamily = version === 4 ? 'IPv4' : 'IPv6';
  return lastFamily;
}

/** An address or a name, as `host` or as `address`: people know it by either word. */
export function readHost(
  options: { host?: unknown; address?: unknown },
  prefix = 'options',
): string | undefined {
  const { host, address } = options;
  if (host === undefined)
    return address === undefined ? undefined : checkString(address, `${prefix}.address`);
  if (address !== undefined) {
    throw invalidArgValue(`${prefix}.address`, address, `is the same as ${prefix}.host, which is given, too`);
  }
  return checkString(host, `${prefix}.host`);
}

/** What a socket binds to when it is to hear everybody. */
export function anyAddress(family: AddressFamily): string {
  return family === 'IPv4' ? '0.0.0.0' : '::';
}

/**
 * A literal address for `host`, which is not looked up if it is one, whatever its family.
 * Rejects with dns.lookup's own errors (ENOTFOUND), and with an AbortError.
 */
export async function resolveAddress(
  host: string,
  family: AddressFamily,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (signal?.aborted) throw abortError(signal);
  if (familyOf(host) !== undefined) return host;
  const { lookup } = process.getBuiltinModule('node:dns/promises');
  const found = lookup(host, { family: family === 'IPv4' ? 4 : 6 });
  const { address } = await (signal === undefined ? found : orAborted(found, signal));
  return address;
}
