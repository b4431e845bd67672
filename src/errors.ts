/**
 * Every error that ringlet throws or rejects with, in the words and shape of Node's own.
 *
 * Misuse carries Node's `ERR_*` code, a system failure `errno`, `code`, `syscall` and what it was
 * about, an abort the signal's reason as `cause`. Depends on nothing but Node, and which one it is.
 */
import { constants } from 'node:os';
import { getSystemErrorMap, inspect } from 'node:util';
import { isNodeAtLeast } from './node-version.js';

/** A mistake of the caller's, or a state that refuses the call; `code` is stable. */
export interface CodedError extends Error {
  code: string;
}

/** What an abort rejects with; `cause` is the signal's reason. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR';

  constructor(message = 'The operation was aborted', options?: ErrorOptions) {
    super(message, options);
    this.name = 'AbortError';
  }
}

/** A socket call that failed, and the address it was about. */
export interface AddressException extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
}

type ErrorClass = new (message: string) => Error;

const PLAIN_INTEGER_MAX = 2 ** 32;
const INSPECTED_LENGTH_MAX = 128;
const RECEIVED_LENGTH_MAX = 28;
/** Frames of these functions, here and among the checks, only say that an argument was looked at, not who passed it. */
const CHECKING_FRAME = /^ {4}at (?:coded|outOfRange|familyOf|nulInPath|(?:check|to|invalid|bad)[A-Z]\w*) \(/;

/**
 * The "type mismatch" error.
 *
 * @param expected what comes after "must be", such as `of type number` or `an instance of Buffer`.
 */
export function invalidArgType(name: string, expected: string, actual: unknown): TypeError & CodedError {
  const received = describeReceived(actual);
  return coded(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" ${kindOfName(name)} must be ${expected}. Received ${received}`,
  );
}

/** The right type with a value that makes no sense; `reason` follows the argument's name. */
export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): TypeError & CodedError {
  let received = inspect(value);
  if (received.length > INSPECTED_LENGTH_MAX) received = `${received.slice(0, INSPECTED_LENGTH_MAX)}...`;
  return coded(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The ${kindOfName(name)} '${name}' ${reason}. Received ${received}`,
  );
}

/** An encoding that bytes can't be turned into. */
export function unknownEncoding(name: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${name}`);
}

/** @param range what comes after "It must be", such as `>= 0 && <= 65535` or `an integer`. */
export function outOfRange(name: string, range: string, actual: unknown): RangeError & CodedError {
  return coded(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${describeNumber(actual)}`,
  );
}

/** A port that is not an integer from 0 (or from 1) to 65535. */
export function badPort(name: string, actual: unknown, isZeroAllowed = true): RangeError & CodedError {
  const operator = isZeroAllowed ? '>=' : '>';
  const received = describeReceived(actual);
  return coded(
    RangeError,
    'ERR_SOCKET_BAD_PORT',
    `${name} should be ${operator} 0 and < 65536. Received ${received}.`,
  );
}

export function badSocketType(): TypeError & CodedError {
  return coded(TypeError, 'ERR_SOCKET_BAD_TYPE', 'Bad socket type specified. Valid types are: udp4, udp6');
}

export function alreadyBoundError(): CodedError {
  return coded(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
}

/** A size that no socket buffer can have. */
export function badBufferSize(): TypeError & CodedError {
  return coded(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer');
}

/** An address that is no literal one of the family it has to be. */
export function invalidIpAddress(address: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${address}`);
}

export function invalidSymlinkType(type: string): Error & CodedError {
  const message = `Symlink type must be one of "dir", "file", or "junction". Received "${type}"`;
  return coded(Error, 'ERR_FS_INVALID_SYMLINK_TYPE', message);
}

/** A whole file that no single Buffer can hold. */
export function fileTooLarge(bytes: number): RangeError & CodedError {
  return coded(RangeError, 'ERR_FS_FILE_TOO_LARGE', `File size (${bytes}) is greater than 2 GiB`);
}

/**
 * A failed system call, as node:fs/promises words it: `ENOENT: no such file or directory, open 'x'`.
 *
 * @param errno the negated number, as the kernel returns it.
 */
export function systemError(
  errno: number,
  syscall: string,
  path?: string | Buffer,
  dest?: string | Buffer,
): NodeJS.ErrnoException {
  return failedCallError(errno, describeErrno(errno).text, { syscall, path, dest });
}

/** Node opens, reads and closes in one from 26 on, and its errors say what file that was about. */
const NAMES_READ_PATHS = isNodeAtLeast(26);

/** A read that failed while a file was read whole by its path. */
export function wholeReadError(errno: number, path: string | Buffer): NodeJS.ErrnoException {
  return systemError(errno, 'read', NAMES_READ_PATHS ? path : undefined);
}

/** The same for an error of a file that is read by more than one operation. */
export function namingPath(error: unknown, path: string | Buffer): unknown {
  const { syscall, errno } = error as NodeJS.ErrnoException;
  return syscall === 'read' && errno !== undefined ? wholeReadError(errno, path) : error;
}

/**
 * What ended a write of several steps: `error`, with how many bytes the file has of it.
 *
 * Not enumerable, so that the error looks as Node's, which doesn't say.
 */
export function withBytesWritten(error: unknown, bytesWritten: number): unknown {
  const property = { value: bytesWritten, configurable: true, writable: true };
  // What an iterable throws is the caller's own, and may be frozen.
  if (error instanceof Error) Reflect.defineProperty(error, 'bytesWritten', property);
  return error;
}

/** A failed system call and what it was about. */
interface FailedCall {
  syscall: string;
  path?: string | Buffer | undefined;
  dest?: string | Buffer | undefined;
}

function failedCallError(
  errno: number,
  text: string,
  { syscall, path, dest }: FailedCall,
  detail = '',
  options?: ErrorOptions,
): NodeJS.ErrnoException {
  const { code } = describeErrno(errno);
  const from = path === undefined ? undefined : String(path);
  const to = dest === undefined ? undefined : String(dest);
  let message = `${code}: ${text}, ${syscall}`;
  if (from !== undefined) message += ` '${from}'`;
  if (to !== undefined) message += ` -> '${to}'`;
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(message + detail, options);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (from !== undefined) error.path = from;
  if (to !== undefined) error.dest = to;
  return error;
}

/**
 * A failed call on a socket, as node:dgram and node:net word it: `bind EADDRINUSE 127.0.0.1:53`.
 *
 * @param errno the negated number, as the kernel returns it.
 */
export function addressError(
  errno: number,
  syscall: string,
  address?: string,
  port?: number,
): AddressException {
  const { code } = describeErrno(errno);
  let message = `${syscall} ${code}`;
  if (port !== undefined && port > 0) message += ` ${address}:${port}`;
  else if (address) message += ` ${address}`;
  const error: AddressException = new Error(message);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (address !== undefined) error.address = address;
  if (port) error.port = port;
  return error;
}

/** What a call rejects with whose `signal` was or has been aborted. */
export function abortError(signal: AbortSignal): AbortError {
  return new AbortError(undefined, { cause: signal.reason });
}

/** A call on a FileHandle that has been closed, as node:fs/promises words it. */
export function fileClosedError(syscall: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error('file closed');
  error.code = 'EBADF';
  error.syscall = syscall;
  return error;
}

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

/** A write after `end()`. */
export function writeAfterEndError(): CodedError {
  return coded(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
}

/** A second reader of a stream, which has one sequence of bytes. */
export function readerBusyError(): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', 'Invalid state: The socket already has a reader');
}

/** A connection to be given away with bytes that only this side has. */
export function unreadBytesError(bytes: number): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', `Invalid state: ${bytes} received bytes have not been read`);
}

/** A write that finds too many others waiting. */
export function writeQueueFullError(queuedBytes: number, bytesMax: number): CodedError {
  const message = `${queuedBytes} bytes of earlier writes wait, and writeQueueBytes is ${bytesMax}: await writes`;
  return coded(Error, 'ERR_RINGLET_WRITE_QUEUE_FULL', message);
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

/** What waits for a connection that never came. */
export function closedBeforeConnectionError(): CodedError {
  const message = 'Socket closed before the connection was established';
  return coded(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', message);
}

/** A write to a peer that has ended, where half of a connection is not kept open. */
export function endedByPeerError(): CodedError {
  return Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
}

/** A connection that was not made in time. */
export function connectTimeoutError(address: string, port: number): AddressException {
  return addressError(-constants.errno.ETIMEDOUT, 'connect', address, port);
}

/** A descriptor that is not what it was given as. */
export function invalidFdType(type: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_FD_TYPE', `Unsupported fd type: ${type}`);
}

/** Options of which one is needed. */
export function missingArgs(names: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_MISSING_ARGS', `The ${names} argument must be specified`);
}

/**
 * A failed `listen`, as node:net words it: `listen EADDRINUSE: address already in use 127.0.0.1:80`.
 *
 * @param errno the negated number, as the kernel returns it.
 */
export function listenError(errno: number, address: string, port?: number): AddressException {
  const error = addressError(errno, 'listen', address, port);
  const { code, text } = describeErrno(errno);
  error.message = error.message.replace(code, `${code}: ${text}`);
  return error;
}

/** A handle of one ring given to another, whose kernel requests can't name it. */
export function otherRingError(): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', 'The file was opened on another ring');
}

/** Linked parts of a chain that can't be handed to the kernel in one piece. */
export function chainTooLongError(
  partCount: number,
  hasTimeLimit: boolean,
  limit: number,
  limitName: string,
): RangeError & CodedError {
  const entries = hasTimeLimit
    ? `${partCount * 2} entries, as each has a time limit`
    : `${partCount} entries`;
  const message = `The chain has ${partCount} parts linked in a row, which take ${entries}; ${limitName} allows ${limit}`;
  return coded(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/** A part of a chain that its time limit has ended, or kept from beginning. */
export function chainTimeoutError(timeoutMs: number, subject: FailedCall): NodeJS.ErrnoException {
  return failedCallError(-constants.errno.ETIMEDOUT, `the chain took longer than ${timeoutMs} ms`, subject);
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
  const errno = -constants.errno.ECANCELED;
  const error = failedCallError(errno, describeErrno(errno).text, subject, `: ${why}`, { cause });
  return Object.assign(error, { failedPartIndex });
}

/** A transfer of a chain that moved fewer bytes than asked; the cause of what it kept from beginning. */
export function shortTransferError(bytes: number, wanted: number): CodedError {
  return coded(Error, 'ERR_RINGLET_SHORT_TRANSFER', `${bytes} of ${wanted} bytes were transferred`);
}

/** A call that makes no sense any more, or not yet: a part added to a chain where none can be. */
export function invalidState(message: string): CodedError {
  return coded(Error, 'ERR_INVALID_STATE', `Invalid state: ${message}`);
}

/** What has become of a handle that nobody closed, from Node 25 on. */
export function handleCollectedError(fd: number, path: string): CodedError {
  const message =
    'A FileHandle object was closed during garbage collection. ' +
    'This used to be allowed with a deprecation warning but is now considered an error. ' +
    `Please close FileHandle objects explicitly. File descriptor: ${fd}`;
  return coded(Error, 'ERR_INVALID_STATE', path === '' ? message : `${message} (${path})`);
}

/** Something that Node's own API names, and refuses. */
export function methodNotImplemented(method: string): CodedError {
  return coded(Error, 'ERR_METHOD_NOT_IMPLEMENTED', `The ${method} method is not implemented`);
}

/** io_uring was asked for by name and can't be had. */
export function backendUnavailableError(reason: string): CodedError {
  return coded(Error, 'ERR_RINGLET_UNAVAILABLE', `io_uring is unavailable: ${reason}`);
}

/** Something that needs what this system, or this installation, has not got. */
export function featureUnavailableError(feature: string, reason: string): CodedError {
  return coded(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `${feature} is unavailable: ${reason}`);
}

/** A signal that the system has not got. */
export function unknownSignal(name: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${name}`);
}

/** What Node has in its main thread only. */
export function workerUnsupportedError(call: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_WORKER_UNSUPPORTED_OPERATION', `${call} is not supported in workers`);
}

/**
 * A promise that rejects with the error `create` makes, for a backend to resolve a caller's promise
 * with: `resolve(tracedRejection(() => systemError(…)))`.
 *
 * A completion arrives on an empty stack, and an error made there would name nobody. V8 can tell
 * who awaits the promise, but only from inside a promise reaction that is already chained to it,
 * hence the two turns of the microtask queue before `create` runs. Successes pay nothing for it.
 */
export function tracedRejection(create: () => Error): Promise<never> {
  return Promise.resolve()
    .then(() => {})
    .then(function reject(): never {
      const error = create();
      Error.captureStackTrace(error, reject);
      throw error;
    });
}

/** What a ring may say and Node has no name for. */
const RING_ERRORS = new Map<number, [code: string, text: string]>([
  [-53, ['EBADR', 'completions were dropped for want of memory']],
]);

/** Both names and numbers of an error the kernel may return, known to libuv or not. */
function describeErrno(errno: number): { code: string; text: string } {
  const known = getSystemErrorMap().get(errno) ?? RING_ERRORS.get(errno);
  if (known) return { code: known[0], text: known[1] };
  const text = `Unknown system error ${errno}`;
  for (const [code, number] of Object.entries(constants.errno)) {
    if (number === -errno) return { code, text };
  }
  return { code: text, text };
}

/**
 * An error with Node's looks: the code in the stack's first line and in `toString()`, not in `name`;
 * the stack starting where a caller can see it.
 */
function coded<Class extends ErrorClass>(
  Class: Class,
  code: string,
  message: string,
): InstanceType<Class> & CodedError {
  const error = new Class(message) as InstanceType<Class> & CodedError;
  const plainName = error.name;
  error.name = `${plainName} [${code}]`;
  // Reading the stack fixes its first line while the name says the code.
  const stack: unknown = error.stack;
  Reflect.deleteProperty(error, 'name');
  if (typeof stack === 'string') error.stack = withoutCheckingFrames(stack);
  Object.defineProperty(error, 'toString', {
    value(this: Error) {
      return `${this.name} [${code}]: ${this.message}`;
    },
    enumerable: false,
    writable: true,
    configurable: true,
  });
  error.code = code;
  return error;
}

function withoutCheckingFrames(stack: string): string {
  const lines = stack.split('\n');
  const firstFrame = lines.findIndex((line) => line.startsWith('    at '));
  if (firstFrame === -1) return stack;
  let count = 0;
  while (CHECKING_FRAME.test(lines[firstFrame + count] ?? '')) count++;
  // A stack cut short by Error.stackTraceLimit may hold nothing else.
  if (firstFrame + count === lines.length) return stack;
  lines.splice(firstFrame, count);
  return lines.join('\n');
}

function kindOfName(name: string): 'property' | 'argument' {
  return name.includes('.') ? 'property' : 'argument';
}

/** The end of Node's "Received …", for any value. */
function describeReceived(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'object':
      if (value === null) return 'null';
      return typeof value.constructor === 'function' && value.constructor.name
        ? `an instance of ${value.constructor.name}`
        : inspect(value, { depth: -1 });
    case 'function':
      return `function ${value.name}`;
    case 'bigint':
      return `type bigint (${value}n)`;
    case 'number':
      return `type number (${Object.is(value, -0) ? '-0' : value})`;
    case 'string': {
      const text = value.length > RECEIVED_LENGTH_MAX ? `${value.slice(0, 25)}...` : value;
      return `type string (${text.includes("'") ? JSON.stringify(text) : `'${text}'`})`;
    }
    default:
      return `type ${typeof value} (${String(value)})`;
  }
}

/** Large integers with a `_` between thousands, anything else as `util.inspect` shows it. */
function describeNumber(value: unknown): string {
  if (typeof value === 'bigint') {
    const isLarge = value > BigInt(PLAIN_INTEGER_MAX) || value < -BigInt(PLAIN_INTEGER_MAX);
    return `${isLarge ? groupThousands(String(value)) : value}n`;
  }
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) > PLAIN_INTEGER_MAX) {
    return groupThousands(String(value));
  }
  return inspect(value);
}

/** Node groups exponents too ("1e_+21"); so does this, for the same message. */
function groupThousands(digits: string): string {
  const groups: string[] = [];
  const start = digits.startsWith('-') ? 1 : 0;
  let end = digits.length;
  for (; end >= start + 4; end -= 3) groups.unshift(digits.slice(end - 3, end));
  return [digits.slice(0, end), ...groups].join('_');
}
