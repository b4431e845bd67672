/** What a socket of 'ringlet/dgram' is made from, and what it tells: node:dgram's types and checks. */
import type { LookupFunction } from 'node:net';
import { badSocketType, invalidArgType } from '../errors.js';
import type { SocketAddress } from '../net/address.js';
import type { Ring } from '../ring.js';

export type SocketType = 'udp4' | 'udp6';

/** node:dgram's, less `receiveBlockList` and `sendBlockList`. */
export interface SocketOptions {
  type: SocketType;
  reuseAddr?: boolean | undefined;
  reusePort?: boolean | undefined;
  ipv6Only?: boolean | undefined;
  recvBufferSize?: number | undefined;
  sendBufferSize?: number | undefined;
  lookup?: LookupFunction | undefined;
  signal?: AbortSignal | undefined;
  /** The ring to run on, whose receive buffers say how long messages may be. Default: one for all sockets. */
  ring?: Ring | undefined;
}

export interface RemoteInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
  /** Bytes of the message. */
  size: number;
}

export interface AddressInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
}

export interface SocketEvents {
  close: [];
  connect: [];
  error: [error: Error];
  listening: [];
  message: [data: Buffer, remote: RemoteInfo];
}

/** A type alone is all that a socket needs. @throws ERR_SOCKET_BAD_TYPE for anything that names none. */
export function readOptions(value: unknown): SocketOptions {
  const options = (typeof value === 'object' && value !== null ? value : { type: value }) as SocketOptions;
  const { type, lookup } = options;
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw invalidArgType('lookup', 'of type function', lookup);
  }
  if (type !== 'udp4' && type !== 'udp6') throw badSocketType();
  return options;
}

export function toInfo({ address, port, family }: SocketAddress): AddressInfo {
  return { address, family: family === 'IPv6' ? 'IPv6' : 'IPv4', port };
}
