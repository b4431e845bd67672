/** Copying files in libuv's thread pool, past Node's own call. Needs the addon, though no io_uring. */

import type { Path } from '../contract/files.js';
import { systemError } from '../errors/index.js';
import { binding } from './binding.js';
import { called } from './pool-call.js';

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

function toBytes(path: Path): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}
