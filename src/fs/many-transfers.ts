/** What `readMany` and `writeMany` take: buffers, each with a position of its own. */
import { checkInteger, checkView, mapArray, toPosition } from '../base/validate.js';
import { byteLengthOf, isView, type View } from '../base/views.js';
import type { Transfer } from '../contract/backend.js';
import { invalidArgType, outOfRange } from '../errors/index.js';
import { TRANSFER_BYTES_MAX } from './transfer-ranges.js';

/** One of the reads or writes of `FileHandle.readMany` and `writeMany`. What else the object has is not looked at. */
export interface TransferRequest<Data extends View = View> {
  /** Where to read to, or write from: the call's until its promise settles. */
  buffer: Data;
  /** Where in the file, in bytes from its start. There is no default: many transfers have no order, and so no cursor. */
  position: number | bigint;
  /** First byte of the buffer to use. Default 0. */
  offset?: number | null | undefined;
  /** Bytes to transfer, at most 2 GiB - 1. Default: the rest of the buffer. */
  length?: number | null | undefined;
}

/** A request as it was read, with its defaults to come. */
interface Draft {
  buffer: View;
  offset: number;
  length: number | undefined;
  position: number | bigint;
}

/**
 * The requests, each read once; memory is looked at when none of the caller's getters is left to run.
 *
 * @param name of the argument.
 */
export function toTransfers(requests: unknown, name: string): readonly Transfer[] {
  const drafts = mapArray(requests, name, (request, index) => readRequest(request, name, index));
  for (let index = 0; index < drafts.length; index++) completeDraft(drafts[index] as Draft, name, index);
  return drafts as Transfer[];
}

// Names are put together for what is refused alone: this is the hot path of many reads.

function readRequest(request: unknown, name: string, index: number): Draft {
  if (typeof request !== 'object' || request === null)
    throw invalidArgType(`${name}[${index}]`, 'of type object', request);
  const { buffer, offset, length, position } = request as TransferRequest;
  return {
    buffer: isView(buffer) ? buffer : checkView(buffer, `${name}[${index}].buffer`),
    offset: offset === undefined || offset === null ? 0 : checkCount(offset, name, index, 'offset'),
    length: length === undefined || length === null ? undefined : checkCount(length, name, index, 'length'),
    position: isCount(position) ? position : checkPosition(position, `${name}[${index}].position`),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkCount(value: unknown, name: string, index: number, what: string): number {
  return isCount(value) ? value + 0 : checkInteger(value, `${name}[${index}].${what}`, 0);
}

/** Null and -1, the cursor elsewhere, are refused. */
function checkPosition(value: unknown, name: string): number | bigint {
  if (typeof value === 'number') return checkInteger(value, name, 0);
  if (typeof value !== 'bigint') throw invalidArgType(name, 'of type bigint or integer', value);
  if (value < 0n) throw outOfRange(name, '>= 0', value);
  return toPosition(value, 0, name);
}

function completeDraft(draft: Draft, name: string, index: number): void {
  const bytes = byteLengthOf(draft.buffer);
  const { offset } = draft;
  if (offset > bytes) throw outOfRange(`${name}[${index}].offset`, `<= ${bytes}`, offset);
  const room = bytes - offset;
  const length = draft.length ?? room;
  if (length > room) throw outOfRange(`${name}[${index}].length`, `<= ${room}`, length);
  // Where the last byte would lie must be a position, too.
  if (typeof draft.position === 'bigint') toPosition(draft.position, length, `${name}[${index}].position`);
  draft.length = length > TRANSFER_BYTES_MAX ? TRANSFER_BYTES_MAX : length;
}
