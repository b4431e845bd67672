/** Socket addresses in the kernel's form, struct sockaddr, and back (ip(7), ipv6(7), unix(7)). */
import type { SocketAddress } from '../../contract/address.js';
import { unixAddress } from '../../contract/unix-path.js';
import { binding } from '../../native/binding.js';
import { AF_INET, AF_UNIX } from '../../native/layout.js';

/** struct sockaddr_un, the largest, rounded to whole words. */
export const NAME_BYTES_MAX = 112;
const FAMILY_BYTES = 2;

/** The address at `offset`. `length` counts only for Unix sockets, whose names end with it, or are none. */
export function decodeName(bytes: Uint8Array, offset: number, length: number): SocketAddress {
  if (length === 0) return unixAddress('');
  const family = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
  if (family === AF_INET) {
    const port = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
    const address = `${bytes[offset + 4]}.${bytes[offset + 5]}.${bytes[offset + 6]}.${bytes[offset + 7]}`;
    return { address, port, family: 'IPv4' };
  }
  if (family === AF_UNIX) return decodePath(bytes, offset + FAMILY_BYTES, offset + length);
  return binding().decodeAddress(bytes.subarray(offset, offset + length));
}

/** A path ends with NUL or with the name, an abstract name only with the name. */
function decodePath(bytes: Uint8Array, start: number, end: number): SocketAddress {
  const isAbstract = start < end && bytes[start] === 0;
  const nul = isAbstract ? -1 : bytes.indexOf(0, start);
  const path = Buffer.from(bytes.subarray(start, nul >= 0 && nul < end ? nul : Math.max(end, start)));
  return unixAddress(path.toString());
}

/** The kernel's form, or a negative errno for what has none. */
export function encodeName({ address, port, path }: SocketAddress): Uint8Array | number {
  const name = new Uint8Array(NAME_BYTES_MAX);
  if (path === undefined) {
    const bytes = binding().encodeAddress(address, port, name);
    return bytes < 0 ? bytes : name.subarray(0, bytes);
  }
  name[0] = AF_UNIX;
  // Without any the kernel takes a free abstract name at bind.
  if (path === '') return name.subarray(0, FAMILY_BYTES);
  const { written } = new TextEncoder().encodeInto(path, name.subarray(FAMILY_BYTES));
  // A path has its NUL; the bytes of an abstract name are all of the name.
  return name.subarray(0, FAMILY_BYTES + written + (path.startsWith('\0') ? 0 : 1));
}

/** What a socket is bound to. */
export function localName(fd: number): SocketAddress {
  const name = new Uint8Array(128);
  return decodeName(name, 0, Math.max(binding().localName(fd, name), 0));
}

/** Whom a socket is connected to, if it is. */
export function peerName(fd: number): SocketAddress | undefined {
  const name = new Uint8Array(128);
  const bytes = binding().peerName(fd, name);
  return bytes < 0 ? undefined : decodeName(name, 0, bytes);
}
