/** What a send and a multishot receive show the kernel: struct msghdr and what it points to (recvmsg(2)). */

import { Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { Payload } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { addressWithin } from '../../native/addresses.js';
import { CQE_MORE, CQE_NOTIFICATION } from '../../native/layout.js';
import { writeIovec, writeMsghdr } from '../../native/msghdr.js';
import { prepSendmsg, prepSendmsgZc, SQE_REPORT_USAGE, type Sqe } from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { Vectors } from '../engine/vectors.js';
import type { DatagramSender } from './datagram-sender.js';
import type { Name } from './send-names.js';

// Words of a slot's storage, behind the msghdr.
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

  override fill(sqe: Sqe, storage: SlotStorage): void {
    const words = storage.words(this.slot);
    const at = storage.wordOffset(this.slot);
    const address = storage.address(this.slot);
    const { payload, name, control, isZeroCopy } = this.#outgoing;
    let [iov, iovlen] = [0, 0];
    if (payload instanceof Span) {
      iov = address + IOVEC_WORD * 4;
      iovlen = 1;
      writeIovec(words, at + IOVEC_WORD, addressWithin(payload.view, 0, payload.bytes), payload.bytes);
    } else if (payload.length > 0) {
      iov = (this.#vectors as Vectors).fill();
      iovlen = payload.length;
    }
    let [controlAddress, controlBytes] = [0, 0];
    if (control !== undefined) {
      controlAddress = address + CONTROL_WORD * 4;
      controlBytes = control.byteLength;
      const start = at + CONTROL_WORD;
      // One by one: a call of `set` costs more than so few.
      for (let i = 0; i < control.length; i++) words[start + i] = control[i] as number;
    }
    const nameBytes = name === undefined ? 0 : name.bytes.length;
    writeMsghdr(words, at, name?.address ?? 0, nameBytes, iov, iovlen, controlAddress, controlBytes);
    const { target, targetFlags } = this.#sender.socket;
    if (isZeroCopy) prepSendmsgZc(sqe, target, SQE_REPORT_USAGE | targetFlags, address, 0);
    else prepSendmsg(sqe, target, targetFlags, address, 0);
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
