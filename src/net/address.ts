/** Socket addresses as users see them, the checks on what they type, and look-ups of host names. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { abortError, badPort, invalidArgType } from '../errors.js';

export interface SocketAddress {
  /** A literal IPv4 or IPv6 address; a link-local one carries its `%scope`. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

export type AddressFamily = 'IPv4' | 'IPv6';

const PORT_MAX = 65_535;

/**
 * A port: an integer from 0 to 65535, or a string of one, as Node takes it.
 *
 * @throws ERR_SOCKET_BAD_PORT
 */
export function toPort(value: unknown, name: string, isZeroAllowed = true): number {
  const isTyped = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '');
  const port = isTyped ? Number(value) : Number.NaN;
  if (!Number.isInteger(port) || port < (isZeroAllowed ? 0 : 1) || port > PORT_MAX) {
    throw badPort(name, value, isZeroAllowed);
  }
  return port;
}

/** The family of a literal address, or undefined for a host name. */
export function familyOf(address: string): AddressFamily | undefined {
  switch (isIP(address)) {
    case 4:
      return 'IPv4';
    case 6:
      return 'IPv6';
    default:
      return undefined;
  }
}

/**
 * A literal address for `host`, which may be one already. Names are looked up as Node does it.
 *
 * @throws the look-up's own error (ENOTFOUND, EAI_AGAIN, …), with syscall 'getaddrinfo' and the host name.
 */
export async function resolveAddress(
  host: string,
  family: AddressFamily,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (familyOf(host) !== undefined) return host;
  const found = await lookup(host, family === 'IPv6' ? 6 : 4);
  if (signal?.aborted) throw abortError(signal);
  return found.address;
}

/** A destination as the caller gave it, checked. Its address may still be a host name. */
export function checkRemote(remote: unknown): { address: string; port: number } {
  if (typeof remote !== 'object' || remote === null) throw invalidArgType('remote', 'of type object', remote);
  const { address, port } = remote as { address?: unknown; port?: unknown };
  if (typeof address !== 'string') throw invalidArgType('remote.address', 'of type string', address);
  return { address, port: toPort(port, 'Port', false) };
}
