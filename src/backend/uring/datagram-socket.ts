/**
 * A UDP socket on a ring: sends, and one multishot recvmsg that fills provided buffers.
 *
 * The kernel ends a multishot receive when buffers run out, after an empty datagram, when the completion
 * queue overflows, and on errors; in each case what has not been received stays in the socket, and the
 * receive is armed again: at once, or when a buffer has come back.
 */
import { BatchQueue } from '../../batch-queue.js';
import { addressError, socketClosedError } from '../../errors.js';
import type { SocketAddress } from '../../net/address.js';
import type { DatagramMessage } from '../../net/datagram-message.js';
import type { BackendDatagramSocket, DatagramBinding } from '../backend.js';
import { PendingCount } from '../pending-count.js';
import { CopySlab } from './copy-slab.js';
import { ReceiveOperation, SendOperation } from './datagram-operations.js';
import type { BatchListener, Dispatcher } from './dispatcher.js';
import { type FdTable, NOT_REGISTERED } from './fd-table.js';
import { closeDescriptor } from './files.js';
import { SQE_FIXED_FILE } from './layout.js';
import type { BufferWaiter, ProvidedBuffers } from './provided-buffers.js';
import type { ReceiveBuffers } from './receive-buffers.js';
import {
  CopiedMessage,
  LeasedMessage,
  NARROW_PREFIX,
  PAYLOAD_LENGTH_WORD,
  type PrefixLayout,
} from './received-message.js';
import { encodeName, localName } from './socket-names.js';
import { leased, WIDE_PREFIX, type WideFormat, wideMessages } from './wide-message.js';

const ECANCELED = -125;
const ENOBUFS = -105;

/** Encoded addresses remembered per socket. */
const ADDRESSES_MAX = 1024;
/** Messages that may wait for a reader, beyond what one batch brings, before receiving stops. */
const WAITING_MESSAGES_MAX = 1024;

/** What a socket tells the one who made it. */
export interface SocketOwner {
  noteRearmed(): void;
  remove(socket: UringDatagramSocket): void;
}

export class UringDatagramSocket implements BackendDatagramSocket, BatchListener, BufferWaiter {
  readonly local: SocketAddress;
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly target: number;
  readonly targetFlags: number;
  /** What the kernel writes before each payload. */
  readonly prefix: PrefixLayout;
  readonly #owner: SocketOwner;
  readonly #source: ReceiveBuffers;
  readonly #messageBytes: number;
  /** Of a socket that asked for more than bytes and sender. */
  readonly #format: WideFormat | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #fd: number;
  readonly #fixedIndex: number;
  readonly #names = new Map<string, Uint8Array>();
  #armed: ReceiveOperation | undefined;
  /** Whether somebody wants messages; `#armed` follows it. */
  #isReceiving = false;
  #isLeasing = false;
  #isRef = true;
  #hasBeenArmed = false;
  #isListeningForBatchEnd = false;
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
    this.#fixedIndex = table.acquire(fd);
    const isFixed = this.#fixedIndex !== NOT_REGISTERED;
    this.target = isFixed ? this.#fixedIndex : fd;
    this.targetFlags = isFixed ? SQE_FIXED_FILE : 0;
    this.local = localName(fd);
    this.#format = formatOf(wanted, this.local.port);
    this.prefix = this.#format?.layout ?? NARROW_PREFIX;
    this.incoming = new BatchQueue(WAITING_MESSAGES_MAX, () => this.#arm());
  }

  get fd(): number {
    return this.#fd;
  }

  /** Made when they are first needed. */
  get #buffers(): ProvidedBuffers {
    return this.#source.for(this.#messageBytes, this.prefix);
  }

  receive(isLeasing: boolean): void {
    this.#isReceiving = true;
    this.#isLeasing = isLeasing;
    this.#arm();
  }

  pause(): void {
    this.#isReceiving = false;
    this.#disarm();
  }

  #arm(): void {
    if (!this.#isReceiving || this.#armed !== undefined || this.#closing !== undefined) return;
    if (this.incoming.isFull || this.#dispatcher.isClosing) return;
    this.#buffers.whenAvailable(this);
  }

  onBuffersAvailable(): void {
    if (!this.#isReceiving || this.#armed !== undefined || this.#closing !== undefined) return;
    if (this.#dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#owner.noteRearmed();
    this.#hasBeenArmed = true;
    const operation = new ReceiveOperation(this, this.#buffers.groupId);
    operation.isHolding = this.#isRef;
    this.#armed = operation;
    void this.#dispatcher.submit(operation, undefined);
  }

  #disarm(): void {
    this.#source.forget(this);
    if (this.#armed !== undefined) this.#dispatcher.cancel(this.#armed, socketClosedError);
  }

  /** The kernel has put a datagram into a buffer. */
  accept(bytes: number, bufferId: number): void {
    const buffers = this.#buffers;
    buffers.noteTaken();
    if (this.#format === undefined) this.#acceptNarrow(buffers, bytes, bufferId);
    else this.#acceptWide(buffers, bytes, bufferId, this.#format);
    if (this.#isListeningForBatchEnd) return;
    this.#isListeningForBatchEnd = true;
    this.#dispatcher.listenForBatchEnd(this);
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
    this.#isListeningForBatchEnd = false;
    this.#buffers.publish();
    this.incoming.flush();
    // A reader that does not keep up leaves further datagrams to the socket's own buffer.
    if (this.incoming.isFull && this.#armed !== undefined) this.#disarm();
    else this.#arm();
  }

  /** The kernel has ended the receive. */
  onDisarmed(errno: number): void {
    this.#armed = undefined;
    if (errno === ENOBUFS) this.#buffers.grow();
    else if (errno !== 0 && errno !== ECANCELED) {
      this.#isReceiving = false;
      this.incoming.fail(addressError(errno, 'recvmsg', this.local.address, this.local.port));
    }
    if (this.#closing !== undefined || this.#dispatcher.isClosing) {
      this.incoming.end();
      return;
    }
    // Arm again once the batch is through: buffers that it brought have come back by then.
    if (this.#isListeningForBatchEnd) return;
    this.#isListeningForBatchEnd = true;
    this.#dispatcher.listenForBatchEnd(this);
  }

  #encode(remote: SocketAddress): Uint8Array {
    const key = `${remote.address}|${remote.port}`;
    let name = this.#names.get(key);
    if (name) return name;
    const encoded = encodeName(remote);
    if (typeof encoded === 'number') throw addressError(encoded, 'send', remote.address, remote.port);
    name = encoded;
    if (this.#names.size >= ADDRESSES_MAX) this.#names.clear();
    this.#names.set(key, name);
    return name;
  }

  send(
    data: NodeJS.ArrayBufferView,
    remote: SocketAddress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.#closing !== undefined) return Promise.reject(socketClosedError());
    try {
      return this.#dispatcher.submit(new SendOperation(this, data, this.#encode(remote), remote), signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  ref(): void {
    this.#setRef(true);
  }

  unref(): void {
    this.#setRef(false);
  }

  #setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#armed !== undefined) this.#dispatcher.setHolding(this.#armed, isRef);
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isReceiving = false;
    this.#source.forget(this);
    if (this.#armed !== undefined) {
      this.#dispatcher.setHolding(this.#armed, true);
      this.#disarm();
    }
    if (!this.pending.isIdle) {
      this.#dispatcher.cancelFd(this.#fd, this.#fixedIndex);
      await this.pending.whenIdle();
    }
    this.incoming.end();
    this.#owner.remove(this);
    await closeDescriptor(this.#dispatcher, this.#table, this.#fd);
  }
}

function formatOf({ ancillary, receiveOffload }: DatagramBinding, port: number): WideFormat | undefined {
  if (ancillary.length === 0 && !receiveOffload) return undefined;
  return { layout: WIDE_PREFIX, fields: ancillary, port };
}
