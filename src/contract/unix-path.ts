/** Names of Unix sockets: paths, and abstract names, which begin with NUL (unix(7)). */
import { lstatSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkString } from '../base/validate.js';
import { invalidArgValue } from '../errors/index.js';
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

/** To remove a socket's file by the path that it was bound to: holds after a `chdir`, too, if it is not too long. */
export function absoluteUnixPath(path: string): string {
  if (!hasFile(path)) return path;
  const file = resolve(path);
  return Buffer.byteLength(file) > PATH_BYTES_MAX ? path : file;
}

function hasFile(path: string | undefined): path is string {
  return path !== undefined && path !== '' && !path.startsWith('\0');
}

/**
 * To be called when a socket has been bound to `path`: what removes the file that the bind has made, with the
 * socket. It finds the file after a `chdir`, too, and leaves alone what has taken its place.
 *
 * @param path as it was bound; an abstract name, an empty or no path have no file.
 */
export function removerOf(path: string | undefined): () => void {
  if (!hasFile(path)) return () => {};
  const file = resolve(path);
  const own = identityOf(file);
  return () => {
    if (own !== undefined && identityOf(file) === own) attempt(() => unlinkSync(file));
  };
}

/** What no other file has, even if it gets the same inode; undefined where there is none to be seen. */
function identityOf(file: string): string | undefined {
  const stats = attempt(() => lstatSync(file, { bigint: true }));
  return stats?.isSocket() ? `${stats.dev}:${stats.ino}:${stats.birthtimeNs}` : undefined;
}

/** A directory may be gone by now, or another user's. */
function attempt<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
