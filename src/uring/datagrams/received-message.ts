/**
 * Datagrams as a multishot recvmsg lays them out (io_uring_prep_recvmsg_multishot(3)): a header of four
 * words, the sender's address, the control area, and the payload, all in one provided buffer.
 *
 * These are the messages of sockets that asked for nothing special: without a control area, and with
 * names no longer than an IPv6 address. The others are in wide-message.ts.
 */

import type { SocketAddress } from '../../contract/address.js';
import { DatagramMessage } from '../../contract/datagram-message.js';
import { MSG_CTRUNC } from '../../native/layout.js';
import type { BufferArea } from '../memory/buffer-area.js';
import type { ProvidedBuffers } from '../memory/provided-buffers.js';
import type { ViewableMemory } from '../memory/viewable-memory.js';
import { senderName } from './sender-names.js';

export const HEADER_BYTES = 16;
/** Words of the header: lengths of name and control area, the datagram's real length (MSG_TRUNC), flags. */
export const NAME_LENGTH_WORD = 0;
export const CONTROL_LENGTH_WORD = 1;
export const PAYLOAD_LENGTH_WORD = 2;
export const FLAGS_WORD = 3;

/** How much of a buffer the kernel sets aside before the payload, whether a message fills it or not. */
export interface PrefixLayout {
  readonly nameBytes: number;
  readonly controlBytes: number;
  /** Header, name and control area. Payloads begin on 8 bytes. */
  readonly bytes: number;
}

export function prefixLayout(nameBytes: number, controlBytes: number): PrefixLayout {
  return { nameBytes, controlBytes, bytes: HEADER_BYTES + nameBytes + controlBytes };
}

/** Room for a sockaddr_in6. */
const NAME_BYTES = 32;
export const NARROW_PREFIX = prefixLayout(NAME_BYTES, 0);
const PREFIX_BYTES = NARROW_PREFIX.bytes;

/** A message in memory of its own. Header and name lie before its data, in the same slab. */
export class CopiedMessage extends DatagramMessage {
  readonly #slab: ViewableMemory;
  readonly #offset: number;
  #remote: SocketAddress | undefined;

  constructor(slab: ViewableMemory, offset: number, dataBytes: number, byteLength: number) {
    super(slab.show(offset + PREFIX_BYTES, dataBytes), byteLength);
    this.#slab = slab;
    this.#offset = offset;
  }

  override get remote(): SocketAddress {
    this.#remote ??= senderName(this.#slab.bytes, this.#offset + HEADER_BYTES, NAME_BYTES);
    return this.#remote;
  }

  override get isControlTruncated(): boolean {
    return ((this.#slab.bytes[this.#offset + FLAGS_WORD * 4] as number) & MSG_CTRUNC) !== 0;
  }
}

/** A message in the provided buffer itself, until `release`. */
export class LeasedMessage extends DatagramMessage {
  readonly #buffers: ProvidedBuffers;
  readonly #area: BufferArea;
  #bufferId: number;
  #remote: SocketAddress | undefined;
  #isControlTruncated: boolean | undefined;

  constructor(buffers: ProvidedBuffers, bufferId: number, dataBytes: number, byteLength: number) {
    const area = buffers.areaOf(bufferId);
    const start = buffers.offsetOf(bufferId) + PREFIX_BYTES;
    super(area.showLease(start, dataBytes), byteLength);
    this.#buffers = buffers;
    this.#area = area;
    this.#bufferId = bufferId;
  }

  override get remote(): SocketAddress {
    const nameOffset = this.#buffers.offsetOf(this.#bufferId) + HEADER_BYTES;
    this.#remote ??= senderName(this.#area.bytes, nameOffset, NAME_BYTES);
    return this.#remote;
  }

  override get isControlTruncated(): boolean {
    const flagsOffset = this.#buffers.offsetOf(this.#bufferId) + FLAGS_WORD * 4;
    this.#isControlTruncated ??= ((this.#area.bytes[flagsOffset] as number) & MSG_CTRUNC) !== 0;
    return this.#isControlTruncated;
  }

  override release(): void {
    if (this.#bufferId < 0) return;
    // The next datagram will overwrite the header and the sender's address.
    void this.remote;
    void this.isControlTruncated;
    this.#buffers.giveBack(this.#bufferId);
    this.#buffers.publish();
    this.#bufferId = -1;
  }
}
