/**
 * Which way a call on a file goes: inline, by a system call on the spot, for what the kernel has in its caches; by the
 * ring, mostly; by one of its io-wq workers (threads of the kernel), where the ring's own attempt might wait; or by
 * Node's pool, where a ring would do something else.
 */
import type { Path, Position } from '../../contract/backend.js';
import { binding } from '../../native/binding.js';
import { SQE_NO_THREAD } from '../../native/layout.js';
import { OP_READ, SQE_ASYNC } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { OpenedFd } from './open-operation.js';

/** What the page cache has is copied where the entry is submitted: so much would hold up the event loop. */
const WORKER_READ_BYTES_MIN = 1024 * 1024;

/** Whether reads may be inline, and the rest of them the ring's. */
export function mayReadInline({ isSeekable, isDirect = false }: OpenedFd): boolean {
  // Direct I/O has no cache to read from: RWF_NOWAIT spares it the locks there, and it waits for the device.
  // A FIFO has none either, and what it has less than asked is not to be waited for.
  return isSeekable && !isDirect;
}

/** Whether the ring would take a transfer there for one at the cursor, so that it is Node's pool's. */
export function isBeyondRing(isSeekable: boolean, position: Position): boolean {
  return !isSeekable && position >= 0;
}

/**
 * What all entries of a file say of workers. A pipe waits for a peer, which the kernel polls for, and never for a
 * server or a scanner. And Linux 6.1 does not always come back from a transfer of a pipe that a worker has begun:
 * the attempts that it counts go on past the last one.
 */
export function workerFlags({ fd, isSeekable }: OpenedFd, isStalling: boolean): number {
  if (isStalling && (isSeekable || !binding().isPipe(fd))) return SQE_ASYNC;
  return isSeekable ? 0 : SQE_NO_THREAD;
}

/** What a transfer adds to them. */
export function transferFlags(opcode: number, bytes: number, isSeekable: boolean): number {
  return opcode === OP_READ && bytes >= WORKER_READ_BYTES_MIN && isSeekable ? SQE_ASYNC : 0;
}

/** Whether all that is done with what is at `path` has to be left to a worker, because it may wait for a server. */
export function mayStall(dispatcher: Dispatcher, path: Path, directory?: object): boolean {
  // It will be refused; and the table of mounts was given back with the last ring.
  if (dispatcher.isClosing) return true;
  // Bytes that are no UTF-8, and what begins somewhere else, can't be looked up as they are: '' is any path.
  return binding().mayStall(typeof path === 'string' && directory === undefined ? path : '');
}

/** Whether a worker has to open `path`: the kernel's attempt without one may wait, also for a scanner. */
export function isOpenedByWorker(dispatcher: Dispatcher, path: Path, directory?: object): boolean {
  return mayStall(dispatcher, path, directory) || binding().isDelayed();
}
