/**
 * Deadlines as timeouts of the kernel take them: a time of CLOCK_MONOTONIC, or how long it is until then.
 *
 * An absolute time holds however late its request is submitted. But io_uring takes it on the machine's own clock,
 * and a process in a time namespace has another (time_namespaces(7)).
 */
import { readFileSync } from 'node:fs';
import { monotonicMs } from '../../contract/timer-queue.js';
import { writeWide } from '../../native/addresses.js';
import { TIMEOUT_ABSOLUTE } from '../../native/sqe.js';
import type { SlotStorage } from '../engine/slot-storage.js';

let flags: number | undefined;

/** What a timeout has to say of the deadlines that `writeDeadline` writes. A process keeps its time namespace. */
export function deadlineFlags(): number {
  flags ??= hasMachineClock() ? TIMEOUT_ABSOLUTE : 0;
  return flags;
}

/** False also where that can't be told. */
function hasMachineClock(): boolean {
  try {
    return /^monotonic\s+0\s+0$/m.test(readFileSync('/proc/self/timens_offsets', 'utf8'));
  } catch (error) {
    // A kernel without time namespaces has no such file.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Writes a deadline into a slot's storage as a struct __kernel_timespec; returns its address. */
export function writeDeadline(slot: number, deadlineMs: number, storage: SlotStorage): number {
  const words = storage.words(slot);
  const offset = storage.wordOffset(slot);
  const ms = deadlineFlags() === 0 ? Math.max(0, deadlineMs - monotonicMs()) : deadlineMs;
  const seconds = Math.floor(ms / 1000);
  // Rounded up: an alarm must not find that it is still too early.
  const nanoseconds = Math.ceil((ms - seconds * 1000) * 1e6);
  writeWide(words, offset, nanoseconds >= 1e9 ? seconds + 1 : seconds);
  writeWide(words, offset + 2, nanoseconds >= 1e9 ? 0 : nanoseconds);
  return storage.address(slot);
}
