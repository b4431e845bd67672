/** Giving a descriptor back, of a file or of a socket: through the ring while there is one. */
import { systemError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { prepClose, SQE_ASYNC } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { FdTable } from '../engine/fd-table.js';
import { PlainCall } from '../engine/plain-call.js';

/** @param mayBlock for a socket that lingers. */
export function closeOf(fd: number, mayBlock = false): PlainCall {
  return new PlainCall({
    prepare: (sqe) => prepClose(sqe, fd, mayBlock ? SQE_ASYNC : 0),
    isGivingBack: true,
    errorFor: (errno) => systemError(errno, 'close'),
    facts: { kind: 'close', fd },
  });
}

/** @throws what close(2) says. */
export function closeNow(fd: number): void {
  const closed = binding().closeFd(fd);
  if (closed < 0) throw systemError(closed, 'close');
}

/** Gives a descriptor back, through the ring while there is one. Nothing may refer to it any more. */
export async function closeDescriptor(
  dispatcher: Dispatcher,
  table: FdTable,
  fd: number,
  mayBlock = false,
): Promise<void> {
  if (dispatcher.isClosed) {
    closeNow(fd);
    return;
  }
  table.release(fd);
  await dispatcher.submitAnyway(closeOf(fd, mayBlock));
}
