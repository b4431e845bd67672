/**
 * A chain under way: its links, one after another, and what became of each part.
 *
 * A link is what goes to the kernel in one piece. There an entry starts when the one before it has ended
 * well, and is cancelled when that one has failed or moved fewer bytes than asked. The kernel heeds the
 * failure of transfers, open and close alone; after a failed fsync or rename it would go on. So any other
 * step, and a transfer that can only fail (transfer-operation.ts), is the last of its link, and the next link is submitted when it has turned out well.
 *
 * The kernel can find only the entry that is under way: a request to stop goes to that one, and to the next
 * should it come to be under way all the same.
 */
import { type Abortable, unwatchAbort, watchAbort } from '../../base/abort.js';
import { ECANCELED, EINTR, ERESTARTSYS } from '../../base/errno.js';
import { type ChainOutcome, type ChainStep, subjectOf, type TimeLimit } from '../../contract/chain-steps.js';
import { monotonicMs } from '../../contract/timer-queue.js';
import { abortError, chainTimeoutError, ringClosedError } from '../../errors/index.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { Operation } from '../engine/operation.js';
import { NO_SLOT } from '../engine/ticket.js';
import { UringFile } from '../files/uring-file.js';
import { type EntryOwner, LinkedPart } from './linked-operations.js';

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
  readonly #links: LinkedPart[][] = [];
  #linkIndex = 0;
  /** Parts of the present link that have not ended. */
  #leftOfLink = 0;
  /** Parts of all links that have not ended. */
  #left = 0;
  #timer: NodeJS.Timeout | undefined;
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
      const link: LinkedPart[] = [];
      for (let i = 0; i < length; i++) {
        const index = parts.length;
        const operation = operations[index] as Operation<unknown>;
        const part = new LinkedPart(this, index, this.#links.length, steps[index] as ChainStep, operation);
        parts.push(part);
        link.push(part);
      }
      for (const part of link.slice(0, -1)) part.isLinked = true;
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
    if (this.#limit !== undefined) this.#startTimer(this.#limit);
    this.#dispatcher.holdBack(this.parts);
    this.#submitLink(0);
  }

  stopWatching(signal: AbortSignal | undefined): void {
    if (signal) unwatchAbort(signal, this);
    clearTimeout(this.#timer);
  }

  /**
   * A timer of our own, because one that the kernel links to an entry begins only once the entry's first attempt
   * is over (Linux 6.1 to 7.3): what waits in a kernel thread, as an open of a FIFO or a sync, it never ends.
   */
  #startTimer({ timeoutMs, deadlineMs }: TimeLimit): void {
    const expire = (): void => {
      for (const part of this.parts) {
        if (part.cancelReason !== undefined) continue;
        this.#dispatcher.cancel(part, () => chainTimeoutError(timeoutMs, subjectOf(part.step)));
      }
    };
    // It is the parts that keep the process alive.
    this.#timer = setTimeout(expire, Math.max(0, Math.ceil(deadlineMs - monotonicMs()))).unref();
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
    const link = this.#links[index] as LinkedPart[];
    this.#linkIndex = index;
    this.#leftOfLink = link.length;
    if (link.some(({ isSettled }) => isSettled)) this.#dropRest();
    else this.#dispatcher.submitLink(link);
  }

  noteEnded(part: LinkedPart): void {
    const next = this.parts[part.index + 1];
    // Asked to stop before its turn, and its turn has come; unless this part has broken the link.
    const isGoingOn = (part.result as number) >= 0;
    if (isGoingOn && next?.cancelReason !== undefined && next.slot !== NO_SLOT) {
      this.#dispatcher.cancel(next, next.cancelReason);
    }
    this.#notePartEnded(part.linkIndex);
  }

  noteRefused(part: LinkedPart): void {
    this.#notePartEnded(part.linkIndex);
    // The rest of a link that waits for a place does not start without it.
    if (part.linkIndex === this.#linkIndex && !part.isDropped) this.#dropRest();
  }

  #notePartEnded(linkIndex: number): void {
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
    for (const part of this.parts) {
      if (part.isSettled || part.slot !== NO_SLOT) continue;
      part.isDropped = true;
      this.#dispatcher.cancel(part, ringClosedError);
    }
  }

  /** Of a part of a chain that has ended. Settles the step's own operation, too. */
  async outcomeOf(part: LinkedPart): Promise<ChainOutcome> {
    const { operation, result } = part;
    const request = this.#requestThatEnded(part);
    const isOwnFailure = request === undefined && result !== undefined && result !== ECANCELED;
    if (result === undefined || result < 0) {
      if (isOwnFailure) operation.complete(result, 0, 0);
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
    const { result, refusal, cancelReason } = part;
    if (result === undefined) return part.isDropped ? undefined : refusal;
    return result === ECANCELED || result === EINTR || result === ERESTARTSYS ? cancelReason : undefined;
  }
}
