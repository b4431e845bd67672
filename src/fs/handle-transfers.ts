/**
 * `read` and `write` of an open file: from the many forms of their arguments, which are Node's, to the backend's
 * calls. An error rejects; what the backend returns is handed on as it is.
 */
import {
  checkInteger,
  checkNumber,
  checkObject,
  checkStringData,
  checkView,
  toPosition,
} from '../base/validate.js';
import { byteLengthOf, isView, type View } from '../base/views.js';
import type { BackendFile, ReadResult, WriteResult } from '../contract/backend.js';
import { abortError } from '../errors/index.js';
import { type SignalOptions, toSignal, toStringEncoding } from './options.js';
import { checkReadRange, checkWriteRange, TRANSFER_BYTES_MAX, toLenientPosition } from './transfer-ranges.js';

const READ_BUFFER_BYTES = 16 * 1024;

/** Where a transfer begins, and how much it is of. */
export interface TransferOptions extends SignalOptions {
  /** First byte of the buffer to use. Default 0. */
  offset?: number | null | undefined;
  /** Bytes to transfer. Default: the rest of the buffer. */
  length?: number | null | undefined;
  /** Where in the file, in bytes; null and -1 mean the file's own cursor, which then moves. Default null. */
  position?: number | bigint | null | undefined;
}

/** What `FileHandle.read` can be asked for. */
export interface ReadOptions<Data extends View = Buffer> extends TransferOptions {
  /** Where to read to. Default: a new Buffer of 16 KiB. */
  buffer?: Data | undefined;
}

export function readTo(
  file: BackendFile,
  first: unknown,
  second: unknown,
  third: unknown,
  fourth: unknown,
): Promise<ReadResult<View>> {
  try {
    let offset = second;
    let length = third;
    let position = fourth;
    let abort: AbortSignal | undefined;
    let buffer: View;
    if (isView(first)) {
      buffer = first;
      if (typeof second === 'object' && second !== null) {
        ({ offset, length, position } = second as TransferOptions);
        abort = toSignal(second as TransferOptions);
      }
    } else {
      const options = checkObject(first ?? {}, 'options') as ReadOptions<View>;
      ({ offset, length, position } = options);
      buffer = checkView(options.buffer === undefined ? Buffer.alloc(READ_BUFFER_BYTES) : options.buffer);
      abort = toSignal(options);
    }
    const start = offset === undefined || offset === null ? 0 : checkInteger(offset, 'offset', 0);
    const bytes =
      length === undefined || length === null ? byteLengthOf(buffer) - start : checkNumber(length, 'length');
    const at = toPosition(position, bytes);
    if (bytes === 0) return unlessAborted({ bytesRead: 0, buffer }, abort);
    checkReadRange(buffer, start, bytes);
    return file.read(buffer, start, Math.min(bytes, TRANSFER_BYTES_MAX), at, abort);
  } catch (error) {
    return Promise.reject(error);
  }
}

export function writeFrom(
  file: BackendFile,
  first: unknown,
  second: unknown,
  third: unknown,
  fourth: unknown,
): Promise<WriteResult<unknown>> {
  try {
    if (!isView(first)) return writeText(file, checkStringData(first, 'buffer'), second, third);
    const buffer = first;
    let offset = second;
    let length = third;
    let position = fourth;
    let abort: AbortSignal | undefined;
    if (typeof second === 'object' && second !== null) {
      ({ offset, length, position } = second as TransferOptions);
      abort = toSignal(second as TransferOptions);
    }
    if (byteLengthOf(buffer) === 0) return unlessAborted({ bytesWritten: 0, buffer }, abort);
    const start = offset === undefined || offset === null ? 0 : checkInteger(offset, 'offset', 0);
    const wanted = typeof length === 'number' ? length : byteLengthOf(buffer) - start;
    const bytes = checkWriteRange(buffer, start, wanted);
    return file.write(buffer, start, bytes, toLenientPosition(position), abort);
  } catch (error) {
    return Promise.reject(error);
  }
}

function unlessAborted<Value>(value: Value, signal: AbortSignal | undefined): Promise<Value> {
  return signal?.aborted ? Promise.reject(abortError(signal)) : Promise.resolve(value);
}

async function writeText(
  file: BackendFile,
  text: string,
  position: unknown,
  encoding: unknown,
): Promise<WriteResult<string>> {
  const bytes = Buffer.from(text, toStringEncoding(encoding, text));
  const at = toLenientPosition(position);
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, at, undefined);
  return { bytesWritten, buffer: text };
}
