/** What a chain refuses, and what its parts say that did not come to their end. */
import { ECANCELED, ETIMEDOUT } from '../base/errno.js';
import { type CodedError, coded } from './coded.js';
import { describeErrno, type FailedCall, failedCallError } from './failed-call.js';

/** A handle of one ring given to another, whose kernel requests can't name it. */
export function otherRingError(): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', 'The file was opened on another ring');
}

/** Linked parts of a chain that can't be handed to the kernel in one piece. */
export function chainTooLongError(
  partCount: number,
  limit: number,
  limitName: string,
): RangeError & CodedError {
  const message = `The chain has ${partCount} parts linked in a row, and ${limitName} allows ${limit}`;
  return coded(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/** A part of a chain that its time limit has ended, or kept from beginning. */
export function chainTimeoutError(timeoutMs: number, subject: FailedCall): NodeJS.ErrnoException {
  return failedCallError(ETIMEDOUT, `the chain took longer than ${timeoutMs} ms`, subject);
}

/**
 * A part of a chain that never began.
 *
 * @param why what became of the part that broke the chain, such as `part 0 (write) failed`.
 */
export function chainCanceledError(
  subject: FailedCall,
  why: string,
  failedPartIndex: number,
  cause: unknown,
): NodeJS.ErrnoException & { failedPartIndex: number } {
  const errno = ECANCELED;
  const error = failedCallError(errno, describeErrno(errno).text, subject, `: ${why}`, { cause });
  return Object.assign(error, { failedPartIndex });
}

/** A transfer of a chain that moved fewer bytes than asked; the cause of what it kept from beginning. */
export function shortTransferError(bytes: number, wanted: number): CodedError {
  return coded(Error, 'ERR_RINGLET_SHORT_TRANSFER', `${bytes} of ${wanted} bytes were transferred`);
}
