/**
 * Many datagrams by few system calls (sendmmsg(2)).
 *
 * A send hardly ever waits, and then the ring's requests and completions are only its overhead; so these
 * go straight to the socket, some hundred at a time, and the event loop gets its turn in between. What does
 * not fit into the socket's buffer waits on the ring.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { abortError } from '../../../errors.js';
import type { SocketAddress } from '../../../net/address.js';
import type { PartlySent, Payload } from '../../backend.js';
import { binding } from '../binding.js';
import type { DatagramSender } from './datagram-sender.js';
import { addressOf, writeWide } from '../dispatch/memory.js';
import type { Name } from './send-names.js';

/** Half a millisecond's worth. */
const ROUND_MESSAGES = 256;
/** struct mmsghdr: a struct msghdr and the bytes sent. */
const HEADER_WORDS = 16;
const IOVEC_WORDS = 4;
const EAGAIN = -11;

/** What one call shows the kernel: for its time only, so one does for all sockets of the thread. */
const headers = new Uint32Array(ROUND_MESSAGES * HEADER_WORDS);
const iovecs = new Uint32Array(ROUND_MESSAGES * IOVEC_WORDS);

export interface ManyToSend {
  readonly payloads: readonly Payload[];
  readonly remotes: readonly SocketAddress[] | undefined;
  /** The same for all of them. */
  readonly control: Uint32Array | undefined;
}

/** Describes as many of the datagrams from `first` on as fit, and returns how many. */
function fillRound(sender: DatagramSender, many: ManyToSend, first: number): number {
  const { payloads, remotes, control } = many;
  const count = Math.min(payloads.length - first, ROUND_MESSAGES);
  const iovecsAddress = addressOf(iovecs);
  const controlAddress = control === undefined ? 0 : addressOf(control);
  let remote: SocketAddress | undefined;
  let name: Name | undefined;
  headers.fill(0, 0, count * HEADER_WORDS);
  for (let i = 0; i < count; i++) {
    const at = i * HEADER_WORDS;
    const next = remotes?.[first + i];
    if (next !== undefined && next !== remote) {
      remote = next;
      name = sender.names.of(next);
    }
    if (name !== undefined) {
      writeWide(headers, at, name.address);
      headers[at + 2] = name.bytes.length;
    }
    const payload = payloads[first + i] as Payload;
    if (ArrayBuffer.isView(payload)) {
      writeWide(iovecs, i * IOVEC_WORDS, addressOf(payload));
      iovecs[i * IOVEC_WORDS + 2] = payload.byteLength;
      writeWide(headers, at + 4, iovecsAddress + i * IOVEC_WORDS * 4);
      headers[at + 6] = 1;
    } else {
      // In several pieces: the ring has a way for those.
      return i;
    }
    if (control !== undefined) {
      writeWide(headers, at + 8, controlAddress);
      headers[at + 10] = control.byteLength;
    }
  }
  return count;
}

/**
 * Sends them in order and returns how many that were: all. Throws the first error, which says how many had
 * left before; those after it have not been tried.
 */
export async function sendInRounds(
  sender: DatagramSender,
  many: ManyToSend,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { payloads, remotes } = many;
  let sentCount = 0;
  try {
    while (sentCount < payloads.length) {
      if (signal?.aborted) throw abortError(signal);
      sender.socket.throwIfUnusable();
      const count = fillRound(sender, many, sentCount);
      // SAFETY: headers, iovecs, names and bytes are read during the call only.
      const result = count === 0 ? EAGAIN : binding().sendMany(sender.socket.fd, headers, count);
      if (result > 0) {
        sentCount += result;
      } else if (result === EAGAIN && sender.socket.isUnix && count > 0) {
        await sender.waitForRoom(remotes?.[sentCount], signal);
      } else if (result === EAGAIN) {
        const payload = payloads[sentCount] as Payload;
        await sender.sendOne(payload, remotes?.[sentCount], many.control, signal);
        sentCount++;
      } else {
        throw sender.sendError(result, remotes?.[sentCount]);
      }
      if (sentCount < payloads.length) await nextTurn();
    }
    return sentCount;
  } catch (error) {
    throw Object.assign(error as Error & Partial<PartlySent>, { sentCount });
  }
}
