/** What stream sockets and listeners can be asked for, and the checks on it. */

import { checkBoolean, checkInteger, type OptionNames } from '../../base/validate.js';
import type { StreamBounds, StreamOptions } from '../../contract/streams.js';
import type { Ring } from '../../ring/ring.js';

const SOCKET_BUFFER_BYTES_MAX = 2 ** 31 - 1;
const QUEUE_BYTES_MAX = 2 ** 40;
const LINGER_SECONDS_MAX = 32_767;
const KEEP_ALIVE_MS_MAX = 32_767_000;
const RECEIVE_QUEUE_BYTES = 256 * 1024;
const WRITE_QUEUE_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES_MAX = 65_536;

/** Of a connection, however it came about. */
export interface StreamSocketOptions {
  /** TCP_NODELAY: small writes leave at once, without waiting for acknowledgements. Default false. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE: probes a silent peer, so that one that has vanished is noticed. Default false. */
  keepAlive?: boolean | undefined;
  /** The silence before the first probe, in milliseconds, used in whole seconds. Default 0: the system's. */
  keepAliveInitialDelayMs?: number | undefined;
  /** TCP_QUICKACK: acknowledges at once. The kernel may fall back to delayed acknowledgements. */
  quickAck?: boolean | undefined;
  /**
   * SO_LINGER in seconds, 0 to 32,767: how long `close` waits for the peer to acknowledge what was written;
   * 0 resets the connection instead. Default null: `close` does not wait, and the kernel goes on sending.
   */
  lingerSeconds?: number | null | undefined;
  /** SO_RCVBUF in bytes, which Linux doubles and limits (net.core.rmem_max). Default: the system's. */
  receiveBufferBytes?: number | undefined;
  /** SO_SNDBUF in bytes, which Linux doubles and limits (net.core.wmem_max). Default: the system's. */
  sendBufferBytes?: number | undefined;
  /**
   * From how many received bytes on that no reader has taken the socket stops receiving, so that TCP holds
   * the peer back. Before Linux 6.17 what the ring's `receiveBuffers` hold may come on top, and on the node
   * backend what net.Socket has read. Default 262,144.
   */
  receiveQueueBytes?: number | undefined;
  /**
   * From how many bytes on in writes that have not settled, plus 64 for each of them, a further write is
   * refused with ERR_RINGLET_WRITE_QUEUE_FULL. One that awaits its writes never meets it. Default 16,777,216.
   */
  writeQueueBytes?: number | undefined;
  /**
   * The longest chunk of an iteration, in bytes, up to 65,536: the socket uses the smallest of the ring's
   * `receiveBuffers` that hold it. Default: 0, the first of them. Without effect on the node backend.
   */
  chunkBytes?: number | undefined;
  /**
   * Whether long writes over TCP go without a copy: of at least four times the send buffer and 64 KiB, on a ring
   * and Linux 6.1, unless the kernel says that it copies all the same. Their promise then waits until the peer
   * has acknowledged all bytes, also after an abort, and `close` waits up to 2 s for that. Default false.
   */
  zeroCopy?: boolean | undefined;
  /** The ring to run on. Default: the one that `fs` uses. */
  ring?: Ring | undefined;
}

export const STREAM_SOCKET_OPTIONS: OptionNames<StreamSocketOptions> = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelayMs: true,
  quickAck: true,
  lingerSeconds: true,
  receiveBufferBytes: true,
  sendBufferBytes: true,
  receiveQueueBytes: true,
  writeQueueBytes: true,
  chunkBytes: true,
  zeroCopy: true,
  ring: true,
};

export function readStreamOptions(options: StreamSocketOptions): StreamOptions {
  const flag = (name: 'noDelay' | 'quickAck'): boolean | undefined =>
    options[name] === undefined ? undefined : checkBoolean(options[name], `options.${name}`);
  const bytes = (name: 'receiveBufferBytes' | 'sendBufferBytes'): number | undefined =>
    options[name] === undefined
      ? undefined
      : checkInteger(options[name], `options.${name}`, 0, SOCKET_BUFFER_BYTES_MAX);
  const { keepAlive, keepAliveInitialDelayMs = 0, lingerSeconds } = options;
  const delayMs = checkKeepAliveDelay(keepAliveInitialDelayMs, 'options.keepAliveInitialDelayMs');
  return {
    noDelay: flag('noDelay'),
    quickAck: flag('quickAck'),
    keepAliveSeconds:
      keepAlive === undefined
        ? undefined
        : toKeepAliveSeconds(checkBoolean(keepAlive, 'options.keepAlive'), delayMs),
    lingerSeconds:
      lingerSeconds === undefined ? undefined : toLingerSeconds(lingerSeconds, 'options.lingerSeconds'),
    receiveBufferBytes: bytes('receiveBufferBytes'),
    sendBufferBytes: bytes('sendBufferBytes'),
  };
}

export function checkKeepAliveDelay(value: unknown, name: string): number {
  return checkInteger(value, name, 0, KEEP_ALIVE_MS_MAX);
}

/** -1 for off. */
export function toKeepAliveSeconds(isOn: boolean, delayMs: number): number {
  return isOn ? Math.floor(delayMs / 1000) : -1;
}

/** -1 for off. */
export function toLingerSeconds(value: unknown, name: string): number {
  return value === null ? -1 : checkInteger(value, name, 0, LINGER_SECONDS_MAX);
}

export function readBounds(options: StreamSocketOptions): StreamBounds {
  const { receiveQueueBytes = RECEIVE_QUEUE_BYTES, writeQueueBytes = WRITE_QUEUE_BYTES } = options;
  return {
    receiveQueueBytes: checkInteger(receiveQueueBytes, 'options.receiveQueueBytes', 1, QUEUE_BYTES_MAX),
    writeQueueBytes: checkInteger(writeQueueBytes, 'options.writeQueueBytes', 1, QUEUE_BYTES_MAX),
    chunkBytes: checkInteger(options.chunkBytes ?? 0, 'options.chunkBytes', 0, CHUNK_BYTES_MAX),
    isZeroCopy: checkBoolean(options.zeroCopy ?? false, 'options.zeroCopy'),
  };
}
