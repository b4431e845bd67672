/**
 * Messages of sockets that asked for ancillary data or for receive offload, and of Unix sockets.
 *
 * One receive may bring many datagrams of the same sender, which the kernel has merged (UDP_GRO); each
 * becomes a message, and all of them share what stands before the payload, and the leased buffer.
 */

import type { SocketAddress } from '../../contract/address.js';
import type { Ancillary, AncillaryField } from '../../contract/ancillary.js';
import { DatagramMessage } from '../../contract/datagram-message.js';
import { MSG_CTRUNC } from '../../native/layout.js';
import type { ProvidedBuffers } from '../memory/provided-buffers.js';
import type { ViewableMemory } from '../memory/viewable-memory.js';
import { NAME_BYTES_MAX } from '../sockets/socket-names.js';
import { CONTROL_BYTES, closePassedDescriptors, readAncillary, readSegmentBytes } from './ancillary.js';
import {
  CONTROL_LENGTH_WORD,
  FLAGS_WORD,
  HEADER_BYTES,
  NAME_LENGTH_WORD,
  PAYLOAD_LENGTH_WORD,
  type PrefixLayout,
  prefixLayout,
} from './received-message.js';
import { senderName } from './sender-names.js';

/** With a control area. */
export const WIDE_PREFIX = prefixLayout(NAME_BYTES_MAX, CONTROL_BYTES);
/** As wide and without one: descriptors that a sender passes are closed by the kernel. */
export const UNIX_PREFIX = prefixLayout(NAME_BYTES_MAX + CONTROL_BYTES, 0);

/** What a socket's messages tell, and how they are laid out. */
export interface WideFormat {
  readonly layout: PrefixLayout;
  readonly fields: readonly AncillaryField[];
  /** The socket's own. */
  readonly port: number;
  /** Whether senders may pass descriptors. */
  readonly isUnix: boolean;
}

/** One receive in memory: a provided buffer, or a copy of what was in one. */
export interface Received {
  readonly memory: ViewableMemory;
  readonly offset: number;
  /** Of a provided buffer that goes back when the last message is released. */
  readonly lease: { readonly buffers: ProvidedBuffers; readonly bufferId: number } | undefined;
}

/** What has come, left where it is. */
export function leased(buffers: ProvidedBuffers, bufferId: number): Received {
  return {
    memory: buffers.areaOf(bufferId),
    offset: buffers.offsetOf(bufferId),
    lease: { buffers, bufferId },
  };
}

class SharedPrefix {
  readonly #received: Received;
  readonly #format: WideFormat;
  #holderCount: number;
  #remote: SocketAddress | undefined;
  #ancillary: Ancillary | undefined;
  #isControlTruncated: boolean | undefined;

  constructor(received: Received, format: WideFormat, holderCount: number) {
    this.#received = received;
    this.#format = format;
    this.#holderCount = holderCount;
  }

  #header(word: number): number {
    return this.#received.memory.words[(this.#received.offset >>> 2) + word] as number;
  }

  get remote(): SocketAddress {
    const { memory, offset } = this.#received;
    this.#remote ??= senderName(memory.bytes, offset + HEADER_BYTES, this.#header(NAME_LENGTH_WORD));
    return this.#remote;
  }

  get ancillary(): Ancillary {
    const { layout, fields, port } = this.#format;
    const { memory, offset } = this.#received;
    const at = offset + HEADER_BYTES + layout.nameBytes;
    this.#ancillary ??= readAncillary(memory.words, at, this.#header(CONTROL_LENGTH_WORD), fields, port);
    return this.#ancillary;
  }

  get isControlTruncated(): boolean {
    this.#isControlTruncated ??= (this.#header(FLAGS_WORD) & MSG_CTRUNC) !== 0;
    return this.#isControlTruncated;
  }

  release(): void {
    const { lease } = this.#received;
    if (lease === undefined || --this.#holderCount > 0) return;
    // The next datagram will overwrite all of it.
    void [this.remote, this.ancillary, this.isControlTruncated];
    lease.buffers.giveBack(lease.bufferId);
    lease.buffers.publish();
  }
}

class WideMessage extends DatagramMessage {
  readonly #prefix: SharedPrefix;
  #isReleased = false;

  constructor(prefix: SharedPrefix, data: Buffer, byteLength: number) {
    super(data, byteLength);
    this.#prefix = prefix;
  }

  override get remote(): SocketAddress {
    return this.#prefix.remote;
  }

  override get isControlTruncated(): boolean {
    return this.#prefix.isControlTruncated;
  }

  protected override get ancillary(): Ancillary {
    return this.#prefix.ancillary;
  }

  override release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#prefix.release();
  }
}

/** The messages that one receive has brought; `dataBytes` of payload lie in memory. */
export function wideMessages(received: Received, format: WideFormat, dataBytes: number): WideMessage[] {
  const { memory, offset } = received;
  const { words } = memory;
  const { layout } = format;
  const headerWord = offset >>> 2;
  const byteLength = words[headerWord + PAYLOAD_LENGTH_WORD] as number;
  const controlAt = offset + HEADER_BYTES + layout.nameBytes;
  const controlBytes = words[headerWord + CONTROL_LENGTH_WORD] as number;
  if (format.isUnix) closePassedDescriptors(words, controlAt, controlBytes);
  // One datagram may be empty; merged ones never are.
  const segmentBytes = readSegmentBytes(words, controlAt, controlBytes) || Math.max(byteLength, 1);
  const prefix = new SharedPrefix(received, format, Math.max(Math.ceil(byteLength / segmentBytes), 1));
  const start = offset + layout.bytes;
  const messages: WideMessage[] = [];
  let at = 0;
  do {
    const length = Math.min(segmentBytes, byteLength - at);
    const end = Math.min(at + length, dataBytes);
    const from = Math.min(at, dataBytes);
    const data = memory.show(start + from, end - from);
    messages.push(new WideMessage(prefix, data, length));
    at += segmentBytes;
  } while (at < byteLength);
  return messages;
}
