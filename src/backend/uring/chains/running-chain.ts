/**
 * A chain under way: its links, one after another, and what became of each part.
 *
 * A link is what goes to the kernel in one piece. There an entry starts when the one before it has ended
 * well, and is cancelled when that one has failed or moved fewer bytes than asked. The kernel heeds the
 * failure of transfers, open and close alone; after a failed fsync or rename it would go on. So any other
 * step, and a transfer that can only fail (file-operations.ts), is the last of its link, and the next link is submitted when it has turned out well.
 *
 * The kernel can find only the entry that is under way: a request to stop goes to that one, and to the next
 * should it come to be under way all the same.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../../abort.js';
import { abortError, chainTimeoutError, ringClosedError } from '../../../errors.js';
import { monotonicMs } from '../../../timer-queue.js';
import { type ChainOutcome, type ChainStep, subjectOf, type TimeLimit } from '../../chain-steps.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import { type EntryOwner, LinkedPart, LinkTimeout } from './linked-operations.js';
import type { Operation } from '../dispatch/operation.js';
import { UringFile } from '../files/uring-file.js';
import { NO_SLOT } from '../dispatch/ticket.js';

const ENOENT = -2;
const EINTR = -4;
const ETIME = -62;
const EALREADY = -114;
const ECANCELED = -125;
const ERESTARTSYS = -512;

/** Steps whose failure the kernel takes for a reason to cancel what is linked to them. */
const SEVERING: ReadonlySet<ChainStep['kind']> = new Set([
  'read',
  'write',
  'readv',
  'writev',
  'open',
  'close',
]);

function isHeeded(step: ChainStep): boolean {
  if (!SEVERING.has(step.kind)) return false;
  const isTransfer = 'position' in step && step.file instanceof UringFile;
  return !(isTransfer && (step.file as UringFile).isBeyondRing(step.position));
}

/** How many steps each link has. */
export function linkLengths(steps: readonly ChainStep[]): number[] {
  const lengths: number[] = [];
  let length = 0;
  steps.forEach((step, index) => {
    length++;
    if (isHeeded(step) && index < steps.length - 1) return;
    lengths.push(length);
    length = 0;
  });
  return lengths;
}

export class RunningChain implements Abortable, EntryOwner {
  readonly parts: readonly LinkedPart[];
  readonly ended: Promise<void>;
  readonly #dispatcher: Dispatcher;
  readonly #limit: TimeLimit | undefined;
  readonly #links: (LinkedPart | LinkTimeout)[][] = [];
  #linkIndex = 0;
  /** Entries of the present link that have not ended. */
  #leftOfLink = 0;
  /** Entries of all links that have not ended. */
  #left = 0;
  #waitTimer: NodeJS.Timeout | undefined;
  #end!: () => void;

  constructor(
    dispatcher: Dispatcher,
    steps: readonly ChainStep[],
    operations: readonly Operation<unknown>[],
    limit: TimeLimit | undefined,
  ) {
    this.#dispatcher = dispatcher;
    this.#limit = limit;
    const parts: LinkedPart[] = [];
    for (const length of linkLengths(steps)) {
      const link: (LinkedPart | LinkTimeout)[] = [];
      for (let i = 0; i < length; i++) {
        const index = parts.length;
        const operation = operations[index] as Operation<unknown>;
        const part = new LinkedPart(this, index, this.#links.length, steps[index] as ChainStep, operation);
        parts.push(part);
        link.push(part);
        if (limit === undefined) continue;
        part.timeout = new LinkTimeout(this, part, limit.deadlineMs);
        link.push(part.timeout);
      }
      for (const entry of link.slice(0, -1)) entry.isLinked = true;
      this.#links.push(link);
      this.#left += link.length;
    }
    this.parts = parts;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The ring must not be closing, nor the signal aborted. */
  start(signal: AbortSignal | undefined): void {
    if (signal) watchAbort(signal, this);
    this.#dispatcher.holdBack(this.#links.flat());
    this.#submitLink(0);
  }

  stopWatching(signal: AbortSignal | undefined): void {
    if (signal) unwatchAbort(signal, this);
    clearTimeout(this.#waitTimer);
  }

  onAbort(signal: AbortSignal): void {
    for (const part of this.parts) this.#dispatcher.cancel(part, () => abortError(signal));
  }

  isUnderWay(part: LinkedPart): boolean {
    return this.parts.find(({ isSettled }) => !isSettled) === part;
  }

  linkLength(part: LinkedPart): number {
    return this.#links[part.linkIndex]?.length ?? 1;
  }

  #submitLink(index: number): void {
    const link = this.#links[index] as (LinkedPart | LinkTimeout)[];
    this.#linkIndex = index;
    this.#leftOfLink = link.length;
    if (link.some(({ isSettled }) => isSettled)) {
      this.#dropRest();
      return;
    }
    this.#dispatcher.submitLink(link);
    if (this.#limit === undefined || link[0]?.slot !== NO_SLOT) return;
    // The kernel's timeouts begin with the entries; while these wait for a place the limit is ours to keep.
    clearTimeout(this.#waitTimer);
    this.#waitTimer = setTimeout(
      () => {
        const part = this.parts.find(({ isSettled }) => !isSettled);
        if (part?.slot === NO_SLOT) this.#expire(part.index);
      },
      Math.max(0, this.#limit.deadlineMs - monotonicMs()),
    );
  }

  noteEnded(part: LinkedPart): void {
    const next = this.parts[part.index + 1];
    // Asked to stop before its turn, and its turn has come; unless this part has broken the link.
    const isGoingOn = (part.result as number) >= 0;
    if (isGoingOn && next?.cancelReason !== undefined && next.slot !== NO_SLOT) {
      this.#dispatcher.cancel(next, next.cancelReason);
    }
    this.#noteEntryEnded(part.linkIndex);
  }

  noteRefused(part: LinkedPart): void {
    this.#noteEntryEnded(part.linkIndex);
    // The rest of a link that waits for a place does not start without it.
    if (part.linkIndex === this.#linkIndex && !part.isDropped) this.#dropRest();
  }

  noteTimeoutEnded(timeout: LinkTimeout): void {
    const { result, part } = timeout;
    // ENOENT: the part was just on its way between two places where the kernel looks.
    if (result === ENOENT) this.#expire(part.index);
    else if (result === ETIME || result === EALREADY) this.#expire(part.index + 1);
    this.#noteEntryEnded(timeout.part.linkIndex);
  }

  /** The time is up: what the kernel's own timeouts do not end must not begin any more. */
  #expire(fromIndex: number): void {
    for (const part of this.parts.slice(fromIndex)) {
      if (part.cancelReason === undefined) this.#dispatcher.cancel(part, () => this.#timeoutError(part));
    }
  }

  #timeoutError(part: LinkedPart): Error {
    return chainTimeoutError((this.#limit as TimeLimit).timeoutMs, subjectOf(part.step));
  }

  #noteEntryEnded(linkIndex: number): void {
    this.#left--;
    if (this.#left === 0) {
      this.#end();
      return;
    }
    if (linkIndex !== this.#linkIndex) return;
    this.#leftOfLink--;
    if (this.#leftOfLink > 0) return;
    const isWell = this.parts.every(
      ({ linkIndex: index, result }) => index !== linkIndex || (result !== undefined && result >= 0),
    );
    if (isWell) this.#submitLink(linkIndex + 1);
    else this.#dropRest();
  }

  /** What has not gone to the kernel never will. */
  #dropRest(): void {
    for (const entry of this.#links.flat()) {
      if (entry.isSettled || entry.slot !== NO_SLOT) continue;
      entry.isDropped = true;
      this.#dispatcher.cancel(entry, ringClosedError);
    }
  }

  /** Of a part of a chain that has ended. Settles the step's own operation, too. */
  async outcomeOf(part: LinkedPart): Promise<ChainOutcome> {
    const { operation, result } = part;
    const request = this.#requestThatEnded(part);
    const isOwnFailure = request === undefined && result !== undefined && result !== ECANCELED;
    if (result === undefined || result < 0) {
      if (isOwnFailure) operation.complete(result, 0);
      else operation.failWith(request ?? (() => operation.canceledError()));
    }
    try {
      return { kind: 'done', value: await operation.promise };
    } catch (error) {
      if (isOwnFailure) return { kind: 'failed', error: error as Error };
      return request === undefined ? { kind: 'cancelled' } : { kind: 'stopped', error: error as Error };
    }
  }

  /** The reason of the request that ended the part, if one did. */
  #requestThatEnded(part: LinkedPart): (() => Error) | undefined {
    const { result, timeout, refusal, cancelReason } = part;
    if (result === undefined) return part.isDropped ? undefined : refusal;
    if (result !== ECANCELED && result !== EINTR && result !== ERESTARTSYS) return undefined;
    if (timeout?.result === ETIME || timeout?.result === EALREADY) return () => this.#timeoutError(part);
    return cancelReason;
  }
}
