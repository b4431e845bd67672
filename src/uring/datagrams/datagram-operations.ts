/** What a send and a multishot receive show the kernel: struct msghdr and what it points to (recvmsg(2)). */

import { Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { Payload } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { addressError } from '../../errors/index.js';
import {
  CQE_MORE,
  CQE_NOTIFICATION,
  MSG_TRUNC,
  OP_RECVMSG,
  OP_SENDMSG,
  OP_SENDMSG_ZC,
  SQE_BUFFER,
  SQE_BUFFER_SELECT,
  SQE_RECEIVE_MULTISHOT,
  SQE_REPORT_USAGE,
} from '../../native/layout.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { addressWithin, writeWide } from '../engine/memory.js';
import { fillEntry, Operation } from '../engine/operation.js';
import { ArmedOperation } from '../engine/standing-operation.js';
import { Vectors } from '../engine/vectors.js';
import type { DatagramSender } from './datagram-sender.js';
import type { UringDatagramSocket } from './datagram-socket.js';
import type { Name } from './send-names.js';

// Words of a slot's storage.
const MSGHDR_NAME = 0;
const MSGHDR_NAME_BYTES = 2;
const MSGHDR_IOVEC = 4;
const MSGHDR_IOVEC_COUNT = 6;
const MSGHDR_CONTROL = 8;
const MSGHDR_CONTROL_BYTES = 10;
const MSGHDR_WORDS = 14;
const IOVEC_WORD = 16;
const CONTROL_WORD = 20;

/** One datagram on its way. */
export interface Outgoing {
  /** In one piece or several, with this many bytes in all. */
  readonly payload: Payload;
  readonly bytes: number;
  /** None on a connected socket. */
  readonly remote: SocketAddress | undefined;
  readonly name: Name | undefined;
  /** Ancillary data, at most SEND_CONTROL_BYTES_MAX. */
  readonly control: Uint32Array | undefined;
  /** Whether the kernel is to read the payload where it lies, until it says that it no longer does. */
  readonly isZeroCopy: boolean;
}

export class SendOperation extends Operation<number> {
  readonly #sender: DatagramSender;
  /** SAFETY: payload and name are read by the kernel until the terminal completion. */
  readonly #outgoing: Outgoing;
  /** The payload, where it has several pieces. */
  readonly #vectors: Vectors | undefined;
  /** What a zero-copy send has come to, until the kernel lets go of the payload. */
  #result = 0;

  constructor(sender: DatagramSender, outgoing: Outgoing) {
    super();
    this.#sender = sender;
    this.#outgoing = outgoing;
    this.#vectors = outgoing.payload instanceof Span ? undefined : new Vectors(outgoing.payload);
    sender.socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    const address = dispatcher.storage.address(this.slot);
    const { payload, name, control, isZeroCopy } = this.#outgoing;
    dispatcher.storage.clear(this.slot, MSGHDR_WORDS);
    if (name !== undefined) {
      writeWide(storage, offset + MSGHDR_NAME, name.address);
      storage[offset + MSGHDR_NAME_BYTES] = name.bytes.length;
    }
    if (payload instanceof Span) {
      writeWide(storage, offset + MSGHDR_IOVEC, address + IOVEC_WORD * 4);
      storage[offset + MSGHDR_IOVEC_COUNT] = 1;
      writeWide(storage, offset + IOVEC_WORD, addressWithin(payload.view, 0, payload.bytes));
      writeWide(storage, offset + IOVEC_WORD + 2, payload.bytes);
    } else if (payload.length > 0) {
      writeWide(storage, offset + MSGHDR_IOVEC, (this.#vectors as Vectors).fill());
      storage[offset + MSGHDR_IOVEC_COUNT] = payload.length;
    }
    if (control !== undefined) {
      writeWide(storage, offset + MSGHDR_CONTROL, address + CONTROL_WORD * 4);
      storage[offset + MSGHDR_CONTROL_BYTES] = control.byteLength;
      const start = offset + CONTROL_WORD;
      // Not by `set`, for the same reason as `clear`.
      for (let i = 0; i < control.length; i++) storage[start + i] = control[i] as number;
    }
    const op = isZeroCopy ? OP_SENDMSG_ZC | SQE_REPORT_USAGE : OP_SENDMSG;
    fillEntry(words, at, op | this.#sender.socket.targetFlags, this.#sender.socket.target, address, 1, 0);
  }

  override complete(result: number, flags: number): void {
    if ((flags & CQE_NOTIFICATION) !== 0) {
      // Of a send that failed it says nothing.
      if (result < 0 && this.#result >= 0) this.#sender.zeroCopy.noteCopied();
      this.#settle(this.#result);
    } else if ((flags & CQE_MORE) !== 0) {
      this.#result = result;
    } else {
      this.#settle(result);
    }
  }

  #settle(result: number): void {
    if (result >= 0) this.fulfil(result);
    else this.fail(result);
  }

  override get owner(): object {
    return this.#sender.socket;
  }

  protected override errorFor(errno: number): Error {
    return this.#sender.sendError(errno, this.#outgoing.remote);
  }

  override describe(): OperationFacts {
    const { bytes, remote } = this.#outgoing;
    const { address, port } = remote ?? this.#sender.socket.remote ?? this.#sender.socket.local;
    return { kind: 'send', fd: this.#sender.socket.fd, address, port, bytes };
  }

  protected override onSettled(): void {
    this.#sender.socket.pending.leave();
  }
}

/** One arming of a socket's multishot receive. */
export class ReceiveOperation extends ArmedOperation {
  readonly #socket: UringDatagramSocket;
  readonly #groupId: number;

  constructor(socket: UringDatagramSocket, groupId: number) {
    super(socket);
    this.#socket = socket;
    this.#groupId = groupId;
    socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    dispatcher.storage.clear(this.slot, MSGHDR_WORDS);
    storage[offset + MSGHDR_NAME_BYTES] = this.#socket.prefix.nameBytes;
    storage[offset + MSGHDR_CONTROL_BYTES] = this.#socket.prefix.controlBytes;
    const head = OP_RECVMSG | SQE_BUFFER_SELECT | SQE_RECEIVE_MULTISHOT | this.#socket.targetFlags;
    fillEntry(words, at, head, this.#socket.target, dispatcher.storage.address(this.slot), 1, MSG_TRUNC);
    words[at + SQE_BUFFER] = this.#groupId;
  }

  override get owner(): object {
    return this.#socket;
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
}
