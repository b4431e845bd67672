/**
 * What io_uring has no operation for: Node's own functions, in Node's thread pool.
 *
 * They are Node's to the letter, except that they take a signal as all of ringlet's do. An abort
 * rejects at once, while the thread goes on with what it has begun: the pool cannot be interrupted.
 * They do not go through a ring, and neither wait for it nor end with it.
 */
import type { CopyOptions, Dir, Mode, PathLike, RmOptions, TimeLike } from 'node:fs';
import nodePromises from 'node:fs/promises';
import { orAborted } from '../base/abort.js';
import { nodeModule } from '../base/node-modules.js';
import { checkInteger, narrowMode, plainZero } from '../base/validate.js';
import { abortError } from '../errors/index.js';
import { copyFile, copyFileInPortions } from './copy-file.js';
import { copyTree } from './copy-tree.js';
import { mkdtemp } from './mkdtemp.js';
import { readSignal, type SignalOptions } from './options.js';
import { checkOnProgress, type OnProgress, type ProgressOptions } from './progress.js';

export type NodePromises = typeof nodePromises;

/** With a signal: in the options where there are options, and as one more argument where there are none. */
export interface AbortableNodeCalls {
  /**
   * Whether the process may do with a path what `mode` says, of `fs.constants` F_OK, R_OK, W_OK and X_OK. Default
   * F_OK, that it is there.
   */
  access(path: PathLike, mode?: number, options?: SignalOptions | null): Promise<void>;
  /** Changes the permissions of what a path leads to (chmod(2)). */
  chmod(path: PathLike, mode: Mode, options?: SignalOptions | null): Promise<void>;
  /** Changes the owner and the group of what a path leads to (chown(2)). */
  chown(path: PathLike, uid: number, gid: number, options?: SignalOptions | null): Promise<void>;
  /**
   * Copies a file. `mode` is made of COPYFILE_EXCL, COPYFILE_FICLONE and COPYFILE_FICLONE_FORCE; default 0: what is
   * there is overwritten.
   *
   * With `onProgress` the copy is made in portions of 8 MiB, between which an abort, or what `onProgress` throws,
   * ends it: nothing is then left at `to`, whatever was there before. What the last call throws leaves the whole
   * copy there. Without the addon, and under Node's permission model, the file is one portion.
   *
   * ```js
   * import { fs } from 'ringlet';
   *
   * await fs.writeFile('large.bin', Buffer.alloc(20_000_000));
   * await fs.copyFile('large.bin', 'copy.bin', 0, {
   *   onProgress({ bytes, total }) {
   *     console.log(`${bytes} of ${total ?? 'an unknown number of'} bytes`);
   *   },
   * });
   * ```
   */
  copyFile(
    from: PathLike,
    to: PathLike,
    mode?: number,
    options?: (SignalOptions & ProgressOptions) | null,
  ): Promise<void>;
  /**
   * Copies a file, or with `recursive` a directory and all that is in it, with Node's options.
   *
   * With `onProgress` the bytes are those of all regular files in it, and files are copied as by `copyFile`. The
   * tree is gone through once before, for `total`; with a `filter` that is undefined up to the last call, for the
   * filter is asked about an entry when its turn comes. A file that is there and stays, as `force: false` has it,
   * counts as done. What ends the call early leaves the files before in their place.
   */
  cp(
    from: string | URL,
    to: string | URL,
    options?: CopyOptions & SignalOptions & ProgressOptions,
  ): Promise<void>;
  /** Not on Linux: rejects as it does in Node. */
  lchmod(path: PathLike, mode: Mode, options?: SignalOptions | null): Promise<void>;
  /** Changes the owner and the group of a symbolic link itself (lchown(2)). */
  lchown(path: PathLike, uid: number, gid: number, options?: SignalOptions | null): Promise<void>;
  /** Sets the times of a symbolic link itself. Numbers are seconds since 1970. */
  lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike, options?: SignalOptions | null): Promise<void>;
  /** Removes a file, or with `recursive` a directory and all that is in it, with Node's options. */
  rm(path: PathLike, options?: RmOptions & SignalOptions): Promise<void>;
  /** Cuts a file off at `len` bytes, or extends it to that with zeros. Default 0. */
  truncate(path: PathLike, len?: number, options?: SignalOptions | null): Promise<void>;
  /** Sets the times of last access and modification of what a path leads to. Numbers are seconds since 1970. */
  utimes(path: PathLike, atime: TimeLike, mtime: TimeLike, options?: SignalOptions | null): Promise<void>;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** Where each call has its options, or would have them if it had any. */
const OPTIONS_INDEX: Readonly<Record<string, number>> = {
  access: 2,
  chmod: 2,
  chown: 3,
  copyFile: 3,
  cp: 2,
  lchmod: 2,
  lchown: 3,
  lutimes: 3,
  mkdtemp: 1,
  opendir: 1,
  readdir: 1,
  readlink: 1,
  realpath: 1,
  rm: 1,
  statfs: 1,
  truncate: 2,
  utimes: 3,
};

/** Of `opendir`, in entries. */
const BUFFER_SIZE_MAX = 2 ** 32 - 1;

/** What a call that was given up has made nevertheless, and nothing else would clean up. */
const UNDO: Readonly<Record<string, (late: unknown) => Promise<unknown>>> = {
  mkdtemp: (path) => node.rmdir(path as string),
  opendir: (directory) => (directory as Dir).close(),
};

function abortable(name: string, call: Call, optionsIndex: number): Call {
  const undo = UNDO[name];
  const wrapper = (...args: unknown[]): Promise<unknown> => {
    const options = args[optionsIndex];
    if (typeof options !== 'object' || options === null || !('signal' in options)) return call(...args);
    let signal: AbortSignal | undefined;
    try {
      signal = readSignal(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (signal === undefined) return call(...args);
    return signal.aborted ? Promise.reject(abortError(signal)) : abandonable(call(...args), signal, undo);
  };
  return Object.defineProperties(wrapper, { name: { value: name }, length: { value: call.length } });
}

function abandonable(
  running: Promise<unknown>,
  signal: AbortSignal,
  undo: ((late: unknown) => Promise<unknown>) | undefined,
): Promise<unknown> {
  if (undo !== undefined) {
    running.then((late) => (signal.aborted ? undo(late) : undefined)).catch(() => {});
  }
  return orAborted(running, signal);
}

type ToldCall = (args: unknown[], onProgress: OnProgress, signal: AbortSignal | undefined) => Promise<void>;

/** What stands for a call that is asked for progress. */
const TOLD: Readonly<Record<string, ToldCall>> = {
  copyFile: ([from, to, mode], onProgress, signal) => copyFileInPortions(from, to, mode, onProgress, signal),
  cp: ([from, to, options], onProgress, signal) =>
    copyTree(from as string, to as string, options as CopyOptions, onProgress, signal),
};

function told(call: Call, toldCall: ToldCall | undefined, optionsIndex: number): Call {
  if (toldCall === undefined) return call;
  const wrapper = (...args: unknown[]): Promise<unknown> => {
    const options = args[optionsIndex];
    if (typeof options !== 'object' || options === null || !('onProgress' in options)) return call(...args);
    let signal: AbortSignal | undefined;
    let onProgress: OnProgress | undefined;
    try {
      onProgress = checkOnProgress(options.onProgress);
      if (onProgress === undefined) return call(...args);
      signal = readSignal(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const running = toldCall(args, onProgress, signal);
    return signal === undefined ? running : orAborted(running, signal);
  };
  return Object.defineProperties(wrapper, { name: { value: call.name }, length: { value: call.length } });
}

/** Arguments that would end the process: they pass Node's checks, or fail them where it can't be caught. */
const STEADY: Readonly<Record<string, (args: unknown[]) => unknown[]>> = {
  chmod: ([path, mode, ...rest]) => [path, narrowMode(mode), ...rest],
  lchmod: ([path, mode, ...rest]) => [path, narrowMode(mode), ...rest],
  opendir(args) {
    const [path, options, ...rest] = args;
    if (typeof options !== 'object' || options === null) return args;
    // Node looks at them once more when the directory is open.
    const copy: Record<string, unknown> = { ...options };
    if ('bufferSize' in copy) checkInteger(copy.bufferSize, 'options.bufferSize', 1, BUFFER_SIZE_MAX);
    return [path, copy, ...rest];
  },
};

function steadied(call: Call, steady = (args: unknown[]): unknown[] => args): Call {
  const wrapper = async (...args: unknown[]): Promise<unknown> => call(...steady(args).map(plainZero));
  return Object.defineProperties(wrapper, { name: { value: call.name }, length: { value: call.length } });
}

/** Calls of our own that belong here otherwise: no ring has them. */
const OWN: Readonly<Record<string, Call>> = { copyFile, mkdtemp };

/** As they were when ringlet was loaded: a program may put ringlet's calls in their place. */
export const node: NodePromises = { ...nodePromises, ...nodeModule('node:fs/promises') };

/** Everything that the running Node's module has, in its order. */
export const nodeCalls = Object.fromEntries(
  Object.entries(node).map(([name, value]) => {
    const optionsIndex = OPTIONS_INDEX[name];
    if (optionsIndex === undefined) return [name, OWN[name] ?? value];
    const call = abortable(name, OWN[name] ?? steadied(value as Call, STEADY[name]), optionsIndex);
    return [name, told(call, TOLD[name], optionsIndex)];
  }),
) as unknown as NodePromises & AbortableNodeCalls;
