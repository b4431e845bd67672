/**
 * What becomes of a handle that is collected without having been closed: its descriptor comes back,
 * and the process hears of it as it does from the running Node (DEP0137): by a warning before
 * Node 25, by an uncaught error since.
 */

import { isNodeAtLeast } from '../base/node-version.js';
import type { BackendFile } from '../contract/backend.js';
import { handleCollectedError } from '../errors/index.js';

interface Dropped {
  file: BackendFile;
  path: string;
}

let hasDeprecationBeenTold = false;

const registry = new FinalizationRegistry(({ file, path }: Dropped) => {
  const { fd } = file;
  file.close().catch(() => {});
  if (isNodeAtLeast(25)) throw handleCollectedError(fd, path);
  process.emitWarning(`Closing file descriptor ${fd} on garbage collection`);
  if (hasDeprecationBeenTold) return;
  hasDeprecationBeenTold = true;
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. ' +
      'Please close FileHandle objects explicitly using FileHandle.prototype.close(). ' +
      'In the future, an error will be thrown if a file descriptor is closed during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  );
});

/** @param path what the file was opened by; '' when that is unknown. */
export function watchDropped(handle: object, file: BackendFile, path: string): void {
  registry.register(handle, { file, path }, handle);
}

export function unwatchDropped(handle: object): void {
  registry.unregister(handle);
}
