/**
 * Extended attributes (xattr(7)) by system calls in libuv's thread pool: all of them on the node backend, and on
 * a ring what io_uring has no operation for. Needs the addon, though no io_uring, and says so where there is none.
 */

import { checkPermitted } from '../base/permission.js';
import type { Path, PoolCallback } from '../contract/files.js';
import { featureUnavailableError, systemError } from '../errors/index.js';
import { type Binding, binding } from './binding.js';

/** What has the attributes: an open descriptor, or a path, whose last link is followed or not. */
interface AttributeHolder {
  fd?: number;
  path?: Path;
  isOfLink?: boolean;
}

export type AttributeVerb = 'getxattr' | 'setxattr' | 'listxattr' | 'removexattr';

/** The system call's own name, as errors have it. */
export function attributeSyscall(verb: AttributeVerb, { fd, isOfLink }: AttributeHolder): string {
  if (fd !== undefined) return `f${verb}`;
  return isOfLink ? `l${verb}` : verb;
}

/** The addon, for a call on what has the attributes. */
function bindingFor(scope: 'fs.read' | 'fs.write', { path }: AttributeHolder): Binding {
  if (path !== undefined) checkPermitted(scope, path);
  return loadedBinding('extended attributes');
}

function loadedBinding(feature: string): Binding {
  try {
    return binding();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n', 1);
    throw featureUnavailableError(feature, `the native addon could not be loaded: ${reason}`);
  }
}

function toTarget({ fd, path = '' }: AttributeHolder): number | Buffer {
  return fd ?? (typeof path === 'string' ? Buffer.from(path) : path);
}

/** Hands on what the addon calls back with: a result, or a negative errno. */
function settling<Result>(
  verb: AttributeVerb,
  holder: AttributeHolder,
  callback: PoolCallback<Result>,
): (result: Result | number) => void {
  return (result) => {
    if (typeof result === 'number' && result < 0) {
      callback(systemError(result, attributeSyscall(verb, holder), holder.path));
    } else {
      callback(null, result as Result);
    }
  };
}

export function getAttribute(holder: AttributeHolder, name: string, callback: PoolCallback<Buffer>): void {
  const settle = settling('getxattr', holder, callback);
  bindingFor('fs.read', holder).getAttribute(toTarget(holder), holder.isOfLink === true, name, settle);
}

/** @param flags XATTR_CREATE and XATTR_REPLACE of setxattr(2). `value` is copied at once. */
export function setAttribute(
  holder: AttributeHolder,
  name: string,
  value: Buffer,
  flags: number,
  callback: PoolCallback<void>,
): void {
  const settle = settling('setxattr', holder, callback);
  bindingFor('fs.write', holder).setAttribute(
    toTarget(holder),
    holder.isOfLink === true,
    name,
    value,
    flags,
    settle,
  );
}

/** The names, each with a NUL behind it. */
export function listAttributes(holder: AttributeHolder, callback: PoolCallback<Buffer>): void {
  const settle = settling('listxattr', holder, callback);
  bindingFor('fs.read', holder).listAttributes(toTarget(holder), holder.isOfLink === true, settle);
}

export function removeAttribute(holder: AttributeHolder, name: string, callback: PoolCallback<void>): void {
  const settle = settling('removexattr', holder, callback);
  bindingFor('fs.write', holder).removeAttribute(toTarget(holder), holder.isOfLink === true, name, settle);
}

/** What direct I/O on a file asks for: [of memory, of offset and length]; undefined where the kernel does not say. */
export function directAlignment(fd: number, callback: PoolCallback<[number, number] | undefined>): void {
  loadedBinding('FileHandle.directAlignment').directAlignment(fd, (result) => {
    if (typeof result === 'number') callback(systemError(result, 'statx'));
    else callback(null, result);
  });
}
