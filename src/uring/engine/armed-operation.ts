/**
 * Operations that stay armed for as long as what they wait for takes: receives, accepts, watches, polls, alarms.
 *
 * Most of them wait on something idle. So they take no place of those that calls share (`inFlightMax`): a few
 * idle sockets would hold up every read of a file. There are as many of them as there are sockets, listeners
 * and watches.
 */
import { ECANCELED } from '../../base/errno.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError } from '../../errors/index.js';
import { CQE_MORE } from '../../native/layout.js';
import type { Sqe } from '../../native/sqe.js';
import { Operation } from './operation.js';
import type { SlotStorage } from './slot-storage.js';

/** Whom an armed operation works for, and who knows what it is. */
export interface ArmedOwner {
  /** Writes its entry. */
  prepareArmed(sqe: Sqe, storage: SlotStorage, operation: ArmedOperation): void;
  describeArmed(): OperationFacts;
  /** One of its completions: what it was for. */
  onCompletion(result: number, flags: number): void;
  /**
   * Its last, which has been a completion before.
   *
   * @param failure why, where it never began or the ring broke. Then there was no completion.
   */
  onDisarmed(result: number, failure?: () => Error): void;
}

/** One that may complete many times, each time for its owner. No promise of it is awaited. */
export class ArmedOperation extends Operation<void> {
  readonly #owned: ArmedOwner;
  /** SAFETY: what the kernel writes into, if it brings memory along, kept alive until the terminal completion. */
  readonly memory: Buffer | undefined;

  constructor(owned: ArmedOwner, memory?: Buffer) {
    super();
    this.ticket.isExempt = true;
    this.#owned = owned;
    this.memory = memory;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    this.#owned.prepareArmed(sqe, storage, this);
  }

  /** It serves what its owner's callers wait for, and is ended by the owner alone. */
  override get isCall(): boolean {
    return false;
  }

  override get owner(): ArmedOwner {
    return this.#owned;
  }

  override complete(result: number, flags: number): void {
    const isLast = (flags & CQE_MORE) === 0;
    // Settled first: its slot is gone already, and the owner may want to cancel it.
    if (isLast) this.fulfil();
    this.#owned.onCompletion(result, flags);
    if (isLast) this.#owned.onDisarmed(result);
  }

  /** It never started, or the ring broke: the owner tells the caller that waits. */
  override failWith(create: () => Error): void {
    const { errno = ECANCELED } = create() as NodeJS.ErrnoException;
    this.fulfil();
    this.#owned.onDisarmed(errno, create);
  }

  override describe(): OperationFacts {
    return this.#owned.describeArmed();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, this.describe().kind);
  }
}
