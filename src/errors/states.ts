/** Calls that come too late, too early, or ask for what is not there. */
import { type CodedError, coded } from './coded.js';

/** New work for a ring after its `close()`. */
export function ringClosedError(): CodedError {
  return coded(Error, 'ERR_RINGLET_CLOSED', 'The ring is closed');
}

/** A call on a path, on an SQ-poll ring of a process that has changed its identity since. */
export function credentialsError(change: string): CodedError {
  return coded(
    Error,
    'ERR_RINGLET_CREDENTIALS',
    `The ring's SQ-poll thread acts for who made the ring, and since then ${change}: make a new Ring`,
  );
}

/** io_uring was asked for by name and can't be had. */
export function backendUnavailableError(reason: string, kernel = 'io_uring'): CodedError {
  return coded(Error, 'ERR_RINGLET_UNAVAILABLE', `${kernel} is unavailable: ${reason}`);
}

/** Something that needs what this system, or this installation, has not got. */
export function featureUnavailableError(feature: string, reason: string): CodedError {
  return coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `${feature} is unavailable: ${reason}`);
}

/** A path that Node's permission model keeps from the process. */
export function accessDeniedError(scope: 'fs.read' | 'fs.write', path: string): CodedError {
  const message = `Access to this API has been restricted. Use --allow-${scope.replace('.', '-')} to manage permissions.`;
  const permission = scope === 'fs.read' ? 'FileSystemRead' : 'FileSystemWrite';
  return Object.assign(coded(Error, 'ERR_ACCESS_DENIED', message), { permission, resource: path });
}

/** `new` of a class whose objects come from elsewhere. */
export function illegalConstructor(): TypeError & CodedError {
  return coded(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
}

/** What Node has in its main thread only. */
export function workerUnsupportedError(call: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_WORKER_UNSUPPORTED_OPERATION', `${call} is not supported in workers`);
}

/** Something that Node's own API names, and refuses. */
export function methodNotImplemented(method: string): CodedError {
  return coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', `The ${method} method is not implemented`);
}

/** A call that makes no sense any more, or not yet: a part added to a chain where none can be. */
export function invalidState(message: string): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', `Invalid state: ${message}`);
}

/** The same, where Node throws a TypeError. */
export function invalidStateType(message: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_STATE', `Invalid state: ${message}`);
}

/** A write that takes nothing, again and again, and gives no reason. */
export function writeStalledError(call: string): CodedError {
  return coded(Error, 'ERR_OPERATION_FAILED', `Operation failed: ${call} failed after retries`);
}

/** Memory that a caller has passed, and transferred away or made shorter before it was used. */
export function memoryGoneError(): RangeError & CodedError {
  const message = 'The memory of the buffer was transferred or made shorter before the operation began';
  return coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', message);
}

/** A call on a FileHandle that has been closed, as node:fs/promises words it. */
export function fileClosedError(syscall: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error('file closed');
  error.code = 'EBADF';
  error.syscall = syscall;
  return error;
}

/** A whole file that no single Buffer can hold. */
export function fileTooLarge(bytes: number): RangeError & CodedError {
  return coded(RangeError, 'ERR_FS_FILE_TOO_LARGE', `File size (${bytes}) is greater than 2 GiB`);
}

/** What has become of a handle that was not closed, from Node 25 on. */
export function handleCollectedError(fd: number, path: string): CodedError {
  const message =
    'A FileHandle object was closed during garbage collection. ' +
    'This used to be allowed with a deprecation warning but is now considered an error. ' +
    `Please close FileHandle objects explicitly. File descriptor: ${fd}`;
  return coded(Error, 'ERR_INVALID_STATE', path === '' ? message : `${message} (${path})`);
}

export function alreadyBoundError(): CodedError {
  return coded(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
}

/** A call on a socket after its `close()`. */
export function socketClosedError(): CodedError {
  return coded(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
}

/** A destination for, or a second connect of, a socket that has its peer. */
export function socketConnectedError(): CodedError {
  return coded(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
}

/** What needs a peer, on a socket without one. */
export function socketNotConnectedError(): CodedError {
  return coded(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
}

/** A call on a connection after its `close()`, or pending during it. */
export function connectionClosedError(): CodedError {
  return coded(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed');
}

/** What waits for a connection that never came. */
export function closedBeforeConnectionError(): CodedError {
  const message = 'Socket closed before the connection was established';
  return coded(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', message);
}

/** A write to a peer that has ended, where half of a connection is not kept open. */
export function endedByPeerError(): CodedError {
  return Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
}

/** A write after `end()`. */
export function writeAfterEndError(): CodedError {
  return coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
}

/** A write that finds too many others waiting. */
export function writeQueueFullError(queuedBytes: number, bytesMax: number): CodedError {
  const message = `${queuedBytes} bytes of earlier writes wait, and writeQueueBytes is ${bytesMax}: await writes`;
  return coded(Error, 'ERR_RINGLET_WRITE_QUEUE_FULL', message);
}

/** A second reader of a stream, which has one sequence of bytes. */
export function readerBusyError(): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', 'Invalid state: The socket already has a reader');
}

/** A connection to be given away with bytes that only this side has. */
export function unreadBytesError(bytes: number): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', `Invalid state: ${bytes} received bytes have not been read`);
}

/** A call on a listener after its `close()`, or pending during it. */
export function listenerClosedError(): CodedError {
  return coded(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.');
}

/** A second `listen` of a server of 'ringlet/net'. */
export function alreadyListeningError(): CodedError {
  const message = 'Listen method has been called more than once without closing.';
  return coded(Error, 'ERR_SERVER_ALREADY_LISTEN', message);
}
