/**
 * Errors of a TCP connection that the kernel has told to no call, or to another one.
 *
 * It tells an error once, to the call that asks first; the next one finds the end of the stream, as if the peer had
 * ended it. And a request for all its bytes (MSG_WAITALL) that has moved some of them ends with their count,
 * whatever ended it (Linux, seen on 6.18: io_send and io_recv return what is done before what went wrong).
 * So an end that comes after such a request, or after a failed one, is looked at twice: a connection that the
 * peer has ended is in CLOSE_WAIT, and one that failed is closed.
 */
import { ECONNRESET, EPIPE, ETIMEDOUT } from '../../base/errno.js';
import { binding } from '../../native/binding.js';

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCP_CLOSE = 7;

export class LostErrors {
  readonly #socket: { descriptor(): number };
  #isSuspect = false;
  #errno = 0;

  /** @param socket has a descriptor, or makes one, or says why it can't by a negative errno. */
  constructor(socket: { descriptor(): number }) {
    this.#socket = socket;
  }

  /** A transfer that was not cancelled has failed. Of EPIPE the reader hears nothing: its end may be the peer's. */
  noteFailed(errno: number): void {
    if (errno === EPIPE) return;
    this.#isSuspect = true;
    this.#errno = errno;
  }

  /** One that was to be whole, and was not cancelled, has ended early. */
  noteCutShort(): void {
    this.#isSuspect = true;
  }

  /** What has ended the stream that seems to have come to its end; 0 when it has. */
  errnoOfEnd(): number {
    if (!this.#isSuspect) return 0;
    const fd = this.#socket.descriptor();
    // Rather an error that may be none than an end that may be none.
    if (fd < 0) return this.#errno || fd;
    // The beginning of struct tcp_info (tcp(7)): state, congestion state, retransmissions, probes.
    const info = binding().getSocketOption(fd, IPPROTO_TCP, TCP_INFO);
    if (info < 0) return 0;
    const [state, , retransmissions = 0, probes = 0] = new Uint8Array(new Int32Array([info]).buffer);
    if (state !== TCP_CLOSE) return 0;
    if (this.#errno !== 0) return this.#errno;
    // Where the error itself is gone: a connection that was left without an answer has been sending again.
    return retransmissions + probes > 0 ? ETIMEDOUT : ECONNRESET;
  }
}
