/** Whether the kernel has let go of operations that have been cancelled: then their descriptors may be closed. */
import { systemError } from '../../errors/index.js';
import { prepNop, type Sqe } from '../../native/sqe.js';
import type { Dispatcher } from './dispatcher.js';
import { Operation } from './operation.js';

/**
 * Hands over what is staged first. False also where that can't be told.
 *
 * @param msMax how long to wait for a kernel thread that takes entries in its own time.
 */
export function hasLetGo(
  dispatcher: Dispatcher,
  operations: readonly Operation<unknown>[],
  msMax: number,
): boolean {
  if (operations.every(({ isSettled }) => isSettled)) return true;
  // One that is sent later must not meet another file by the same number.
  if (dispatcher.cancelRequests.hasUnsent) return false;
  // Without a thread cancels are carried out as they are handed over, but for work that the next call runs.
  if (!dispatcher.isPolled) return dispatcher.submitStaged() && dispatcher.submitStaged();
  return (
    operations.every((each) => each.isSettled || dispatcher.resultNow(each, msMax) !== undefined) &&
    hasPassed(dispatcher, msMax)
  );
}

/**
 * Whether an SQ thread has come to what is submitted now. It drops what an operation has held, an address with it,
 * once it has posted the completion, and before it takes what is submitted after that.
 */
function hasPassed(dispatcher: Dispatcher, msMax: number): boolean {
  const next = new NopOperation();
  void dispatcher.submitAnyway(next);
  return dispatcher.resultNow(next, msMax) !== undefined;
}

/** Nothing, which tells how far the kernel has come. */
class NopOperation extends Operation<void> {
  constructor() {
    super();
    this.ticket.isExempt = true;
  }

  override get isCall(): boolean {
    return false;
  }

  override fill(sqe: Sqe): void {
    prepNop(sqe);
  }

  override complete(): void {
    this.fulfil();
  }

  override failWith(): void {
    this.fulfil();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'nop');
  }
}
