/**
 * Sends of Unix datagram sockets.
 *
 * They wait for room in the receiver's queue, and a ring's own SENDMSG must not do that for them: the kernel
 * takes the bytes before it looks for room, and when the ring tries again it sends an empty datagram (seen on
 * Linux 6.18). So the call itself never waits, and the ring polls until there is room.
 */
import type { SocketAddress } from '../../contract/address.js';
import { binding } from '../../native/binding.js';
import { AF_UNIX, POLLOUT } from '../../native/layout.js';
import { prepPollAdd } from '../../native/sqe.js';
import { PlainCall } from '../engine/plain-call.js';
import type { DatagramSender } from './datagram-sender.js';

/** Of a call that sends: after what it goes, and whether it has ended. */
export class Turn {
  readonly before: Promise<unknown> | undefined;
  isOver = false;

  constructor(before: readonly Promise<unknown>[]) {
    this.before = before.length === 0 ? undefined : Promise.all(before);
  }
}

/** Calls in the order in which they came, to each receiver: one that waits for room is overtaken by none. */
export class Turns {
  /** Settles when all that wait for a receiver have ended; it never rejects. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** @param send ends its turn, before it returns if it never waits. */
  take<Result>(
    remotes: readonly SocketAddress[] | undefined,
    send: (turn: Turn) => Promise<Result>,
  ): Promise<Result> {
    const receivers = new Set(remotes === undefined ? [''] : remotes.map(({ path = '' }) => path));
    const before = [...receivers].flatMap((receiver) => this.#last.get(receiver) ?? []);
    const turn = new Turn(before);
    const sending = send(turn);
    if (!turn.isOver) this.#note(receivers, Promise.allSettled([...before, sending]));
    return sending;
  }

  #note(receivers: Iterable<string>, over: Promise<unknown>): void {
    for (const receiver of receivers) this.#last.set(receiver, over);
    void over.then(() => {
      for (const receiver of receivers) if (this.#last.get(receiver) === over) this.#last.delete(receiver);
    });
  }
}

/** Ends when something can be written to the descriptor. */
export function roomOf(
  sender: DatagramSender,
  fd: number,
  remote: SocketAddress | undefined,
): PlainCall<number> {
  return new PlainCall({
    prepare: (sqe) => prepPollAdd(sqe, fd, POLLOUT),
    finish: (events) => events,
    errorFor: (errno) => sender.sendError(errno, remote),
    facts: { kind: 'poll', fd },
    owner: sender.socket,
  });
}

/**
 * A descriptor that can be written to when the receiver at `name` has room; the caller's to close. Only a
 * connected socket is told of that (unix(7)), so this is one that does nothing else. Negative errno if the
 * receiver is gone.
 */
export function openRoomProbe(name: Uint8Array): number {
  const fd = binding().openDatagramSocket(AF_UNIX);
  if (fd < 0) return fd;
  const errno = binding().connectSocket(fd, name);
  if (errno === 0) return fd;
  binding().closeFd(fd);
  return errno;
}
