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
import { abortError } from '../errors/index.js';
import * as copyCalls from '../native/copy-calls.js';
import type { OnProgress } from './progress.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = constants;
/** libuv's newer call also copies times and owner (COPYFILE_ATTRIBUTES of copy_file.h). */
const ATTRIBUTES = isUvAtLeast(1, 49) ? 8 : 0;
const MODE_MAX = COPYFILE_EXCL | COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE;

/** As they were when ringlet was loaded: a program may put ringlet's in their place. */
const { copyFile: nodeCopyFile, stat } = nodeModule('node:fs/promises');

export async function copyFile(src: unknown, dest: unknown, mode?: unknown): Promise<void> {
  const own = ownCopy(src, dest, mode);
  if (own === undefined) await nodeCopyFile(src as PathLike, dest as PathLike, mode as number);
  else await copyCalls.copyFile(own.from, own.to, own.bits);
}

/** The same in portions. What Node copies is one. */
export async function copyFileInPortions(
  src: unknown,
  dest: unknown,
  mode: unknown,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = ownCopy(src, dest, mode);
  if (own === undefined) {
    await nodeCopyFile(src as PathLike, dest as PathLike, mode as number);
    const { size } = await stat(dest as PathLike);
    onProgress({ bytes: size, total: size });
    return;
  }
  for await (const { bytes, sourceBytes, isLast } of copyCalls.copyInPortions(own.from, own.to, own.bits)) {
    if (signal?.aborted) throw abortError(signal);
    // A source that grows is copied to where it ended at first; one that shrinks has an earlier end.
    onProgress({ bytes, total: isLast ? bytes : sourceBytes || undefined });
  }
}

/** What our own call is to be told; undefined where it is Node's to copy, or to refuse. */
function ownCopy(src: unknown, dest: unknown, mode: unknown): OwnCopy | undefined {
  const from = pathOf(src);
  const to = pathOf(dest);
  const bits = modeOf(mode);
  if (from === undefined || to === undefined || bits === undefined) return undefined;
  return hasPermissionModel() || !copyCalls.canCopyFiles()
    ? undefined
    : { from, to, bits: bits | ATTRIBUTES };
}

interface OwnCopy {
  readonly from: Path;
  readonly to: Path;
  readonly bits: number;
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
