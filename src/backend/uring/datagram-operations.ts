/** What a send and a multishot receive show the kernel: struct msghdr and what it points to (recvmsg(2)). */
import { addressError, socketClosedError } from '../../errors.js';
import type { SocketAddress } from '../../net/address.js';
import type { UringDatagramSocket } from './datagram-socket.js';
import type { Dispatcher } from './dispatcher.js';
import {
  CQE_BUFFER,
  CQE_BUFFER_SHIFT,
  CQE_MORE,
  MSG_TRUNC,
  OP_RECVMSG,
  OP_SENDMSG,
  SQE_BUFFER,
  SQE_BUFFER_SELECT,
  SQE_RECEIVE_MULTISHOT,
} from './layout.js';
import { addressOf, writeWide } from './memory.js';
import { fillEntry, Operation } from './operation.js';
import type { OperationFacts } from '../observation.js';

const ECANCELED = -125;

// Words of a slot's storage.
const MSGHDR_NAME = 0;
const MSGHDR_NAME_BYTES = 2;
const MSGHDR_IOVEC = 4;
const MSGHDR_IOVEC_COUNT = 6;
const MSGHDR_CONTROL_BYTES = 10;
const MSGHDR_WORDS = 14;
const IOVEC_WORD = 16;
const NAME_WORD = 20;

export class SendOperation extends Operation<number> {
  readonly #socket: UringDatagramSocket;
  readonly #remote: SocketAddress;
  readonly #name: Uint8Array;
  /** SAFETY: read by the kernel until the terminal completion. */
  readonly #payload: NodeJS.ArrayBufferView;

  constructor(
    socket: UringDatagramSocket,
    data: NodeJS.ArrayBufferView,
    name: Uint8Array,
    remote: SocketAddress,
  ) {
    super();
    this.#socket = socket;
    this.#payload = data;
    this.#name = name;
    this.#remote = remote;
    socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    const address = dispatcher.storage.address(this.slot);
    storage.fill(0, offset, offset + MSGHDR_WORDS);
    writeWide(storage, offset + MSGHDR_NAME, address + NAME_WORD * 4);
    storage[offset + MSGHDR_NAME_BYTES] = this.#name.length;
    writeWide(storage, offset + MSGHDR_IOVEC, address + IOVEC_WORD * 4);
    storage[offset + MSGHDR_IOVEC_COUNT] = 1;
    writeWide(storage, offset + IOVEC_WORD, addressOf(this.#payload));
    writeWide(storage, offset + IOVEC_WORD + 2, this.#payload.byteLength);
    dispatcher.storage.bytes(this.slot).set(this.#name, NAME_WORD * 4);
    fillEntry(words, at, OP_SENDMSG | this.#socket.targetFlags, this.#socket.target, address, 1, 0);
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil(result);
    else this.fail(result);
  }

  protected override errorFor(errno: number): Error {
    if (errno === ECANCELED && this.#socket.isClosing) return socketClosedError();
    return addressError(errno, 'send', this.#remote.address, this.#remote.port);
  }

  override describe(): OperationFacts {
    const { address, port } = this.#remote;
    return { kind: 'send', fd: this.#socket.fd, address, port, bytes: this.#payload.byteLength };
  }

  protected override onSettled(): void {
    this.#socket.pending.leave();
  }
}

/** One arming of a socket's multishot receive. Its promise resolves to the errno that ended it, or 0. */
export class ReceiveOperation extends Operation<number> {
  readonly #socket: UringDatagramSocket;
  readonly #groupId: number;

  constructor(socket: UringDatagramSocket, groupId: number) {
    super();
    this.#socket = socket;
    this.#groupId = groupId;
    socket.pending.enter();
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const storage = dispatcher.storage.words(this.slot);
    const offset = dispatcher.storage.wordOffset(this.slot);
    storage.fill(0, offset, offset + MSGHDR_WORDS);
    storage[offset + MSGHDR_NAME_BYTES] = this.#socket.prefix.nameBytes;
    storage[offset + MSGHDR_CONTROL_BYTES] = this.#socket.prefix.controlBytes;
    const head = OP_RECVMSG | SQE_BUFFER_SELECT | SQE_RECEIVE_MULTISHOT | this.#socket.targetFlags;
    fillEntry(words, at, head, this.#socket.target, dispatcher.storage.address(this.slot), 1, MSG_TRUNC);
    words[at + SQE_BUFFER] = this.#groupId;
  }

  /** It serves many iterations. */
  override get isCall(): boolean {
    return false;
  }

  override complete(result: number, flags: number): void {
    if ((flags & CQE_BUFFER) !== 0) this.#socket.accept(result, flags >>> CQE_BUFFER_SHIFT);
    if ((flags & CQE_MORE) === 0) this.fulfil(result < 0 ? result : 0);
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

  protected override fulfil(errno: number): void {
    super.fulfil(errno);
    this.#socket.onDisarmed(errno);
  }

  /** It never started, or the ring broke: nobody awaits the promise, the socket tells its readers. */
  override failWith(create: () => Error): void {
    const error = create() as NodeJS.ErrnoException;
    this.fulfil(error.errno ?? ECANCELED);
  }
}
