/**
 * Opening a path as open(2) does.
 *
 * The kernel first tries an open without blocking, which spares a kernel thread, but means something else
 * for a FIFO: a reader is there at once although no writer is, and a writer fails for want of a reader.
 */
import { constants, type Stats } from 'node:fs';
import { nodeModule } from '../../base/node-modules.js';
import type { Path } from '../../contract/backend.js';
import { systemError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import { POLLIN } from '../../native/layout.js';
import { called } from '../../native/pool-call.js';
import { prepPollAdd } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { PlainCall } from '../engine/plain-call.js';
import { type OpenedFd, type OpenFrom, OpenOperation } from './open-operation.js';

const O_ACCMODE = 0o3;
const O_PATH = 0o10000000;

/** A new descriptor, which the caller owns. Close-on-exec. */
export async function openDescriptor(
  dispatcher: Dispatcher,
  path: Path,
  flags: number,
  mode: number,
  from: OpenFrom | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenedFd> {
  const access = flags & O_ACCMODE;
  const mayWait = (flags & (constants.O_NONBLOCK | O_PATH)) === 0 && access !== constants.O_RDWR;
  const isReading = access === constants.O_RDONLY;
  let opened: OpenedFd;
  try {
    opened = await dispatcher.submit(new OpenOperation(path, flags, mode, false, from), signal);
  } catch (error) {
    if (!mayWait || isReading || (error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    return await dispatcher.submit(new OpenOperation(path, flags, mode, true, from), signal);
  }
  if (opened.isSeekable || !mayWait || !isReading || !(await isFifo(opened.fd))) return opened;
  return { fd: await awaitWriter(dispatcher, opened.fd, path, flags, signal), isSeekable: false };
}

/** Asked in Node's pool: fstat(2) may wait for a file system that stalls. */
async function isFifo(fd: number): Promise<boolean> {
  try {
    return (await called<Stats>((callback) => nodeModule('node:fs').fstat(fd, callback))).isFIFO();
  } catch {
    return false;
  }
}

/**
 * A reader of a FIFO that has, or has had, a writer. One that is there lets a blocking open through; one
 * that came, wrote and left in the meantime shows as something to read. `fd` stays open all the while,
 * because a writer that has seen a reader must not lose it.
 */
async function awaitWriter(
  dispatcher: Dispatcher,
  fd: number,
  path: Path,
  flags: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const opening = new OpenOperation(`/proc/self/fd/${fd}`, flags, 0, true);
  const polling = pollOf(fd);
  const outcomes = [dispatcher.submit(opening, signal), dispatcher.submit(polling, signal)] as const;
  const failure = await Promise.race(outcomes).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  const isOver = (): Error => new Error('the FIFO has its writer');
  dispatcher.cancel(opening, isOver);
  dispatcher.cancel(polling, isOver);
  const [reopened] = await Promise.allSettled(outcomes);
  if (failure === undefined && reopened.status === 'rejected') return fd;
  binding().closeFd(fd);
  if (failure === undefined && reopened.status === 'fulfilled') return reopened.value.fd;
  if (reopened.status === 'fulfilled') binding().closeFd(reopened.value.fd);
  const { errno = 0 } = failure as NodeJS.ErrnoException;
  throw errno < 0 ? systemError(errno, 'open', path) : failure;
}

/** Ends when there is something to read from a descriptor, or its other side has hung up. */
function pollOf(fd: number): PlainCall {
  return new PlainCall({
    prepare: (sqe) => prepPollAdd(sqe, fd, POLLIN),
    errorFor: (errno) => systemError(errno, 'poll'),
  });
}
