/** The system's limit on receive buffers, raised for the length of a run. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Setting } from './workload.js';

const LIMIT_PATH = '/proc/sys/net/core/rmem_max';

/** Raises the limit to `bytes` where that is allowed, until the run ends. Returns the limit in force. */
export function raiseReceiveLimit(bytes: number, onEnd: Setting['onEnd']): number {
  const before = readFileSync(LIMIT_PATH, 'utf8');
  if (Number(before) >= bytes) return bytes;
  try {
    writeFileSync(LIMIT_PATH, String(bytes));
  } catch {
    return Number(before);
  }
  onEnd(() => writeFileSync(LIMIT_PATH, before));
  return bytes;
}
