/**
 * A connection on a ring: one multishot receive into provided buffers, or single receives into the
 * reader's own memory, and a queue of writes.
 *
 * The kernel ends a multishot receive when buffers run out, at the end of the stream, when the completion
 * queue overflows, and on errors. What has not been received stays with the kernel, and the receive is
 * armed again when there is room: in the queue, and among the buffers.
 */
import { ChunkQueue } from '../../../chunk-queue.js';
import { addressError, connectionClosedError, ringClosedError } from '../../../errors.js';
import type { SocketAddress } from '../../../net/address.js';
import { StreamChunk } from '../../../net/streams/stream-chunk.js';
import type { ReadResult } from '../../backend.js';
import type { BackendStream, PeerCredentials, StreamBounds, StreamOptions } from '../../streams.js';
import { binding } from '../binding.js';
import type { CopySlab } from '../buffers/copy-slab.js';
import { type ReceivedDescriptors, ReceiveDescriptorsOperation } from './descriptor-passing.js';
import type { BatchListener, Dispatcher } from '../dispatch/dispatcher.js';
import type { FdTable } from '../dispatch/fd-table.js';
import { closeDescriptor } from '../files/uring-file.js';
import { CQE_BUFFER, CQE_BUFFER_MORE, CQE_BUFFER_SHIFT } from '../layout.js';
import type { Operation } from '../dispatch/operation.js';
import type { BufferWaiter, ProvidedBuffers } from '../buffers/provided-buffers.js';
import { localName, peerName } from '../sockets/socket-names.js';
import { LostErrors } from './lost-errors.js';
import {
  ReadOperation,
  ReceiveOperation,
  type Standing,
  type TransferTarget,
  ChunkReceiveOperation,
} from './stream-operations.js';
import { applyStreamOptions } from './stream-options.js';
import { StreamWriter } from './stream-writer.js';

const ECANCELED = -125;
const ENOBUFS = -105;
const EINVAL = -22;
const SHUT_WR = 1;
/** Of one arming: more than a few bytes, and any number that fits. */
const RECEIVE_BYTES_MIN = 4096;
const RECEIVE_BYTES_MAX = 2 ** 30;
const READ_BYTES_MAX = 2 ** 30;

/** Of a receive of bulk: as much as a large read has, and from how much on it is worth memory of its own. */
const BULK_BYTES = 65_536;
const BULK_LEAST_BYTES = 32_768;
/** Receives that may have memory of their own at once: one that nothing comes of keeps it. */
const DIRECT_PLACES = 8;

/** Places for receives that have memory before anything has come. */
export class DirectPlaces {
  #freeCount = DIRECT_PLACES;

  /** False when there is none. */
  take(): boolean {
    if (this.#freeCount === 0) return false;
    this.#freeCount--;
    return true;
  }

  giveBack(): void {
    this.#freeCount++;
  }
}

/** What the connections of a ring share. */
export interface StreamHost {
  readonly dispatcher: Dispatcher;
  readonly table: FdTable;
  readonly copies: CopySlab;
  buffersFor(chunkBytes: number): ProvidedBuffers;
  /** Whether one completion may fill several buffers. */
  readonly hasBundles: boolean;
  readonly direct: DirectPlaces;
  /** Whether the kernel ends a multishot receive after so many bytes; true until it has said no. */
  hasReceiveLimit: boolean;
  noteRearmed(): void;
  remove(stream: UringStream): void;
}

/** A chunk in the provided buffer itself, or a part of one, until `release`. */
class LeasedChunk extends StreamChunk {
  readonly #buffers: ProvidedBuffers;
  #bufferId: number;

  /** @param start where it begins in the buffer's area. */
  constructor(buffers: ProvidedBuffers, bufferId: number, start: number, bytes: number) {
    super(buffers.areaOf(bufferId).buffer.subarray(start, start + bytes) as Buffer);
    this.#buffers = buffers;
    this.#bufferId = bufferId;
  }

  override release(): void {
    if (this.#bufferId < 0) return;
    this.#buffers.giveBack(this.#bufferId);
    this.#buffers.publish();
    this.#bufferId = -1;
  }
}

export class UringStream implements BackendStream, BatchListener, BufferWaiter, TransferTarget, Standing {
  readonly fd: number;
  readonly target: number;
  readonly targetFlags: number;
  readonly incoming: ChunkQueue;
  readonly lostErrors: LostErrors;
  readonly #host: StreamHost;
  readonly #bounds: StreamBounds;
  #local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  #pool: ProvidedBuffers | undefined;
  #writer: StreamWriter | undefined;
  #armed: ReceiveOperation | ChunkReceiveOperation | undefined;
  /** What is armed, if it is that. */
  #direct: ChunkReceiveOperation | undefined;
  /** Whether the last piece was a large one. */
  #isBulk = false;
  #reading: Operation<unknown> | undefined;
  /** Whether somebody wants chunks; `#armed` follows it. */
  #isReceiving = false;
  #isLeasing = false;
  #isRef = true;
  #hasBeenArmed = false;
  #isListeningForBatchEnd = false;
  #lingers = false;
  /** Called once nothing is received any more. */
  #onQuiet: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** @param remote if it is known already. */
  constructor(host: StreamHost, fd: number, bounds: StreamBounds, remote?: SocketAddress) {
    this.fd = fd;
    this.lostErrors = new LostErrors(fd);
    this.#host = host;
    this.#bounds = bounds;
    this.#remote = remote;
    const { target, flags } = host.table.acquire(fd);
    this.target = target;
    this.targetFlags = flags;
    this.incoming = new ChunkQueue(bounds.receiveQueueBytes, this.#arm);
  }

  get local(): SocketAddress {
    this.#local ??= localName(this.fd);
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    this.#remote ??= this.#closing === undefined ? peerName(this.fd) : undefined;
    return this.#remote;
  }

  /** Made when they are first needed. */
  get #buffers(): ProvidedBuffers {
    this.#pool ??= this.#host.buffersFor(this.#bounds.chunkBytes);
    return this.#pool;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  receive(isLeasing: boolean): void {
    this.#isLeasing = isLeasing;
    if (this.#isReceiving) return;
    this.#isReceiving = true;
    this.#arm();
  }

  pause(): Promise<void> {
    this.#isReceiving = false;
    this.#disarm();
    return this.#whenQuiet();
  }

  #whenQuiet(): Promise<void> {
    if (this.isQuiet) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onQuiet;
      this.#onQuiet = () => {
        before?.();
        resolve();
      };
    });
  }

  readonly #arm = (): void => {
    if (!this.#canArm() || this.incoming.isFull) return;
    if (this.#host.dispatcher.isClosing) {
      this.incoming.end();
      return;
    }
    try {
      this.#buffers.whenAvailable(this);
    } catch (error) {
      // There is no memory for the ring's receive buffers: the reader is told, not who armed.
      this.incoming.fail(() => error as Error);
    }
  };

  #canArm(): boolean {
    return (
      this.#isReceiving && this.#armed === undefined && this.#closing === undefined && !this.incoming.isEnded
    );
  }

  onBuffersAvailable(): void {
    if (!this.#canArm() || this.#host.dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#host.noteRearmed();
    this.#hasBeenArmed = true;
    const { groupId, isIncremental } = this.#buffers;
    const room = Math.max(this.#bounds.receiveQueueBytes - this.incoming.byteLength, RECEIVE_BYTES_MIN);
    if (this.#isBulk && !this.#isLeasing && room >= BULK_LEAST_BYTES && this.#host.direct.take()) {
      this.#receiveDirectly(Math.min(room, BULK_BYTES));
      return;
    }
    const bytesMax = this.#host.hasReceiveLimit ? Math.min(room, RECEIVE_BYTES_MAX) : 0;
    // A bundle of incremental buffers is not defined well (liburing issue 1320), and saves little.
    const isBundled = !isIncremental && this.#host.hasBundles;
    this.#start(new ReceiveOperation(this, this, groupId, bytesMax, isBundled));
  }

  /** Bulk, which is to be the reader's own, spares the copy. The memory is there before the bytes are. */
  #receiveDirectly(bytes: number): void {
    this.#direct = new ChunkReceiveOperation(this, this, Buffer.allocUnsafeSlow(bytes));
    this.#start(this.#direct);
  }

  #start(operation: ReceiveOperation | ChunkReceiveOperation): void {
    operation.isHolding = this.#isRef;
    this.#armed = operation;
    void this.#host.dispatcher.submit(operation, undefined);
  }

  #disarm(): void {
    if (this.#armed !== undefined) this.#host.dispatcher.cancel(this.#armed, connectionClosedError);
    else if (this.#hasBeenArmed) this.#buffers.forget(this);
  }

  onCompletion(result: number, flags: number): void {
    if ((flags & CQE_BUFFER) === 0) {
      if (this.#direct !== undefined && result > 0) this.#acceptDirect(this.#direct.memory, result);
      return;
    }
    const bufferId = flags >>> CQE_BUFFER_SHIFT;
    if (this.#buffers.isIncremental) this.#acceptPart(bufferId, result, (flags & CQE_BUFFER_MORE) !== 0);
    else this.#acceptBundle(bufferId, result);
    // A reader that does not keep up leaves the rest to the kernel, and TCP tells the sender.
    if (this.incoming.isFull) this.#disarm();
    // Mostly nothing has come back: a buffer that is filled in parts lasts for many pieces.
    if (this.#buffers.hasUnpublished) this.#listenForBatchEnd();
  }

  /** Bytes behind those that came into the buffer before. Without any the kernel keeps the buffer. */
  #acceptPart(bufferId: number, bytes: number, isKept: boolean): void {
    if (bytes <= 0) return;
    const buffers = this.#buffers;
    const start = buffers.takePart(bufferId, bytes, isKept);
    this.#isBulk = bytes >= BULK_LEAST_BYTES;
    if (this.#closing !== undefined) {
      buffers.giveBack(bufferId);
    } else if (this.#isLeasing) {
      this.incoming.push(new LeasedChunk(buffers, bufferId, start, bytes));
    } else {
      this.incoming.push(this.#host.copies.take(buffers.areaOf(bufferId), start, bytes));
      buffers.giveBack(bufferId);
    }
  }

  #acceptDirect(memory: Buffer, bytes: number): void {
    this.#isBulk = bytes >= BULK_LEAST_BYTES;
    if (this.#closing !== undefined) return;
    // What is short is not to keep all of the memory.
    const chunk = memory.subarray(0, bytes) as Buffer;
    this.incoming.push(this.#isBulk ? chunk : Buffer.from(chunk));
  }

  /** Bytes in a buffer, and in those after it if they are too many for one. */
  #acceptBundle(firstId: number, bytes: number): void {
    const buffers = this.#buffers;
    let id = firstId;
    let left = bytes;
    do {
      const here = Math.min(left, buffers.bufferBytes);
      const next = buffers.next(id);
      buffers.noteTaken();
      if (here <= 0 || this.#closing !== undefined) {
        buffers.giveBack(id);
      } else if (this.#isLeasing) {
        this.incoming.push(new LeasedChunk(buffers, id, buffers.offsetOf(id), here));
      } else {
        this.incoming.push(this.#host.copies.take(buffers.areaOf(id), buffers.offsetOf(id), here));
        buffers.giveBack(id);
      }
      left -= here;
      id = next;
    } while (left > 0);
  }

  onDisarmed(last: number): void {
    this.#armed = undefined;
    if (this.#direct !== undefined) {
      this.#direct = undefined;
      this.#host.direct.giveBack();
    }
    const result = last === 0 ? this.lostErrors.errnoOfEnd() : last;
    if (result === 0) this.incoming.end();
    else if (result === ENOBUFS) this.#buffers.grow();
    else if (result === EINVAL && this.#host.hasReceiveLimit) this.#host.hasReceiveLimit = false;
    else if (result < 0 && result !== ECANCELED) this.incoming.fail(() => addressError(result, 'read'));
    if (this.#host.dispatcher.isClosing) this.incoming.end();
    this.#noteQuiet();
    // Arm again once the batch is through: buffers that it brought have come back by then.
    this.#listenForBatchEnd();
  }

  #noteQuiet(): void {
    if (this.#armed !== undefined || this.#reading !== undefined || this.#onQuiet === undefined) return;
    const onQuiet = this.#onQuiet;
    this.#onQuiet = undefined;
    onQuiet();
  }

  #listenForBatchEnd(): void {
    if (this.#isListeningForBatchEnd) return;
    this.#isListeningForBatchEnd = true;
    this.#host.dispatcher.listenForBatchEnd(this);
  }

  afterBatch(): void {
    this.#isListeningForBatchEnd = false;
    this.#buffers.publish();
    this.#arm();
  }

  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    isFilling: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    // A larger one is a short read.
    const bytes = Math.min(length, READ_BYTES_MAX);
    const operation = new ReadOperation(this, buffer, offset, bytes, isFilling, this.#onReadOver);
    return this.#submitRead(operation, signal);
  }

  get isReading(): boolean {
    return this.#reading !== undefined;
  }

  get isQuiet(): boolean {
    return this.#armed === undefined && this.#reading === undefined;
  }

  receiveDescriptors(
    view: Uint8Array,
    countMax: number,
    signal: AbortSignal | undefined,
  ): Promise<ReceivedDescriptors> {
    return this.#submitRead(new ReceiveDescriptorsOperation(this, view, countMax, this.#onReadOver), signal);
  }

  #submitRead<Result>(operation: Operation<Result>, signal: AbortSignal | undefined): Promise<Result> {
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    operation.isHolding = this.#isRef;
    this.#reading = operation;
    return this.#host.dispatcher.submit(operation, signal);
  }

  readonly #onReadOver = (errno = 0): void => {
    this.#reading = undefined;
    // The kernel tells an error once, and then the end.
    if (errno < 0) this.incoming.fail(() => addressError(errno, 'read'));
    this.#noteQuiet();
  };

  write(
    views: readonly NodeJS.ArrayBufferView[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number> {
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    if (this.#host.dispatcher.isClosing) return Promise.reject(ringClosedError());
    if (this.#writer === undefined) {
      this.#writer = new StreamWriter(this.#host.dispatcher, this);
      this.#writer.isHolding = this.#isRef;
    }
    return this.#writer.write(views, bytes, signal, fds);
  }

  get queuedWriteBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  async end(): Promise<void> {
    if (this.#writer !== undefined && !this.#writer.isIdle) await this.#writer.whenIdle();
    if (this.#closing !== undefined) throw connectionClosedError();
    const error = binding().shutDown(this.fd, SHUT_WR);
    if (error < 0) throw addressError(error, 'shutdown');
  }

  setOptions(options: StreamOptions): void {
    const error = applyStreamOptions(this.fd, this.local.family, options);
    if (error < 0) throw addressError(error, 'setsockopt');
    if (options.lingerSeconds !== undefined) this.#lingers = options.lingerSeconds > 0;
  }

  peerCredentials(): PeerCredentials {
    const credentials = binding().peerCredentials(this.fd);
    if (typeof credentials === 'number') throw addressError(credentials, 'getsockopt');
    const [processId, userId, groupId] = credentials;
    return { processId, userId, groupId };
  }

  async detach(): Promise<number> {
    const closing = this.#detach();
    this.#closing = closing.then(() => {});
    await closing;
    return this.fd;
  }

  async #detach(): Promise<void> {
    await this.#letGo();
    this.#host.table.release(this.fd);
    binding().disownFd(this.fd);
    this.#host.remove(this);
  }

  ref(): void {
    this.#setRef(true);
  }

  unref(): void {
    this.#setRef(false);
  }

  #setRef(isRef: boolean): void {
    this.#isRef = isRef;
    const { dispatcher } = this.#host;
    if (this.#armed !== undefined) dispatcher.setHolding(this.#armed, isRef);
    if (this.#reading !== undefined) dispatcher.setHolding(this.#reading, isRef);
    this.#writer?.setHolding(isRef);
  }

  async abandon(): Promise<void> {
    while (this.#closing === undefined) {
      if (this.#reading !== undefined) await Promise.allSettled([this.#reading.promise]);
      else if (this.#writer !== undefined && !this.#writer.isIdle) await this.#writer.whenIdle();
      else break;
    }
    await this.close(false);
  }

  close(isReset: boolean): Promise<void> {
    this.#closing ??= this.#close(isReset);
    return this.#closing;
  }

  /** Cancels what is pending. Resolves when the kernel has let go of all of it. */
  async #letGo(): Promise<void> {
    const { dispatcher } = this.#host;
    const reason = dispatcher.isClosing ? ringClosedError : connectionClosedError;
    this.#isReceiving = false;
    this.#setRef(true);
    this.#disarm();
    if (this.#reading !== undefined) dispatcher.cancel(this.#reading, reason);
    this.incoming.clear();
    this.incoming.end();
    await this.#whenQuiet();
    if (this.#writer !== undefined && !this.#writer.isIdle) {
      this.#writer.cancel(reason);
      await this.#writer.whenIdle();
    }
  }

  async #close(isReset: boolean): Promise<void> {
    const { dispatcher, table } = this.#host;
    // Names are asked for while there is a descriptor.
    void this.local;
    await this.#letGo();
    if (isReset && this.local.family !== 'Unix')
      applyStreamOptions(this.fd, this.local.family, { lingerSeconds: 0 });
    this.#host.remove(this);
    await closeDescriptor(dispatcher, table, this.fd, this.#lingers && !isReset);
  }
}
