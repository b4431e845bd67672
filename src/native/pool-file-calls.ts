/**
 * The calls on files and paths in libuv's thread pool, a line each: all of them on the node backend, and on a
 * ring what the kernel has no operation for.
 */
import { nodeModule } from '../base/node-modules.js';
import type { FileCall, FileCallOf, ResultOf } from '../contract/file-calls.js';
import type { PoolCallback } from '../contract/files.js';
import { featureUnavailableError } from '../errors/index.js';
import * as attributes from './attribute-calls.js';

const fs = nodeModule('node:fs');

type Kind = FileCall['kind'];
type Start<Call extends FileCall> = (call: Call, done: PoolCallback<ResultOf<Call>>) => void;

/** Opening and closing are each backend's own. */
const CALLS: { readonly [Of in Kind]?: Start<FileCallOf<Of>> } = {
  fsync: ({ file }, done) => fs.fsync(file.fd, done),
  fdatasync: ({ file }, done) => fs.fdatasync(file.fd, done),
  ftruncate: ({ file, bytes }, done) => fs.ftruncate(file.fd, bytes, done),
  fchmod: ({ file, mode }, done) => fs.fchmod(file.fd, mode, done),
  fchown: ({ file, uid, gid }, done) => fs.fchown(file.fd, uid, gid, done),
  futimes: ({ file, atime, mtime }, done) => fs.futimes(file.fd, atime, mtime, done),
  fstat: ({ file, bigint }, done) => fs.fstat(file.fd, { bigint }, done),
  stat: ({ path, bigint }, done) => fs.stat(path, { bigint }, done),
  lstat: ({ path, bigint }, done) => fs.lstat(path, { bigint }, done),
  statx: attributes.directAlignment,
  rename: ({ path, dest }, done) => fs.rename(path, dest, done),
  link: ({ path, dest }, done) => fs.link(path, dest, done),
  symlink: ({ path, dest, type }, done) => fs.symlink(path, dest, type, done),
  unlink: ({ path }, done) => fs.unlink(path, done),
  rmdir: ({ path }, done) => fs.rmdir(path, done),
  mkdir: ({ path, mode }, done) => fs.mkdir(path, mode, (error) => done(error)),
  getxattr: attributes.getAttribute,
  lgetxattr: attributes.getAttribute,
  fgetxattr: attributes.getAttribute,
  setxattr: attributes.setAttribute,
  lsetxattr: attributes.setAttribute,
  fsetxattr: attributes.setAttribute,
  listxattr: attributes.listAttributes,
  llistxattr: attributes.listAttributes,
  flistxattr: attributes.listAttributes,
  removexattr: attributes.removeAttribute,
  lremovexattr: attributes.removeAttribute,
  fremovexattr: attributes.removeAttribute,
};

/** Calls of ours that Node has none for: what they are called, and what the system calls it. */
const LACKING: { readonly [Of in Kind]?: readonly [ours: string, theirs: string] } = {
  fallocate: ['FileHandle.allocate', 'fallocate'],
  fadvise64: ['FileHandle.advise', 'fadvise'],
  sync_file_range: ['FileHandle.syncRange', 'sync_file_range'],
};

/** @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM where the pool has no such call. */
export function checkForPool({ kind }: FileCall): void {
  if (kind in CALLS) return;
  const [ours, theirs] = LACKING[kind] ?? [kind, kind];
  throw featureUnavailableError(ours, `Node has no ${theirs}`);
}

/** Has the pool do a call. @throws as `checkForPool`, and for a mistake in its arguments. */
export function startInPool<Call extends FileCall>(call: Call, done: PoolCallback<ResultOf<Call>>): void {
  checkForPool(call);
  const start = CALLS[call.kind] as Start<Call>;
  start(call, done);
}
