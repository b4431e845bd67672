/**
 * `copyFile`: Node's call in all but what it costs. Node truncates a file that it has just made, and ext4 writes out the
 * content of a truncated file when it is closed; so Node's copies on ext4 wait for the disk to begin (copy_file.cc).
 *
 * Arguments that Node would refuse are left to Node to refuse, and so is the whole call where there is no addon, or
 * where Node has been told which files the process may touch.
 */
import { constants, type PathLike } from 'node:fs';
import { nodeModule } from '../base/node-modules.js';
import { isUvAtLeast } from '../base/node-version.js';
import { hasPermissionModel } from '../base/permission-model.js';
import { toPath } from '../base/validate.js';
import type { Path } from '../contract/backend.js';
import * as copyCalls from '../native/copy-calls.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = constants;
/** libuv's newer call also copies times and owner (COPYFILE_ATTRIBUTES of copy_file.h). */
const ATTRIBUTES = isUvAtLeast(1, 49) ? 8 : 0;
const MODE_MAX = COPYFILE_EXCL | COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE;

/** As it was when ringlet was loaded: a program may put ringlet's in its place. */
const nodeCopyFile = nodeModule('node:fs/promises').copyFile;

export async function copyFile(src: unknown, dest: unknown, mode?: unknown): Promise<void> {
  const from = pathOf(src);
  const to = pathOf(dest);
  const bits = modeOf(mode);
  const isOurs = from !== undefined && to !== undefined && bits !== undefined;
  if (isOurs && !hasPermissionModel() && copyCalls.canCopyFiles()) {
    await copyCalls.copyFile(from, to, bits | ATTRIBUTES);
  } else {
    await nodeCopyFile(src as PathLike, dest as PathLike, mode as number);
  }
}

/** Undefined for what is no path. */
function pathOf(value: unknown): Path | undefined {
  try {
    return toPath(value);
  } catch {
    return undefined;
  }
}

function modeOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MODE_MAX
    ? (value as number)
    : undefined;
}
