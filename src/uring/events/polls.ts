/**
 * Polling on a ring: one-shot and multishot POLL_ADD, and epoll for the descriptors that it refuses.
 *
 * And for POLLPRI. A poll that waits on the ring is not woken for it: the kernel adds that bit to all of
 * its own internal polls, and so leaves it out when it looks whether a wake-up concerns one
 * (IO_ASYNC_POLL_COMMON in io_uring/poll.c, up to Linux 6.18 at least).
 */

import { ECANCELED, EINVAL, EOPNOTSUPP, EPERM } from '../../base/errno.js';
import { IdleWait } from '../../base/idle-wait.js';
import type { OperationFacts } from '../../contract/observation.js';
import type { BackendWatch, PollBackend, WatchListener } from '../../contract/polls.js';
import { ringClosedError, systemError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import type { EpollPolls } from '../../native/epoll-polls.js';
import { NOP_INJECT_RESULT, prepNop, prepPollAdd, prepPollMultishot, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { BatchListener } from '../engine/completion-block.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { PlainCall } from '../engine/plain-call.js';

/** The kernel can poll nothing like it, or nothing for such events; another way may exist. */
const REFUSALS: readonly number[] = [EINVAL, EPERM, EOPNOTSUPP];

const POLLPRI = 0x2;

/**
 * For tests: the polls and watches armed next complete with these results, one each, whatever they were
 * for. They do so in the kernel, as NOPs (Linux 6.10), so that all the rest is as it would be.
 */
export function injectPollResults(...results: readonly number[]): void {
  injectedResults().push(...results);
}

/** Kept where there is one for all: this module may be loaded twice, by itself and as part of a larger file. */
function injectedResults(): number[] {
  return binding().injectedPollResults;
}

function isRefusal(result: number): boolean {
  return REFUSALS.includes(result);
}

/** Whether a test has put a result of its own in place of a poll's. */
function isInjected(sqe: Sqe): boolean {
  const injected = injectedResults().shift();
  if (injected !== undefined) prepNop(sqe, injected, NOP_INJECT_RESULT);
  return injected !== undefined;
}

/** Resolves to the events, to 0 for a spurious wake-up, or to a negated errno when it is a refusal. */
function pollOf(fd: number, events: number): PlainCall<number> {
  return new PlainCall({
    prepare: (sqe) => {
      if (!isInjected(sqe)) prepPollAdd(sqe, fd, events);
    },
    accepts: isRefusal,
    finish: (result) => result,
    errorFor: (errno) => systemError(errno, 'poll'),
    facts: { kind: 'poll', fd },
    // It may wait for as long as what stays armed.
    isExempt: true,
  });
}

/**
 * A watch's completions reach it through its own operation, which the slot's generation ties them to: the
 * descriptor's number plays no part, so a later watch of the same number never hears of an earlier one's.
 */
class UringWatch implements BackendWatch, BatchListener, ArmedOwner {
  readonly #polls: UringPolls;
  readonly #dispatcher: Dispatcher;
  readonly #fd: number;
  readonly #events: number;
  readonly #listener: WatchListener;
  #armed: ArmedOperation | undefined;
  #fallback: BackendWatch | undefined;
  /** Events of the batch at hand, and how it ended the operation, if it did. */
  #coalesced = 0;
  #ending: { errno: number; reason: () => Error } | undefined;
  isListening = false;
  #isRef = false;
  readonly #disarmed = new IdleWait();
  #isClosed = false;

  constructor(
    polls: UringPolls,
    dispatcher: Dispatcher,
    fd: number,
    events: number,
    listener: WatchListener,
  ) {
    this.#polls = polls;
    this.#dispatcher = dispatcher;
    this.#fd = fd;
    this.#events = events;
    this.#listener = listener;
  }

  arm(): void {
    if (this.#fallback !== undefined) {
      this.#fallback.arm();
      return;
    }
    if (this.#armed !== undefined || this.#ending !== undefined || this.#isClosed) return;
    const operation = new ArmedOperation(this);
    operation.isRef = this.#isRef;
    this.#armed = operation;
    this.#dispatcher.begin(operation);
  }

  prepareArmed(sqe: Sqe): void {
    if (!isInjected(sqe)) prepPollMultishot(sqe, this.#fd, this.#events);
  }

  describeArmed(): OperationFacts {
    return { kind: 'poll', fd: this.#fd };
  }

  onCompletion(events: number): void {
    if (events <= 0) return;
    this.#coalesced |= events;
    this.#dispatcher.completions.listen(this);
  }

  /** The kernel has let go. Without an error it has ended a watch that is none the worse for it. */
  onDisarmed(result: number, failure?: () => Error): void {
    const reason = result === ECANCELED ? this.#armed?.cancelReason : undefined;
    this.#armed = undefined;
    this.#disarmed.end();
    if (failure !== undefined) {
      // No batch will come.
      queueMicrotask(() => {
        if (!this.#isClosed) this.#listener.onFailed(failure);
      });
      return;
    }
    this.#ending = { errno: Math.min(result, 0), reason: reason ?? (() => systemError(result, 'poll')) };
    this.#dispatcher.completions.listen(this);
  }

  afterBatch(): void {
    const [events, ending] = [this.#coalesced, this.#ending];
    this.#coalesced = 0;
    this.#ending = undefined;
    if (this.#isClosed) return;
    if (events !== 0) this.#listener.onEvents(events);
    if (ending === undefined) return;
    if (isRefusal(ending.errno)) this.#fallBack();
    else if (ending.errno !== 0) this.#listener.onFailed(ending.reason);
    // No reader has heard anything yet, so those that wait still do.
    else if (events === 0) this.arm();
  }

  #fallBack(): void {
    this.#fallback = this.#polls.watchWithEpoll(this.#fd, this.#events, this.#listener);
    this.#fallback.setRef(this.#isRef);
    this.#fallback.arm();
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#fallback !== undefined) this.#fallback.setRef(isRef);
    else if (this.#armed !== undefined) this.#dispatcher.setRef(this.#armed, isRef);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#fallback?.close();
    const armed = this.#armed;
    if (armed === undefined) return;
    const disarmed = this.#disarmed.promise;
    // A process that exits must not leave the caller alone that awaits the close.
    this.#dispatcher.setRef(armed, true);
    this.#dispatcher.cancel(armed, ringClosedError);
    await disarmed;
  }
}

export class UringPolls implements PollBackend {
  readonly #dispatcher: Dispatcher;
  readonly #epoll: EpollPolls;
  /** Polls and watches that went to epoll. */
  fallbackCount = 0;

  constructor(dispatcher: Dispatcher, epoll: EpollPolls) {
    this.#dispatcher = dispatcher;
    this.#epoll = epoll;
  }

  async poll(fd: number, events: number, signal: AbortSignal | undefined): Promise<number> {
    if ((events & POLLPRI) !== 0) return await this.#pollWithEpoll(fd, events, signal);
    let result = 0;
    // The kernel may find on a second look that nothing was so.
    while (result === 0) result = await this.#dispatcher.submit(pollOf(fd, events), signal);
    return result > 0 ? result : await this.#pollWithEpoll(fd, events, signal);
  }

  async #pollWithEpoll(fd: number, events: number, signal: AbortSignal | undefined): Promise<number> {
    this.fallbackCount++;
    return await this.#epoll.poll(fd, events, signal);
  }

  watch(fd: number, events: number, listener: WatchListener): BackendWatch {
    if ((events & POLLPRI) !== 0) return this.watchWithEpoll(fd, events, listener);
    return new UringWatch(this, this.#dispatcher, fd, events, listener);
  }

  watchWithEpoll(fd: number, events: number, listener: WatchListener): BackendWatch {
    this.fallbackCount++;
    return this.#epoll.watch(fd, events, listener);
  }
}
