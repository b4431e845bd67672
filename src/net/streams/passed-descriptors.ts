/** Checks of the descriptors that are passed over a Unix socket. */
import { checkInteger, mapArray } from '../../base/validate.js';

export const FD_MAX = 2 ** 31 - 1;
/** SCM_MAX_FD (unix(7)). */
export const DESCRIPTORS_MAX = 253;

export function checkDescriptors(fds: readonly number[]): readonly number[] {
  const copy = mapArray(fds, 'fds', (fd, index) => checkInteger(fd, `fds[${index}]`, 0, FD_MAX));
  checkInteger(copy.length, 'fds.length', 1, DESCRIPTORS_MAX);
  return copy;
}
