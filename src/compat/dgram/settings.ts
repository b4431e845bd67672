/** The calls of node:dgram that change or tell a bound socket's options, which DatagramSocket has by the same names. */
import { EventEmitter } from 'node:events';
import { adopting } from '../../base/callable.js';
import type { DatagramSocket } from '../../net/datagrams/datagram-socket.js';
import type { SocketEvents } from './options.js';

/** The socket, for what needs a bound one. @throws EBADF with `syscall`, ERR_SOCKET_DGRAM_NOT_RUNNING. */
export const boundSocket = Symbol('boundSocket');

export abstract class SettableSocket extends adopting(EventEmitter)<SocketEvents> {
  /** @param mayBind whether one that is not bound is bound to a port of the system's choice. */
  protected abstract [boundSocket](syscall: string, mayBind?: boolean): DatagramSocket;

  /** SO_BROADCAST: whether messages may go to broadcast addresses. */
  setBroadcast(flag: boolean): void {
    this[boundSocket]('setBroadcast').setBroadcast(flag);
  }

  /** IP_TTL: how many routers a message may pass, 1 to 255. */
  setTTL(ttl: number): number {
    return this[boundSocket]('setTTL').setTTL(ttl);
  }

  /** IP_MULTICAST_TTL: how many routers a message to a group may pass, 0 to 255; 0 keeps it on this machine. */
  setMulticastTTL(ttl: number): number {
    return this[boundSocket]('setMulticastTTL').setMulticastTTL(ttl);
  }

  /** IP_MULTICAST_LOOP: whether messages to a group come back to members on this machine. */
  setMulticastLoopback(flag: boolean): boolean {
    return this[boundSocket]('setMulticastLoopback').setMulticastLoopback(flag);
  }

  /** By which interface messages to groups leave: its address; for IPv6 with a scope, as in `::%eth0`. */
  setMulticastInterface(interfaceAddress: string): void {
    this[boundSocket]('setMulticastInterface').setMulticastInterface(interfaceAddress);
  }

  /** Joins a group, on the interface of that address; without one the system chooses. */
  addMembership(multicastAddress: string, interfaceAddress?: string): void {
    this[boundSocket]('addMembership', true).addMembership(multicastAddress, interfaceAddress);
  }

  /** Leaves a group, as `addMembership` has joined it. */
  dropMembership(multicastAddress: string, interfaceAddress?: string): void {
    this[boundSocket]('dropMembership', true).dropMembership(multicastAddress, interfaceAddress);
  }

  /** Joins a group for the messages of one source alone. */
  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this[boundSocket]('addSourceSpecificMembership', true).addSourceSpecificMembership(
      source,
      group,
      interfaceAddress,
    );
  }

  /** Leaves a group, as `addSourceSpecificMembership` has joined it. */
  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this[boundSocket]('dropSourceSpecificMembership', true).dropSourceSpecificMembership(
      source,
      group,
      interfaceAddress,
    );
  }

  /** SO_RCVBUF in bytes: what may wait in the kernel. Linux sets twice as much, within its limit. */
  setRecvBufferSize(size: number): void {
    this[boundSocket]('setRecvBufferSize').setRecvBufferSize(size);
  }

  /** SO_RCVBUF in bytes, as the kernel has it: twice what was set. */
  getRecvBufferSize(): number {
    return this[boundSocket]('getRecvBufferSize').getRecvBufferSize();
  }

  /** SO_SNDBUF in bytes. Linux sets twice as much, within its limit. */
  setSendBufferSize(size: number): void {
    this[boundSocket]('setSendBufferSize').setSendBufferSize(size);
  }

  /** SO_SNDBUF in bytes, as the kernel has it: twice what was set. */
  getSendBufferSize(): number {
    return this[boundSocket]('getSendBufferSize').getSendBufferSize();
  }
}
