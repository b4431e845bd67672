/** What `read` and `write` may be told, with Node's defaults and refusals. */

import { checkInteger, toPosition } from '../base/validate.js';
import { byteLengthOf, type View } from '../base/views.js';
import { CURRENT_POSITION, type Position } from '../contract/backend.js';
import { invalidArgValue, outOfRange } from '../errors/index.js';

/** The most that one call transfers (read(2), write(2)); Linux itself stops a page short of it. */
export const TRANSFER_BYTES_MAX = 2 ** 31 - 1;

/** Node's rule for everything but `read`: whatever is no number means the cursor. */
export function toLenientPosition(position: unknown): Position {
  if (typeof position === 'bigint') return position < 0n ? CURRENT_POSITION : toPosition(position);
  return Number.isSafeInteger(position) && (position as number) >= 0
    ? (position as number)
    : CURRENT_POSITION;
}

export function checkReadRange(buffer: View, offset: number, length: number): void {
  const byteLength = byteLengthOf(buffer);
  if (byteLength === 0 && length !== 0) {
    throw invalidArgValue('buffer', buffer, 'is empty and cannot be written');
  }
  if (length < 0) throw outOfRange('length', '>= 0', length);
  if (offset + length > byteLength) throw outOfRange('length', `<= ${byteLength - offset}`, length);
  checkInteger(length, 'length');
}

/** @returns the length. */
export function checkWriteRange(buffer: View, offset: number, length: number): number {
  const byteLength = byteLengthOf(buffer);
  if (offset > byteLength) throw outOfRange('offset', `<= ${byteLength}`, offset);
  if (length > byteLength - offset) throw outOfRange('length', `<= ${byteLength - offset}`, length);
  if (length < 0) throw outOfRange('length', '>= 0', length);
  return checkInteger(length, 'length', 0, TRANSFER_BYTES_MAX);
}
