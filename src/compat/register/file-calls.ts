/**
 * What the exchanged calls of node:fs do on the ring. Each takes the parameters of a call, of which the last is its
 * callback, and is undefined for what is Node's to do, or to refuse.
 *
 * A descriptor is the ring's here if `open` of this file has given it: of others nothing is known, whether they have
 * positions and whether a read of them may wait.
 */
import { toMode, toOpenFlags, toSpans } from '../../base/validate.js';
import { byteLengthOf, isView, type View } from '../../base/views.js';
import { CURRENT_POSITION, type BackendFile, type Position } from '../../contract/backend.js';
import { Concurrency } from '../../fs/concurrency.js';
import { readReadFileOptions } from '../../fs/options.js';
import { readSmall } from '../../fs/read-file.js';
import { fs } from '../../ring/default-fs.js';
import { backendOf } from '../../ring/ring.js';

/** What a call is fulfilled with that has turned out to be Node's. */
export const LEFT: unknown[] = [];

type Outcome = Promise<unknown[]> | undefined;
type Begin = (parameters: readonly unknown[]) => Outcome;

const files = new Map<unknown, BackendFile>();
const concurrency = new Concurrency();

/** The usual kind; others are as good, and rare. */
function isPath(path: unknown): path is string {
  return typeof path === 'string' && path !== '' && !path.includes('\0');
}

/** Undefined for what are not options that say `bigint` at most. */
function bigintOf(options: unknown): boolean | undefined {
  if (options === undefined) return false;
  if (typeof options !== 'object' || options === null) return undefined;
  const isMore = Object.keys(options).some((name) => name !== 'bigint');
  const { bigint = false } = options as { bigint?: unknown };
  return isMore || typeof bigint !== 'boolean' ? undefined : bigint;
}

/** Undefined for what Node may refuse. */
function positionOf(position: unknown): Position | undefined {
  if (position === null || position === undefined || position === -1) return CURRENT_POSITION;
  return Number.isSafeInteger(position) && (position as number) >= 0 ? (position as number) : undefined;
}

/** More than it takes in a call, Node refuses. */
const CALL_BYTES_MAX = 2 ** 31 - 1;

function isRange(view: View, offset: unknown, length: unknown): boolean {
  if (!Number.isInteger(offset) || !Number.isInteger(length)) return false;
  const [start, bytes] = [offset as number, length as number];
  return start >= 0 && bytes > 0 && bytes <= CALL_BYTES_MAX && start + bytes <= byteLengthOf(view);
}

const stat =
  (kind: 'stat' | 'lstat'): Begin =>
  ([path, ...rest]) => {
    const bigint = bigintOf(rest.length > 1 ? rest[0] : undefined);
    if (!isPath(path) || bigint === undefined || rest.length > 2) return undefined;
    return backendOf(undefined).files.do({ kind, path, bigint }, undefined).then(one);
  };

function one(result: unknown): unknown[] {
  return [result];
}

function none(): unknown[] {
  return [];
}

const readFile: Begin = ([path, ...rest]) => {
  const options = rest.length > 1 ? rest[0] : undefined;
  if (!isPath(path) || rest.length > 2) return undefined;
  if (options !== undefined && (typeof options !== 'string' || !Buffer.isEncoding(options))) return undefined;
  const settings = readReadFileOptions(options);
  const content = readSmall(backendOf(undefined).files, path, settings, concurrency);
  return content?.then((read) => (read === undefined ? LEFT : [read]));
};

const appendFile: Begin = ([path, data, ...rest]) => {
  const isData = typeof data === 'string' || Buffer.isBuffer(data);
  if (!isPath(path) || !isData || rest.length !== 1) return undefined;
  return fs.appendFile(path, data).then(none);
};

const open: Begin = ([path, ...rest]) => {
  if (!isPath(path) || rest.length > 3) return undefined;
  const [flags, mode] = rest.slice(0, -1);
  let call: { kind: 'open'; path: string; flags: number; mode: number };
  try {
    call = { kind: 'open', path, flags: toOpenFlags(flags), mode: toMode(mode, 'mode', 0o666) };
  } catch {
    return undefined;
  }
  return backendOf(undefined)
    .files.do(call, undefined)
    .then((file) => {
      files.set(file.fd, file);
      return [file.fd];
    });
};

const close: Begin = ([fd, ...rest]) => {
  const file = files.get(fd);
  if (file === undefined || rest.length !== 1) return undefined;
  files.delete(fd);
  return file.close().then(none);
};

/** Closes a descriptor of the ring's within the call; false for what is Node's to close. */
export function closeAtOnce(fd: unknown): boolean {
  const file = files.get(fd);
  if (file === undefined) return false;
  files.delete(fd);
  return file.closeAtOnce();
}

const transfer =
  (kind: 'read' | 'write'): Begin =>
  ([fd, buffer, offset, length, position, ...rest]) => {
    const file = files.get(fd);
    const at = positionOf(position);
    if (file === undefined || at === undefined || rest.length !== 1) return undefined;
    if (!isView(buffer) || !isRange(buffer, offset, length)) return undefined;
    const moving = file[kind](buffer, offset as number, length as number, at, undefined);
    return moving.then((done) => ['bytesRead' in done ? done.bytesRead : done.bytesWritten, buffer]);
  };

const vectored =
  (kind: 'readv' | 'writev'): Begin =>
  ([fd, buffers, ...rest]) => {
    const file = files.get(fd);
    const at = positionOf(rest.length > 1 ? rest[0] : undefined);
    if (file === undefined || at === undefined || rest.length > 2) return undefined;
    if (!Array.isArray(buffers) || buffers.length === 0 || !buffers.every(isView)) return undefined;
    return file[kind](toSpans(buffers), at, undefined).then((bytes) => [bytes, buffers]);
  };

const fstat: Begin = ([fd, ...rest]) => {
  const file = files.get(fd);
  const bigint = bigintOf(rest.length > 1 ? rest[0] : undefined);
  if (file === undefined || bigint === undefined || rest.length > 2) return undefined;
  return file.do({ kind: 'fstat', file, bigint }, undefined).then(one);
};

const ftruncate: Begin = ([fd, ...rest]) => {
  const file = files.get(fd);
  const bytes = rest.length > 1 ? rest[0] : 0;
  if (file === undefined || !Number.isSafeInteger(bytes) || rest.length > 2) return undefined;
  return file.do({ kind: 'ftruncate', file, bytes: Math.max(0, bytes as number) }, undefined).then(none);
};

/** By the names of node:fs. */
export const BEGIN = {
  appendFile,
  close,
  fstat,
  ftruncate,
  lstat: stat('lstat'),
  open,
  read: transfer('read'),
  readFile,
  readv: vectored('readv'),
  stat: stat('stat'),
  write: transfer('write'),
  writev: vectored('writev'),
} as const;
