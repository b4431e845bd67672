/** How a call on a file or a path is carried out: as one operation, as several, or in Node's pool. */
import { orAborted } from '../../base/abort.js';
import type { FileCall, FileCallOf } from '../../contract/file-calls.js';
import type { PoolCallback } from '../../contract/files.js';
import { abortError, ringClosedError } from '../../errors/index.js';
import { called } from '../../native/pool-call.js';
import { startInPool } from '../../native/pool-file-calls.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { CallOperation, lackOf } from './call-operations.js';
import type { OpenFile } from './open-file.js';

/** What the kernel takes of a range at once: whole pages, in 32 bits, of which 0 means to the end. */
const RANGE_BYTES_MAX = 2 ** 31;
/** Nearly all values of attributes are shorter. */
const VALUE_BYTES = 1024;
/** No value is longer (XATTR_SIZE_MAX, linux/limits.h), so it can't grow out of this meanwhile. */
const VALUE_BYTES_MAX = 65_536;

/** @param file that of the call, if it is on one: open until the call has ended. */
export function doOnRing(
  call: FileCall,
  file: OpenFile | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  switch (call.kind) {
    case 'fadvise64':
    case 'sync_file_range':
      return inParts(call, file, dispatcher, signal);
    case 'getxattr':
    case 'fgetxattr':
      return getAttribute(call, file, dispatcher, signal);
    default:
      if (lackOf(call, dispatcher) === undefined)
        return dispatcher.submit(new CallOperation(call, file), signal);
      return inPool((done) => startInPool(call, done), file, dispatcher, signal);
  }
}

/** What a ring has no operation for. An abort rejects at once; the file stays open until the pool is done. */
export async function inPool<Result>(
  start: (done: PoolCallback<Result>) => void,
  file: OpenFile | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (dispatcher.isClosing) throw ringClosedError();
  if (signal?.aborted) throw abortError(signal);
  const running = held(file, () => called(start));
  return await (signal === undefined ? running : orAborted(running, signal));
}

/** Keeps a file open from one step of a task to the next. */
async function held<Result>(file: OpenFile | undefined, task: () => Promise<Result>): Promise<Result> {
  file?.pending.enter();
  try {
    return await task();
  } finally {
    file?.pending.leave();
  }
}

function inParts(
  call: FileCallOf<'fadvise64' | 'sync_file_range'>,
  file: OpenFile | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<void> {
  return held(file, async () => {
    let done = 0;
    do {
      const bytes = Math.min(call.bytes - done, RANGE_BYTES_MAX);
      const part = { ...call, offset: call.offset + done, bytes };
      await dispatcher.submit(new CallOperation(part, file), signal);
      done += bytes;
    } while (done < call.bytes);
  });
}

/** A value whose length is not known beforehand. */
function getAttribute(
  call: FileCallOf<'getxattr' | 'fgetxattr'>,
  file: OpenFile | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  return held(file, async () => {
    const into = (room: Buffer): Promise<Buffer> =>
      dispatcher.submit(new CallOperation(call, file, room), signal);
    try {
      return await into(Buffer.allocUnsafeSlow(VALUE_BYTES));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERANGE') throw error;
    }
    return Buffer.from(await into(Buffer.allocUnsafeSlow(VALUE_BYTES_MAX)));
  });
}
