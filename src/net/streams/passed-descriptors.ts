/** Checks of the descriptors that are passed over a Unix socket. */
import { invalidArgType } from '../../errors.js';
import { checkInteger } from '../../validate.js';

export const FD_MAX = 2 ** 31 - 1;
/** SCM_MAX_FD (unix(7)). */
export const DESCRIPTORS_MAX = 253;

export function checkDescriptors(fds: readonly number[]): readonly number[] {
  if (!Array.isArray(fds)) throw invalidArgType('fds', 'an instance of Array', fds);
  checkInteger(fds.length, 'fds.length', 1, DESCRIPTORS_MAX);
  return fds.map((fd, index) => checkInteger(fd, `fds[${index}]`, 0, FD_MAX));
}
