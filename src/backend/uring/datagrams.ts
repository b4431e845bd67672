/** The UDP sockets of a ring. */
import { addressError } from '../../errors.js';
import type { BackendDatagramSocket, DatagramBackend, DatagramBinding } from '../backend.js';
import { binding } from './binding.js';
import { type SocketOwner, UringDatagramSocket } from './datagram-socket.js';
import type { Dispatcher } from './dispatcher.js';
import type { FdTable } from './fd-table.js';
import type { ReceiveBuffers } from './receive-buffers.js';

export class UringDatagrams implements DatagramBackend, SocketOwner {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #buffers: ReceiveBuffers;
  readonly #sockets = new Set<UringDatagramSocket>();
  #rearmCount = 0;

  constructor(dispatcher: Dispatcher, table: FdTable, buffers: ReceiveBuffers) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#buffers = buffers;
  }

  get messageBytesMax(): number {
    return this.#buffers.messageBytesMax;
  }

  get rearmCount(): number {
    return this.#rearmCount;
  }

  noteRearmed(): void {
    this.#rearmCount++;
  }

  remove(socket: UringDatagramSocket): void {
    this.#sockets.delete(socket);
  }

  async bind(wanted: DatagramBinding): Promise<BackendDatagramSocket> {
    const { fd, syscall } = binding().bindDatagram(
      wanted.address,
      wanted.port,
      wanted.reuseAddress,
      wanted.reusePort,
      wanted.ipv6Only,
      wanted.broadcast,
      wanted.receiveBufferBytes,
      wanted.sendBufferBytes,
    );
    if (fd < 0) throw addressError(fd, syscall, wanted.address, wanted.port);
    const socket = new UringDatagramSocket(
      this,
      this.#buffers,
      this.#dispatcher,
      this.#table,
      fd,
      wanted.messageBytes,
    );
    this.#sockets.add(socket);
    return socket;
  }

  /** Closes every socket, and then lets go of the receive buffers. */
  async close(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
    this.#buffers.unregister();
  }
}
