/**
 * What a connection receives for iterators: one multishot receive into provided buffers, or single receives
 * into the memory of large chunks, and the queue of what has come.
 *
 * The kernel ends a multishot receive when buffers run out, at the end of the stream, when the completion
 * queue overflows, and on errors. What has not been received stays with the kernel, and the receive is
 * armed again when there is room: in the queue, and among the buffers.
 */
import { ECANCELED, EINVAL, ENOBUFS } from '../../base/errno.js';
import { type ChunkProducer, ChunkQueue } from '../../contract/chunk-queue.js';
import type { OperationFacts } from '../../contract/observation.js';
import { StreamChunk } from '../../contract/stream-chunk.js';
import type { StreamBounds } from '../../contract/streams.js';
import { addressError, connectionClosedError } from '../../errors/index.js';
import { addressOfOnce } from '../../native/addresses.js';
import { CQE_BUFFER, CQE_BUFFER_MORE, CQE_BUFFER_SHIFT } from '../../native/layout.js';
import { prepRecv, prepRecvMultishot, SQE_RECEIVE_BUNDLE, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { BatchListener } from '../engine/completion-block.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import type { CopySlab } from '../memory/copy-slab.js';
import type { HeapTop } from '../memory/heap-top.js';
import type { BufferWaiter, ProvidedBuffers } from '../memory/provided-buffers.js';
import type { LostErrors } from './lost-errors.js';
import type { TransferTarget } from './stream-operations.js';

/** Of one arming: more than a few bytes, and any number that fits. */
const RECEIVE_BYTES_MIN = 4096;
const RECEIVED_BYTES_MAX = 2 ** 30;

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

/** What the connections of a ring share of receiving. */
export interface ReceiveHost {
  readonly dispatcher: Dispatcher;
  readonly copies: CopySlab;
  buffersFor(chunkBytes: number): ProvidedBuffers;
  /** Whether one completion may fill several buffers. */
  readonly hasBundles: boolean;
  readonly direct: DirectPlaces;
  readonly heapTop: HeapTop;
  /** Whether the kernel ends a multishot receive after so many bytes; true until it has said no. */
  hasReceiveLimit: boolean;
  noteRearmed(): void;
}

/** The connection. */
export interface ReceiverOwner extends TransferTarget {
  readonly lostErrors: LostErrors;
  readonly isClosing: boolean;
  /** Nothing is armed any more. */
  noteQuiet(): void;
}

/** A chunk in the provided buffer itself, or a part of one, until `release`. */
class LeasedChunk extends StreamChunk {
  readonly #buffers: ProvidedBuffers;
  #bufferId: number;

  /** @param start where it begins in the buffer's area. */
  constructor(buffers: ProvidedBuffers, bufferId: number, start: number, bytes: number) {
    super(buffers.areaOf(bufferId).show(start, bytes));
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

export class StreamReceiver implements BatchListener, BufferWaiter, ChunkProducer, ArmedOwner {
  readonly incoming: ChunkQueue;
  readonly #host: ReceiveHost;
  readonly #owner: ReceiverOwner;
  readonly #bounds: StreamBounds;
  #pool: ProvidedBuffers | undefined;
  #armed: ArmedOperation | undefined;
  /** Where the memory of a receive lies that has its own. */
  #address = 0;
  /** After how many bytes in all another one ends by itself (Linux 6.17); 0 for never. */
  #bytesMax = 0;
  /** Whether the last piece was a large one, and others are wanted. */
  #isBulk = false;
  /** Whether a reader wants chunks; `#armed` follows it. */
  #isReceiving = false;
  #isLeasing = false;
  #isRef = true;
  #hasBeenArmed = false;
  isListening = false;

  constructor(host: ReceiveHost, owner: ReceiverOwner, bounds: StreamBounds) {
    this.#host = host;
    this.#owner = owner;
    this.#bounds = bounds;
    this.incoming = new ChunkQueue(bounds.receiveQueueBytes, this);
  }

  /** Made when they are first needed. */
  get #buffers(): ProvidedBuffers {
    this.#pool ??= this.#host.buffersFor(this.#bounds.chunkBytes);
    return this.#pool;
  }

  get isArmed(): boolean {
    return this.#armed !== undefined;
  }

  start(isLeasing: boolean): void {
    this.#isLeasing = isLeasing;
    if (this.#isReceiving) return;
    this.#isReceiving = true;
    this.#arm();
  }

  stop(): void {
    this.#isReceiving = false;
    this.#setBulk(false);
    this.#disarm();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#armed !== undefined) this.#host.dispatcher.setRef(this.#armed, isRef);
  }

  onDrained(): void {
    this.#arm();
  }

  #arm(): void {
    if (!this.#canArm() || this.incoming.isFull) return;
    if (this.#host.dispatcher.isClosing) {
      this.incoming.end();
      return;
    }
    try {
      this.#buffers.whenAvailable(this);
    } catch (error) {
      // There is no memory for the ring's receive buffers: the reader is told, and no other.
      this.incoming.fail(() => error as Error);
    }
  }

  #canArm(): boolean {
    return this.#isReceiving && this.#armed === undefined && !this.#owner.isClosing && !this.incoming.isEnded;
  }

  onBuffersAvailable(): void {
    if (!this.#canArm() || this.#host.dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#host.noteRearmed();
    this.#hasBeenArmed = true;
    const room = Math.max(this.#bounds.receiveQueueBytes - this.incoming.byteLength, RECEIVE_BYTES_MIN);
    if (this.#isBulk && !this.#isLeasing && room >= BULK_LEAST_BYTES && this.#host.direct.take()) {
      this.#receiveDirectly(Math.min(room, BULK_BYTES));
      return;
    }
    this.#bytesMax = this.#host.hasReceiveLimit ? Math.min(room, RECEIVED_BYTES_MAX) : 0;
    this.#start(new ArmedOperation(this));
  }

  /** Bulk, which is to be the reader's own, spares the copy. The memory is there before the bytes are. */
  #receiveDirectly(bytes: number): void {
    const memory = Buffer.allocUnsafeSlow(bytes);
    this.#address = addressOfOnce(memory);
    this.#host.heapTop.note(memory, this.#address);
    this.#start(new ArmedOperation(this, memory));
  }

  #start(operation: ArmedOperation): void {
    operation.isRef = this.#isRef;
    this.#armed = operation;
    this.#host.dispatcher.begin(operation);
  }

  #disarm(): void {
    if (this.#armed !== undefined) this.#host.dispatcher.cancel(this.#armed, connectionClosedError);
    else if (this.#hasBeenArmed) this.#buffers.forget(this);
  }

  prepareArmed(sqe: Sqe, _storage: SlotStorage, { memory }: ArmedOperation): void {
    const { target, targetFlags } = this.#owner;
    if (memory !== undefined) {
      prepRecv(sqe, target, targetFlags, this.#address, memory.length, 0);
      return;
    }
    const { groupId, isIncremental } = this.#buffers;
    // A bundle of incremental buffers is not defined well (liburing issue 1320), and saves little.
    const isBundled = !isIncremental && this.#host.hasBundles;
    const flags = isBundled ? targetFlags | SQE_RECEIVE_BUNDLE : targetFlags;
    prepRecvMultishot(sqe, target, flags, groupId, this.#bytesMax);
  }

  describeArmed(): OperationFacts {
    const bytes = this.#armed?.memory?.length;
    return { kind: 'read', fd: this.#owner.knownFd, ...(bytes === undefined ? {} : { bytes }) };
  }

  onCompletion(result: number, flags: number): void {
    if ((flags & CQE_BUFFER) === 0) {
      const memory = this.#armed?.memory;
      if (memory !== undefined && result > 0) this.#acceptDirect(memory, result);
      return;
    }
    const bufferId = flags >>> CQE_BUFFER_SHIFT;
    if (this.#buffers.isIncremental) this.#acceptPart(bufferId, result, (flags & CQE_BUFFER_MORE) !== 0);
    else this.#acceptBundle(bufferId, result);
    // A reader that does not keep up leaves the rest to the kernel, and TCP tells the sender.
    if (this.incoming.isFull) this.#disarm();
    // Mostly nothing has come back: a buffer that is filled in parts lasts for many pieces.
    if (this.#buffers.hasUnpublished) this.#host.dispatcher.completions.listen(this);
  }

  /** Bytes behind those that came into the buffer before. Without any the kernel keeps the buffer. */
  #acceptPart(bufferId: number, bytes: number, isKept: boolean): void {
    if (bytes <= 0) return;
    const buffers = this.#buffers;
    const start = buffers.takePart(bufferId, bytes, isKept);
    this.#noteSize(bytes);
    if (this.#owner.isClosing) {
      buffers.giveBack(bufferId);
    } else if (this.#isLeasing) {
      this.incoming.push(new LeasedChunk(buffers, bufferId, start, bytes));
    } else {
      this.incoming.push(this.#host.copies.take(buffers.areaOf(bufferId), start, bytes));
      buffers.giveBack(bufferId);
    }
  }

  #noteSize(bytes: number): void {
    this.#setBulk(this.#isReceiving && bytes >= BULK_LEAST_BYTES);
  }

  #setBulk(isBulk: boolean): void {
    if (isBulk === this.#isBulk) return;
    this.#isBulk = isBulk;
    if (isBulk) this.#host.heapTop.enter();
    else this.#host.heapTop.leave();
  }

  #acceptDirect(memory: Buffer, bytes: number): void {
    this.#noteSize(bytes);
    if (this.#owner.isClosing) return;
    const chunk = bytes === memory.length ? memory : (memory.subarray(0, bytes) as Buffer);
    // What is short is not to keep all of the memory.
    this.incoming.push(bytes >= BULK_LEAST_BYTES ? chunk : Buffer.from(chunk));
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
      if (here <= 0 || this.#owner.isClosing) {
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
    // Others with a limit may have been armed before the first of them was refused.
    const isDirect = this.#armed?.memory !== undefined;
    const hadLimit = !isDirect && this.#bytesMax > 0;
    this.#armed = undefined;
    if (isDirect) this.#host.direct.giveBack();
    const result = last === 0 ? this.#owner.lostErrors.errnoOfEnd() : last;
    if (result === 0) this.incoming.end();
    else if (result === ENOBUFS) this.#buffers.grow();
    else if (result === EINVAL && hadLimit) this.#host.hasReceiveLimit = false;
    else if (result < 0 && result !== ECANCELED) this.incoming.fail(() => addressError(result, 'read'));
    if (this.#host.dispatcher.isClosing) this.incoming.end();
    if (!this.#canArm()) this.#setBulk(false);
    this.#owner.noteQuiet();
    // Arm again once the batch is through: buffers that it brought have come back by then.
    this.#host.dispatcher.completions.listen(this);
  }

  afterBatch(): void {
    this.#buffers.publish();
    this.#arm();
  }
}
