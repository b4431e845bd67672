/** Node's permission model (`--permission`), for what reaches files without a call of Node's own. */
import { resolve } from 'node:path';
import { accessDeniedError } from '../errors/index.js';
import type { Path } from './file-arguments.js';
import { hasPermissionModel } from './permission-model.js';

/** @throws ERR_ACCESS_DENIED, as Node's own calls do. */
export function checkPermitted(scope: 'fs.read' | 'fs.write', path: Path): void {
  if (!hasPermissionModel()) return;
  const name = resolve(String(path));
  if (!process.permission.has(scope, name)) throw accessDeniedError(scope, name);
}
