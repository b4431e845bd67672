/** The control area of a datagram that is sent (cmsg(3)): segments, congestion mark, source. */

import { EINVAL } from '../../base/errno.js';
import type { SendExtras } from '../../contract/backend.js';
import { addressError } from '../../errors/index.js';
import { AF_INET6 } from '../../native/layout.js';
import { encodeName } from '../sockets/socket-names.js';
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_UDP,
  UDP_SEGMENT,
} from '../sockets/socket-options.js';

/** Three elements: 40 + 24 + 24 bytes with their headers. */
export const SEND_CONTROL_BYTES_MAX = 88;
const CMSG_HEADER_WORDS = 4;

/** Whether an IPv6 name stands for an IPv4 address, `::ffff:1.2.3.4`: its packets have IPv4 headers. */
function isMapped(name: Uint8Array): boolean {
  return name.subarray(8, 18).every((byte) => byte === 0) && name[18] === 0xff && name[19] === 0xff;
}

/** @param name of the destination, or of the peer. */
export function encodeControl(extras: SendExtras, name: Uint8Array): Uint32Array {
  const isV6 = name[0] === AF_INET6;
  const hasV4Header = !isV6 || isMapped(name);
  const control = new Uint32Array(SEND_CONTROL_BYTES_MAX / 4);
  let at = 0;
  const append = (level: number, type: number, data: readonly number[], bytes = data.length * 4): void => {
    control[at] = CMSG_HEADER_WORDS * 4 + bytes;
    control[at + 2] = level;
    control[at + 3] = type;
    control.set(data, at + CMSG_HEADER_WORDS);
    // Elements begin on 8 bytes.
    at += CMSG_HEADER_WORDS + ((data.length + 1) & ~1);
  };
  const { segmentBytes, ecn, localAddress, interfaceIndex = 0 } = extras;
  if (segmentBytes !== undefined) append(SOL_UDP, UDP_SEGMENT, [segmentBytes], 2);
  if (ecn !== undefined) {
    if (hasV4Header) append(IPPROTO_IP, IP_TOS, [ecn]);
    else append(IPPROTO_IPV6, IPV6_TCLASS, [ecn]);
  }
  if (localAddress !== undefined || interfaceIndex > 0) {
    const source = encodeSource(localAddress, isV6);
    if (isV6) append(IPPROTO_IPV6, IPV6_PKTINFO, [...source, interfaceIndex]);
    // struct in_pktinfo: interface, the address to come from, and one that only counts in receiving.
    else append(IPPROTO_IP, IP_PKTINFO, [interfaceIndex, ...source, 0]);
  }
  return control.subarray(0, at);
}

/** The words of an address of the socket's family; 0 leaves the choice to the kernel. */
function encodeSource(address: string | undefined, isV6: boolean): number[] {
  if (address === undefined) return new Array<number>(isV6 ? 4 : 1).fill(0);
  const family = isV6 ? 'IPv6' : 'IPv4';
  const name = encodeName({ address, port: 0, family });
  if (typeof name === 'number' || (name[0] === AF_INET6) !== isV6) {
    throw addressError(typeof name === 'number' ? name : EINVAL, 'send', address);
  }
  const [start, end] = isV6 ? [8, 24] : [4, 8];
  return [...new Uint32Array(name.slice(start, end).buffer)];
}
