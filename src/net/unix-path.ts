/** Names of Unix sockets: paths, and abstract names, which begin with NUL (unix(7)). */
import { invalidArgValue } from '../errors.js';
import { checkString } from '../validate.js';
import type { SocketAddress } from './address.js';

/** What struct sockaddr_un holds, without the NUL that ends a path. */
const PATH_BYTES_MAX = 107;

export function checkUnixPath(value: unknown, name: string): string {
  const path = checkString(value, name);
  const bytes = Buffer.byteLength(path);
  if (bytes === 0 || path === '\0') throw invalidArgValue(name, path, 'must not be empty');
  if (bytes > PATH_BYTES_MAX)
    throw invalidArgValue(name, path, `must not be longer than ${PATH_BYTES_MAX} bytes`);
  if (path.indexOf('\0', 1) > 0 && !path.startsWith('\0')) {
    throw invalidArgValue(name, path, 'must be a string without null bytes, or begin with one');
  }
  return path;
}

export function unixAddress(path: string): SocketAddress {
  return { address: '', port: 0, family: 'Unix', path };
}
