/**
 * Operations that stay armed for as long as what they wait for takes: receives, accepts, watches, polls, alarms.
 *
 * Most of them wait on something idle. So they take no place of those that calls share (`inFlightMax`): a few
 * idle sockets would hold up every read of a file. There are as many of them as there are sockets, listeners
 * and watches.
 */
import { ECANCELED } from '../../base/errno.js';
import { CQE_MORE } from '../../native/layout.js';
import { Operation } from './operation.js';

export abstract class StandingOperation<Result = void> extends Operation<Result> {
  constructor() {
    super();
    this.ticket.isExempt = true;
  }

  /** It serves what its owner's callers wait for, and is ended by the owner alone. */
  override get isCall(): boolean {
    return false;
  }
}

/** Whom an armed operation works for. */
export interface ArmedOwner {
  /** One of its completions: what it was for. */
  onCompletion(result: number, flags: number): void;
  /** Its last, which has been a completion before unless the operation never began. */
  onDisarmed(result: number): void;
}

/** One that may complete many times, each time for its owner. No promise of it is awaited. */
export abstract class ArmedOperation extends StandingOperation {
  protected readonly owned: ArmedOwner;

  constructor(owned: ArmedOwner) {
    super();
    this.owned = owned;
  }

  override complete(result: number, flags: number): void {
    const isLast = (flags & CQE_MORE) === 0;
    // Settled first: its slot is gone already, and the owner may want to cancel it.
    if (isLast) this.fulfil();
    this.owned.onCompletion(result, flags);
    if (isLast) this.owned.onDisarmed(result);
  }

  /** It never started, or the ring broke: the owner tells who waits. */
  override failWith(create: () => Error): void {
    const { errno = ECANCELED } = create() as NodeJS.ErrnoException;
    this.fulfil();
    this.owned.onDisarmed(errno);
  }
}
