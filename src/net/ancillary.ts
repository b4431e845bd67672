/** What a socket can be asked to tell of each message beside its bytes and its sender. Types only. */
import type { SocketAddress } from './address.js';

/** In the order in which the documentation has them. */
export const ANCILLARY_FIELDS = ['local', 'ecn', 'timestamp', 'droppedCount'] as const;
export type AncillaryField = (typeof ANCILLARY_FIELDS)[number];

/** Of one message; what was not asked for is undefined. */
export interface Ancillary {
  local?: SocketAddress;
  interfaceIndex?: number;
  ecn?: number;
  timestamp?: bigint;
  droppedCount?: number;
}
