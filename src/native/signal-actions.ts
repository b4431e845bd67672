/**
 * What a signal did before the program listened for it, as far as there is an addon to ask and to restore it.
 * Without one a signal is left with the system's default action, as Node itself leaves it.
 */
import { binding } from './binding.js';

/** Remembers what the signal does now. */
export function saveSignal(number: number): void {
  try {
    binding().saveSignal(number);
  } catch {
    // No addon: nothing will be restored either.
  }
}

/** Has it do that again. */
export function restoreSignal(number: number): void {
  try {
    binding().restoreSignal(number);
  } catch {
    // As above.
  }
}
