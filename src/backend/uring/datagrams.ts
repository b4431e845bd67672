/**
 * UDP sockets on a ring: sends, and one multishot recvmsg a socket that fills provided buffers.
 *
 * The kernel ends a multishot receive when buffers run out, after an empty datagram, when the completion
 * queue overflows, and on errors; in each case what has not been received stays in the socket, and the
 * receive is armed again: at once, or when a buffer has come back.
 */
import { BatchQueue } from '../../batch-queue.js';
import { addressError, socketClosedError } from '../../errors.js';
import type { SocketAddress } from '../../net/address.js';
import type { DatagramMessage } from '../../net/datagram-message.js';
import type {
  BackendDatagramSocket,
  DatagramBackend,
  DatagramBinding,
  ReceiveBufferStats,
} from '../backend.js';
import type { OperationFacts } from '../observation.js';
import { PendingCount } from '../pending-count.js';
import { binding } from './binding.js';
import type { BatchListener, Dispatcher } from './dispatcher.js';
import { type FdTable, NOT_REGISTERED } from './fd-table.js';
import { closeDescriptor } from './files.js';
import {
  CQE_BUFFER,
  CQE_BUFFER_SHIFT,
  CQE_MORE,
  MSG_TRUNC,
  OP_RECVMSG,
  OP_SENDMSG,
  SQE_BUFFER,
  SQE_BUFFER_SELECT,
  SQE_FIXED_FILE,
  SQE_RECEIVE_MULTISHOT,
} from './layout.js';
import { addressOf, writeWide } from './memory.js';
import { fillEntry, Operation } from './operation.js';
import type { BufferWaiter, ProvidedBuffers } from './provided-buffers.js';
import {
  CopiedMessage,
  LeasedMessage,
  NAME_BYTES,
  PAYLOAD_LENGTH_WORD,
  PREFIX_BYTES,
} from './received-message.js';

const ECANCELED = -125;
const ENOBUFS = -105;

// struct msghdr and what it points to, in words of a slot's storage (recvmsg(2)).
const MSGHDR_NAME = 0;
const MSGHDR_NAME_BYTES = 2;
const MSGHDR_IOVEC = 4;
const MSGHDR_IOVEC_COUNT = 6;
const MSGHDR_WORDS = 14;
const IOVEC_WORD = 16;
const NAME_WORD = 20;

/** Copies are cut from slabs of this size, so that a small message does not cost an allocation. */
const SLAB_BYTES = 65536;
/** Copies up to this many words go word by word; a call to `set` costs more than they do. */
const WORD_COPY_MAX = 96;
/** Encoded addresses remembered per socket. */
const ADDRESSES_MAX = 1024;
/** Messages that may wait for a reader, beyond what one batch brings, before receiving stops. */
const WAITING_MESSAGES_MAX = 1024;

/** The receive buffers of a ring, made when its first socket receives. */
export type BufferSource = () => ProvidedBuffers;

class SendOperation extends Operation<number> {
  readonly #socket: UringDatagramSocket;
  readonly #remote: SocketAddress;
  readonly #name: Uint8Array;
  /** SAFETY: read by the kernel until the terminal completion. */
  readonly #payload: NodeJS.ArrayBufferView;

  constructor(
    socket: UringDatagramSocket,
    data: NodeJS.ArrayBufferView,
    name: Uint8Array,
    remote: SocketAddress,
  ) {
    super();
    this.#socket = socket;
    this.#payload = data;
    this.#name = name;
    this.#remote = remote;
    socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    const address = dispatcher.storage.address(this.slot);
    storage.fill(0, offset, offset + MSGHDR_WORDS);
    writeWide(storage, offset + MSGHDR_NAME, address + NAME_WORD * 4);
    storage[offset + MSGHDR_NAME_BYTES] = this.#name.length;
    writeWide(storage, offset + MSGHDR_IOVEC, address + IOVEC_WORD * 4);
    storage[offset + MSGHDR_IOVEC_COUNT] = 1;
    writeWide(storage, offset + IOVEC_WORD, addressOf(this.#payload));
    writeWide(storage, offset + IOVEC_WORD + 2, this.#payload.byteLength);
    dispatcher.storage.bytes(this.slot).set(this.#name, NAME_WORD * 4);
    fillEntry(words, at, OP_SENDMSG | this.#socket.targetFlags, this.#socket.target, address, 1, 0);
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil(result);
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    if (errno === ECANCELED && this.#socket.isClosing) return socketClosedError();
    return addressError(errno, 'send', this.#remote.address, this.#remote.port);
  }

  override describe(): OperationFacts {
    const { address, port } = this.#remote;
    return { kind: 'send', fd: this.#socket.fd, address, port, bytes: this.#payload.byteLength };
  }

  protected override onSettled(): void {
    this.#socket.pending.leave();
  }
}

/** One arming of a socket's multishot receive. Its promise resolves to the errno that ended it, or 0. */
class ReceiveOperation extends Operation<number> {
  readonly #socket: UringDatagramSocket;
  readonly #groupId: number;

  constructor(socket: UringDatagramSocket, groupId: number) {
    super();
    this.#socket = socket;
    this.#groupId = groupId;
    socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    storage.fill(0, offset, offset + MSGHDR_WORDS);
    storage[offset + MSGHDR_NAME_BYTES] = NAME_BYTES;
    const head = OP_RECVMSG | SQE_BUFFER_SELECT | SQE_RECEIVE_MULTISHOT | this.#socket.targetFlags;
    fillEntry(words, at, head, this.#socket.target, dispatcher.storage.address(this.slot), 1, MSG_TRUNC);
    words[at + SQE_BUFFER] = this.#groupId;
  }

  override complete(result: number, flags: number): void {
    if ((flags & CQE_BUFFER) !== 0) this.#socket.accept(result, flags >>> CQE_BUFFER_SHIFT);
    if ((flags & CQE_MORE) === 0) this.fulfil(result < 0 ? result : 0);
  }

  protected override errorFor(errno: number): Error {
    return addressError(errno, 'recvmsg');
  }

  override describe(): OperationFacts {
    const { address, port } = this.#socket.local;
    return { kind: 'recvmsg', fd: this.#socket.fd, address, port };
  }

  protected override onSettled(): void {
    this.#socket.pending.leave();
  }

  protected override fulfil(errno: number): void {
    super.fulfil(errno);
    this.#socket.onDisarmed(errno);
  }

  /** It never started, or the ring broke: nobody awaits the promise, the socket tells its readers. */
  override failWith(create: () => Error): void {
    const error = create() as NodeJS.ErrnoException;
    this.fulfil(error.errno ?? ECANCELED);
  }
}

export class UringDatagramSocket implements BackendDatagramSocket, BatchListener, BufferWaiter {
  readonly local: SocketAddress;
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly target: number;
  readonly targetFlags: number;
  readonly #backend: UringDatagrams;
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
  #slab: Buffer = Buffer.alloc(0);
  #slabWords: Uint32Array = new Uint32Array(0);
  #slabOffset = 0;
  /** Sends, and the armed receive. */
  readonly pending = new PendingCount();
  #closing: Promise<void> | undefined;

  constructor(backend: UringDatagrams, dispatcher: Dispatcher, table: FdTable, fd: number) {
    this.#backend = backend;
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#fd = fd;
    this.#fixedIndex = table.acquire(fd);
    const isFixed = this.#fixedIndex !== NOT_REGISTERED;
    this.target = isFixed ? this.#fixedIndex : fd;
    this.targetFlags = isFixed ? SQE_FIXED_FILE : 0;
    this.local = binding().localAddress(fd);
    this.incoming = new BatchQueue(WAITING_MESSAGES_MAX, () => this.#arm());
  }

  get fd(): number {
    return this.#fd;
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
    this.#backend.buffers.whenAvailable(this);
  }

  onBuffersAvailable(): void {
    if (!this.#isReceiving || this.#armed !== undefined || this.#closing !== undefined) return;
    if (this.#dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#backend.noteRearmed();
    this.#hasBeenArmed = true;
    const operation = new ReceiveOperation(this, this.#backend.buffers.groupId);
    operation.isHolding = this.#isRef;
    this.#armed = operation;
    void this.#dispatcher.submit(operation, undefined);
  }

  #disarm(): void {
    this.#backend.forget(this);
    if (this.#armed !== undefined) this.#dispatcher.cancel(this.#armed, socketClosedError);
  }

  /** The kernel has put a datagram into a buffer. */
  accept(bytes: number, bufferId: number): void {
    const buffers = this.#backend.buffers;
    buffers.noteTaken();
    const wordOffset = buffers.offsetOf(bufferId) / 4;
    const byteLength = buffers.words[wordOffset + PAYLOAD_LENGTH_WORD] as number;
    const dataBytes = bytes - PREFIX_BYTES;
    if (this.#isLeasing) {
      this.incoming.append(new LeasedMessage(buffers, this.#backend.pool, bufferId, dataBytes, byteLength));
    } else {
      const offset = this.#copy(buffers, bufferId, bytes);
      this.incoming.append(new CopiedMessage(this.#slab, offset, dataBytes, byteLength));
      buffers.giveBack(bufferId);
    }
    if (this.#isListeningForBatchEnd) return;
    this.#isListeningForBatchEnd = true;
    this.#dispatcher.listenForBatchEnd(this);
  }

  /** Copies a whole buffer, prefix and all, to the slab; returns where it lies there. */
  #copy(buffers: ProvidedBuffers, bufferId: number, bytes: number): number {
    const wordCount = (bytes + 3) >>> 2;
    if (this.#slabOffset + wordCount * 4 > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, wordCount * 4));
      this.#slabWords = new Uint32Array(this.#slab.buffer, 0, this.#slab.length >>> 2);
      this.#slabOffset = 0;
    }
    const offset = this.#slabOffset;
    // Copies begin on 8 bytes, as the payloads in the buffers do.
    this.#slabOffset = offset + ((wordCount * 4 + 7) & ~7);
    const from = buffers.offsetOf(bufferId);
    if (wordCount <= WORD_COPY_MAX) {
      const [source, slab] = [buffers.words, this.#slabWords];
      const [sourceWord, slabWord] = [from >>> 2, offset >>> 2];
      for (let i = 0; i < wordCount; i++) slab[slabWord + i] = source[sourceWord + i] as number;
    } else {
      this.#slab.set(buffers.bytes.subarray(from, from + bytes), offset);
    }
    return offset;
  }

  afterBatch(): void {
    this.#isListeningForBatchEnd = false;
    this.#backend.buffers.publish();
    this.incoming.flush();
    // A reader that does not keep up leaves further datagrams to the socket's own buffer.
    if (this.incoming.isFull && this.#armed !== undefined) this.#disarm();
    else this.#arm();
  }

  /** The kernel has ended the receive. */
  onDisarmed(errno: number): void {
    this.#armed = undefined;
    if (errno === ENOBUFS) this.#backend.noteExhausted();
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
    const encoded = new Uint8Array(NAME_BYTES);
    const bytes = binding().encodeAddress(remote.address, remote.port, encoded);
    if (bytes < 0) throw addressError(bytes, 'send', remote.address, remote.port);
    name = encoded.subarray(0, bytes);
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
    this.#backend.forget(this);
    if (this.#armed !== undefined) {
      this.#dispatcher.setHolding(this.#armed, true);
      this.#disarm();
    }
    if (!this.pending.isIdle) {
      this.#dispatcher.cancelFd(this.#fd, this.#fixedIndex);
      await this.pending.whenIdle();
    }
    this.incoming.end();
    this.#backend.remove(this);
    await closeDescriptor(this.#dispatcher, this.#table, this.#fd);
  }
}

export class UringDatagrams implements DatagramBackend {
  readonly #dispatcher: Dispatcher;
  readonly #table: FdTable;
  readonly #source: BufferSource;
  readonly #sockets = new Set<UringDatagramSocket>();
  #buffers: ProvidedBuffers | undefined;
  #pool: Buffer | undefined;
  #rearmCount = 0;
  #exhaustionCount = 0;

  constructor(dispatcher: Dispatcher, table: FdTable, source: BufferSource) {
    this.#dispatcher = dispatcher;
    this.#table = table;
    this.#source = source;
  }

  get buffers(): ProvidedBuffers {
    this.#buffers ??= this.#source();
    return this.#buffers;
  }

  /** The buffers' memory as users see it in leased messages. */
  get pool(): Buffer {
    this.#pool ??= Buffer.from(this.buffers.bytes.buffer);
    return this.#pool;
  }

  get bufferStats(): ReceiveBufferStats {
    const { count = 0, bufferBytes = 0, availableCount = 0 } = this.#buffers ?? {};
    return { count, bytes: bufferBytes, available: availableCount };
  }

  get rearmCount(): number {
    return this.#rearmCount;
  }

  get exhaustionCount(): number {
    return this.#exhaustionCount;
  }

  noteRearmed(): void {
    this.#rearmCount++;
  }

  noteExhausted(): void {
    this.#exhaustionCount++;
  }

  forget(waiter: BufferWaiter): void {
    this.#buffers?.forget(waiter);
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
    const socket = new UringDatagramSocket(this, this.#dispatcher, this.#table, fd);
    this.#sockets.add(socket);
    return socket;
  }

  /** Closes every socket, and then lets go of the receive buffers. Leased ones stay readable. */
  async close(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
    this.#buffers?.unregister();
  }

  remove(socket: UringDatagramSocket): void {
    this.#sockets.delete(socket);
  }
}
