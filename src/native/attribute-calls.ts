/**
 * Extended attributes (xattr(7)) by system calls in libuv's thread pool: all of them on the node backend, and on
 * a ring what io_uring has no operation for. Needs the addon, though no io_uring, and says so where there is none.
 */

import { checkPermitted } from '../base/permission.js';
import { callError, type FileCall, type FileCallOf } from '../contract/file-calls.js';
import type { PoolCallback } from '../contract/files.js';
import { featureUnavailableError, systemError } from '../errors/index.js';
import { type Binding, binding } from './binding.js';

type AttributeCall = Extract<FileCall, { kind: `${string}xattr` }>;

/** The addon, for a call on what has the attributes. */
function bindingFor(scope: 'fs.read' | 'fs.write', call: AttributeCall): Binding {
  if ('path' in call) checkPermitted(scope, call.path);
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

/** A descriptor, or a path as bytes. */
function targetOf(call: AttributeCall): number | Buffer {
  if ('file' in call) return call.file.fd;
  return typeof call.path === 'string' ? Buffer.from(call.path) : call.path;
}

/** Whether a symbolic link's own are meant. */
function isOfLink({ kind }: AttributeCall): boolean {
  return kind.startsWith('l') && kind !== 'listxattr';
}

/** Hands on what the addon calls back with: a result, or a negative errno. */
function settling<Result>(
  call: AttributeCall,
  callback: PoolCallback<Result>,
): (result: Result | number) => void {
  return (result) => {
    if (typeof result === 'number' && result < 0) callback(callError(result, call));
    else callback(null, result as Result);
  };
}

export function getAttribute(
  call: FileCallOf<'fgetxattr' | 'getxattr' | 'lgetxattr'>,
  callback: PoolCallback<Buffer>,
): void {
  const addon = bindingFor('fs.read', call);
  addon.getAttribute(targetOf(call), isOfLink(call), call.name, settling(call, callback));
}

/** The value is copied at once. */
export function setAttribute(
  call: FileCallOf<'fsetxattr' | 'setxattr' | 'lsetxattr'>,
  callback: PoolCallback<void>,
): void {
  const { name, value, flags } = call;
  const addon = bindingFor('fs.write', call);
  addon.setAttribute(targetOf(call), isOfLink(call), name, value, flags, settling(call, callback));
}

export function listAttributes(
  call: FileCallOf<'flistxattr' | 'listxattr' | 'llistxattr'>,
  callback: PoolCallback<Buffer>,
): void {
  const addon = bindingFor('fs.read', call);
  addon.listAttributes(targetOf(call), isOfLink(call), settling(call, callback));
}

export function removeAttribute(
  call: FileCallOf<'fremovexattr' | 'removexattr' | 'lremovexattr'>,
  callback: PoolCallback<void>,
): void {
  const addon = bindingFor('fs.write', call);
  addon.removeAttribute(targetOf(call), isOfLink(call), call.name, settling(call, callback));
}

/** What direct I/O on a file asks for: [of memory, of offset and length]; undefined where the kernel does not say. */
export function directAlignment(
  { file }: FileCallOf<'statx'>,
  callback: PoolCallback<[number, number] | undefined>,
): void {
  loadedBinding('FileHandle.directAlignment').directAlignment(file.fd, (result) => {
    if (typeof result === 'number') callback(systemError(result, 'statx'));
    else callback(null, result);
  });
}
