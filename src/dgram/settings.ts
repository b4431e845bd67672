/** The calls of node:dgram that change or tell a bound socket's options, which DatagramSocket has by the same names. */
import { EventEmitter } from 'node:events';
import type { DatagramSocket } from '../net/datagrams/datagram-socket.js';
import type { SocketEvents } from './options.js';

/** The socket, for what needs a bound one. @throws EBADF with `syscall`, ERR_SOCKET_DGRAM_NOT_RUNNING. */
export const boundSocket = Symbol('boundSocket');

export abstract class SettableSocket extends EventEmitter<SocketEvents> {
  protected abstract [boundSocket](syscall: string): DatagramSocket;

  setBroadcast(flag: boolean): void {
    this[boundSocket]('setBroadcast').setBroadcast(flag);
  }

  setTTL(ttl: number): number {
    return this[boundSocket]('setTTL').setTTL(ttl);
  }

  setMulticastTTL(ttl: number): number {
    return this[boundSocket]('setMulticastTTL').setMulticastTTL(ttl);
  }

  setMulticastLoopback(flag: boolean): boolean {
    return this[boundSocket]('setMulticastLoopback').setMulticastLoopback(flag);
  }

  setMulticastInterface(interfaceAddress: string): void {
    this[boundSocket]('setMulticastInterface').setMulticastInterface(interfaceAddress);
  }

  addMembership(multicastAddress: string, interfaceAddress?: string): void {
    this[boundSocket]('addMembership').addMembership(multicastAddress, interfaceAddress);
  }

  dropMembership(multicastAddress: string, interfaceAddress?: string): void {
    this[boundSocket]('dropMembership').dropMembership(multicastAddress, interfaceAddress);
  }

  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this[boundSocket]('addSourceSpecificMembership').addSourceSpecificMembership(
      source,
      group,
      interfaceAddress,
    );
  }

  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    this[boundSocket]('dropSourceSpecificMembership').dropSourceSpecificMembership(
      source,
      group,
      interfaceAddress,
    );
  }

  setRecvBufferSize(size: number): void {
    this[boundSocket]('setRecvBufferSize').setRecvBufferSize(size);
  }

  getRecvBufferSize(): number {
    return this[boundSocket]('getRecvBufferSize').getRecvBufferSize();
  }

  setSendBufferSize(size: number): void {
    this[boundSocket]('setSendBufferSize').setSendBufferSize(size);
  }

  getSendBufferSize(): number {
    return this[boundSocket]('getSendBufferSize').getSendBufferSize();
  }
}
