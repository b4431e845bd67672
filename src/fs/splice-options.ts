/** What `FileHandle.splice` can be told. */
import { checkOptions, type OptionNames, toPosition } from '../base/validate.js';
import type { Position } from '../contract/backend.js';
import { type SignalOptions, toSignal } from './options.js';

/** What `FileHandle.splice` can be asked for. */
export interface SpliceOptions extends SignalOptions {
  /** Where in this file, in bytes; the cursor, which then moves, when it is left out or null. */
  position?: number | bigint | null | undefined;
  /** Where in the target, in bytes; its cursor when it is left out or null. */
  targetPosition?: number | bigint | null | undefined;
}

const SPLICE_OPTIONS: OptionNames<SpliceOptions> = {
  position: true,
  targetPosition: true,
  signal: true,
  timeout: true,
};

export function readSpliceOptions(options: unknown): {
  position: Position;
  targetPosition: Position;
  signal: AbortSignal | undefined;
} {
  const given = checkOptions<SpliceOptions>(options ?? {}, SPLICE_OPTIONS);
  const position = toPosition(given.position, 0, 'options.position');
  const targetPosition = toPosition(given.targetPosition, 0, 'options.targetPosition');
  return { position, targetPosition, signal: toSignal(given) };
}
