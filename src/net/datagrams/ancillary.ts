/** What a socket can be asked to tell of each message beside its bytes and its sender. Types only. */
import type { SocketAddress } from '../address.js';

/** In the order in which the documentation has them. */
export const ANCILLARY_FIELDS = ['local', 'ecn', 'timestamp', 'droppedCount', 'credentials'] as const;
export type AncillaryField = (typeof ANCILLARY_FIELDS)[number];

/** Who a process is, as the kernel vouches for it. */
export interface ProcessCredentials {
  readonly pid: number;
  readonly uid: number;
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
