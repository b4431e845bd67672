/** What a descriptor can be polled for: names for users, poll(2)'s bits for the kernel. */

import { checkOneOf, mapArray } from '../base/validate.js';
import { invalidArgValue } from '../errors/index.js';

/**
 * - `'readable'`: a read would not block; a waiting connection, for a listening socket; the end of input too.
 * - `'writable'`: a write would not block.
 * - `'priority'`: something exceptional, such as TCP's urgent byte (POLLPRI).
 * - `'peerClosed'`: the other side of a stream socket sends no more (POLLRDHUP).
 * - `'hangup'`: the other side is gone altogether. Reported whether asked for or not.
 * - `'error'`: the descriptor has an error, or the other end of a pipe has no reader. Reported likewise.
 */
export type PollEvent = 'readable' | 'writable' | 'priority' | 'peerClosed' | 'hangup' | 'error';

// poll(2). The numbers are those of epoll_ctl(2), too.
const BITS: readonly (readonly [event: PollEvent, bit: number])[] = [
  ['readable', 0x1],
  ['writable', 0x4],
  ['priority', 0x2],
  ['peerClosed', 0x2000],
  ['hangup', 0x10],
  ['error', 0x8],
];
const NAMES = BITS.map(([event]) => event);

/** The bits of what a caller asks for: an array that names at least one event. */
export function toPollBits(events: unknown, name = 'events'): number {
  const wanted = mapArray(events, name, (event, index) => checkOneOf(event, `${name}[${index}]`, NAMES));
  if (wanted.length === 0) throw invalidArgValue(name, events, 'must name at least one event');
  return BITS.reduce((bits, [event, bit]) => (wanted.includes(event) ? bits | bit : bits), 0);
}

/** The names of the bits, in the order of the type. */
export function toPollEvents(bits: number): PollEvent[] {
  return BITS.filter(([, bit]) => (bits & bit) !== 0).map(([event]) => event);
}
