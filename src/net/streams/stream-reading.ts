/**
 * Single reads of a connection, into the caller's memory. A connection has one reader at a time, and what an
 * iterator has left comes first.
 */

import { checkBoolean, checkInteger, checkOptions, checkSignal, checkView } from '../../base/validate.js';
import { byteLengthOf, bytesOf } from '../../base/views.js';
import { takeInto } from '../../contract/chunk-queue.js';
import { abortError, connectionClosedError, readerBusyError } from '../../errors/index.js';
import { DESCRIPTORS_MAX } from './passed-descriptors.js';
import {
  RECEIVE_DESCRIPTORS_OPTIONS,
  type ReceiveDescriptorsOptions,
  STREAM_READ_OPTIONS,
  type StreamReadOptions,
} from './stream-calls.js';
import type { Readership } from './stream-access.js';

/** What `StreamSocket.read` does. */
export function readInto<Data extends NodeJS.ArrayBufferView>(
  readership: Readership,
  buffer: Data,
  options: StreamReadOptions,
): Promise<{ bytesRead: number; buffer: Data }> {
  try {
    const given = checkOptions<StreamReadOptions>(options, STREAM_READ_OPTIONS);
    const { offset = 0, length: count, fill = false, signal } = given;
    checkView(buffer);
    checkBoolean(fill, 'options.fill');
    const end = checkSignal(signal);
    if (end?.aborted) throw abortError(end);
    checkReadable(readership);
    const byteLength = byteLengthOf(buffer);
    checkInteger(offset, 'options.offset', 0, byteLength);
    const room = byteLength - offset;
    const length = checkInteger(count ?? room, 'options.length', 0, room);
    const { stream } = readership;
    const { incoming } = stream;
    // Mostly nothing waits, and nothing is on its way to another reader.
    if (stream.isQuiet && incoming.byteLength === 0 && !incoming.isEnded && length > 0) {
      return stream.read(buffer, offset, length, fill, end);
    }
    return readLeft(readership, buffer, offset, length, fill, end);
  } catch (error) {
    return Promise.reject(error);
  }
}

function checkReadable({ stream, reader }: Readership): void {
  if (stream.isClosing) throw connectionClosedError();
  if (reader !== undefined || stream.isReading) throw readerBusyError();
}

/** A read that finds bytes which an iterator has left, or is still getting, or the end. */
async function readLeft<Data extends NodeJS.ArrayBufferView>(
  readership: Readership,
  buffer: Data,
  offset: number,
  length: number,
  isFilling: boolean,
  signal: AbortSignal | undefined,
): Promise<{ bytesRead: number; buffer: Data }> {
  const { stream } = readership;
  const { incoming } = stream;
  readership.reader = buffer;
  try {
    await stream.pause();
    let bytesRead = takeInto(incoming, bytesOf(buffer, offset, length));
    const wantsMore = bytesRead === 0 || isFilling;
    if (wantsMore && bytesRead < length && !incoming.isEnded) {
      const [at, rest] = [offset + bytesRead, length - bytesRead];
      try {
        bytesRead += (await stream.read(buffer, at, rest, isFilling, signal)).bytesRead;
      } catch (error) {
        // What has been taken must be told of, or it would be lost; the next read meets the error again.
        if (bytesRead === 0) throw error;
      }
    }
    if (bytesRead === 0 && stream.isClosing) throw connectionClosedError();
    if (bytesRead === 0 && incoming.failure !== undefined) throw incoming.failure();
    return { bytesRead, buffer };
  } finally {
    readership.reader = undefined;
  }
}

/** What `StreamSocket.receiveDescriptors` does. */
export async function receiveDescriptorsInto<Data extends NodeJS.ArrayBufferView>(
  readership: Readership,
  buffer: Data,
  options: ReceiveDescriptorsOptions,
): Promise<{ bytesRead: number; buffer: Data; fds: number[] }> {
  checkView(buffer);
  const given = checkOptions<ReceiveDescriptorsOptions>(options, RECEIVE_DESCRIPTORS_OPTIONS);
  const signal = checkSignal(given.signal);
  const countMax = checkInteger(given.countMax ?? 16, 'options.countMax', 1, DESCRIPTORS_MAX);
  if (signal?.aborted) throw abortError(signal);
  checkReadable(readership);
  const byteLength = byteLengthOf(buffer);
  const { stream } = readership;
  readership.reader = buffer;
  try {
    await stream.pause();
    const view = bytesOf(buffer, 0, byteLength);
    const waiting = takeInto(stream.incoming, view);
    if (waiting > 0) return { bytesRead: waiting, buffer, fds: [] };
    return { buffer, ...(await stream.receiveDescriptors(view, countMax, signal)) };
  } finally {
    readership.reader = undefined;
  }
}
