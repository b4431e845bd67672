/** Ancillary data of received messages: the control area that the kernel fills (cmsg(3)), and its reading. */
import type { SocketAddress } from '../../contract/address.js';
import type { Ancillary, AncillaryField } from '../../contract/ancillary.js';
import { binding } from '../../native/binding.js';
import { AF_INET6 } from '../../native/layout.js';
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SO_RXQ_OVFL,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from '../sockets/socket-options.js';

/** Enough for all that can be asked for at once: 40 + 24 + 32 + 24 + 24 bytes, each with its header. */
export const CONTROL_BYTES = 144;
const CMSG_HEADER_BYTES = 16;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const NS_PER_S = 1_000_000_000n;
const ECN_MASK = 3;

/** Calls `visit` for each element of a control area, with where its data begins and its bytes. */
function forEachElement(
  words: Uint32Array,
  offset: number,
  bytes: number,
  visit: (level: number, type: number, at: number, bytes: number) => void,
): void {
  const end = offset + bytes;
  for (let at = offset; at + CMSG_HEADER_BYTES <= end; ) {
    const word = at >>> 2;
    const length = words[word] as number;
    if (length < CMSG_HEADER_BYTES) return;
    const [level, type] = [words[word + 2] as number, words[word + 3] as number];
    visit(level, type, at + CMSG_HEADER_BYTES, length - CMSG_HEADER_BYTES);
    at += (length + 7) & ~7;
  }
}

/** The size of the datagrams that the kernel has merged into one (UDP_GRO), or 0. */
export function readSegmentBytes(words: Uint32Array, offset: number, bytes: number): number {
  let segmentBytes = 0;
  forEachElement(words, offset, bytes, (level, type, at) => {
    if (level === SOL_UDP && type === UDP_GRO) segmentBytes = words[at >>> 2] as number;
  });
  return segmentBytes;
}

/** Closes descriptors that a sender has passed without being asked to (unix(7)). */
export function closePassedDescriptors(words: Uint32Array, offset: number, bytes: number): void {
  forEachElement(words, offset, bytes, (level, type, at, dataBytes) => {
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) return;
    for (let i = 0; i + 4 <= dataBytes; i += 4) binding().closeFd(words[(at + i) >>> 2] as number);
  });
}

/** @param port the socket's own, for `local`. */
export function readAncillary(
  words: Uint32Array,
  offset: number,
  bytes: number,
  fields: readonly AncillaryField[],
  port: number,
): Ancillary {
  // The kernel leaves out a count of 0.
  const ancillary: Ancillary = fields.includes('droppedCount') ? { droppedCount: 0 } : {};
  forEachElement(words, offset, bytes, (level, type, at) => {
    const word = at >>> 2;
    if (level === SOL_SOCKET && type === SO_TIMESTAMPNS) {
      const seconds = BigInt(words[word] as number) + (BigInt(words[word + 1] as number) << 32n);
      ancillary.timestamp = seconds * NS_PER_S + BigInt(words[word + 2] as number);
    } else if (level === SOL_SOCKET && type === SO_RXQ_OVFL) {
      ancillary.droppedCount = words[word] as number;
    } else if (level === SOL_SOCKET && type === SCM_CREDENTIALS) {
      // struct ucred
      const [pid, uid, gid] = words.subarray(word, word + 3) as unknown as [number, number, number];
      ancillary.credentials = { pid, uid, gid };
    } else if (level === IPPROTO_IP && type === IP_PKTINFO) {
      // struct in_pktinfo: interface, the address to answer from, the address in the header.
      ancillary.interfaceIndex = words[word] as number;
      const v4 = new Uint8Array(words.buffer, words.byteOffset + at + 8, 4);
      ancillary.local = { address: v4.join('.'), port, family: 'IPv4' };
    } else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
      ancillary.interfaceIndex = words[word + 4] as number;
      ancillary.local = decodeV6(words, word, ancillary.interfaceIndex, port);
    } else if (
      (level === IPPROTO_IP && type === IP_TOS) ||
      (level === IPPROTO_IPV6 && type === IPV6_TCLASS)
    ) {
      ancillary.ecn = (words[word] as number) & ECN_MASK;
    }
  });
  return ancillary;
}

function decodeV6(words: Uint32Array, word: number, scope: number, port: number): SocketAddress {
  // struct sockaddr_in6: family and port, flow, address, scope.
  const name = new Uint32Array(7);
  name[0] = AF_INET6;
  for (let i = 0; i < 4; i++) name[2 + i] = words[word + i] as number;
  name[6] = scope;
  const { address } = binding().decodeAddress(new Uint8Array(name.buffer));
  return { address, port, family: 'IPv6' };
}
