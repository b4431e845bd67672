/** What a socket can be asked to tell of each message beside its bytes and its sender. Types only. */
import type { SocketAddress } from './address.js';

/** In the order in which the documentation has them. */
export const ANCILLARY_FIELDS = ['local', 'ecn', 'timestamp', 'droppedCount', 'credentials'] as const;
/** What a socket that is bound with `ancillary` tells of each message. */
export type AncillaryField = (typeof ANCILLARY_FIELDS)[number];

/** Who a process is, as the kernel vouches for it. */
export interface ProcessCredentials {
  /** The process's id, as the reader's PID namespace has it; 0 where it has none there. */
  readonly pid: number;
  /** The id of its user, as the reader's user namespace has it. */
  readonly uid: number;
  /** The id of its group, as the reader's user namespace has it. */
  readonly gid: number;
}

/** Of one message; what was not asked for is undefined. */
export interface Ancillary {
  local?: SocketAddress;
  interfaceIndex?: number;
  ecn?: number;
  timestamp?: bigint;
  droppedCount?: number;
  credentials?: ProcessCredentials;
}
