/** What is sent, where to, and how: the shapes that callers pass, and the checks on them. */

import { toBytes } from '../../base/bytes.js';
import {
  checkInteger,
  checkObject,
  checkOptions,
  checkSignal,
  checkString,
  mapArray,
  type OptionNames,
} from '../../base/validate.js';
import { Span } from '../../base/views.js';
import { checkPort, familyOf, readHost, type SocketAddress } from '../../contract/address.js';
import type { Payload, SendExtras } from '../../contract/backend.js';
import { checkUnixPath, unixAddress } from '../../contract/unix-path.js';

/** Text is sent as UTF-8. Bytes are the operation's until its promise settles. */
export type DatagramData = string | NodeJS.ArrayBufferView | ArrayBuffer;

/** Where a datagram goes: a literal address of the socket's family, or a name to look up; or a Unix socket. */
export type DatagramDestination =
  | {
      /** Literal, or a name to look up. */
      address: string;
      /** 1 to 65535. */
      port: number;
      /** There on a received message's `remote`, and then that is what counts. */
      path?: string | undefined;
    }
  | {
      /** The same as `address`. */
      host: string;
      /** 1 to 65535. */
      port: number;
    }
  | {
      /** Of a Unix datagram socket; an abstract name begins with NUL. */
      path: string;
    };

/** A datagram of `sendMany`; a received message is one, so that a batch can go straight back. */
export interface OutgoingDatagram {
  /** The payload; several pieces are sent as one datagram. Not to be changed before the promise settles. */
  data: DatagramData | readonly DatagramData[];
  /** Left out on a connected socket. */
  remote?: DatagramDestination | undefined;
}

/** What a `send` can be asked for. */
export interface SendOptions {
  /** Cancels the call, which then rejects with an AbortError; the datagram may have left. */
  signal?: AbortSignal | undefined;
  /**
   * Cuts the data into datagrams of this many bytes each, the last one shorter (UDP_SEGMENT, Linux 4.18), for
   * the price of about one. At most 128 of them (64 on some kernels before Linux 6.9), each no longer than a packet may
   * be, and 65,507 bytes in all: otherwise EINVAL or EMSGSIZE. io_uring only.
   */
  segmentBytes?: number | undefined;
  /** The congestion mark for the IP header, 0 to 3. Default: the socket's. io_uring only. */
  ecn?: number | undefined;
  /** Which of the machine's addresses it comes from, such as `message.local`. io_uring only. */
  local?:
    | {
        /** One of this machine's, literal. */
        address: string;
      }
    | undefined;
  /** The interface that it leaves by, such as `message.interfaceIndex`. io_uring only. */
  interfaceIndex?: number | undefined;
}

const SEND_OPTIONS: OptionNames<SendOptions> = {
  signal: true,
  segmentBytes: true,
  ecn: true,
  local: true,
  interfaceIndex: true,
};

interface CheckedSendOptions {
  extras: SendExtras | undefined;
  signal: AbortSignal | undefined;
}

const NO_OPTIONS: CheckedSendOptions = { extras: undefined, signal: undefined };
const SEGMENT_BYTES_MAX = 65_535;
const INTERFACE_INDEX_MAX = 2 ** 31 - 1;

export function toPayload(data: unknown): Payload {
  if (!Array.isArray(data)) return new Span(toBytes(data));
  return mapArray(data, 'data', (part) => toBytes(part)).map((part) => new Span(part));
}

/** A destination whose address may still be a name: then `family` is undefined. */
export interface CheckedDestination {
  address: string;
  port: number;
  family: SocketAddress['family'] | undefined;
  path?: string;
}

export function checkDestination(value: unknown): CheckedDestination {
  const remote = checkObject(value, 'remote') as {
    address?: unknown;
    host?: unknown;
    port?: unknown;
    path?: unknown;
  };
  const { address, port, path } = remote;
  if (path !== undefined) {
    return unixAddress(checkUnixPath(path, 'remote.path'));
  }
  const host =
    typeof address === 'string' ? address : checkString(readHost(remote, 'remote'), 'remote.address');
  return { address: host, port: checkPort(port, 'Port', false), family: familyOf(host) };
}

export function readSendOptions(value: unknown): CheckedSendOptions {
  if (value === undefined) return NO_OPTIONS;
  const { signal, segmentBytes, ecn, local, interfaceIndex } = checkOptions<SendOptions>(value, SEND_OPTIONS);
  const checkedSignal = checkSignal(signal);
  if (
    segmentBytes === undefined &&
    ecn === undefined &&
    local === undefined &&
    interfaceIndex === undefined
  ) {
    return { extras: undefined, signal: checkedSignal };
  }
  const extras: SendExtras = {};
  if (segmentBytes !== undefined) {
    extras.segmentBytes = checkInteger(segmentBytes, 'options.segmentBytes', 1, SEGMENT_BYTES_MAX);
  }
  if (ecn !== undefined) extras.ecn = checkInteger(ecn, 'options.ecn', 0, 3);
  if (local !== undefined) {
    const { address } = checkObject(local, 'options.local') as { address: unknown };
    extras.localAddress = checkString(address, 'options.local.address');
  }
  if (interfaceIndex !== undefined) {
    const index = checkInteger(interfaceIndex, 'options.interfaceIndex', 1, INTERFACE_INDEX_MAX);
    extras.interfaceIndex = index;
  }
  return { extras, signal: checkedSignal };
}
