/**
 * A listening socket on a ring, with one multishot accept, or with accepts into the ring's file table
 * (direct-accepts.ts) for as long as there are any.
 *
 * Where the process runs out of descriptors the kernel ends the accept. What waits stays in the backlog,
 * and the accept is armed again when a connection of this ring has been closed, or a while later.
 */

import { ECANCELED, ECONNABORTED, EINTR, EPROTO } from '../../base/errno.js';
import { IdleWait } from '../../base/idle-wait.js';
import { clearTimeout, setImmediate, setTimeout } from '../../base/real-timers.js';
import type { SocketAddress } from '../../contract/address.js';
import type { OperationFacts } from '../../contract/observation.js';
import type { BackendListener, ConnectionSink, ListenTarget } from '../../contract/streams.js';
import { removerOf } from '../../contract/unix-path.js';
import { addressError, listenerClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { SOCK_CLOEXEC } from '../../native/layout.js';
import { prepMultishotAccept, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import { hasLetGo } from '../engine/letting-go.js';
import { closeDescriptor } from '../files/closing.js';
import { localName } from '../sockets/socket-names.js';
import { type DirectAcceptOwner, DirectAccepts } from './direct-accepts.js';
import { DirectHandle } from './direct-sockets.js';
import { applyStreamOptions } from './stream-options.js';
import type { UringStreams } from './streams.js';

/** How long to leave a backlog alone that the system has no descriptor or memory for. */
const SHORTAGE_RETRY_MS = 100;
const SHUT_RDWR = 2;

export class UringListener implements BackendListener, DirectAcceptOwner, ArmedOwner {
  readonly fd: number;
  /** No place in the file table: that would keep the socket open when its descriptor has been closed. */
  readonly target: number;
  readonly targetFlags = 0;
  readonly local: SocketAddress;
  readonly listening = undefined;
  readonly #host: UringStreams;
  readonly #wanted: ListenTarget;
  readonly #hasOptions: boolean;
  readonly #sink: ConnectionSink;
  readonly #removePath: () => void;
  #armed: ArmedOperation | undefined;
  readonly #direct: DirectAccepts | undefined;
  #isAccepting = false;
  #isRef = true;
  #hasReported = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #disarmed = new IdleWait();
  #closing: Promise<void> | undefined;

  /** @param isDirect whether its connections may do without descriptors; then it has their options itself. */
  constructor(host: UringStreams, fd: number, wanted: ListenTarget, sink: ConnectionSink, isDirect: boolean) {
    this.fd = fd;
    this.#host = host;
    this.#wanted = wanted;
    this.#hasOptions = Object.values(wanted.options).some((value) => value !== undefined);
    this.#sink = sink;
    this.target = fd;
    this.local = localName(fd);
    this.#removePath = removerOf(this.local.path);
    this.#direct = isDirect ? new DirectAccepts(host.directSockets, this) : undefined;
  }

  get knownFd(): number {
    return this.fd;
  }

  get #isUnix(): boolean {
    return this.local.family === 'Unix';
  }

  resume(): void {
    this.#isAccepting = true;
    this.#arm();
  }

  pause(): void {
    this.#isAccepting = false;
    this.#direct?.cancel(listenerClosedError);
    this.#cancelOrdinary();
  }

  #cancelOrdinary(): void {
    if (this.#armed !== undefined) this.#host.dispatcher.cancel(this.#armed, listenerClosedError);
  }

  #arm(): void {
    if (!this.#isAccepting || this.#armed !== undefined || this.#retry !== undefined) return;
    if (this.#closing !== undefined || this.#host.dispatcher.isClosing) return;
    this.#direct?.arm(this.#isRef);
    if (this.#direct?.isArmed) return;
    const operation = new ArmedOperation(this);
    operation.ticket.yieldsFd = true;
    operation.isRef = this.#isRef;
    this.#armed = operation;
    this.#host.dispatcher.begin(operation);
  }

  /** Each result is a new descriptor. */
  prepareArmed(sqe: Sqe): void {
    prepMultishotAccept(sqe, this.target, this.targetFlags, SOCK_CLOEXEC);
  }

  describeArmed(): OperationFacts {
    return { kind: 'accept' };
  }

  onCompletion(result: number): void {
    if (result < 0) return;
    if (this.#closing !== undefined || this.#host.dispatcher.isClosing) {
      binding().closeFd(result);
      return;
    }
    this.#hasReported = false;
    // A peer that has gone already makes some options fail; its connection will tell.
    if (this.#hasOptions && this.#direct === undefined)
      applyStreamOptions(result, this.#isUnix, this.#wanted.options);
    const { bounds, options } = this.#wanted;
    this.#sink.onConnection(this.#host.wrap(result, bounds, options));
    if (this.#direct?.hasRoom) this.#cancelOrdinary();
  }

  onDirectConnection(index: number, remoteName: Uint8Array): void {
    const { directSockets, dispatcher } = this.#host;
    if (this.#closing !== undefined || dispatcher.isClosing) {
      void directSockets.close(index, false);
    } else {
      this.#hasReported = false;
      const handle = new DirectHandle(directSockets, index, this.local, remoteName);
      const { bounds, options } = this.#wanted;
      this.#sink.onConnection(this.#host.keep(handle, bounds, options));
    }
    this.#afterEnd(0);
  }

  onDirectFailure(errno: number): void {
    this.#afterEnd(errno);
  }

  onDisarmed(result: number): void {
    this.#armed = undefined;
    this.#afterEnd(result);
  }

  /** Of an accept. Arms again, at once if nothing is wrong with the listener. */
  #afterEnd(result: number): void {
    if (this.#closing !== undefined) {
      if (this.#isDisarmed) this.#disarmed.end();
      return;
    }
    if (result < 0 && result !== ECANCELED && !isOfPeer(result)) {
      if (!this.#hasReported) {
        this.#hasReported = true;
        this.#sink.onAcceptError(addressError(result, 'accept'));
      }
      this.#retryLater();
      return;
    }
    this.#arm();
  }

  get #isDisarmed(): boolean {
    return this.#armed === undefined && this.#direct?.isArmed !== true;
  }

  #retryLater(): void {
    if (this.#closing !== undefined || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => this.#tryAgain(), SHORTAGE_RETRY_MS);
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

  /** A direct descriptor is free. Connections that have descriptors then go on as they are. */
  onSlotFreed(): void {
    if (this.#direct === undefined) return;
    if (this.#armed === undefined) this.#arm();
    else if (this.#direct.hasRoom) this.#cancelOrdinary();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#armed !== undefined) this.#host.dispatcher.setRef(this.#armed, isRef);
    this.#direct?.setRef(isRef);
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
    this.#removePath();
    const { dispatcher } = this.#host;
    const armed = [...(this.#armed === undefined ? [] : [this.#armed]), ...(this.#direct?.operations ?? [])];
    this.#host.removeListener(this);
    this.pause();
    // What the kernel has not taken yet names the descriptor, so its number must not be another's before.
    const isFree = hasLetGo(dispatcher, armed);
    if (isFree) {
      binding().closeFd(this.fd);
    } else {
      // Peers are refused all the same, and a listener with SO_REUSEADDR may have the port. Not before the cancels:
      // an accept of a Unix socket would be tried over and over, and not found by them (Linux, seen on 6.18).
      binding().shutDown(this.fd, SHUT_RDWR);
    }
    await this.#whenDisarmed();
    if (!isFree) await closeDescriptor(dispatcher, this.#host.table, this.fd);
    this.#sink.onClosed();
  }

  #whenDisarmed(): Promise<void> {
    if (this.#isDisarmed) return Promise.resolve();
    this.setRef(true);
    return this.#disarmed.promise;
  }
}

/** Whether the connection at hand is at fault, and not the listener (accept(2)). */
function isOfPeer(errno: number): boolean {
  return errno === ECONNABORTED || errno === EINTR || errno === EPROTO;
}
