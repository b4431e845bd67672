/**
 * `mkdir` with its missing parents, like Node's: results and errors included.
 *
 * Works upwards from the path until a directory can be made, then down again. Node's own version
 * retries for ever where a parent exists and still nothing can be made in it (/proc); this one
 * gives such a path one more try, for a parent that was just being removed, and then rejects.
 */
import { EEXIST, ENOENT, ENOTDIR } from '../base/errno.js';
import type { FileBackend, Path } from '../contract/backend.js';
import { abortError, systemError } from '../errors/index.js';

const SEPARATOR = '/'.charCodeAt(0);

/** Resolves to the first directory made, or undefined when there was nothing to make. */
export async function makeDirectories(
  files: FileBackend,
  path: Path,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (signal?.aborted) throw abortError(signal);
  if (files.isKnownDirectory?.(path)) return undefined;
  const toMake: Path[] = [path];
  const withoutParent = new Set<Path>();
  let firstMade: Path | undefined = await makeLikelyParent(files, path, mode, signal);
  for (let current = toMake.pop(); current !== undefined; current = toMake.pop()) {
    try {
      await files.do({ kind: 'mkdir', path: current, mode }, signal);
      firstMade ??= current;
    } catch (error) {
      const parent = parentOf(current);
      if (errnoOf(error) === ENOENT && parent !== undefined && !withoutParent.has(current)) {
        withoutParent.add(current);
        toMake.push(current, parent);
      } else {
        await checkIsDirectory(files, current, toMake.length > 0, error, signal);
      }
    }
  }
  return firstMade?.toString();
}

/** Makes the parent first where all that is known to be there is what it would be in: that spares a failure. */
async function makeLikelyParent(
  files: FileBackend,
  path: Path,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<Path | undefined> {
  const parent = parentOf(path);
  if (files.isKnownDirectory === undefined || parent === undefined) return undefined;
  // Of 'a/' it is the same directory.
  const isSame = parent.length === path.length - 1;
  if (isSame || files.isKnownDirectory(parent)) return undefined;
  const grandparent = parentOf(parent);
  if (grandparent !== undefined && !files.isKnownDirectory(grandparent)) return undefined;
  try {
    await files.do({ kind: 'mkdir', path: parent, mode }, signal);
    return parent;
  } catch {
    // Whatever is wrong, it shows in its turn.
    return undefined;
  }
}

/** Passes if `path` could not be made because it is a directory already, and else throws why it could not. */
async function checkIsDirectory(
  files: FileBackend,
  path: Path,
  isParent: boolean,
  failure: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (errnoOf(failure) !== EEXIST) throw failure;
  let errno = isParent ? ENOTDIR : EEXIST;
  try {
    const stats = await files.do({ kind: 'stat', path, bigint: false }, signal);
    if (stats.isDirectory()) return;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // A link that leads nowhere, most likely.
    if (!isParent) errno = errnoOf(error) as number;
  }
  throw systemError(errno, 'mkdir', path);
}

function errnoOf(error: unknown): number | undefined {
  return (error as NodeJS.ErrnoException).errno;
}

/** What comes before the last separator; undefined when that is nothing, or there is none. */
function parentOf(path: Path): Path | undefined {
  const end = typeof path === 'string' ? path.lastIndexOf('/') : path.lastIndexOf(SEPARATOR);
  if (end <= 0) return undefined;
  return typeof path === 'string' ? path.slice(0, end) : path.subarray(0, end);
}
