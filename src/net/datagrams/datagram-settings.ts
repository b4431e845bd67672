/**
 * The options of a datagram socket that can be changed while it is open, under the names that node:dgram
 * has for them; and the two it has none for. All of them are plain calls that never wait.
 *
 * @see ip(7), ipv6(7)
 */
import { EINVAL } from '../../base/errno.js';
import { checkOneOf, checkString } from '../../base/validate.js';
import type { BackendDatagramSocket, DatagramReading, DatagramSetting } from '../../contract/backend.js';
import {
  addressError,
  badBufferSize,
  invalidArgType,
  missingArgs,
  socketClosedError,
  socketNotConnectedError,
} from '../../errors/index.js';

/** By their numbers in the kernel. */
export const PATH_MTU_DISCOVERIES = ['dont', 'want', 'do', 'probe'] as const;
/**
 * How packets are kept from being longer than the path takes (IP_MTU_DISCOVER), by the kernel's names:
 * 'dont' lets routers fragment them; 'want' fragments them here as the path needs it; 'do' never fragments, and a
 * datagram that is too long is EMSGSIZE; 'probe' is 'do' without heeding what the path is known to take.
 */
export type PathMtuDiscovery = (typeof PATH_MTU_DISCOVERIES)[number];

const TTL_MAX = 255;
const INT_MAX = 2 ** 31 - 1;

export abstract class DatagramSettings {
  readonly #backend: BackendDatagramSocket;

  constructor(backend: BackendDatagramSocket) {
    this.#backend = backend;
  }

  abstract get isClosed(): boolean;

  #set(setting: DatagramSetting, value: number, syscall: string): void {
    this.#checkOpen();
    this.#backend.set(setting, value, syscall);
  }

  #get(setting: DatagramReading, syscall: string): number {
    this.#checkOpen();
    return this.#backend.get(setting, syscall);
  }

  #checkOpen(): void {
    if (this.isClosed) throw socketClosedError();
  }

  /** How many routers a datagram may pass, 1 to 255. @returns `ttl`. @throws EINVAL, syscall `setTTL`. */
  setTTL(ttl: number): number {
    this.#set('ttl', checkTtl(ttl, 1, 'setTTL'), 'setTTL');
    return ttl;
  }

  /** The same for datagrams to groups, 0 to 255; 0 keeps them on this machine. The system's default is 1. */
  setMulticastTTL(ttl: number): number {
    this.#set('multicastTTL', checkTtl(ttl, 0, 'setMulticastTTL'), 'setMulticastTTL');
    return ttl;
  }

  /** Whether datagrams to broadcast addresses may be sent; otherwise they are EACCES. */
  setBroadcast(flag: boolean): void {
    this.#set('broadcast', flag ? 1 : 0, 'setBroadcast');
  }

  /** Whether this machine's members of a group hear what the socket sends to it. The default is true. */
  setMulticastLoopback(flag: boolean): boolean {
    this.#set('multicastLoopback', flag ? 1 : 0, 'setMulticastLoopback');
    return flag;
  }

  /**
   * Which interface datagrams to groups leave by.
   *
   * @param interfaceAddress an IPv4 address of it; for IPv6 `::%name`. `0.0.0.0` and `::%0` leave it to the kernel.
   */
  setMulticastInterface(interfaceAddress: string): void {
    checkString(interfaceAddress, 'interfaceAddress');
    this.#checkOpen();
    this.#backend.setMulticastInterface(interfaceAddress, 'setMulticastInterface');
  }

  /**
   * Joins a group: what is sent to it arrives here from now on, as long as it is for the socket's port.
   *
   * @param multicastInterface as for `setMulticastInterface`; without one the kernel takes the interface that
   * its routes name.
   * @throws EINVAL, EADDRINUSE for a group joined before, ENODEV; with syscall `addMembership`.
   */
  addMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#member('addMembership', true, multicastAddress, multicastInterface);
  }

  /** Leaves it again, as the close does. @throws EADDRNOTAVAIL for a group not joined. */
  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#member('dropMembership', false, multicastAddress, multicastInterface);
  }

  /** Joins a group for what one sender sends to it (RFC 4607); others' datagrams are left out. */
  addSourceSpecificMembership(
    sourceAddress: string,
    groupAddress: string,
    multicastInterface?: string,
  ): void {
    checkString(sourceAddress, 'sourceAddress');
    checkString(groupAddress, 'groupAddress');
    const syscall = 'addSourceSpecificMembership';
    this.#member(syscall, true, groupAddress, multicastInterface, sourceAddress);
  }

  /** Leaves the group for that source, as `addSourceSpecificMembership` has joined it. */
  dropSourceSpecificMembership(
    sourceAddress: string,
    groupAddress: string,
    multicastInterface?: string,
  ): void {
    checkString(sourceAddress, 'sourceAddress');
    checkString(groupAddress, 'groupAddress');
    const syscall = 'dropSourceSpecificMembership';
    this.#member(syscall, false, groupAddress, multicastInterface, sourceAddress);
  }

  #member(syscall: string, isJoining: boolean, group: unknown, anywhere: unknown, source?: string): void {
    if (!group) throw missingArgs('"multicastAddress"');
    this.#checkOpen();
    const checkedGroup = checkString(group, 'multicastAddress');
    // Node takes anything that is no address for the system's error, too.
    if (anywhere !== undefined && typeof anywhere !== 'string') {
      throw addressError(EINVAL, syscall);
    }
    this.#backend.changeMembership(
      { isJoining, group: checkedGroup, interfaceAddress: anywhere || undefined, source },
      syscall,
    );
  }

  /** SO_RCVBUF in bytes: what may wait in the kernel. Linux sets twice as much, up to twice net.core.rmem_max. */
  setRecvBufferSize(size: number): void {
    this.#set('recvBufferSize', checkBufferSize(size), 'setRecvBufferSize');
  }

  /** SO_RCVBUF in bytes, as the kernel has it: twice what was set. */
  getRecvBufferSize(): number {
    return this.#get('recvBufferSize', 'getRecvBufferSize');
  }

  /** SO_SNDBUF in bytes. Linux sets twice as much, up to twice net.core.wmem_max. */
  setSendBufferSize(size: number): void {
    this.#set('sendBufferSize', checkBufferSize(size), 'setSendBufferSize');
  }

  /** SO_SNDBUF in bytes, as the kernel has it: twice what was set. */
  getSendBufferSize(): number {
    return this.#get('sendBufferSize', 'getSendBufferSize');
  }

  /** See `PathMtuDiscovery`. io_uring only. */
  setPathMtuDiscovery(mode: PathMtuDiscovery): void {
    const value = PATH_MTU_DISCOVERIES.indexOf(checkOneOf(mode, 'mode', PATH_MTU_DISCOVERIES));
    this.#set('pathMtuDiscovery', value, 'setPathMtuDiscovery');
  }

  /**
   * The longest packet that the path to the peer of a connected socket is known to take, headers included,
   * in bytes. io_uring only.
   *
   * @throws ERR_SOCKET_DGRAM_NOT_CONNECTED.
   */
  getPathMtu(): number {
    this.#checkOpen();
    if (this.#backend.remote === undefined) throw socketNotConnectedError();
    return this.#get('pathMtu', 'getPathMtu');
  }
}

function checkTtl(ttl: unknown, least: number, syscall: string): number {
  if (typeof ttl !== 'number') throw invalidArgType('ttl', 'of type number', ttl);
  if (!Number.isInteger(ttl) || ttl < least || ttl > TTL_MAX) {
    throw addressError(EINVAL, syscall);
  }
  return ttl;
}

/** Node reads a size of 0 as no wish at all, and Linux as the least it has; this is Linux's. */
function checkBufferSize(size: unknown): number {
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > INT_MAX)
    throw badBufferSize();
  return size;
}
