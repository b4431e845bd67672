/**
 * TLS or HTTP/2 on top of a stream that is no native socket: Node puts a JSStreamSocket between the two (Node 20 to
 * 26, lib/internal/js_stream_socket.js). Two things have to be different then from what they are for other users.
 */
import type { Duplex } from 'node:stream';
import { nextTick, setImmediate } from '../../base/real-timers.js';

export class ProtocolOnTop {
  readonly #stream: Duplex;
  /** Listeners of 'end' when they were looked at, and whether a JSStreamSocket's was among them. */
  #listenerCount = 0;
  #isThere = false;
  /** Writes of which the protocol is yet to be told, and what has come meanwhile. */
  #untoldCount = 0;
  #heldBack: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /**
   * Whether there is one. It ends writing by itself, when it has written all: of a native socket it has the handle,
   * and the socket does not hear of the peer's end.
   */
  get isThere(): boolean {
    const count = this.#stream.listenerCount('end');
    if (count !== this.#listenerCount) {
      this.#listenerCount = count;
      this.#isThere = this.#stream.listeners('end').some(isOfJsStreamSocket);
    }
    return this.#isThere;
  }

  /**
   * A write is over. JSStreamSocket tells the protocol so by `setImmediate`; before that it would not send what it
   * answers, and its alert would be lost. A ring may bring the peer's next bytes in the same turn of the loop, which
   * libuv never does for a native socket. So they wait.
   */
  noteWritten(): void {
    if (!this.isThere) return;
    this.#untoldCount++;
    // Behind JSStreamSocket's, which hears of the write on the next tick.
    nextTick(() => setImmediate(() => this.#noteTold()));
  }

  #noteTold(): void {
    if (--this.#untoldCount > 0) return;
    const give = this.#heldBack;
    this.#heldBack = undefined;
    give?.();
  }

  /** Hands on what has come, when the protocol is ready for it. The next is asked for after that. */
  pass(give: () => void): void {
    if (this.#untoldCount === 0) give();
    else this.#heldBack = give;
  }
}

function isOfJsStreamSocket(listener: unknown): boolean {
  return Function.prototype.toString.call(listener).includes('.emitEOF()');
}
