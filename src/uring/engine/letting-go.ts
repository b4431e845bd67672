/** Whether the kernel has let go of operations that have been cancelled: then their descriptors may be closed. */
import { systemError } from '../../errors/index.js';
import { prepNop } from '../../native/sqe.js';
import type { Dispatcher } from './dispatcher.js';
import type { Operation } from './operation.js';
import { PlainCall } from './plain-call.js';

/**
 * How long the loop waits, at most, for an SQ thread, which takes entries when it gets a CPU: soon on a quiet machine,
 * and after some 4 ms for each other thread that wants one on a busy machine. One that takes longer waits for something
 * else, and the loop must not.
 */
const WAIT_MS_MAX = 250;

/** Hands over what is staged first. False also where that can't be told. */
export function hasLetGo(dispatcher: Dispatcher, operations: readonly Operation<unknown>[]): boolean {
  if (operations.every(({ isSettled }) => isSettled)) return true;
  // One that is sent later must not meet another file by the same number.
  if (dispatcher.cancelRequests.hasUnsent) return false;
  // Without a thread cancels are carried out as they are handed over, but for work that the next call runs.
  if (!dispatcher.isPolled) return dispatcher.submitStaged() && dispatcher.submitStaged();
  return (
    operations.every((each) => each.isSettled || dispatcher.resultNow(each, WAIT_MS_MAX) !== undefined) &&
    hasPassed(dispatcher)
  );
}

/**
 * Whether an SQ thread has come to what is submitted now. It drops what an operation has held, an address with it,
 * once it has posted the completion, and before it takes what is submitted after that.
 */
function hasPassed(dispatcher: Dispatcher): boolean {
  const next = nopOf();
  // It rejects where the ring breaks, and is then no answer.
  dispatcher.submitAnyway(next).catch(() => {});
  return dispatcher.resultNow(next, WAIT_MS_MAX) !== undefined;
}

/** Nothing, which tells how far the kernel has come. */
function nopOf(): PlainCall {
  return new PlainCall({
    prepare: (sqe) => prepNop(sqe),
    accepts: () => true,
    errorFor: (errno) => systemError(errno, 'nop'),
    isCall: false,
    isExempt: true,
  });
}
