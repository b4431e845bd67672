/**
 * `ringlet/fs/promises`: what `node:fs/promises` exports, name by name, on the default ring.
 *
 * The names are those of the running Node: an `export *` of its module, in which a local export of
 * the same name takes precedence. Importing it makes no ring; the first call does. Nothing else imports this
 * file: what several entries share is bundled apart from them, and an `export *` would not lead out of there.
 */
import { dropIn } from './drop-in.js';

export * from 'node:fs/promises';
// The names of the oldest Node that ringlet runs on; what a newer one adds is its own.
export const {
  access,
  appendFile,
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  lchmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  opendir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
  utimes,
  watch,
  writeFile,
} = dropIn;
export { dropIn as default } from './drop-in.js';
