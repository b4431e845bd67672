/**
 * `Fs`: the calls of node:fs/promises on one ring.
 *
 * Each validates as Node does, and rejects rather than throw. Single operations go to the backend
 * as they are; those that need a descriptor of their own are bounded in number. What no backend has
 * an operation for is Node's own (node-calls.ts), and so is every call on a handle of Node's.
 */
import type { BigIntStats, PathLike, Stats } from 'node:fs';
import type { FileHandle as NodeFileHandle } from 'node:fs/promises';
import { types } from 'node:util';
import { OURS } from '../base/construction.js';
import { isNodeAtLeast } from '../base/node-version.js';
import { mapArray, toMode, toOpenFlags, toPath, toSymlinkType } from '../base/validate.js';
import type { FileBackend, ManyResults, Path } from '../contract/backend.js';
import { abortError, invalidArgValue } from '../errors/index.js';
import { type AttributeCalls, attributeCalls } from './attributes.js';
import { Concurrency } from './concurrency.js';
import { FileHandle } from './file-handle.js';
import { makeDirectories } from './make-directories.js';
import { type AbortableNodeCalls, type NodePromises, node, nodeCalls } from './node-calls.js';
import { type OpenOptions, readOpenOptions } from './open-rules.js';
import {
  hasNodeOptions,
  type MakeDirectoryOptions,
  mayBeAbsent,
  type PathStatOptions,
  type ReadFileOptions,
  readMakeDirectoryOptions,
  readOwnWriteOptions,
  readReadFileOptions,
  readSignal,
  readStatManyOptions,
  readStatOptions,
  readWriteFileOptions,
  type SignalOptions,
  type StatOptions,
  type WriteFileOptions,
} from './options.js';
import { readPath } from './read-file.js';
import {
  checkPaths,
  type ReadFilesEntry,
  type ReadFilesOptions,
  readFiles,
  readReadFilesOptions,
} from './read-files.js';
import { type FileContent, toContent, writePath } from './write-file.js';
import { writeFileAtomic } from './write-file-atomic.js';

/**
 * Paths are strings, Buffers or file: URLs without a NUL. Every call rejects with Node's own error
 * when an argument is wrong (ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE) or the
 * system refuses (`code`, `errno`, `syscall`, `path`, `dest`), with an AbortError when its signal is
 * aborted, and with ERR_RINGLET_CLOSED when the ring is closed.
 */
export interface OwnCalls {
  /**
   * Opens a file, which stays open until the handle's `close`.
   *
   * @param flags Node's letters, or open(2)'s numbers; close-on-exec is always added. Default 'r'.
   * @param mode permission bits of a new file before the umask, or an octal string. Default 0o666.
   * @param options.resolve rules for resolving the path, safely and without races (openat2(2)); see
   * `ResolveRule`. With `options.directory`, an open directory of this ring, the path is relative to that.
   * Either rejects with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on the node backend: Node has no such call.
   *
   * ```js
   * const uploads = await ring.fs.open('/srv/uploads');
   * const file = await ring.fs.open(nameFromOutside, 'r', null, { directory: uploads, resolve: 'beneath' });
   * ```
   */
  open(
    path: PathLike,
    flags?: string | number,
    mode?: number | string | null,
    options?: OpenOptions | null,
  ): Promise<FileHandle>;

  /**
   * A whole file: from the start of a path, from the cursor of a FileHandle.
   * A Buffer, or a string when an encoding is given. The bytes are the caller's own; what is small shares its
   * ArrayBuffer with other Buffers, unless `pooled` is false.
   * Rejects with ERR_FS_FILE_TOO_LARGE beyond 2 GiB - 1, as Node's does.
   */
  readFile(
    path: PathLike | FileHandle,
    options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding,
  ): Promise<string>;
  /** The same, as a Buffer. */
  readFile(
    path: PathLike | FileHandle,
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  /** The same, as `options` say. */
  readFile(
    path: PathLike | FileHandle,
    options?: ReadFileOptions | BufferEncoding | null,
  ): Promise<Buffer | string>;

  /**
   * Reads many files, a bounded number at a time, as an async iterator of `{ path, content }`.
   *
   * As many files as `concurrency` are being read or have been read and not been taken; a slow loop holds up
   * the reading. The first one that fails ends the loop with its error, and leaving the loop cancels the rest.
   *
   * ```js
   * const paths = (await ring.fs.readdir('.')).filter((name) => name.endsWith('.txt'));
   * for await (const { path, content } of ring.fs.readFiles(paths, { encoding: 'utf8' })) {
   *   console.log(path, content.length);
   * }
   * ```
   */
  readFiles(
    paths: Iterable<PathLike> | AsyncIterable<PathLike>,
    options: ReadFilesOptions & { encoding: BufferEncoding },
  ): AsyncGenerator<ReadFilesEntry<string>, void, void>;
  /** The same, with contents as Buffers. */
  readFiles(
    paths: Iterable<PathLike> | AsyncIterable<PathLike>,
    options?: (ReadFilesOptions & { encoding?: null | undefined }) | null,
  ): AsyncGenerator<ReadFilesEntry<Buffer<ArrayBuffer>>, void, void>;

  /**
   * Replaces a file's content as a whole or not at all, for good: writes a file beside it, syncs that, renames
   * it over the path, and syncs the directory. A reader sees the old content or the new, also after a power
   * failure. A failure before the renaming leaves the old file as it was, and no other behind.
   *
   * A file that exists keeps its permission bits; owner and further names (hard links) are those of a new file.
   * A symbolic link stays one, and what it leads to is replaced. After the renaming an abort has no effect.
   *
   * @param options as of `writeFile`; `flag` and `flush` mean nothing.
   * @throws (rejects) as `writeFile` and `rename`; EXDEV never: both files are in one directory.
   */
  writeFileAtomic(
    path: PathLike,
    data: FileContent,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void>;

  /**
   * Writes a whole file, replacing what was there. Not atomic: a failure leaves part of the content.
   * Bytes belong to the call until the promise settles.
   */
  writeFile(
    path: PathLike | FileHandle,
    data: FileContent,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void>;

  /** Writes at the end of a file, making it when there is none. */
  appendFile(
    path: PathLike | FileHandle,
    data: FileContent,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void>;

  /**
   * What the file system knows of a path (stat(2)), as node:fs's own Stats or BigIntStats; undefined where
   * nothing is there and `throwIfNoEntry` is false.
   */
  stat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  /** The same in bigints. */
  stat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  /** The same, as `options` say. */
  stat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;
  /** The same, with `throwIfNoEntry`. */
  stat(path: PathLike, options?: PathStatOptions | null): Promise<Stats | BigIntStats | undefined>;

  /**
   * `stat` of many paths: one promise, and the kernel is asked for all of them at once.
   *
   * ```js
   * const names = await ring.fs.readdir('.');
   * const results = await ring.fs.statMany(names);
   * for (const [index, result] of results.entries()) {
   *   console.log(names[index], result.status === 'fulfilled' ? result.value.size : 'gone');
   * }
   * ```
   *
   * @returns in their order, what `Promise.allSettled` would have of so many calls of `stat`.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, before any has begun. AbortError and
   * ERR_RINGLET_CLOSED where some were given up: `results` of the error says what became of each.
   */
  statMany(
    paths: readonly PathLike[],
    options?: (StatOptions & { bigint?: false | undefined }) | null,
  ): Promise<ManyResults<Stats>>;
  /** The same in bigints. */
  statMany(
    paths: readonly PathLike[],
    options: StatOptions & { bigint: true },
  ): Promise<ManyResults<BigIntStats>>;

  /** `stat` of a symbolic link itself, where `path` is one (lstat(2)). */
  lstat(path: PathLike, options?: (StatOptions & { bigint?: false | undefined }) | null): Promise<Stats>;
  /** The same in bigints. */
  lstat(path: PathLike, options: StatOptions & { bigint: true }): Promise<BigIntStats>;
  /** The same, as `options` say. */
  lstat(path: PathLike, options?: StatOptions | null): Promise<Stats | BigIntStats>;

  /** Gives a file a second name, `newPath`, which must not exist (link(2)). */
  link(existingPath: PathLike, newPath: PathLike, options?: SignalOptions | null): Promise<void>;

  /**
   * Makes a symbolic link at `path` that says `target`, whether that exists or not (symlink(2)).
   * An error names the target as `path` and the link as `dest`, as Node's does.
   *
   * @param type for Windows; no other system looks at it.
   */
  symlink(
    target: PathLike,
    path: PathLike,
    type?: 'dir' | 'file' | 'junction' | null,
    options?: SignalOptions | null,
  ): Promise<void>;

  /** Moves within a file system, replacing what `to` was (rename(2)). */
  rename(from: PathLike, to: PathLike, options?: SignalOptions | null): Promise<void>;

  /** Removes a name that is no directory's (unlink(2)). */
  unlink(path: PathLike, options?: SignalOptions | null): Promise<void>;

  /** Removes an empty directory (rmdir(2)). With Node's own options, which it is giving up, the call is Node's. */
  rmdir(path: PathLike, options?: SignalOptions | null): Promise<void>;

  /** Makes a directory; with `recursive` resolves to the first one it had to make, if any. */
  mkdir(path: PathLike, options: MakeDirectoryOptions & { recursive: true }): Promise<string | undefined>;
  /** One directory, whose parent is there. */
  mkdir(
    path: PathLike,
    options?: number | string | (MakeDirectoryOptions & { recursive?: false | undefined }) | null,
  ): Promise<void>;
  /** The same, as `options` say. */
  mkdir(path: PathLike, options?: number | string | MakeDirectoryOptions | null): Promise<string | undefined>;
}

/**
 * Everything that the running Node's `fs/promises` has. Where `OwnCalls` does not say otherwise the
 * functions, their types and their results are Node's own; docs/fs.md lists them.
 */
export interface Fs
  extends OwnCalls,
    AttributeCalls,
    AbortableNodeCalls,
    Omit<NodePromises, keyof OwnCalls | keyof AbortableNodeCalls> {}

/**
 * @param getBackend asked at every call, so that the default ring is made at the first one.
 * @param isPooled whether small contents share their memory unless the caller says otherwise.
 */
export function createFs(
  getBackend: () => FileBackend,
  isPooled = true,
  concurrency = new Concurrency(),
): Fs {
  const own = {
    async open(path: unknown, flags?: unknown, mode?: unknown, options?: unknown): Promise<FileHandle> {
      const from = toPath(path);
      const openFlags = toOpenFlags(flags);
      const bits = toMode(mode, 'mode', 0o666);
      const { signal, rules } = readOpenOptions(options);
      return new FileHandle(
        OURS,
        await getBackend().do({ kind: 'open', path: from, flags: openFlags, mode: bits, rules }, signal),
        String(path),
      );
    },

    readFiles(paths: Iterable<PathLike> | AsyncIterable<PathLike>, options?: unknown) {
      const settings = readReadFilesOptions(options);
      checkPaths(paths);
      const { encoding } = settings;
      return readFiles(paths, (path, signal) => own.readFile(path, { encoding, signal }), settings);
    },

    async writeFileAtomic(path: unknown, data: FileContent, options?: WriteFileOptions): Promise<void> {
      const settings = readOwnWriteOptions(options);
      const to = toPath(path);
      await concurrency.run(() => writeFileAtomic(getBackend(), toText(to), data, settings), settings.signal);
    },

    // Not `async`: a promise more is a tenth of the time that a small file takes.
    readFile(path: unknown, options?: ReadFileOptions): Promise<Buffer | string> {
      try {
        if (path instanceof FileHandle) return path.readFile(options);
        if (isForNode(path)) return node.readFile(path, options);
        const settings = readReadFileOptions(options);
        return readPath(getBackend(), toPath(path), settings, concurrency, isPooled);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    writeFile(path: unknown, data: FileContent, options?: WriteFileOptions): Promise<void> {
      try {
        if (path instanceof FileHandle) return path.writeFile(data, options);
        if (isForNode(path)) return node.writeFile(path, data as string, options);
        return writeNamed(path, data, options, 'w');
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async appendFile(path: unknown, data: FileContent, options?: WriteFileOptions): Promise<void> {
      if (path instanceof FileHandle) return await path.appendFile(data, options);
      if (isForNode(path)) return await node.appendFile(path, data as string, options);
      await writeNamed(path, data, options, 'a');
    },

    stat(path: unknown, options?: unknown): Promise<Stats | BigIntStats | undefined> {
      try {
        const { bigint, signal } = readStatOptions(options);
        if (signal?.aborted) throw abortError(signal);
        const call = { kind: 'stat', path: toPath(path), bigint } as const;
        const found = getBackend().do(call, signal);
        return mayBeAbsent(options) ? found.catch(absence) : found;
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async statMany(paths: unknown, options?: unknown): Promise<ManyResults<Stats | BigIntStats>> {
      const { bigint, signal } = readStatManyOptions(options);
      const names = mapArray(paths, 'paths', (path, index) => toPath(path, `paths[${index}]`));
      return await getBackend().statMany(names, bigint, signal);
    },

    lstat(path: unknown, options?: unknown): Promise<Stats | BigIntStats> {
      try {
        const { bigint, signal } = readStatOptions(options);
        if (signal?.aborted) throw abortError(signal);
        const call = { kind: 'lstat', path: toPath(path), bigint } as const;
        return getBackend().do(call, signal);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async link(existing: unknown, added: unknown, options?: unknown): Promise<void> {
      const from = toPath(existing, 'existingPath');
      const dest = toPath(added, 'newPath');
      await getBackend().do({ kind: 'link', path: from, dest }, readSignal(options));
    },

    async symlink(target: unknown, path: unknown, type?: unknown, options?: unknown): Promise<void> {
      if (isNodeAtLeast(24)) toSymlinkType(type);
      const says = toPath(target, 'target');
      const at = toPath(path);
      await getBackend().do(
        { kind: 'symlink', path: says, dest: at, type: toSymlinkType(type) },
        readSignal(options),
      );
    },

    async rename(from: unknown, to: unknown, options?: unknown): Promise<void> {
      const path = toPath(from, 'oldPath');
      const dest = toPath(to, 'newPath');
      await getBackend().do({ kind: 'rename', path, dest }, readSignal(options));
    },

    async unlink(path: unknown, options?: unknown): Promise<void> {
      const name = toPath(path);
      await getBackend().do({ kind: 'unlink', path: name }, readSignal(options));
    },

    async rmdir(path: unknown, options?: unknown): Promise<void> {
      if (hasNodeOptions(options)) return await node.rmdir(path as PathLike, options as object);
      const name = toPath(path);
      await getBackend().do({ kind: 'rmdir', path: name }, readSignal(options));
    },

    async mkdir(path: unknown, options?: unknown): Promise<string | undefined> {
      const name = toPath(path);
      const { isRecursive, mode, signal } = readMakeDirectoryOptions(options);
      if (isRecursive) return await makeDirectories(getBackend(), name, mode, signal);
      await getBackend().do({ kind: 'mkdir', path: name, mode }, signal);
      return undefined;
    },
  };

  function writeNamed(path: unknown, data: unknown, options: unknown, flag: string): Promise<void> {
    const settings = readWriteFileOptions(options, flag);
    const content = toContent(data, settings.encoding);
    return writePath(getBackend(), toPath(path), content, settings, concurrency);
  }

  // The interface's overloads say which options lead to which result; the compiler can't follow.
  return { ...nodeCalls, ...own, ...attributeCalls(getBackend) } as Fs;
}

/** Undefined for the error that nothing is there. */
function absence(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}

/** Neither a path nor one of our handles: one of Node's, which Node knows by its class, or a mistake. */
function isForNode(path: unknown): path is NodeFileHandle {
  return typeof path === 'object' && path !== null && 'fd' in path && !types.isUint8Array(path);
}

/** Names beside it are made of its own, for which it must be text. */
function toText(path: Path): string {
  const text = String(path);
  if (typeof path === 'string' || path.equals(Buffer.from(text))) return text;
  throw invalidArgValue('path', path, 'must be UTF-8 here');
}
