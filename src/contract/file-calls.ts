/**
 * The calls on files and paths that a backend carries out, as data: one by itself, or several as a chain.
 *
 * `kind` is the system call's name, which errors, traces and histograms have as well. Reads and writes are not
 * here: they are the hot path, and have methods of their own (BackendFile).
 */
import type { BigIntStats, Stats, TimeLike } from 'node:fs';
import { type FailedCall, systemError } from '../errors/index.js';
import type { BackendFile, OpenRules, Path, Position, SymlinkType } from './files.js';
import type { OperationFacts } from './observation.js';

export type FileCall =
  | { kind: 'fsync' | 'fdatasync' | 'close'; file: BackendFile }
  | { kind: 'ftruncate'; file: BackendFile; bytes: number }
  /** `mode`: fallocate(2)'s FALLOC_FL_* bits. */
  | { kind: 'fallocate'; file: BackendFile; mode: number; offset: number; bytes: number }
  /** `flags`: POSIX_FADV_*, SYNC_FILE_RANGE_* bits. `bytes` 0 means to the end. */
  | {
      kind: 'fadvise64' | 'sync_file_range';
      file: BackendFile;
      offset: number;
      bytes: number;
      flags: number;
    }
  /** From `file` to `target`, which stays open until the call has ended. */
  | {
      kind: 'splice';
      file: BackendFile;
      position: Position;
      target: BackendFile;
      targetPosition: Position;
      bytes: number;
    }
  | { kind: 'fchmod'; file: BackendFile; mode: number | string }
  | { kind: 'fchown'; file: BackendFile; uid: number; gid: number }
  | { kind: 'futimes'; file: BackendFile; atime: TimeLike; mtime: TimeLike }
  | { kind: 'fstat'; file: BackendFile; bigint: boolean }
  | { kind: 'stat' | 'lstat'; path: Path; bigint: boolean }
  /** What direct I/O asks for: [of memory, of offset and length]; undefined where the kernel does not say. */
  | { kind: 'statx'; file: BackendFile }
  /** `flags` as open(2)'s numbers; close-on-exec is always added. */
  | { kind: 'open'; path: Path; flags: number; mode: number; rules?: OpenRules | undefined }
  | { kind: 'rename' | 'link'; path: Path; dest: Path }
  /** `path` is what the link says, and `dest` where it is. */
  | { kind: 'symlink'; path: Path; dest: Path; type: SymlinkType | undefined }
  | { kind: 'unlink' | 'rmdir'; path: Path }
  | { kind: 'mkdir'; path: Path; mode: number }
  | { kind: 'fgetxattr'; file: BackendFile; name: string }
  | { kind: 'getxattr' | 'lgetxattr'; path: Path; name: string }
  /** `flags`: XATTR_CREATE and XATTR_REPLACE of setxattr(2). */
  | { kind: 'fsetxattr'; file: BackendFile; name: string; value: Buffer; flags: number }
  | { kind: 'setxattr' | 'lsetxattr'; path: Path; name: string; value: Buffer; flags: number }
  /** The names, each with a NUL behind it. */
  | { kind: 'flistxattr'; file: BackendFile }
  | { kind: 'listxattr' | 'llistxattr'; path: Path }
  | { kind: 'fremovexattr'; file: BackendFile; name: string }
  | { kind: 'removexattr' | 'lremovexattr'; path: Path; name: string };

type Member<Call, Kind> = Call extends { kind: infer Kinds } ? (Kind extends Kinds ? Call : never) : never;

/** The calls of a kind, or of several. */
export type FileCallOf<Kind extends FileCall['kind']> = Kind extends unknown ? Member<FileCall, Kind> : never;

/** What each is fulfilled with. */
export type ResultOf<Call extends FileCall> = Call extends { bigint: false }
  ? Stats
  : Call extends { bigint: boolean }
    ? Stats | BigIntStats
    : Call extends { kind: 'open' }
      ? BackendFile
      : Call extends { kind: 'statx' }
        ? [memoryBytes: number, offsetBytes: number] | undefined
        : Call extends { kind: `${string}getxattr` | `${string}listxattr` }
          ? Buffer
          : Call extends { kind: 'splice' }
            ? number
            : void;

export type CallOnFile = Extract<FileCall, { file: BackendFile }>;
export type CallOnPath = Exclude<FileCall, CallOnFile>;

/** What carries calls out. */
export interface FileCalls<Calls extends FileCall> {
  do<Call extends Calls>(call: Call, signal: AbortSignal | undefined): Promise<ResultOf<Call>>;
}

/** What an error of the call names. */
export function subjectOf(call: FileCall): FailedCall {
  return {
    syscall: call.kind,
    path: 'path' in call ? call.path : undefined,
    dest: 'dest' in call ? call.dest : undefined,
  };
}

/** The call's error for a negated errno. */
export function callError(errno: number, call: FileCall): NodeJS.ErrnoException {
  const { syscall, path, dest } = subjectOf(call);
  return systemError(errno, syscall, path, dest);
}

/** What the call is about, for who watches. */
export function factsOf(call: FileCall): OperationFacts {
  if ('file' in call) return { kind: call.kind, fd: call.file.fd };
  const facts = { kind: call.kind, path: String(call.path) };
  return 'dest' in call ? { ...facts, dest: String(call.dest) } : facts;
}
