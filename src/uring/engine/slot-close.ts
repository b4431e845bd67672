/** Closing a direct descriptor: what a file or a socket without another one ends with. */
import { systemError } from '../../errors/index.js';
import { prepCloseDirect, SQE_ASYNC } from '../../native/sqe.js';
import { PlainCall } from './plain-call.js';

/** @param mayBlock whether the close may wait, as one with `lingerSeconds` does, and needs an io-wq worker. */
export function closeOfSlot(index: number, mayBlock = false): PlainCall {
  return new PlainCall({
    prepare: (sqe) => prepCloseDirect(sqe, index, mayBlock ? SQE_ASYNC : 0),
    // It can only fail where nothing is open.
    accepts: () => true,
    isGivingBack: true,
    errorFor: (errno) => systemError(errno, 'close'),
  });
}
