/** Arguments that a call refuses, in Node's words. */
import { inspect } from 'node:util';
import { type CodedError, coded } from './coded.js';
import { describeNumber, describeReceived } from './received.js';

const INSPECTED_LENGTH_MAX = 128;

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

/** A size that no socket buffer can have. */
export function badBufferSize(): TypeError & CodedError {
  return coded(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer');
}

/** An address that is no literal one of the family it has to be. */
export function invalidIpAddress(address: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${address}`);
}

/** What a look-up has found, and is neither 4 nor 6. */
export function invalidAddressFamily(family: unknown, host: string, port: number): RangeError & CodedError {
  const message = `Invalid address family: ${family} ${host}:${port}`;
  return Object.assign(coded(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', message), { host, port });
}

/** An address that a BlockList has. */
export function ipBlockedError(address: string): Error & CodedError {
  return coded(Error, 'ERR_IP_BLOCKED', `IP(${address}) is blocked by net.BlockList`);
}

export function invalidSymlinkType(type: string): Error & CodedError {
  const message = `Symlink type must be one of "dir", "file", or "junction". Received "${type}"`;
  return coded(Error, 'ERR_FS_INVALID_SYMLINK_TYPE', message);
}

/** A descriptor that is not what it was given as. */
export function invalidFdType(type: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_INVALID_FD_TYPE', `Unsupported fd type: ${type}`);
}

/** Options of which one is needed. */
export function missingArgs(names: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_MISSING_ARGS', `The ${names} argument must be specified`);
}

/** A signal that the system has not got. */
export function unknownSignal(name: string): TypeError & CodedError {
  return coded(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${name}`);
}

function kindOfName(name: string): 'property' | 'argument' {
  return name.includes('.') ? 'property' : 'argument';
}
