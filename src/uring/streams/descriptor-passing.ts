/** Descriptors that travel with bytes over a Unix socket: SCM_RIGHTS (unix(7), cmsg(3)). */

import { byteLengthOf } from '../../base/views.js';
import { addressError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { MSG_CMSG_CLOEXEC } from '../../native/layout.js';
import { controllenOf, IOVEC_WORDS, MSGHDR_WORDS, writeIovec, writeMsghdr } from '../../native/msghdr.js';
import { prepRecvmsg, type Sqe } from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import { SOL_SOCKET } from '../sockets/socket-options.js';
import type { SocketTarget } from './stream-operations.js';

const SCM_RIGHTS = 1;
const CMSG_HEADER_BYTES = 16;
const CMSG_LEVEL_WORD = 2;
const CMSG_TYPE_WORD = 3;
const CMSG_DATA_WORD = 4;

/** A control area of one element, rounded as the kernel wants it. */
export function encodeDescriptors(fds: readonly number[]): Uint32Array {
  const bytes = CMSG_HEADER_BYTES + fds.length * 4;
  const control = new Uint32Array(((bytes + 7) & ~7) / 4);
  control[0] = bytes;
  control[CMSG_LEVEL_WORD] = SOL_SOCKET;
  control[CMSG_TYPE_WORD] = SCM_RIGHTS;
  control.set(fds, CMSG_DATA_WORD);
  return control;
}

export interface ReceivedDescriptors {
  bytesRead: number;
  fds: number[];
}

/** One recvmsg with room for descriptors. */
export class ReceiveDescriptorsOperation extends Operation<ReceivedDescriptors> {
  readonly #socket: SocketTarget;
  /** SAFETY: view, header and control area are the kernel's until the terminal completion. */
  readonly #view: Uint8Array;
  readonly #bytes: number;
  readonly #header = new Uint32Array(MSGHDR_WORDS + IOVEC_WORDS);
  readonly #control: Uint32Array;
  readonly #onOver: () => void;

  constructor(socket: SocketTarget, view: Uint8Array, countMax: number, onOver: () => void) {
    super();
    this.#socket = socket;
    this.#view = view;
    this.#bytes = byteLengthOf(view);
    this.#control = new Uint32Array(((CMSG_HEADER_BYTES + countMax * 4 + 7) & ~7) / 4);
    this.#onOver = onOver;
  }

  override fill(sqe: Sqe): void {
    const header = this.#header;
    const address = addressOf(header);
    const control = this.#control;
    writeMsghdr(header, 0, 0, 0, address + MSGHDR_WORDS * 4, 1, addressOf(control), control.byteLength);
    writeIovec(header, MSGHDR_WORDS, addressWithin(this.#view, 0, this.#bytes), this.#bytes);
    const { target, targetFlags } = this.#socket;
    prepRecvmsg(sqe, target, targetFlags, address, MSG_CMSG_CLOEXEC);
  }

  override complete(result: number): void {
    if (result < 0) this.fail(result);
    else this.fulfil({ bytesRead: result, fds: this.#descriptors() });
  }

  #descriptors(): number[] {
    const control = this.#control;
    const room = controllenOf(this.#header, 0);
    const isRights = control[CMSG_LEVEL_WORD] === SOL_SOCKET && control[CMSG_TYPE_WORD] === SCM_RIGHTS;
    if (room < CMSG_HEADER_BYTES || !isRights) return [];
    const count = ((control[0] as number) - CMSG_HEADER_BYTES) >>> 2;
    return Array.from(control.subarray(CMSG_DATA_WORD, CMSG_DATA_WORD + count));
  }

  protected override errorFor(errno: number): Error {
    return addressError(errno, 'recvmsg');
  }

  protected override onSettled(): void {
    this.#onOver();
  }
}
