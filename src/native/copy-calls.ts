/** Copying files in libuv's thread pool, past Node's own call. Needs the addon, though no io_uring. */

import type { Path } from '../contract/files.js';
import { systemError } from '../errors/index.js';
import { binding } from './binding.js';
import { called } from './pool-call.js';

/** Milliseconds of copying, beside which the way to the pool and back is nothing; whole blocks of any file system. */
const PORTION_BYTES = 8 * 1024 * 1024;

/** How far a copy has come. */
interface CopiedPortion {
  /** In all so far. */
  readonly bytes: number;
  /** What the source has, by its own word; 0 also where it does not say. */
  readonly sourceBytes: number;
  readonly isLast: boolean;
}

export function canCopyFiles(): boolean {
  try {
    binding();
    return true;
  } catch {
    return false;
  }
}

/** @param mode Node's COPYFILE_* bits, and COPYFILE_ATTRIBUTES of copy_file.h. */
export function copyFile(from: Path, to: Path, mode: number): Promise<void> {
  return called<void>((callback) =>
    binding().copyFile(toBytes(from), toBytes(to), mode, (result) => {
      callback(result < 0 ? systemError(result, 'copyfile', from, to) : null);
    }),
  );
}

/** The same a portion at a time. What is left early is given up: nothing of the copy remains. */
export async function* copyInPortions(
  from: Path,
  to: Path,
  mode: number,
): AsyncGenerator<CopiedPortion, void, void> {
  const copy = binding().beginCopy(toBytes(from), toBytes(to), mode);
  try {
    let isLast = false;
    while (!isLast) {
      const portion = await called<CopiedPortion>((callback) =>
        binding().continueCopy(copy, PORTION_BYTES, (result) => {
          if (typeof result === 'number') callback(systemError(result, 'copyfile', from, to));
          else callback(null, { bytes: result[0], sourceBytes: result[1], isLast: result[2] });
        }),
      );
      isLast = portion.isLast;
      yield portion;
    }
  } finally {
    await called<void>((callback) => binding().giveUpCopy(copy, () => callback(null)));
  }
}

function toBytes(path: Path): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}
