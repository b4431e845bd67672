/** Settings of the system that a run changes, for its own length, where that is allowed. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Setting } from './workload.js';

const RECEIVE_LIMIT_PATH = '/proc/sys/net/core/rmem_max';
const RECEIVE_DEFAULT_PATH = '/proc/sys/net/core/rmem_default';
const CONGESTION_CONTROL_PATH = '/proc/sys/net/ipv4/tcp_congestion_control';

/** False when it is not allowed. */
function change(path: string, value: string, onEnd: Setting['onEnd']): boolean {
  const before = readFileSync(path, 'utf8');
  try {
    writeFileSync(path, value);
  } catch {
    return false;
  }
  onEnd(() => writeFileSync(path, before));
  return true;
}

/**
 * Raises the limit on receive buffers to `bytes`, and what sockets have that cannot ask for a size (Bun's) to twice
 * that, which is what others get. Returns as many bytes as can be had.
 */
export function raiseReceiveLimit(bytes: number, onEnd: Setting['onEnd']): number {
  const limit = Number(readFileSync(RECEIVE_LIMIT_PATH, 'utf8'));
  change(RECEIVE_DEFAULT_PATH, String(2 * bytes), onEnd);
  return limit >= bytes || change(RECEIVE_LIMIT_PATH, String(bytes), onEnd) ? bytes : limit;
}

/**
 * Has TCP control congestion in the way that is the kernel's own default. BBR, which some systems have instead,
 * paces what is sent by a timer, also over loopback, and then a sender that is too fast waits for it and pays for that.
 */
export function useDefaultCongestionControl(onEnd: Setting['onEnd']): void {
  if (readFileSync(CONGESTION_CONTROL_PATH, 'utf8').trim() === 'cubic') return;
  if (change(CONGESTION_CONTROL_PATH, 'cubic', onEnd)) return;
  console.warn('TCP does not control congestion by cubic here: expect two speeds if it paces');
}
