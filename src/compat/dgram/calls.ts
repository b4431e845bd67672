/** The many ways in which node:dgram's calls can be written, brought into one shape each. */

import { checkInteger, checkString, mapArray } from '../../base/validate.js';
import { bytesOf, isView, type View } from '../../base/views.js';
import { checkPort } from '../../contract/address.js';
import { invalidArgType, socketConnectedError } from '../../errors/index.js';

const FD_MAX = 2 ** 31 - 1;
const DATA_TYPE = 'of type string or an instance of Buffer, TypedArray, or DataView';

/** Without `bytes` after an error. */
export type SendCallback = (error: Error | null, bytes?: number) => void;

export interface SendCall {
  list: View[];
  /** Undefined on a connected socket. */
  port: number | undefined;
  /** A literal address or a name; undefined for this machine. */
  address: string | undefined;
  callback: SendCallback | undefined;
}

/** `send(msg[, offset, length][, port][, address][, callback])`. */
export function readSend(parameters: readonly unknown[], isConnected: boolean): SendCall {
  let [message, offset, length, port, address, callback] = parameters;
  if (isConnected) {
    if (typeof length === 'number') {
      message = slice(message, offset, length);
      if (typeof port === 'function') {
        callback = port;
        port = undefined;
      }
    } else {
      callback = offset;
    }
    if (port || address) throw socketConnectedError();
    return { list: readData(message), port: undefined, address: undefined, callback: asCallback(callback) };
  }
  if (address || (port && typeof port !== 'function')) {
    message = slice(message, offset, length);
  } else {
    [port, address, callback] = [offset, length, port];
  }
  const list = readData(message);
  const checkedPort = checkPort(port, 'Port', false);
  if (typeof address === 'function') {
    callback = address;
    address = undefined;
  } else if (address !== undefined && address !== null) {
    checkString(address, 'address');
  }
  const host = typeof address === 'string' && address !== '' ? address : undefined;
  return { list, port: checkedPort, address: host, callback: asCallback(callback) };
}

function asCallback(value: unknown): SendCallback | undefined {
  return typeof value === 'function' ? (value as SendCallback) : undefined;
}

function slice(message: unknown, offset: unknown, length: unknown): Uint8Array {
  const [from, count] = [Number(offset) >>> 0, Number(length) >>> 0];
  let buffer: Uint8Array;
  if (typeof message === 'string') buffer = Buffer.from(message);
  else if (isView(message)) buffer = bytesOf(message);
  else throw invalidArgType('buffer', DATA_TYPE, message);
  if (from > buffer.byteLength) throw outOfBounds('"offset"');
  if (from + count > buffer.byteLength) throw outOfBounds('"length"');
  return buffer.subarray(from, from + count);
}

function outOfBounds(what: string): Error {
  const error = new RangeError(`${what} is outside of buffer bounds`);
  return Object.assign(error, { code: 'ERR_BUFFER_OUT_OF_BOUNDS' });
}

function readData(message: unknown): View[] {
  const name = Array.isArray(message) ? 'buffer list arguments' : 'buffer';
  const toView = (part: unknown): View => {
    if (typeof part === 'string') return Buffer.from(part);
    if (isView(part)) return part;
    throw invalidArgType(name, DATA_TYPE, message);
  };
  return Array.isArray(message) ? mapArray(message, name, toView) : [toView(message)];
}

interface BindCall {
  port: number;
  address: string | undefined;
  /** A socket that is bound already. */
  fd: number | undefined;
  onListening: (() => void) | undefined;
}

/** `bind([port][, address][, callback])`, `bind(options[, callback])`. */
export function readBind(parameters: readonly unknown[]): BindCall {
  const [first, second] = parameters;
  const last = parameters.at(-1);
  const onListening = typeof last === 'function' ? (last as () => void) : undefined;
  if (first !== null && typeof first === 'object') {
    const { port, address, fd } = first as { port?: unknown; address?: unknown; fd?: unknown };
    if (Number.isInteger(fd) && Number(fd) > 0) {
      return { port: 0, address: undefined, fd: checkInteger(fd, 'options.fd', 0, FD_MAX), onListening };
    }
    return { port: readLocalPort(port), address: readHost(address), fd: undefined, onListening };
  }
  const port = typeof first === 'function' ? undefined : first;
  const address = typeof second === 'function' ? undefined : second;
  return { port: readLocalPort(port), address: readHost(address), fd: undefined, onListening };
}

function readLocalPort(port: unknown): number {
  return port === undefined || port === null ? 0 : checkPort(port, 'Port');
}

function readHost(address: unknown): string | undefined {
  return address === undefined || address === null || address === ''
    ? undefined
    : checkString(address, 'address');
}

/** The pieces of a message as one. */
export function joined(list: readonly View[]): View {
  const [only] = list;
  if (only !== undefined && list.length === 1) return only;
  return Buffer.concat(list.map((view) => bytesOf(view)));
}

/** Where a message without an address goes. */
export function loopbackOf(family: 'IPv4' | 'IPv6'): string {
  return family === 'IPv6' ? '::1' : '127.0.0.1';
}
