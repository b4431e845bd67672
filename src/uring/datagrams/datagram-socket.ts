/** A datagram socket on a ring: its names, settings and end. DatagramReceiver receives, DatagramSender sends. */
import { PendingCount } from '../../base/pending-count.js';
import type { SocketAddress } from '../../contract/address.js';
import type {
  BackendDatagramSocket,
  DatagramBinding,
  DatagramReading,
  DatagramSetting,
  Membership,
  Payload,
  SendExtras,
} from '../../contract/backend.js';
import type { BatchQueue } from '../../contract/batch-queue.js';
import type { DatagramMessage } from '../../contract/datagram-message.js';
import { removerOf } from '../../contract/unix-path.js';
import { addressError, ringClosedError, socketClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { OP_SENDMSG_ZC } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import { hasLetGo } from '../engine/letting-go.js';
import type { Operation } from '../engine/operation.js';
import { closeDescriptor } from '../files/closing.js';
import type { ReceiveBuffers } from '../memory/receive-buffers.js';
import { encodeName, localName, peerName } from '../sockets/socket-names.js';
import {
  changeMembership,
  changeMulticastInterface,
  changeSetting,
  readSetting,
} from '../sockets/socket-settings.js';
import { ZeroCopyChoice, type ZeroCopyTally } from '../sockets/zero-copy.js';
import { DatagramReceiver, type ReceiverOwner } from './datagram-receiver.js';
import { DatagramSender } from './datagram-sender.js';

/** What takes a peer away: a name of the family AF_UNSPEC, which is 0 (connect(2)). */
const AF_UNSPEC_NAME_BYTES = 16;

/** What a socket tells its maker. */
export interface SocketOwner {
  readonly zeroCopyTally: ZeroCopyTally;
  noteRearmed(): void;
  remove(socket: UringDatagramSocket): void;
}

export class UringDatagramSocket implements BackendDatagramSocket, ReceiverOwner {
  #local: SocketAddress;
  #remote: SocketAddress | undefined;
  /** As it was before it was connected. */
  readonly #bound: SocketAddress;
  readonly #removePath: () => void;
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly target: number;
  readonly targetFlags: number;
  readonly #owner: SocketOwner;
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly fd: number;
  readonly #fixedIndex: number;
  readonly sender: DatagramSender;
  readonly #receiver: DatagramReceiver;
  /** Sends, and the armed receive. */
  readonly pending = new PendingCount();
  #closing: Promise<void> | undefined;

  constructor(
    owner: SocketOwner,
    source: ReceiveBuffers,
    dispatcher: Dispatcher,
    table: FdTable,
    fd: number,
    wanted: DatagramBinding,
  ) {
    this.#owner = owner;
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.fd = fd;
    const canSkipCopies = wanted.family !== 'Unix' && dispatcher.supportsOp(OP_SENDMSG_ZC);
    const zeroCopy = new ZeroCopyChoice(owner.zeroCopyTally, canSkipCopies);
    this.sender = new DatagramSender(this, dispatcher, zeroCopy);
    const { target, flags, fixedIndex } = table.acquire(fd);
    this.target = target;
    this.targetFlags = flags;
    this.#fixedIndex = fixedIndex;
    this.#local = localName(fd);
    this.#bound = this.#local;
    this.#removePath = removerOf(this.#bound.path);
    this.#receiver = new DatagramReceiver(this, source, dispatcher, wanted);
    this.incoming = this.#receiver.incoming;
  }

  receive(isLeasing: boolean): void {
    this.#receiver.receive(isLeasing);
  }

  rest(): void {
    this.#receiver.rest();
  }

  pause(): void {
    this.#receiver.pause();
  }

  setRef(isRef: boolean): void {
    this.#receiver.setRef(isRef);
  }

  noteRearmed(): void {
    this.#owner.noteRearmed();
  }

  /** Throws when nothing can be asked of it any more. */
  throwIfUnusable(): void {
    if (this.#closing !== undefined) throw socketClosedError();
    if (this.#dispatcher.isClosing) throw ringClosedError();
  }

  get isUnix(): boolean {
    return this.#bound.family === 'Unix';
  }

  send(
    payload: Payload,
    remote: SocketAddress | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    return this.sender.send(payload, remote, extras, signal);
  }

  sendMany(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    return this.sender.sendMany(payloads, remotes, extras, signal);
  }

  async connect(remote: SocketAddress): Promise<void> {
    this.throwIfUnusable();
    const { address, port, path } = remote;
    const name = this.sender.names.of(remote);
    const errno = binding().connectSocket(this.fd, name.bytes);
    if (errno < 0) throw addressError(errno, 'connect', path ?? address, port);
    this.#refreshNames();
  }

  disconnect(): void {
    this.throwIfUnusable();
    const { local } = this;
    const errno = binding().connectSocket(this.fd, new Uint8Array(AF_UNSPEC_NAME_BYTES));
    if (errno < 0) throw addressError(errno, 'disconnect');
    this.#refreshNames();
    if (this.local.port === local.port) return;
    // A port of the kernel's own choice goes with the peer: take it back.
    const name = encodeName({ ...this.#bound, port: local.port });
    const rebound = typeof name === 'number' ? name : binding().bindSocket(this.fd, name);
    if (rebound < 0) throw addressError(rebound, 'bind', local.address, local.port);
    this.#refreshNames();
  }

  #refreshNames(): void {
    this.#local = localName(this.fd);
    this.#remote = peerName(this.fd);
  }

  get local(): SocketAddress {
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    return this.#remote;
  }

  set(setting: DatagramSetting, value: number, syscall: string): void {
    this.throwIfUnusable();
    changeSetting(this.fd, this.#isV6, setting, value, syscall);
  }

  get(setting: DatagramReading, syscall: string): number {
    this.throwIfUnusable();
    return readSetting(this.fd, this.#isV6, setting, syscall);
  }

  setMulticastInterface(address: string, syscall: string): void {
    this.throwIfUnusable();
    changeMulticastInterface(this.fd, address, syscall);
  }

  changeMembership(membership: Membership, syscall: string): void {
    this.throwIfUnusable();
    changeMembership(this.fd, membership, syscall);
  }

  get #isV6(): boolean {
    return this.#bound.family === 'IPv6';
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  async abandon(): Promise<void> {
    this.pause();
    await this.pending.whenIdle();
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#receiver.end();
    this.#removePath();
    const isFree = hasLetGo(this.#dispatcher, this.#cancelAll());
    if (isFree) {
      if (!this.#dispatcher.isClosed) this.#table.release(this.fd);
      binding().closeFd(this.fd);
    }
    await this.pending.whenIdle();
    this.incoming.end();
    this.#owner.remove(this);
    if (!isFree) await closeDescriptor(this.#dispatcher, this.#table, this.fd);
  }

  /** Asks for the end of everything that is pending, and returns what that was. */
  #cancelAll(): readonly Operation<unknown>[] {
    if (this.pending.isIdle) return [];
    const { armed } = this.#receiver;
    if (armed !== undefined) this.#dispatcher.cancel(armed, socketClosedError);
    if (armed !== undefined && this.pending.count === 1) return [armed];
    const sends = this.#dispatcher.cancels.cancelOwned(this, this.fd, this.#fixedIndex);
    return armed === undefined ? sends : [armed, ...sends];
  }
}
