/** What a socket of 'ringlet/dgram' is made from, and what it tells: node:dgram's types and checks. */
import type { LookupFunction } from 'node:net';
import { invalidArgType } from '../errors.js';
import type { Ring } from '../ring.js';
import { checkObject } from '../validate.js';

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

export function readOptions(options: unknown): SocketOptions {
  const checked = checkObject(options, 'options') as SocketOptions;
  const { lookup } = checked;
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw invalidArgType('lookup', 'of type function', lookup);
  }
  return checked;
}
