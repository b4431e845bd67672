/**
 * A listening socket on a ring, with one multishot accept.
 *
 * Where the process runs out of descriptors the kernel ends the accept. What waits stays in the backlog,
 * and the accept is armed again when a connection of this ring has been closed, or a while later.
 */
import { unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { addressError, listenerClosedError } from '../../../errors.js';
import type { SocketAddress } from '../../../net/address.js';
import type { BackendListener, ConnectionSink, ListenTarget } from '../../streams.js';
import { binding } from '../binding.js';
import { closeDescriptor } from '../files/uring-file.js';
import { localName } from '../sockets/socket-names.js';
import { AcceptOperation, type SocketTarget, type Standing } from './stream-operations.js';
import { applyStreamOptions } from './stream-options.js';
import type { UringStreams } from './streams.js';

const { ECANCELED, ECONNABORTED, EINTR, EPROTO } = constants.errno;

/** How long to leave a backlog alone that the system has no descriptor or memory for. */
const RETRY_MS = 100;

export class UringListener implements BackendListener, SocketTarget, Standing {
  readonly fd: number;
  readonly target: number;
  readonly targetFlags: number;
  readonly local: SocketAddress;
  readonly #host: UringStreams;
  readonly #wanted: ListenTarget;
  readonly #hasOptions: boolean;
  readonly #sink: ConnectionSink;
  #armed: AcceptOperation | undefined;
  #isAccepting = false;
  #isRef = true;
  #hasReported = false;
  #retry: NodeJS.Timeout | undefined;
  #onDisarmed: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(host: UringStreams, fd: number, wanted: ListenTarget, sink: ConnectionSink) {
    this.fd = fd;
    this.#host = host;
    this.#wanted = wanted;
    this.#hasOptions = Object.values(wanted.options).some((value) => value !== undefined);
    this.#sink = sink;
    const { target, flags } = host.table.acquire(fd);
    this.target = target;
    this.targetFlags = flags;
    this.local = localName(fd);
  }

  resume(): void {
    this.#isAccepting = true;
    this.#arm();
  }

  pause(): void {
    this.#isAccepting = false;
    if (this.#armed !== undefined) this.#host.dispatcher.cancel(this.#armed, listenerClosedError);
  }

  #arm(): void {
    if (!this.#isAccepting || this.#armed !== undefined || this.#retry !== undefined) return;
    if (this.#closing !== undefined || this.#host.dispatcher.isClosing) return;
    const operation = new AcceptOperation(this, this);
    operation.isHolding = this.#isRef;
    this.#armed = operation;
    void this.#host.dispatcher.submit(operation, undefined);
  }

  onCompletion(result: number): void {
    if (result < 0) return;
    if (this.#closing !== undefined || this.#host.dispatcher.isClosing) {
      binding().closeFd(result);
      return;
    }
    this.#hasReported = false;
    // A peer that has gone already makes some options fail; its connection will tell.
    if (this.#hasOptions) applyStreamOptions(result, this.local.family, this.#wanted.options);
    this.#sink.onConnection(this.#host.wrap(result, this.#wanted.bounds));
  }

  onDisarmed(result: number): void {
    this.#armed = undefined;
    this.#onDisarmed?.();
    if (result < 0 && result !== -ECANCELED && !isOfPeer(result)) {
      if (!this.#hasReported) {
        this.#hasReported = true;
        this.#sink.onAcceptError(addressError(result, 'accept'));
      }
      this.#retryLater();
      return;
    }
    this.#arm();
  }

  #retryLater(): void {
    if (this.#closing !== undefined) return;
    this.#retry = setTimeout(() => this.#tryAgain(), RETRY_MS);
    if (!this.#isRef) this.#retry.unref();
  }

  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#arm();
  }

  /** A connection of this ring is about to be closed. */
  onDescriptorFreed(): void {
    // After the close, which is a submission away.
    if (this.#retry !== undefined) setImmediate(() => this.#tryAgain());
  }

  ref(): void {
    this.#setRef(true);
  }

  unref(): void {
    this.#setRef(false);
  }

  #setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#armed !== undefined) this.#host.dispatcher.setHolding(this.#armed, isRef);
    if (isRef) this.#retry?.ref();
    else this.#retry?.unref();
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#armed !== undefined) {
      this.#setRef(true);
      const disarmed = new Promise<void>((resolve) => {
        this.#onDisarmed = resolve;
      });
      this.pause();
      await disarmed;
    }
    this.#host.removeListener(this);
    const { path } = this.local;
    // As Node does. What has taken its place meanwhile goes with it.
    if (path !== undefined && !path.startsWith('\0')) await unlink(path).catch(() => {});
    await closeDescriptor(this.#host.dispatcher, this.#host.table, this.fd);
    this.#sink.onClosed();
  }
}

/** Whether the connection at hand is at fault, and not the listener (accept(2)). */
function isOfPeer(errno: number): boolean {
  return errno === -ECONNABORTED || errno === -EINTR || errno === -EPROTO;
}
