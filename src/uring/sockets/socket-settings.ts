/** The options that can be changed while a socket is open: what setsockopt and getsockopt are told of each. */

import { EINVAL } from '../../base/errno.js';
import type { DatagramReading, DatagramSetting, Membership } from '../../contract/backend.js';
import { addressError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { AF_INET, AF_INET6 } from '../../native/layout.js';
import { encodeName } from './socket-names.js';
import {
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  SO_BROADCAST,
  SO_RCVBUF,
  SO_SNDBUF,
  SOL_SOCKET,
} from './socket-options.js';

type Place = readonly [level: number, name: number];

const OF_SOCKETS: Partial<Record<DatagramSetting | DatagramReading, Place>> = {
  broadcast: [SOL_SOCKET, SO_BROADCAST],
  recvBufferSize: [SOL_SOCKET, SO_RCVBUF],
  sendBufferSize: [SOL_SOCKET, SO_SNDBUF],
};

const OF_IPV4: Partial<Record<DatagramSetting | DatagramReading, Place>> = {
  ttl: [IPPROTO_IP, IP_TTL],
  multicastTTL: [IPPROTO_IP, IP_MULTICAST_TTL],
  multicastLoopback: [IPPROTO_IP, IP_MULTICAST_LOOP],
  pathMtuDiscovery: [IPPROTO_IP, IP_MTU_DISCOVER],
  pathMtu: [IPPROTO_IP, IP_MTU],
};

const OF_IPV6: Partial<Record<DatagramSetting | DatagramReading, Place>> = {
  ttl: [IPPROTO_IPV6, IPV6_UNICAST_HOPS],
  multicastTTL: [IPPROTO_IPV6, IPV6_MULTICAST_HOPS],
  multicastLoopback: [IPPROTO_IPV6, IPV6_MULTICAST_LOOP],
  pathMtuDiscovery: [IPPROTO_IPV6, IPV6_MTU_DISCOVER],
  pathMtu: [IPPROTO_IPV6, IPV6_MTU],
};

function placeOf(setting: DatagramSetting | DatagramReading, isV6: boolean): Place | undefined {
  return OF_SOCKETS[setting] ?? (isV6 ? OF_IPV6 : OF_IPV4)[setting];
}

/** Throws with `syscall`, the name of the method that was called. */
export function changeSetting(
  fd: number,
  isV6: boolean,
  setting: DatagramSetting,
  value: number,
  syscall: string,
): void {
  const place = placeOf(setting, isV6);
  check(place === undefined ? EINVAL : binding().setSocketOption(fd, ...place, value), syscall);
}

export function readSetting(fd: number, isV6: boolean, setting: DatagramReading, syscall: string): number {
  const place = placeOf(setting, isV6);
  const value = place === undefined ? EINVAL : binding().getSocketOption(fd, ...place);
  check(value, syscall);
  return value;
}

/** The interface that datagrams to groups leave by: an IPv4 address of it, or `::%name`. */
export function changeMulticastInterface(fd: number, address: string, syscall: string): void {
  const name = encode(address, syscall);
  const [place, value]: [Place, Uint8Array] =
    name.family === AF_INET
      ? [[IPPROTO_IP, IP_MULTICAST_IF], name.bytes]
      : [[IPPROTO_IPV6, IPV6_MULTICAST_IF], name.scope];
  check(binding().setSocketOption(fd, ...place, value), syscall);
}

export function changeMembership(fd: number, membership: Membership, syscall: string): void {
  const [place, value] = describeMembership(membership, syscall);
  check(binding().setSocketOption(fd, ...place, value), syscall);
}

function describeMembership(membership: Membership, syscall: string): [Place, Uint8Array] {
  const { isJoining, interfaceAddress } = membership;
  const group = encode(membership.group, syscall);
  const source = membership.source === undefined ? undefined : encode(membership.source, syscall);
  const isV4 = group.family === AF_INET;
  const anywhere = encode(interfaceAddress ?? (isV4 ? '0.0.0.0' : '::'), syscall);
  if (anywhere.family !== group.family || (source && source.family !== group.family)) check(EINVAL, syscall);
  if (isV4) {
    // struct ip_mreq: group, interface; struct ip_mreq_source: the source after them (ip(7)).
    if (source === undefined) {
      const name = isJoining ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
      return [[IPPROTO_IP, name], Buffer.concat([group.bytes, anywhere.bytes])];
    }
    const name = isJoining ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP;
    return [[IPPROTO_IP, name], Buffer.concat([group.bytes, anywhere.bytes, source.bytes])];
  }
  if (source === undefined) {
    const name = isJoining ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
    return [[IPPROTO_IPV6, name], Buffer.concat([group.bytes, anywhere.scope])];
  }
  // struct group_source_req: interface, and two sockaddr_storage on 8 bytes (RFC 3678).
  const request = new Uint8Array(8 + 128 + 128);
  request.set(anywhere.scope);
  request.set(group.name, 8);
  request.set(source.name, 8 + 128);
  return [[IPPROTO_IPV6, isJoining ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP], request];
}

interface Encoded {
  readonly family: number;
  readonly name: Uint8Array;
  readonly bytes: Uint8Array;
  /** The interface that a `%scope` names, as 4 bytes; 0 without one. */
  readonly scope: Uint8Array;
}

function encode(address: string, syscall: string): Encoded {
  const name = encodeName({ address, port: 0, family: 'IPv4' });
  if (typeof name === 'number') throw addressError(name, syscall);
  return name[0] === AF_INET6
    ? { family: AF_INET6, name, bytes: name.subarray(8, 24), scope: name.subarray(24, 28) }
    : { family: AF_INET, name, bytes: name.subarray(4, 8), scope: new Uint8Array(4) };
}

function check(errno: number, syscall: string): void {
  if (errno < 0) throw addressError(errno, syscall);
}
