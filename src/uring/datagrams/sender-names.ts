/** Senders of datagrams: most come from few of them, and an address as text costs as much as all else of a message. */
import type { SocketAddress } from '../../contract/address.js';
import { AF_INET } from '../../native/layout.js';
import { decodeName } from '../sockets/socket-names.js';

const SENDERS_MAX = 1024;

/** IPv4 senders, by address and port as one number. Frozen, because many messages share each. */
const senders = new Map<number, SocketAddress>();
let lastKey = -1;
let last: SocketAddress | undefined;

/** The name at `offset`, as `decodeName` reads it. */
export function senderName(bytes: Uint8Array, offset: number, length: number): SocketAddress {
  if (length === 0 || bytes[offset] !== AF_INET || bytes[offset + 1] !== 0) {
    return decodeName(bytes, offset, length);
  }
  // struct sockaddr_in: family, port, address.
  let key = 0;
  for (let i = 2; i < 8; i++) key = key * 256 + (bytes[offset + i] as number);
  if (key === lastKey && last !== undefined) return last;
  lastKey = key;
  last = senders.get(key) ?? addSender(key, decodeName(bytes, offset, length));
  return last;
}

function addSender(key: number, sender: SocketAddress): SocketAddress {
  if (senders.size >= SENDERS_MAX) senders.clear();
  senders.set(key, Object.freeze(sender));
  return sender;
}
