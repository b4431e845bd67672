/** How a datagram socket on a ring sends: by an operation each, or many by one system call. */

import { ECANCELED, EINVAL } from '../../base/errno.js';
import { byteCountOf, Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { Payload, SendExtras } from '../../contract/backend.js';
import { addressError, socketClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { mayRefuseZeroCopy, type ZeroCopyChoice } from '../sockets/zero-copy.js';
import { type Outgoing, SendOperation } from './datagram-operations.js';
import type { UringDatagramSocket } from './datagram-socket.js';
import { encodeControl } from './send-control.js';
import { type ManyToSend, sendInRounds } from './send-many.js';
import { SendNames } from './send-names.js';
import { openRoomProbe, roomOf, Turns } from './unix-sends.js';

export class DatagramSender {
  readonly socket: UringDatagramSocket;
  readonly names = new SendNames();
  readonly zeroCopy: ZeroCopyChoice;
  readonly #dispatcher: Dispatcher;
  /** Of a Unix socket that has sent. */
  #turns: Turns | undefined;
  #segmentBytes = 0;
  #segments: Uint32Array = new Uint32Array(0);

  constructor(socket: UringDatagramSocket, dispatcher: Dispatcher, zeroCopy: ZeroCopyChoice) {
    this.socket = socket;
    this.#dispatcher = dispatcher;
    this.zeroCopy = zeroCopy;
  }

  noteAnswered(): void {
    this.#dispatcher.completions.noteAnswered();
  }

  /** Why a send has failed. */
  sendError(errno: number, remote: SocketAddress | undefined): Error {
    if (errno === ECANCELED && this.socket.isClosing) return socketClosedError();
    return remote?.path === undefined
      ? addressError(errno, 'send', remote?.address, remote?.port)
      : addressError(errno, 'send', remote.path);
  }

  send(
    payload: Payload,
    remote: SocketAddress | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.socket.isClosing) return Promise.reject(socketClosedError());
    try {
      return this.sendOne(payload, remote, this.#control(extras, remote), signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  sendOne(
    payload: Payload,
    remote: SocketAddress | undefined,
    control: Uint32Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (this.socket.isUnix) return this.#sendUnix(payload, remote, signal);
    const name = remote && this.names.of(remote);
    const bytes = byteLengthOf(payload);
    const outgoing = { payload, bytes, remote, name, control, isZeroCopy: this.zeroCopy.take(bytes) };
    const sent = this.#dispatcher.submit(new SendOperation(this, outgoing), signal);
    return outgoing.isZeroCopy ? this.#orCopied(sent, outgoing, signal) : sent;
  }

  async #sendUnix(
    payload: Payload,
    remote: SocketAddress | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    await this.#sendInRounds(
      { payloads: [payload], remotes: remote && [remote], control: undefined },
      signal,
    );
    return byteLengthOf(payload);
  }

  #sendInRounds(many: ManyToSend, signal: AbortSignal | undefined): Promise<number> {
    if (!this.socket.isUnix) return sendInRounds(this, many, signal);
    this.#turns ??= new Turns();
    const payloads = many.payloads.map(toWhole);
    return this.#turns.take(many.remotes, (turn) => sendInRounds(this, { ...many, payloads, turn }, signal));
  }

  /** Resolves when it is worth trying again: there was no room for a datagram. */
  async waitForRoom(remote: SocketAddress | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (remote === undefined) {
      await this.#dispatcher.submit(roomOf(this, this.socket.fd, remote), signal);
      return;
    }
    const probe = openRoomProbe(this.names.of(remote).bytes);
    if (probe < 0) throw this.sendError(probe, remote);
    try {
      await this.#dispatcher.submit(roomOf(this, probe, remote), signal);
    } finally {
      binding().closeFd(probe);
    }
  }

  async #orCopied(
    sent: Promise<number>,
    outgoing: Outgoing,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    try {
      return await sent;
    } catch (error) {
      if (!mayRefuseZeroCopy((error as NodeJS.ErrnoException).errno ?? 0)) throw error;
      this.zeroCopy.noteCopied();
      this.socket.throwIfUnusable();
      const again = { ...outgoing, isZeroCopy: false };
      return await this.#dispatcher.submit(new SendOperation(this, again), signal);
    }
  }

  sendMany(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const send = async (): Promise<number> => {
      const control = this.#control(extras, remotes?.[0]);
      return await this.#sendInRounds({ payloads, remotes, control }, signal);
    };
    const { observation } = this.#dispatcher;
    if (!observation.isWanted) return send();
    const bytes = payloads.reduce((sum, payload) => sum + byteLengthOf(payload), 0);
    return observation.observe({ kind: 'sendmmsg', fd: this.socket.fd, bytes }, send);
  }

  /** Mostly the same again, and its address costs more than its making. Never written to once it is made. */
  #segmentControl(segmentBytes: number): Uint32Array {
    if (segmentBytes !== this.#segmentBytes) {
      this.#segmentBytes = segmentBytes;
      this.#segments = encodeControl({ segmentBytes }, new Uint8Array(0));
    }
    return this.#segments;
  }

  #control(extras: SendExtras | undefined, remote: SocketAddress | undefined): Uint32Array | undefined {
    if (extras === undefined) return undefined;
    // The kernel would not even look at them.
    if (this.socket.isUnix) throw this.sendError(EINVAL, remote);
    if (isOnlySegments(extras)) return this.#segmentControl(extras.segmentBytes);
    return encodeControl(extras, this.names.of(remote ?? this.socket.remote ?? this.socket.local).bytes);
  }
}

/** Whether what goes along is the same for each destination. */
function isOnlySegments(extras: SendExtras): extras is { segmentBytes: number } {
  const { segmentBytes, ecn, localAddress, interfaceIndex } = extras;
  return (
    segmentBytes !== undefined &&
    ecn === undefined &&
    localAddress === undefined &&
    interfaceIndex === undefined
  );
}

function byteLengthOf(payload: Payload): number {
  return payload instanceof Span ? payload.bytes : byteCountOf(payload);
}

function toWhole(payload: Payload): Span {
  return payload instanceof Span ? payload : new Span(Buffer.concat(payload.map((span) => span.toBytes())));
}
