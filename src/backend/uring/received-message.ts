/**
 * Datagrams as a multishot recvmsg lays them out (io_uring_prep_recvmsg_multishot(3)): a header of four
 * words, the sender's address, and the payload, all in one provided buffer.
 */
import { DatagramMessage } from '../../net/datagram-message.js';
import type { SocketAddress } from '../../net/address.js';
import { binding } from './binding.js';
import type { BufferArea } from './buffer-area.js';
import { AF_INET } from './layout.js';
import type { ProvidedBuffers } from './provided-buffers.js';

const HEADER_BYTES = 16;
/** Room for a sockaddr_in6, rounded so that payloads begin on 8 bytes. */
export const NAME_BYTES = 32;
/** What stands before the payload in each buffer. */
export const PREFIX_BYTES = HEADER_BYTES + NAME_BYTES;
/** Word of the header with the datagram's real length (MSG_TRUNC, recvmsg(2)). */
export const PAYLOAD_LENGTH_WORD = 2;

/** The sender, from the kernel's form at `offset`. */
function decodeName(bytes: Uint8Array, offset: number): SocketAddress {
  const family = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
  if (family === AF_INET) {
    const port = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
    const address = `${bytes[offset + 4]}.${bytes[offset + 5]}.${bytes[offset + 6]}.${bytes[offset + 7]}`;
    return { address, port, family: 'IPv4' };
  }
  return binding().decodeAddress(bytes.subarray(offset, offset + NAME_BYTES));
}

/** A message in memory of its own. Header and name lie before its data, in the same slab. */
export class CopiedMessage extends DatagramMessage {
  readonly #slab: Uint8Array;
  readonly #nameOffset: number;
  #remote: SocketAddress | undefined;

  constructor(slab: Buffer, offset: number, dataBytes: number, byteLength: number) {
    const start = offset + PREFIX_BYTES;
    super(slab.subarray(start, start + dataBytes) as Buffer, byteLength);
    this.#slab = slab;
    this.#nameOffset = offset + HEADER_BYTES;
  }

  override get remote(): SocketAddress {
    this.#remote ??= decodeName(this.#slab, this.#nameOffset);
    return this.#remote;
  }
}

/** A message in the provided buffer itself, until `release`. */
export class LeasedMessage extends DatagramMessage {
  readonly #buffers: ProvidedBuffers;
  readonly #area: BufferArea;
  #bufferId: number;
  #remote: SocketAddress | undefined;

  constructor(buffers: ProvidedBuffers, bufferId: number, dataBytes: number, byteLength: number) {
    const area = buffers.areaOf(bufferId);
    const start = buffers.offsetOf(bufferId) + PREFIX_BYTES;
    super(area.buffer.subarray(start, start + dataBytes) as Buffer, byteLength);
    this.#buffers = buffers;
    this.#area = area;
    this.#bufferId = bufferId;
  }

  override get remote(): SocketAddress {
    const nameOffset = this.#buffers.offsetOf(this.#bufferId) + HEADER_BYTES;
    this.#remote ??= decodeName(this.#area.bytes, nameOffset);
    return this.#remote;
  }

  override release(): void {
    if (this.#bufferId < 0) return;
    // The next datagram will overwrite the sender's address.
    void this.remote;
    this.#buffers.giveBack(this.#bufferId);
    this.#buffers.publish();
    this.#bufferId = -1;
  }
}
