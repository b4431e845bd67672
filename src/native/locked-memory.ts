/** What refusals for want of memory have to do with RLIMIT_MEMLOCK. */
import { readLimits } from './environment.js';

/** The limit, and what raises it, for the end of a sentence; empty where there is none. */
export function lockedMemoryHint(): string {
  const bytes = readLimits().lockedMemoryBytes?.soft ?? null;
  if (bytes === null) return '';
  return `: the user may lock ${bytes} bytes, RLIMIT_MEMLOCK; raise it by ulimit -l or LimitMEMLOCK=`;
}
