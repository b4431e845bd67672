/** System calls that failed, worded as Node's module for files or for sockets words them. */
import { ETIMEDOUT } from '../base/errno.js';
import { isNodeAtLeast } from '../base/node-version.js';
import { describeErrno, failedCallError } from './failed-call.js';

/** A socket call that failed, and the address it was about. */
export interface AddressException extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
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

/** Of the buffer sizes of a socket that has none, as node:dgram words it. */
export function bufferSizeError(errno: number, call: string): NodeJS.ErrnoException {
  const { code, text } = describeErrno(errno);
  const syscall = call.includes('Recv') ? 'uv_recv_buffer_size' : 'uv_send_buffer_size';
  const error = new Error(`Could not get or set buffer size: ${syscall} returned ${code} (${text})`);
  const info = { errno, code, message: text, syscall };
  return Object.assign(error, { name: 'SystemError', code: 'ERR_SOCKET_BUFFER_SIZE', errno, syscall, info });
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

/** A connection that was not made in time. */
export function connectTimeoutError(address: string, port: number): AddressException {
  return addressError(ETIMEDOUT, 'connect', address, port);
}
