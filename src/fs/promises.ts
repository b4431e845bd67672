/**
 * `ringlet/fs/promises`: what `node:fs/promises` exports, name by name, on the default ring.
 *
 * The names are those of the running Node: an `export *` of its module, in which a local export of
 * the same name takes precedence. Importing it makes no ring; the first call does.
 */
import nodePromises from 'node:fs/promises';
import { fs } from '../default-fs.js';
import type { OwnCalls } from './fs.js';
import type { NodePromises } from './node-calls.js';

/** Node's own types for all but `open`: its handles are ringlet's, and can be cancelled and more. */
export type DropIn = Omit<NodePromises, 'open'> & Pick<OwnCalls, 'open'>;

const names = Object.keys(nodePromises) as (keyof NodePromises)[];
const dropIn = Object.fromEntries(names.map((name) => [name, fs[name]])) as unknown as DropIn;

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
export default dropIn;
