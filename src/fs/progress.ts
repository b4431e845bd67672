/** `onProgress`: what long calls on files tell on their way, and the check on it. */
import { checkFunction } from '../base/validate.js';

/** How far a call has come. */
export interface Progress {
  /** Bytes that are done, from 0; never fewer than at the call before. */
  bytes: number;
  /**
   * Bytes that there will be, as far as is known by now; undefined where that can't be known, as of files in
   * /proc. At the last call it is `bytes`.
   */
  total: number | undefined;
}

/** What is told of progress. What it returns is not looked at. */
export type OnProgress = (progress: Progress) => void;

/** What long calls take beside their signal. */
export interface ProgressOptions {
  /**
   * Called between portions, and once more at the end with `bytes` equal to `total`, before the promise is
   * fulfilled; not at all after a failure or an abort. What it throws ends the call, which rejects with that.
   */
  onProgress?: OnProgress | undefined;
}

export function checkOnProgress(value: unknown): OnProgress | undefined {
  return value === undefined ? undefined : checkFunction<OnProgress>(value, 'options.onProgress');
}
