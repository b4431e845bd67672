/**
 * What a datagram socket receives: by one multishot recvmsg into provided buffers, and the queue of what has come.
 *
 * The kernel ends a multishot receive when buffers run out, after an empty datagram, when the completion
 * queue overflows, and on errors; in each case what has not been received stays in the socket, and the
 * receive is armed again: at once, or when a buffer has come back.
 */
import { ECANCELED, ENOBUFS } from '../../base/errno.js';
import type { PendingCount } from '../../base/pending-count.js';
import type { SocketAddress } from '../../contract/address.js';
import type { DatagramBinding } from '../../contract/backend.js';
import { BatchQueue } from '../../contract/batch-queue.js';
import type { DatagramMessage } from '../../contract/datagram-message.js';
import type { OperationFacts } from '../../contract/observation.js';
import { addressError, socketClosedError } from '../../errors/index.js';
import { CQE_BUFFER, CQE_BUFFER_SHIFT, MSG_TRUNC } from '../../native/layout.js';
import { writeMsghdr } from '../../native/msghdr.js';
import { prepRecvmsgMultishot, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { BatchListener } from '../engine/completion-block.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import type { BufferWaiter } from '../memory/buffer-line.js';
import { CopySlab } from '../memory/copy-slab.js';
import type { ProvidedBuffers } from '../memory/provided-buffers.js';
import type { ReceiveBuffers } from '../memory/receive-buffers.js';
import {
  CopiedMessage,
  LeasedMessage,
  NARROW_PREFIX,
  PAYLOAD_LENGTH_WORD,
  type PrefixLayout,
} from './received-message.js';
import { leased, UNIX_PREFIX, WIDE_PREFIX, type WideFormat, wideMessages } from './wide-message.js';

/** Messages that may wait for a reader, beyond what one batch brings, before receiving stops. */
const WAITING_MESSAGES_MAX = 1024;

/** The socket. */
export interface ReceiverOwner {
  readonly fd: number;
  readonly target: number;
  readonly targetFlags: number;
  readonly local: SocketAddress;
  readonly isClosing: boolean;
  /** The armed receive is among them. */
  readonly pending: PendingCount;
  noteRearmed(): void;
}

export class DatagramReceiver implements ArmedOwner, BatchListener, BufferWaiter {
  readonly incoming: BatchQueue<DatagramMessage>;
  readonly #owner: ReceiverOwner;
  readonly #source: ReceiveBuffers;
  readonly #dispatcher: Dispatcher;
  readonly #messageBytes: number;
  /** Of a socket that asked for more than bytes and sender. */
  readonly #format: WideFormat | undefined;
  /** What the kernel writes before each payload. */
  readonly #prefix: PrefixLayout;
  /** Once they are needed. */
  #madeBuffers: ProvidedBuffers | undefined;
  armed: ArmedOperation | undefined;
  /** Whether a reader wants messages; `armed` follows it. */
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

  constructor(owner: ReceiverOwner, source: ReceiveBuffers, dispatcher: Dispatcher, wanted: DatagramBinding) {
    this.#owner = owner;
    this.#source = source;
    this.#dispatcher = dispatcher;
    this.#messageBytes = wanted.messageBytes;
    this.#format = formatOf(wanted, owner.local.port);
    this.#prefix = this.#format?.layout ?? NARROW_PREFIX;
    this.incoming = new BatchQueue(WAITING_MESSAGES_MAX, () => this.#arm());
  }

  get #buffers(): ProvidedBuffers {
    this.#madeBuffers ??= this.#source.for(this.#messageBytes, this.#prefix);
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
    if (this.armed === undefined) return;
    this.#dispatcher.setRef(this.armed, this.#isRef && !this.#isResting);
  }

  pause(): void {
    this.#isReceiving = false;
    this.#isResting = false;
    this.#disarm();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    this.#updateRef();
  }

  /** Receives nothing more. What is armed keeps the process alive until it has been cancelled. */
  end(): void {
    this.#isReceiving = false;
    this.#source.forget(this);
    if (this.armed !== undefined) this.#dispatcher.setRef(this.armed, true);
  }

  #arm(): void {
    if (!this.#isReceiving || this.armed !== undefined || this.#owner.isClosing) return;
    if (this.incoming.isFull || this.#dispatcher.isClosing) return;
    this.#buffers.whenAvailable(this, this.#wasServed);
  }

  onBuffersAvailable(): void {
    if (!this.#isReceiving || this.armed !== undefined || this.#owner.isClosing) return;
    if (this.#dispatcher.isClosing) return;
    if (this.#hasBeenArmed) this.#owner.noteRearmed();
    this.#hasBeenArmed = true;
    this.#wasServed = false;
    const operation = new ArmedOperation(this);
    this.#owner.pending.enter();
    operation.isRef = this.#isRef && !this.#isResting;
    this.armed = operation;
    this.#dispatcher.begin(operation);
  }

  #disarm(): void {
    this.#source.forget(this);
    if (this.armed !== undefined) this.#dispatcher.cancel(this.armed, socketClosedError);
  }

  prepareArmed(sqe: Sqe, storage: SlotStorage, { slot }: ArmedOperation): void {
    const { nameBytes, controlBytes } = this.#prefix;
    writeMsghdr(storage.words(slot), storage.wordOffset(slot), 0, nameBytes, 0, 0, 0, controlBytes);
    const { target, targetFlags } = this.#owner;
    const { groupId } = this.#buffers;
    prepRecvmsgMultishot(sqe, target, targetFlags, storage.address(slot), MSG_TRUNC, groupId);
  }

  describeArmed(): OperationFacts {
    const { fd, local } = this.#owner;
    return { kind: 'recvmsg', fd, address: local.address, port: local.port };
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
    if (this.incoming.isFull && this.armed !== undefined) this.#disarm();
    else this.#arm();
  }

  /** The kernel has ended the receive. */
  onDisarmed(result: number): void {
    this.#owner.pending.leave();
    this.armed = undefined;
    if (result === ENOBUFS) this.#buffers.grow();
    else if (result < 0 && result !== ECANCELED) {
      const { address, port } = this.#owner.local;
      this.incoming.fail(addressError(result, 'recvmsg', address, port));
      // One reader has been told, and those behind it go on waiting.
      this.#isReceiving = this.incoming.isWaitedFor;
    }
    if (this.#owner.isClosing || this.#dispatcher.isClosing) {
      this.incoming.end();
      return;
    }
    // Arm again once the batch is through: buffers that it brought have come back by then.
    this.#dispatcher.completions.listen(this);
  }
}

function formatOf(wanted: DatagramBinding, port: number): WideFormat | undefined {
  const { ancillary, receiveOffload } = wanted;
  const isUnix = wanted.family === 'Unix';
  const isWide = ancillary.length > 0 || receiveOffload;
  if (isWide) return { layout: WIDE_PREFIX, fields: ancillary, port, isUnix };
  return isUnix ? { layout: UNIX_PREFIX, fields: [], port, isUnix } : undefined;
}
