/** What the running kernel has and gets right, by asking and trying: each when it is first needed, and once. */
import { EBUSY } from '../base/errno.js';
import { binding, type NativeProbe } from '../native/binding.js';

/** What stream receives may use (receive_trials.h): 0 or a negative errno each. */
interface ReceiveTrials {
  readonly incremental: number;
  readonly bundled: number;
}

let receives: ReceiveTrials | undefined;
let clearedSlot: number | undefined;
let facts: NativeProbe | undefined;

export function receiveTrials(): ReceiveTrials {
  if (receives === undefined) {
    const [incremental, bundled] = binding().tryReceives();
    receives = { incremental, bundled };
  }
  return receives;
}

/** Whether a cleared slot of the file table lets go of its file (file_table_trial.h): 0 or a negative errno. */
export function clearedSlotTrial(): number {
  clearedSlot ??= binding().tryClearedSlot();
  return clearedSlot;
}

/**
 * Whether what is closed in the file table stays open while other requests of the ring go on: then nothing of the
 * user's goes there.
 */
export function keepsClosedFiles(): boolean {
  return clearedSlotTrial() === EBUSY;
}

export function kernelFacts(): NativeProbe {
  const found = facts ?? binding().probeKernel();
  // Where no ring was made there is nothing to remember.
  if (found.setup === 0) facts = found;
  return found;
}
