/**
 * The calls on files and paths as operations: one table of what each shows the kernel, and what its result becomes.
 *
 * What is not in it has no opcode, and is Node's pool's (native/pool-file-calls.ts). Opening and closing have
 * operations of their own.
 */
import type { BigIntStats, Stats } from 'node:fs';
import {
  callError,
  type FileCall,
  type FileCallOf,
  factsOf,
  type ResultOf,
} from '../../contract/file-calls.js';
import type { OperationFacts } from '../../contract/observation.js';
import { addressOf } from '../../native/addresses.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS_AND_BTIME,
} from '../../native/layout.js';
import {
  FSYNC_DATASYNC,
  OP_FTRUNCATE,
  prepFadvise,
  prepFallocate,
  prepFgetxattr,
  prepFsetxattr,
  prepFsync,
  prepFtruncate,
  prepGetxattr,
  prepLink,
  prepMkdir,
  prepRename,
  prepSetxattr,
  prepSplice,
  prepStatx,
  prepSymlink,
  prepSyncFileRange,
  prepUnlink,
  type Sqe,
} from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { Operation } from '../engine/operation.js';
import { SLOT_STORAGE_BYTES, type SlotStorage } from '../engine/slot-storage.js';
import type { CachedPaths } from './cached-paths.js';
import type { OpenFile } from './open-file.js';
import { encodePath } from './open-operation.js';
import { STATX_BYTES, toBigIntStats, toStats } from './statx.js';

interface Entry<Call extends FileCall> {
  /** An opcode that a ring may be without, and the Linux that brought it. */
  readonly since?: readonly [opcode: number, release: string];
  /** Writes the submission entry. `on` has the addresses. */
  prepare(sqe: Sqe, call: Call, on: CallOperation<Call>): void;
  /** What a result that is no error becomes. Default: nothing. */
  finish?(result: number, call: Call, on: CallOperation<Call>): ResultOf<Call>;
}

function stat<Call extends FileCallOf<'fstat' | 'stat' | 'lstat'>>(flags: number): Entry<Call> {
  return {
    prepare: (sqe, _call, { fd, path, slotAddress }) =>
      prepStatx(sqe, fd, path, flags, STATX_BASIC_STATS_AND_BTIME, slotAddress),
    finish: (_result, { bigint }, on) => on.toStats(bigint) as ResultOf<Call>,
  };
}

const ENTRIES: { readonly [Of in FileCall['kind']]?: Entry<FileCallOf<Of>> } = {
  fsync: { prepare: (sqe, _call, { target, flags }) => prepFsync(sqe, target, flags, 0) },
  fdatasync: { prepare: (sqe, _call, { target, flags }) => prepFsync(sqe, target, flags, FSYNC_DATASYNC) },
  ftruncate: {
    since: [OP_FTRUNCATE, 'Linux 6.9'],
    // By the descriptor: older kernels refuse a registered file here, as all do for attributes.
    prepare: (sqe, { bytes }, { fd }) => prepFtruncate(sqe, fd, bytes),
  },
  fallocate: {
    prepare: (sqe, { mode, offset, bytes }, { target, flags }) =>
      prepFallocate(sqe, target, flags, mode, offset, bytes),
  },
  // 32 bits of length: the caller divides the range.
  fadvise64: {
    prepare: (sqe, { offset, bytes, flags: advice }, { target, flags }) =>
      prepFadvise(sqe, target, flags, offset, bytes, advice),
  },
  sync_file_range: {
    prepare: (sqe, { offset, bytes, flags: range }, { target, flags }) =>
      prepSyncFileRange(sqe, target, flags, bytes, offset, range),
  },
  splice: {
    prepare: (sqe, { position, target, targetPosition, bytes }, { fd }) =>
      prepSplice(sqe, fd, position, target.fd, targetPosition, bytes),
    finish: (bytes) => bytes,
  },
  fstat: stat(AT_EMPTY_PATH),
  stat: stat(0),
  lstat: stat(AT_SYMLINK_NOFOLLOW),
  rename: { prepare: (sqe, _call, { path, dest }) => prepRename(sqe, path, dest) },
  link: { prepare: (sqe, _call, { path, dest }) => prepLink(sqe, path, dest) },
  symlink: { prepare: (sqe, _call, { path, dest }) => prepSymlink(sqe, path, dest) },
  unlink: { prepare: (sqe, _call, { path }) => prepUnlink(sqe, path, 0) },
  rmdir: { prepare: (sqe, _call, { path }) => prepUnlink(sqe, path, AT_REMOVEDIR) },
  mkdir: { prepare: (sqe, { mode }, { path }) => prepMkdir(sqe, path, mode) },
  getxattr: {
    prepare: (sqe, _call, { path, name, room }) =>
      prepGetxattr(sqe, path, name, addressOf(room), room.length),
    finish: (bytes, _call, { room }) => room.subarray(0, bytes),
  },
  fgetxattr: {
    prepare: (sqe, _call, { fd, name, room }) => prepFgetxattr(sqe, fd, name, addressOf(room), room.length),
    finish: (bytes, _call, { room }) => room.subarray(0, bytes),
  },
  setxattr: {
    prepare: (sqe, { value, flags }, { path, name }) =>
      prepSetxattr(sqe, path, name, addressOf(value), flags, value.length),
  },
  fsetxattr: {
    prepare: (sqe, { value, flags }, { fd, name }) =>
      prepFsetxattr(sqe, fd, name, addressOf(value), flags, value.length),
  },
};

/** Why a ring cannot carry the call out itself; undefined where it can. */
export function lackOf({ kind }: FileCall, dispatcher: Dispatcher): string | undefined {
  const entry = ENTRIES[kind];
  if (entry === undefined) return 'io_uring has no such operation';
  if (entry.since === undefined) return undefined;
  const [opcode, release] = entry.since;
  return dispatcher.supportsOp(opcode) ? undefined : `it needs ${release}`;
}

const NOTHING = Buffer.alloc(0);
const EMPTY_PATH = encodePath('');

/** A call that the ring can carry out. */
export class CallOperation<Call extends FileCall> extends Operation<ResultOf<Call>> {
  readonly #call: Call;
  readonly #entry: Entry<Call>;
  readonly #file: OpenFile | undefined;
  // SAFETY: what the entry points at beside what the call holds, kept alive until the terminal completion.
  readonly #path: Buffer;
  readonly #dest: Buffer | undefined;
  readonly #name: Buffer | undefined;
  /** Where an attribute's value goes. */
  readonly room: Buffer;
  readonly #cachedPaths: CachedPaths | undefined;
  #storage: SlotStorage | undefined;
  #heldSlot = 0;

  /**
   * @param file that of the call, if it is on one.
   * @param cachedPaths is told how long the call is under way.
   */
  constructor(call: Call, file: OpenFile | undefined, room: Buffer = NOTHING, cachedPaths?: CachedPaths) {
    super();
    this.#call = call;
    this.#entry = ENTRIES[call.kind] as Entry<Call>;
    this.#file = file;
    this.#path = 'path' in call ? encodePath(call.path) : EMPTY_PATH;
    this.#dest = 'dest' in call ? encodePath(call.dest) : undefined;
    this.#name = 'name' in call ? encodePath(call.name) : undefined;
    this.room = room;
    this.#cachedPaths = cachedPaths;
    file?.pending.enter();
    cachedPaths?.enterRing();
  }

  /** The file as entries name it, and the flags that go with that. */
  get target(): number {
    return (this.#file as OpenFile).target;
  }

  get flags(): number {
    return (this.#file as OpenFile).targetFlags;
  }

  /** The descriptor; of a path, where relative ones begin. */
  get fd(): number {
    return this.#file?.fd ?? AT_FDCWD;
  }

  get path(): number {
    return addressOf(this.#path);
  }

  get dest(): number {
    return addressOf(this.#dest as Buffer);
  }

  get name(): number {
    return addressOf(this.#name as Buffer);
  }

  get slotAddress(): number {
    return (this.#storage as SlotStorage).address(this.#heldSlot);
  }

  toStats(isBigInt: boolean): Stats | BigIntStats {
    const storage = this.#storage as SlotStorage;
    const words = storage.words(this.#heldSlot);
    const offset = storage.wordOffset(this.#heldSlot);
    return isBigInt ? toBigIntStats(words, offset) : toStats(words, offset);
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    this.#storage = storage;
    this.#heldSlot = this.slot;
    this.#entry.prepare(sqe, this.#call, this);
  }

  override complete(result: number): void {
    if (result < 0) this.fail(result);
    else this.fulfil(this.#entry.finish?.(result, this.#call, this) as ResultOf<Call>);
  }

  protected override errorFor(errno: number): Error {
    return callError(errno, this.#call);
  }

  override describe(): OperationFacts {
    return factsOf(this.#call);
  }

  override get owner(): OpenFile | undefined {
    return this.#file;
  }

  override get isByPath(): boolean {
    return this.#file === undefined;
  }

  protected override onSettled(): void {
    this.#file?.pending.leave();
    this.#cachedPaths?.leaveRing();
  }

  static {
    if (STATX_BYTES > SLOT_STORAGE_BYTES) throw new Error('a slot is too small for struct statx');
  }
}
