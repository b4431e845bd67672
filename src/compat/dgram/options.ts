/** What a socket of 'ringlet/dgram' is made from, and what it tells: node:dgram's types and checks. */
import { BlockList, type LookupFunction } from 'node:net';
import { checkInteger } from '../../base/validate.js';
import type { SocketAddress } from '../../contract/address.js';
import { badSocketType, invalidArgType } from '../../errors/index.js';
import type { Ring } from '../../ring/ring.js';

const BUFFER_BYTES_MAX = 2 ** 32 - 1;

/** IPv4 or IPv6. */
export type SocketType = 'udp4' | 'udp6';

/** node:dgram's. */
export interface SocketOptions {
  /** IPv4 or IPv6. */
  type: SocketType;
  /** SO_REUSEADDR: whether other sockets may be bound to the same address and port. Default false. */
  reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: whether the kernel shares messages out among sockets on the same port. Default false. */
  reusePort?: boolean | undefined;
  /** Whether a socket on :: is for IPv6 alone. Default false. */
  ipv6Only?: boolean | undefined;
  /** SO_RCVBUF, in bytes. Default: the system's. */
  recvBufferSize?: number | undefined;
  /** SO_SNDBUF, in bytes. Default: the system's. */
  sendBufferSize?: number | undefined;
  /** Finds the addresses of names. Default: `dns.lookup`. */
  lookup?: LookupFunction | undefined;
  /** Senders of whom nothing is heard. */
  receiveBlockList?: BlockList | undefined;
  /** Whom nothing is sent to. */
  sendBlockList?: BlockList | undefined;
  /** An abort closes the socket. */
  signal?: AbortSignal | undefined;
  /** The ring to run on, whose receive buffers say how long messages may be. Default: one for all sockets. */
  ring?: Ring | undefined;
}

/** Where a message has come from, and its length. */
export interface RemoteInfo {
  /** The sender's IP address. */
  address: string;
  /** Of the address. */
  family: 'IPv4' | 'IPv6';
  /** The sender's port. */
  port: number;
  /** Bytes of the message. */
  size: number;
}

/** An end of a UDP socket. */
export interface AddressInfo {
  /** The IP address. */
  address: string;
  /** Of the address. */
  family: 'IPv4' | 'IPv6';
  /** From 0 to 65535. */
  port: number;
}

/** The events of a socket, and what their listeners get. */
export interface SocketEvents {
  /** The socket is closed. */
  close: [];
  /** `connect` is through. */
  connect: [];
  /** What a call without a callback has failed with, or receiving. */
  error: [error: Error];
  /** The socket is bound. */
  listening: [];
  /** A message has come; the Buffer belongs to the listeners. */
  message: [data: Buffer, remote: RemoteInfo];
}

/** A type alone is all that a socket needs. @throws ERR_SOCKET_BAD_TYPE for anything that names none. */
export function readOptions(value: unknown): SocketOptions {
  const options = (typeof value === 'object' && value !== null ? value : { type: value }) as SocketOptions;
  const { type, lookup } = options;
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw invalidArgType('lookup', 'of type function', lookup);
  }
  for (const name of ['receiveBlockList', 'sendBlockList'] as const) {
    if (options[name] && !(options[name] instanceof BlockList)) {
      throw invalidArgType(`options.${name}`, 'an instance of net.BlockList', options[name]);
    }
  }
  if (type !== 'udp4' && type !== 'udp6') throw badSocketType();
  for (const name of ['recvBufferSize', 'sendBufferSize'] as const) {
    if (options[name]) checkInteger(options[name], `options.${name}`, 0, BUFFER_BYTES_MAX);
  }
  return options;
}

export function toInfo({ address, port, family }: SocketAddress): AddressInfo {
  return { address, family: family === 'IPv6' ? 'IPv6' : 'IPv4', port };
}
