/** The options of stream sockets and listeners, by the kernel's numbers (socket(7), tcp(7), ipv6(7)). */
import type { ListenTarget, StreamOptions } from '../../contract/streams.js';
import { binding } from '../../native/binding.js';
import {
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_TCLASS,
  SO_RCVBUF,
  SO_SNDBUF,
  SO_TYPE,
  SOL_SOCKET,
} from '../sockets/socket-options.js';

const IPPROTO_TCP = 6;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const SO_ACCEPTCONN = 30;
const SO_INCOMING_CPU = 49;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_QUICKACK = 12;
const IPV6_V6ONLY = 26;
const SOCK_STREAM = 1;

/** Sets what is asked for: 0, or the first negative errno. TCP's own options are none of a Unix socket's. */
export function applyStreamOptions(fd: number, isUnix: boolean, options: StreamOptions): number {
  const { noDelay, keepAliveSeconds, quickAck, lingerSeconds } = options;
  let error = 0;
  const set = (level: number, name: number, value: number | Uint8Array): void => {
    if (error === 0) error = binding().setSocketOption(fd, level, name, value);
  };
  if (options.receiveBufferBytes !== undefined) set(SOL_SOCKET, SO_RCVBUF, options.receiveBufferBytes);
  if (options.sendBufferBytes !== undefined) set(SOL_SOCKET, SO_SNDBUF, options.sendBufferBytes);
  if (lingerSeconds !== undefined) set(SOL_SOCKET, SO_LINGER, lingerStruct(lingerSeconds));
  if (isUnix) return error;
  if (noDelay !== undefined) set(IPPROTO_TCP, TCP_NODELAY, noDelay ? 1 : 0);
  if (quickAck !== undefined) set(IPPROTO_TCP, TCP_QUICKACK, quickAck ? 1 : 0);
  if (keepAliveSeconds !== undefined) set(SOL_SOCKET, SO_KEEPALIVE, keepAliveSeconds < 0 ? 0 : 1);
  if (keepAliveSeconds !== undefined && keepAliveSeconds > 0)
    set(IPPROTO_TCP, TCP_KEEPIDLE, keepAliveSeconds);
  if (options.keepAliveIntervalSeconds) set(IPPROTO_TCP, TCP_KEEPINTVL, options.keepAliveIntervalSeconds);
  if (options.keepAliveProbes) set(IPPROTO_TCP, TCP_KEEPCNT, options.keepAliveProbes);
  if (options.typeOfService !== undefined) {
    set(IPPROTO_IP, IP_TOS, options.typeOfService);
    // Of a socket of IPv6 alone; another has none.
    if (error === 0) binding().setSocketOption(fd, IPPROTO_IPV6, IPV6_TCLASS, options.typeOfService);
  }
  return error;
}

/** struct linger. */
function lingerStruct(seconds: number): Uint8Array {
  return new Uint8Array(new Int32Array([seconds < 0 ? 0 : 1, Math.max(seconds, 0)]).buffer);
}

/**
 * Whether a listener's connections have these options without being asked one by one: because there are none, or
 * because they come over from the listener, which needs them itself then (tcp(7), socket(7)).
 */
export function areInherited(options: StreamOptions, isUnix: boolean): boolean {
  if (isUnix) return Object.values(options).every((value) => value === undefined);
  return options.quickAck === undefined;
}

/** What a listener needs before it is bound. */
export function applyListenOptions(fd: number, target: ListenTarget): number {
  const { family } = target.local;
  if (family === 'Unix') return 0;
  const { setSocketOption } = binding();
  // As Node does: a port is free again although connections of an earlier listener are winding down.
  let error = setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error === 0 && target.reusePort) error = setSocketOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (error === 0 && target.incomingCpu !== undefined) {
    error = setSocketOption(fd, SOL_SOCKET, SO_INCOMING_CPU, target.incomingCpu);
  }
  if (error === 0 && family === 'IPv6') {
    error = setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, target.ipv6Only ? 1 : 0);
  }
  return error;
}

/** Whether a descriptor is a stream socket that is not listening, or the negative errno of asking. */
export function isStreamSocket(fd: number): boolean | number {
  const type = binding().getSocketOption(fd, SOL_SOCKET, SO_TYPE);
  if (type < 0) return type;
  return type === SOCK_STREAM && binding().getSocketOption(fd, SOL_SOCKET, SO_ACCEPTCONN) === 0;
}
