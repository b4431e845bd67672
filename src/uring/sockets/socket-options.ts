/** The socket options that a binding asks for, by the kernel's numbers (socket(7), ip(7), ipv6(7), udp(7)). */
import type { DatagramBinding } from '../../contract/backend.js';

export const SOL_SOCKET = 1;
export const SO_TYPE = 3;
export const SOCK_DGRAM = 2;
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;
export const SOL_UDP = 17;

const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_PASSCRED = 16;
const SO_BINDTODEVICE = 25;
/** Its own element of the control area bears the same number, as do the following two. */
export const SO_TIMESTAMPNS = 35;
export const SO_RXQ_OVFL = 40;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export const IP_TOS = 1;
/** Both the option and its element. */
export const IP_PKTINFO = 8;
export const IP_TTL = 2;
export const IP_MTU_DISCOVER = 10;
const IP_RECVTOS = 13;
export const IP_MTU = 14;
const IP_FREEBIND = 15;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_ADD_SOURCE_MEMBERSHIP = 39;
export const IP_DROP_SOURCE_MEMBERSHIP = 40;
export const MCAST_JOIN_SOURCE_GROUP = 46;
export const MCAST_LEAVE_SOURCE_GROUP = 47;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_DROP_MEMBERSHIP = 21;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
const IPV6_FREEBIND = 78;

type Option = readonly [level: number, name: number, value: number | Uint8Array];

/** To be set before the socket is bound. */
export function optionsOf(wanted: DatagramBinding): Option[] {
  const options: Option[] = [];
  if (wanted.reuseAddress) options.push([SOL_SOCKET, SO_REUSEADDR, 1]);
  if (wanted.reusePort) options.push([SOL_SOCKET, SO_REUSEPORT, 1]);
  if (wanted.family === 'IPv6') options.push([IPPROTO_IPV6, IPV6_V6ONLY, wanted.ipv6Only ? 1 : 0]);
  if (wanted.broadcast) options.push([SOL_SOCKET, SO_BROADCAST, 1]);
  if (wanted.receiveBufferBytes > 0) options.push([SOL_SOCKET, SO_RCVBUF, wanted.receiveBufferBytes]);
  if (wanted.sendBufferBytes > 0) options.push([SOL_SOCKET, SO_SNDBUF, wanted.sendBufferBytes]);
  if (wanted.device !== '') options.push([SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(wanted.device)]);
  const isV6 = wanted.family === 'IPv6';
  if (wanted.nonLocal) options.push(isV6 ? [IPPROTO_IPV6, IPV6_FREEBIND, 1] : [IPPROTO_IP, IP_FREEBIND, 1]);
  if (wanted.pathMtuDiscovery >= 0) {
    // An IPv6 socket sends to IPv4 addresses, too.
    options.push([IPPROTO_IP, IP_MTU_DISCOVER, wanted.pathMtuDiscovery]);
    if (isV6) options.push([IPPROTO_IPV6, IPV6_MTU_DISCOVER, wanted.pathMtuDiscovery]);
  }
  if (wanted.receiveOffload) options.push([SOL_UDP, UDP_GRO, 1]);
  for (const field of wanted.ancillary) options.push(...ancillaryOptions(field, wanted.family));
  return options;
}

function ancillaryOptions(
  field: DatagramBinding['ancillary'][number],
  family: DatagramBinding['family'],
): Option[] {
  if (field === 'timestamp') return [[SOL_SOCKET, SO_TIMESTAMPNS, 1]];
  if (field === 'droppedCount') return [[SOL_SOCKET, SO_RXQ_OVFL, 1]];
  if (field === 'credentials') return [[SOL_SOCKET, SO_PASSCRED, 1]];
  if (field === 'local') {
    return family === 'IPv6' ? [[IPPROTO_IPV6, IPV6_RECVPKTINFO, 1]] : [[IPPROTO_IP, IP_PKTINFO, 1]];
  }
  // What comes to an IPv6 socket over IPv4 has its mark in the IPv4 header.
  const v4: Option = [IPPROTO_IP, IP_RECVTOS, 1];
  return family === 'IPv6' ? [[IPPROTO_IPV6, IPV6_RECVTCLASS, 1], v4] : [v4];
}
