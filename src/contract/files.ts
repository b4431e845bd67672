/**
 * What a backend must do for files, as types only; and what its calls take, as `validate` lets it through.
 *
 * Paths and ranges are checked; flags and modes are the kernel's numbers.
 */
import type { BigIntStats, Stats } from 'node:fs';
import type { Path, Position } from '../base/file-arguments.js';
import type { Span } from '../base/views.js';
import type { CallOnFile, CallOnPath, FileCalls } from './file-calls.js';

export * from '../base/file-arguments.js';

/** What a read is fulfilled with. */
export interface ReadResult<Data extends NodeJS.ArrayBufferView> {
  /** Bytes now in `buffer`; 0 means the end of the file. May be fewer than asked for. */
  bytesRead: number;
  /** The caller's own, which was read into. */
  buffer: Data;
}

/** What a write is fulfilled with. */
export interface WriteResult<Data> {
  /** Bytes the kernel took; may be fewer than given. */
  bytesWritten: number;
  /** The caller's own data. */
  buffer: Data;
}

/** What a read into several buffers is fulfilled with. */
export interface ReadVectorResult<Data extends readonly NodeJS.ArrayBufferView[]> {
  /** Bytes now in the buffers, the first of them filled first; 0 means the end of the file. */
  bytesRead: number;
  /** The caller's own array. */
  buffers: Data;
}

/** What a write of several buffers is fulfilled with. */
export interface WriteVectorResult<Data extends readonly NodeJS.ArrayBufferView[]> {
  /** Bytes the kernel took; may be fewer than given. */
  bytesWritten: number;
  /** The caller's own array. */
  buffers: Data;
}

/** One of many reads or writes of a file. */
export interface Transfer {
  readonly buffer: NodeJS.ArrayBufferView;
  readonly offset: number;
  readonly length: number;
  /** Never the cursor: they have no order. */
  readonly position: Position;
}

/** What became of each of many calls, in the order in which they were passed, as `Promise.allSettled` says it. */
export type ManyResults<Result> = PromiseSettledResult<Result>[];

const CODES_OF_ALL: ReadonlySet<string | undefined> = new Set([
  'ABORT_ERR',
  'ERR_RINGLET_CLOSED',
  'ERR_RINGLET_CREDENTIALS',
]);

/**
 * Whether what ended one of many was for the whole call, and is its answer: an abort, the ring's close, a user whom
 * the ring must not act for.
 */
export function isOfAll(error: unknown): error is Error {
  return CODES_OF_ALL.has((error as NodeJS.ErrnoException).code);
}

/** How a call of node:fs ends. */
export type PoolCallback<Result> = (error: NodeJS.ErrnoException | null, result?: Result) => void;

/**
 * An open descriptor. Every method counts as pending until its promise settles;
 * `close` refuses new work at once, waits for what is pending, and only then gives the number back.
 *
 * Views are the caller's, and may have lost their memory when their turn comes (views.ts). `do` takes calls whose `file` it is.
 */
export interface BackendFile extends FileCalls<CallOnFile> {
  readonly fd: number;
  /** Whether a read may wait for another party: for a FIFO's writer, or a server. */
  readonly mayWait: boolean;
  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>>;
  write<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>>;
  /** Resolves to the bytes read into all of them. */
  readv(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number>;
  writev(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number>;
  /** Rejects only where some were given up because of an abort or the ring's close: with `results`. */
  readMany(
    reads: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<ReadResult<NodeJS.ArrayBufferView>>>;
  writeMany(
    writes: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<WriteResult<NodeJS.ArrayBufferView>>>;
  /** Memory that is going to be read into for the first time, all of it; a backend may prepare it for that. */
  expectFilling?(memory: Buffer): void;
  /** Asks everything pending on the descriptor to end; returns how many operations that was. */
  cancel(): number;
  /** Resolves when nothing is pending. For a caller that sees to it that nothing begins any more. */
  whenIdle(): Promise<void>;
  /** Safe to call again: later calls share the first one's promise. */
  close(): Promise<void>;
  /** The same within the call, for what can't wait; false where something is pending, and nothing has been done. */
  closeAtOnce(): boolean;
}

/** Where an open begins, and how its path may be resolved (openat2(2)). */
export interface OpenRules {
  /** What a relative path is relative to, instead of the working directory. */
  directory: BackendFile | undefined;
  /** RESOLVE_* bits. */
  resolve: number;
}

/**
 * A file on its way into memory as a whole.
 *
 * A backend that reads small files in a way of its own fills the slab, which is its alone until `toContent`
 * and `release`, or `readOn`.
 */
export interface WholeRead<Content> {
  readonly slab: Buffer;
  /** How much of the slab the first read may fill; what is left serves to find the end. */
  readonly firstBytes: number;
  /** The file is over, and its `byteCount` bytes begin the slab. */
  toContent(byteCount: number): Content;
  /** So many bytes begin the slab, and more may come. `open` is called once at most, and its caller closes the file. */
  readOn(byteCount: number, open: () => Promise<BackendFile>): Promise<Content>;
  /** Nothing writes into the slab any more. */
  release(): void;
}

/** Bytes on their way into a file that is opened for them. */
export interface WholeWrite {
  readonly content: Span;
  readonly flags: number;
  readonly mode: number;
  /** The file has taken no more than the first `bytesWritten` so far. `open` is called once at most. */
  writeOn(bytesWritten: number, open: () => Promise<BackendFile>): Promise<void>;
}

export interface FileBackend extends FileCalls<CallOnPath> {
  /**
   * Reads a file whole, opened read-only; undefined when there is no quicker way now than open, read, close.
   * Then `read` is untouched.
   */
  readWhole?<Content>(
    path: Path,
    read: WholeRead<Content>,
    signal: AbortSignal | undefined,
  ): Promise<Content> | undefined;
  /** `stat` of each; rejects as `BackendFile.readMany`. */
  statMany(
    paths: readonly Path[],
    bigint: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<Stats | BigIntStats>>;
  /** Reads a file whole where the system has a call of its own for that; `onOver` is told when no more is done. */
  readonly readFile?:
    | ((path: Path, signal: AbortSignal | undefined, onOver?: () => void) => Promise<Buffer>)
    | undefined;
  /** Writes bytes to a file and closes it, where the system has a call of its own for that. */
  readonly writeFile?:
    | ((path: Path, write: WholeWrite, signal: AbortSignal | undefined, onOver?: () => void) => Promise<void>)
    | undefined;
  /** Writes bytes to a file and closes it; undefined when there is no quicker way now than open, write, close. */
  writeWhole?(path: Path, write: WholeWrite, signal: AbortSignal | undefined): Promise<void> | undefined;
  /** Whether there is a directory, as far as that can be told at once; false says nothing. */
  isKnownDirectory?(path: Path): boolean;
}
