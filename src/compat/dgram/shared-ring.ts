/** The ring of all sockets of 'ringlet/dgram' that name none. */
import { Ring } from '../../ring/ring.js';

/** The longest message that UDP has, and room for as many of them as Node would take in one go. */
export const MESSAGE_BYTES = 65_536;
const MESSAGE_BUFFERS = 32;

let sharedRing: Ring | undefined;

/** Node receives messages of any length; the default ring's buffers would cut them. */
export function theSharedRing(): Ring {
  if (sharedRing === undefined || sharedRing.isClosed) {
    const receiveBuffers = { count: MESSAGE_BUFFERS, bytes: MESSAGE_BYTES };
    sharedRing = new Ring({ name: 'ringlet/dgram', receiveBuffers });
  }
  return sharedRing;
}
