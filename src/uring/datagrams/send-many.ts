/**
 * Many datagrams by few system calls (sendmmsg(2)).
 *
 * A send hardly ever waits, and then the ring's requests and completions are only its overhead; so these
 * go straight to the socket, some hundred at a time, and the event loop gets its turn in between. What does
 * not fit into the socket's buffer waits on the ring.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { orAborted } from '../../base/abort.js';
import { EAGAIN } from '../../base/errno.js';
import { Span } from '../../base/views.js';
import type { SocketAddress } from '../../contract/address.js';
import type { PartlySent, Payload } from '../../contract/backend.js';
import { abortError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import { IOVEC_WORDS, writeIovec, writeMsghdr } from '../../native/msghdr.js';
import type { DatagramSender } from './datagram-sender.js';
import type { Name } from './send-names.js';
import type { Turn } from './unix-sends.js';

/** Half a millisecond's worth. */
const ROUND_MESSAGES = 256;
/** struct mmsghdr: a struct msghdr and the bytes sent. */
const MMSGHDR_WORDS = 16;

/** What one call shows the kernel: for its time only, so one does for all sockets of the thread. */
const headers = new Uint32Array(ROUND_MESSAGES * MMSGHDR_WORDS);
const iovecs = new Uint32Array(ROUND_MESSAGES * IOVEC_WORDS);

/** SAFETY: the socket forgets names when it has many; those of a round are kept until the next one. */
const namesInUse: Name[] = [];

export interface ManyToSend {
  readonly payloads: readonly Payload[];
  readonly remotes: readonly SocketAddress[] | undefined;
  /** The same for all of them. */
  readonly control: Uint32Array | undefined;
  /** Of a Unix socket, whose payloads are whole. */
  readonly turn?: Turn;
}

/**
 * Describes as many of the datagrams from `first` on as fit, and returns how many.
 *
 * @throws when the first has lost its memory.
 */
function fillRound(sender: DatagramSender, many: ManyToSend, first: number): number {
  const { payloads, remotes, control } = many;
  const count = Math.min(payloads.length - first, ROUND_MESSAGES);
  namesInUse.length = 0;
  const iovecsAddress = addressOf(iovecs);
  const controlAddress = control === undefined ? 0 : addressOf(control);
  const controlBytes = control === undefined ? 0 : control.byteLength;
  let remote: SocketAddress | undefined;
  let [nameAddress, nameBytes] = [0, 0];
  let payload: Span | undefined;
  let [payloadAddress, payloadBytes] = [0, 0];
  for (let i = 0; i < count; i++) {
    const nextRemote = remotes?.[first + i];
    if (nextRemote !== undefined && nextRemote !== remote) {
      remote = nextRemote;
      const name = sender.names.of(nextRemote);
      namesInUse.push(name);
      nameAddress = name.address;
      nameBytes = name.bytes.length;
    }
    const nextPayload = payloads[first + i] as Payload;
    // In several pieces: the ring has a way for those.
    if (!(nextPayload instanceof Span)) return i;
    // The same to many is not rare.
    if (nextPayload !== payload) {
      if (nextPayload.isGone && i > 0) return i;
      payload = nextPayload;
      payloadBytes = nextPayload.bytes;
      payloadAddress = addressWithin(nextPayload.view, 0, payloadBytes);
    }
    const iov = iovecsAddress + i * IOVEC_WORDS * 4;
    writeMsghdr(headers, i * MMSGHDR_WORDS, nameAddress, nameBytes, iov, 1, controlAddress, controlBytes);
    writeIovec(iovecs, i * IOVEC_WORDS, payloadAddress, payloadBytes);
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
  const { payloads, remotes, turn } = many;
  let sentCount = 0;
  try {
    if (turn?.before !== undefined) await (signal ? orAborted(turn.before, signal) : turn.before);
    while (sentCount < payloads.length) {
      if (signal?.aborted) throw abortError(signal);
      sender.socket.throwIfUnusable();
      const count = fillRound(sender, many, sentCount);
      // SAFETY: headers, iovecs, names and bytes are read during the call only.
      const result = count === 0 ? EAGAIN : binding().sendMany(sender.socket.fd, headers, count);
      if (result > 0) {
        sender.noteAnswered();
        sentCount += result;
      } else if (result === EAGAIN && sender.socket.isUnix) {
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
  } finally {
    if (turn !== undefined) turn.isOver = true;
  }
}
