/**
 * A UDP socket on a ring: sends, and one multishot recvmsg that fills provided buffers.
 *
 * The kernel ends a multishot receive when buffers run out, after an empty datagram, when the completion
 * queue overflows, and on errors; in each case what has not been received stays in the socket, and the
 * receive is armed again: at once, or when a buffer has come back.
 */

import { ECANCELED, ENOBUFS } from '../../base/errno.js';
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
import { BatchQueue } from '../../contract/batch-queue.js';
import type { DatagramMessage } from '../../contract/datagram-message.js';
import type { OperationFacts } from '../../contract/observation.js';
import { removerOf } from '../../contract/unix-path.js';
import { addressError, ringClosedError, socketClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { CQE_BUFFER, CQE_BUFFER_SHIFT, MSG_TRUNC } from '../../native/layout.js';
import { writeMsghdr } from '../../native/msghdr.js';
import { OP_SENDMSG_ZC, prepRecvmsgMultishot, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { BatchListener } from '../engine/completion-block.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import { hasLetGo } from '../engine/letting-go.js';
import type { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { closeDescriptor } from '../files/closing.js';
import type { BufferWaiter } from '../memory/buffer-line.js';
import { CopySlab } from '../memory/copy-slab.js';
import type { ProvidedBuffers } from '../memory/provided-buffers.js';
import type { ReceiveBuffers } from '../memory/receive-buffers.js';
import { encodeName, localName, peerName } from '../sockets/socket-names.js';
import {
  changeMembership,
  changeMulticastInterface,
  changeSetting,
  readSetting,
} from '../sockets/socket-settings.js';
import { ZeroCopyChoice, type ZeroCopyTally } from '../sockets/zero-copy.js';
import { DatagramSender } from './datagram-sender.js';
import {
  CopiedMessage,
  LeasedMessage,
  NARROW_PREFIX,
  PAYLOAD_LENGTH_WORD,
  type PrefixLayout,
} from './received-message.js';
import { leased, UNIX_PREFIX, WIDE_PREFIX, type WideFormat, wideMessages } from './wide-message.js';

/** What takes a peer away: a name of the family AF_UNSPEC, which is 0 (connect(2)). */
const AF_UNSPEC_NAME_BYTES = 16;

/** How long a close waits, at most, for an SQ thread to let go of the socket. */
const RELEASE_MS_MAX = 20;

/** Messages that may wait for a reader, beyond what one batch brings, before receiving stops. */
const WAITING_MESSAGES_MAX = 1024;

/** What a socket tells its maker. */
export interface SocketOwner {
  readonly zeroCopyTally: ZeroCopyTally;
  noteRearmed(): void;
  remove(socket: UringDatagramSocket): void;
}

export class UringDatagramSocket implements BackendDatagramSocket, ArmedOwner, BatchListener, BufferWaiter {
  #local: SocketAddress;
  #remote: SocketAddress | undefined;
  /** As it was before it was connected. */
  readonly #bound: SocketAddress;
  readonly #removePath: () => void;
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly target: number;
  readonly targetFlags: number;
  /** What the kernel writes before each payload. */
  readonly prefix: PrefixLayout;
  readonly #owner: SocketOwner;
  readonly #source: ReceiveBuffers;
  readonly #messageBytes: number;
  /** Once they are needed. */
  #madeBuffers: ProvidedBuffers | undefined;
  /** Of a socket that asked for more than bytes and sender. */
  readonly #format: WideFormat | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #fd: number;
  readonly #fixedIndex: number;
  readonly sender: DatagramSender;
  #armed: ArmedOperation | undefined;
  /** Whether a reader wants messages; `#armed` follows it. */
  #isReceiving = false;
  #isLeasing = false;
  /** Whether what is armed is only for a reader that may come. */
  #isResting = false;
  #isRef = true;
  #hasBeenArmed = false;
  /** Whether the last arming has brought anything. */
  #wasServed = false;
  isListening = false;
  /** Completions of the batch at hand that brought something. */
  #receivedCount = 0;
  readonly #copies = new CopySlab();
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
    this.#source = source;
    this.#messageBytes = wanted.messageBytes;
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#fd = fd;
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
    this.#format = formatOf(wanted, this.local.port);
    this.prefix = this.#format?.layout ?? NARROW_PREFIX;
    this.incoming = new BatchQueue(WAITING_MESSAGES_MAX, () => this.#arm());
  }

  get fd(): number {
    return this.#fd;
  }

  get #buffers(): ProvidedBuffers {
    this.#madeBuffers ??= this.#source.for(this.#messageBytes, this.prefix);
    return this.#madeBuffers;
  }

  receive(isLeasing: boolean): void {
    this.#isReceiving = true;
    this.#isLeasing = isLeasing;
    if (this.#isResting) {
      this.#isResting = false;
      this.#updateRef();
    }
    this.#arm();
  }

  rest(): void {
    this.#isResting = true;
    this.#updateRef();
  }

  #updateRef(): void {
    if (this.#armed === undefined) return;
    this.#dispatcher.setRef(this.#armed, this.#isRef && !this.#isResting);
  }

  pause(): void {
    this.#isReceiving = false;
    this.#isResting = false;
    this.#disarm();
  }

  #arm(): void {
    if (!this.#isReceiving || this.#armed !== undefined || this.#closing !== undefined) return;
    if (this.incoming.isFull || this.#dispatcher.isClosing) return;
    this.#buffers.whenAvailable(this, this.#wasServed);
  }

  onBuffersAvailable(): void {
    if (!this.#isReceiving || this.#armed !== undefined || this.#closing !== undefined) return;
    if (this.#dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#owner.noteRearmed();
    this.#hasBeenArmed = true;
    this.#wasServed = false;
    const operation = new ArmedOperation(this);
    this.pending.enter();
    operation.isRef = this.#isRef && !this.#isResting;
    this.#armed = operation;
    this.#dispatcher.begin(operation);
  }

  #disarm(): void {
    this.#source.forget(this);
    if (this.#armed !== undefined) this.#dispatcher.cancel(this.#armed, socketClosedError);
  }

  prepareArmed(sqe: Sqe, storage: SlotStorage, { slot }: ArmedOperation): void {
    const { nameBytes, controlBytes } = this.prefix;
    writeMsghdr(storage.words(slot), storage.wordOffset(slot), 0, nameBytes, 0, 0, 0, controlBytes);
    const { groupId } = this.#buffers;
    prepRecvmsgMultishot(sqe, this.target, this.targetFlags, storage.address(slot), MSG_TRUNC, groupId);
  }

  describeArmed(): OperationFacts {
    const { address, port } = this.local;
    return { kind: 'recvmsg', fd: this.#fd, address, port };
  }

  /** The kernel has put a datagram into a buffer. */
  onCompletion(bytes: number, flags: number): void {
    if ((flags & CQE_BUFFER) === 0) return;
    const bufferId = flags >>> CQE_BUFFER_SHIFT;
    const buffers = this.#buffers;
    buffers.noteTaken();
    this.#receivedCount++;
    this.#wasServed = true;
    if (this.#format === undefined) this.#acceptNarrow(buffers, bytes, bufferId);
    else this.#acceptWide(buffers, bytes, bufferId, this.#format);
    this.#dispatcher.completions.listen(this);
  }

  #acceptNarrow(buffers: ProvidedBuffers, bytes: number, bufferId: number): void {
    const headerWord = buffers.offsetOf(bufferId) >>> 2;
    const byteLength = buffers.areaOf(bufferId).words[headerWord + PAYLOAD_LENGTH_WORD] as number;
    const dataBytes = bytes - NARROW_PREFIX.bytes;
    if (this.#isLeasing) {
      this.incoming.append(new LeasedMessage(buffers, bufferId, dataBytes, byteLength));
    } else {
      const offset = this.#copies.copy(buffers, bufferId, bytes);
      this.incoming.append(new CopiedMessage(this.#copies.slab, offset, dataBytes, byteLength));
      buffers.giveBack(bufferId);
    }
  }

  #acceptWide(buffers: ProvidedBuffers, bytes: number, bufferId: number, format: WideFormat): void {
    const received = this.#isLeasing
      ? leased(buffers, bufferId)
      : this.#copies.receive(buffers, bufferId, bytes);
    if (!this.#isLeasing) buffers.giveBack(bufferId);
    for (const message of wideMessages(received, format, bytes - format.layout.bytes)) {
      this.incoming.append(message);
    }
  }

  afterBatch(): void {
    this.#dispatcher.completions.noteReceived(this.#receivedCount);
    this.#receivedCount = 0;
    this.#buffers.publish();
    this.incoming.flush();
    // A reader that does not keep up leaves further datagrams to the socket's own buffer.
    if (this.incoming.isFull && this.#armed !== undefined) this.#disarm();
    else this.#arm();
  }

  /** The kernel has ended the receive. */
  onDisarmed(result: number): void {
    this.pending.leave();
    this.#armed = undefined;
    if (result === ENOBUFS) this.#buffers.grow();
    else if (result < 0 && result !== ECANCELED) {
      this.#isReceiving = false;
      this.incoming.fail(addressError(result, 'recvmsg', this.local.address, this.local.port));
    }
    if (this.#closing !== undefined || this.#dispatcher.isClosing) {
      this.incoming.end();
      return;
    }
    // Arm again once the batch is through: buffers that it brought have come back by then.
    this.#dispatcher.completions.listen(this);
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
    const errno = binding().connectSocket(this.#fd, name.bytes);
    if (errno < 0) throw addressError(errno, 'connect', path ?? address, port);
    this.#refreshNames();
  }

  disconnect(): void {
    this.throwIfUnusable();
    const { local } = this;
    const errno = binding().connectSocket(this.#fd, new Uint8Array(AF_UNSPEC_NAME_BYTES));
    if (errno < 0) throw addressError(errno, 'disconnect');
    this.#refreshNames();
    if (this.local.port === local.port) return;
    // A port of the kernel's own choice goes with the peer: take it back.
    const name = encodeName({ ...this.#bound, port: local.port });
    const rebound = typeof name === 'number' ? name : binding().bindSocket(this.#fd, name);
    if (rebound < 0) throw addressError(rebound, 'bind', local.address, local.port);
    this.#refreshNames();
  }

  #refreshNames(): void {
    this.#local = localName(this.#fd);
    this.#remote = peerName(this.#fd);
  }

  get local(): SocketAddress {
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    return this.#remote;
  }

  set(setting: DatagramSetting, value: number, syscall: string): void {
    this.throwIfUnusable();
    changeSetting(this.#fd, this.#isV6, setting, value, syscall);
  }

  get(setting: DatagramReading, syscall: string): number {
    this.throwIfUnusable();
    return readSetting(this.#fd, this.#isV6, setting, syscall);
  }

  setMulticastInterface(address: string, syscall: string): void {
    this.throwIfUnusable();
    changeMulticastInterface(this.#fd, address, syscall);
  }

  changeMembership(membership: Membership, syscall: string): void {
    this.throwIfUnusable();
    changeMembership(this.#fd, membership, syscall);
  }

  get #isV6(): boolean {
    return this.#bound.family === 'IPv6';
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.#updateRef();
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
    this.#isReceiving = false;
    this.#source.forget(this);
    this.#removePath();
    if (this.#armed !== undefined) this.#dispatcher.setRef(this.#armed, true);
    const isFree = hasLetGo(this.#dispatcher, this.#cancelAll(), RELEASE_MS_MAX);
    if (isFree) {
      if (!this.#dispatcher.isClosed) this.#table.release(this.#fd);
      binding().closeFd(this.#fd);
    }
    await this.pending.whenIdle();
    this.incoming.end();
    this.#owner.remove(this);
    if (!isFree) await closeDescriptor(this.#dispatcher, this.#table, this.#fd);
  }

  /** Asks for the end of everything that is pending, and returns what that was. */
  #cancelAll(): readonly Operation<unknown>[] {
    const armed = this.#armed;
    if (this.pending.isIdle) return [];
    if (armed === undefined || this.pending.count > 1) {
      return this.#dispatcher.cancels.cancelOwned(this, this.#fd, this.#fixedIndex);
    }
    this.#dispatcher.cancel(armed, socketClosedError);
    return [armed];
  }
}

function formatOf(wanted: DatagramBinding, port: number): WideFormat | undefined {
  const { ancillary, receiveOffload } = wanted;
  const isUnix = wanted.family === 'Unix';
  const isWide = ancillary.length > 0 || receiveOffload;
  if (isWide) return { layout: WIDE_PREFIX, fields: ancillary, port, isUnix };
  return isUnix ? { layout: UNIX_PREFIX, fields: [], port, isUnix } : undefined;
}
