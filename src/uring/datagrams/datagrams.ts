/** The UDP sockets of a ring. */

import type { BackendDatagramSocket, DatagramBackend, DatagramBinding } from '../../contract/backend.js';
import { unixAddress } from '../../contract/unix-path.js';
import { addressError, invalidFdType, ringClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../../native/layout.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import type { ReceiveBuffers } from '../memory/receive-buffers.js';
import { encodeName } from '../sockets/socket-names.js';
import { optionsOf, SO_TYPE, SOCK_DGRAM, SOL_SOCKET } from '../sockets/socket-options.js';
import type { ZeroCopyTally } from '../sockets/zero-copy.js';
import { type SocketOwner, UringDatagramSocket } from './datagram-socket.js';

const FAMILIES = { IPv4: AF_INET, IPv6: AF_INET6, Unix: AF_UNIX };

export class UringDatagrams implements DatagramBackend, SocketOwner {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #buffers: ReceiveBuffers;
  readonly #sockets = new Set<UringDatagramSocket>();
  readonly zeroCopyTally: ZeroCopyTally = { sends: 0, copies: 0 };
  rearmCount = 0;

  constructor(dispatcher: Dispatcher, table: FdTable, buffers: ReceiveBuffers) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#buffers = buffers;
  }

  get messageBytesMax(): number {
    return this.#buffers.messageBytesMax;
  }

  noteRearmed(): void {
    this.rearmCount++;
  }

  remove(socket: UringDatagramSocket): void {
    this.#sockets.delete(socket);
  }

  bind(wanted: DatagramBinding): BackendDatagramSocket {
    if (this.#dispatcher.isClosing) throw ringClosedError();
    const fd = openBound(wanted);
    const socket = new UringDatagramSocket(this, this.#buffers, this.#dispatcher, this.#table, fd, wanted);
    this.#sockets.add(socket);
    return socket;
  }

  /** Closes every socket. */
  async close(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
  }
}

/** A descriptor that `wanted` is true of. Throws with the call that failed, and then there is none. */
function openBound(wanted: DatagramBinding): number {
  const { address, port, path } = wanted;
  if (wanted.fd !== undefined) return adopt(wanted.fd);
  const fd = binding().openDatagramSocket(FAMILIES[wanted.family]);
  if (fd < 0) throw addressError(fd, 'socket', path ?? address, port);
  const failure = applyBinding(fd, wanted);
  if (failure === undefined) return fd;
  binding().closeFd(fd);
  throw addressError(failure.errno, failure.syscall, path ?? address, port);
}

/** Throws for what is no datagram socket. */
function adopt(fd: number): number {
  const type = binding().getSocketOption(fd, SOL_SOCKET, SO_TYPE);
  if (type >= 0 && type !== SOCK_DGRAM) throw invalidFdType('no datagram socket');
  const failure = Math.min(type, 0) || binding().adoptFd(fd);
  if (failure < 0) throw addressError(failure, 'open');
  return fd;
}

function applyBinding(fd: number, wanted: DatagramBinding): { errno: number; syscall: string } | undefined {
  for (const [level, name, value] of optionsOf(wanted)) {
    const errno = binding().setSocketOption(fd, level, name, value);
    if (errno < 0) return { errno, syscall: 'setsockopt' };
  }
  const { address, port, family, path } = wanted;
  const name = encodeName(path === undefined ? { address, port, family } : unixAddress(path));
  const errno = typeof name === 'number' ? name : binding().bindSocket(fd, name);
  return errno < 0 ? { errno, syscall: 'bind' } : undefined;
}
