/** A connection on a ring: what it receives for iterators, single receives into a caller's memory, and a queue of writes. */

import type { Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { ReadResult } from '../../contract/backend.js';
import type { ChunkQueue } from '../../contract/chunk-queue.js';
import type { BackendStream, PeerCredentials, StreamBounds, StreamOptions } from '../../contract/streams.js';
import { addressError, connectionClosedError, ringClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { OP_SENDMSG_ZC } from '../../native/sqe.js';
import type { FdTable } from '../engine/fd-table.js';
import type { Operation } from '../engine/operation.js';
import { ZeroCopyChoice, type ZeroCopyTally } from '../sockets/zero-copy.js';
import { ReceiveDescriptorsOperation, type ReceivedDescriptors } from './descriptor-passing.js';
import { LostErrors } from './lost-errors.js';
import type { SocketHandle } from './socket-handle.js';
import { ReadOperation } from './stream-operations.js';
import { applyStreamOptions } from './stream-options.js';
import { type ReceiveHost, type ReceiverOwner, StreamReceiver } from './stream-receiver.js';
import { StreamWriter } from './stream-writer.js';

const STREAM_READ_BYTES_MAX = 2 ** 30;
/** How long a close waits for the peer to acknowledge what it was sent without a copy. */
const ACKNOWLEDGE_MS_MAX = 2000;

/** What the connections of a ring share. */
export interface StreamHost extends ReceiveHost {
  readonly table: FdTable;
  readonly zeroCopyTally: ZeroCopyTally;
  remove(stream: UringStream): void;
}

export class UringStream implements BackendStream, ReceiverOwner {
  readonly target: number;
  readonly targetFlags: number;
  readonly lostErrors: LostErrors;
  readonly #host: StreamHost;
  readonly #receiver: StreamReceiver;
  readonly #handle: SocketHandle;
  readonly #isZeroCopy: boolean;
  #writer: StreamWriter | undefined;
  #reading: Operation<unknown> | undefined;
  #readOver: ((errno?: number) => void) | undefined;
  #isRef = true;
  #lingers: boolean;
  /** Whether the peer is to hear of a reset instead of an end. */
  #isReset = false;
  /** Called once nothing is received any more. */
  #onQuiet: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** @param options that have been set on it. */
  constructor(host: StreamHost, handle: SocketHandle, bounds: StreamBounds, options: StreamOptions) {
    this.lostErrors = new LostErrors(handle);
    this.#host = host;
    this.#handle = handle;
    this.#isZeroCopy = bounds.isZeroCopy;
    this.#lingers = (options.lingerSeconds ?? 0) > 0;
    this.target = handle.target;
    this.targetFlags = handle.targetFlags;
    this.#receiver = new StreamReceiver(host, this, bounds);
  }

  get fd(): number {
    return this.#needDescriptor('dup');
  }

  get knownFd(): number {
    return this.#handle.knownFd;
  }

  /** @throws what keeps one from being made, as `syscall`. */
  #needDescriptor(syscall: string): number {
    const fd = this.#handle.descriptor();
    if (fd < 0) throw addressError(fd, syscall);
    return fd;
  }

  get local(): SocketAddress {
    return this.#handle.local;
  }

  get remote(): SocketAddress | undefined {
    return this.#handle.remote;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get incoming(): ChunkQueue {
    return this.#receiver.incoming;
  }

  receive(isLeasing: boolean): void {
    this.#receiver.start(isLeasing);
  }

  pause(): Promise<void> {
    this.#receiver.stop();
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

  noteQuiet(): void {
    if (!this.isQuiet || this.#onQuiet === undefined) return;
    const onQuiet = this.#onQuiet;
    this.#onQuiet = undefined;
    onQuiet();
  }

  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    isFilling: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    // A larger one is a short read.
    const bytes = Math.min(length, STREAM_READ_BYTES_MAX);
    const operation = new ReadOperation(this, buffer, offset, bytes, isFilling, this.#onReadOver);
    return this.#submitRead(operation, signal);
  }

  get isReading(): boolean {
    return this.#reading !== undefined;
  }

  get isQuiet(): boolean {
    return !this.#receiver.isArmed && this.#reading === undefined;
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
    operation.isRef = this.#isRef;
    this.#reading = operation;
    return this.#host.dispatcher.submit(operation, signal);
  }

  /** Made with the first read: most connections are only iterated over. */
  get #onReadOver(): (errno?: number) => void {
    this.#readOver ??= (errno = 0) => this.#noteReadOver(errno);
    return this.#readOver;
  }

  #noteReadOver(errno: number): void {
    this.#reading = undefined;
    // The kernel tells an error once, and then the end.
    if (errno < 0) this.incoming.fail(() => addressError(errno, 'read'));
    this.noteQuiet();
  }

  write(
    data: Span | readonly Span[],
    signal: AbortSignal | undefined,
    fds?: readonly number[],
  ): Promise<number> {
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    if (this.#host.dispatcher.isClosing) return Promise.reject(ringClosedError());
    return this.#needWriter().write(data, signal, fds);
  }

  writeNow(data: readonly Span[]): number | Promise<number> {
    const { dispatcher } = this.#host;
    if (this.#closing !== undefined) return Promise.reject(connectionClosedError());
    if (dispatcher.isClosing) return Promise.reject(ringClosedError());
    // An SQ thread takes entries in its own time; if no descriptor can be made, it has to do.
    if (this.knownFd < 0 && dispatcher.isPolled) this.#handle.descriptor();
    return this.#needWriter().writeNow(data);
  }

  sendNow(view: Uint8Array, bytes: number): number {
    if (this.#closing !== undefined || this.#host.dispatcher.isClosing) return 0;
    return this.#needWriter().sendNow(view, bytes);
  }

  get sentBytes(): number {
    return this.#writer?.sentBytes ?? 0;
  }

  #needWriter(): StreamWriter {
    if (this.#writer === undefined) {
      this.#writer = new StreamWriter(this.#host.dispatcher, this, this.#zeroCopyChoice());
      this.#writer.isRef = this.#isRef;
    }
    return this.#writer;
  }

  #zeroCopyChoice(): ZeroCopyChoice | undefined {
    if (!this.#isZeroCopy || this.#handle.isUnix) return undefined;
    return new ZeroCopyChoice(this.#host.zeroCopyTally, this.#host.dispatcher.supportsOp(OP_SENDMSG_ZC));
  }

  get queuedWriteBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  async end(): Promise<void> {
    if (this.#writer !== undefined && !this.#writer.isIdle) await this.#writer.whenIdle();
    if (this.#closing !== undefined) throw connectionClosedError();
    const error = await this.#handle.shutDown();
    if (error < 0) throw addressError(error, 'shutdown');
  }

  setOptions(options: StreamOptions): void {
    const fd = this.#needDescriptor('setsockopt');
    const error = applyStreamOptions(fd, this.#handle.isUnix, options);
    if (error < 0) throw addressError(error, 'setsockopt');
    if (options.lingerSeconds !== undefined) this.#lingers = options.lingerSeconds > 0;
  }

  peerCredentials(): PeerCredentials {
    const credentials = binding().peerCredentials(this.#needDescriptor('getsockopt'));
    if (typeof credentials === 'number') throw addressError(credentials, 'getsockopt');
    const [processId, userId, groupId] = credentials;
    return { processId, userId, groupId };
  }

  async detach(): Promise<number> {
    // The ring may have closed it since the caller looked.
    if (this.#closing !== undefined) throw connectionClosedError();
    const { fd } = this;
    const closing = this.#detach();
    this.#closing = closing.then(
      () => {},
      () => {},
    );
    await closing;
    return fd;
  }

  async #detach(): Promise<void> {
    await this.#letGo();
    if (this.#writer !== undefined && !(await this.#writer.isReleasedIn(Number.POSITIVE_INFINITY))) {
      await this.#giveBack(true);
      throw ringClosedError();
    }
    await this.#handle.disown();
    this.#host.remove(this);
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    const { dispatcher } = this.#host;
    this.#receiver.setRef(isRef);
    if (this.#reading !== undefined) dispatcher.setRef(this.#reading, isRef);
    this.#writer?.setRef(isRef);
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
    this.#isReset ||= isReset;
    if (isReset || this.#host.dispatcher.isClosing) this.#writer?.hurry();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Cancels what is pending. Resolves when the kernel has let go of all of it. */
  async #letGo(): Promise<void> {
    const { dispatcher } = this.#host;
    const reason = dispatcher.isClosing ? ringClosedError : connectionClosedError;
    this.setRef(true);
    this.#receiver.stop();
    if (this.#reading !== undefined) dispatcher.cancel(this.#reading, reason);
    this.incoming.clear();
    this.incoming.end();
    await this.#whenQuiet();
    if (this.#writer !== undefined && !this.#writer.isIdle) {
      this.#writer.cancel(reason);
      await this.#writer.whenIdle();
    }
  }

  async #close(): Promise<void> {
    await this.#letGo();
    let isInTime = true;
    if (!this.#isReset && this.#writer?.isHeld) {
      // The peer is to hear of the end as early as after any other close.
      await this.#handle.shutDown();
      isInTime = await this.#writer.isReleasedIn(ACKNOWLEDGE_MS_MAX);
    }
    await this.#giveBack(this.#isReset || !isInTime);
  }

  async #giveBack(isReset: boolean): Promise<void> {
    if (isReset) await this.#handle.cutOff();
    this.#host.remove(this);
    await this.#handle.close(this.#lingers && !isReset);
  }
}
