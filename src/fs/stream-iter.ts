/**
 * Node's `stream/iter` (`--experimental-stream-iter`): whether there is one, and what its own functions make of
 * arguments that are theirs.
 *
 * It is an experiment, of which Node 24 has an earlier draft than Node 26. It is loaded by the first call that
 * can't do without, because it warns of that when it is loaded.
 */
import { isBuiltin } from 'node:module';
import { isNodeAtLeast } from '../base/node-version.js';
import { checkBoolean, checkInteger, checkObject, checkSignal } from '../base/validate.js';
import { isUint8Array, Span } from '../base/views.js';

export const HAS_STREAM_ITER = isBuiltin('node:stream/iter');

/** The later draft: a handle is locked while it is iterated, and arguments are converted as Web IDL says. */
export const IS_LATER_DRAFT = isNodeAtLeast(26);

/** Turns pieces of content into others; null says that the last one has come. */
export type ContentTransform =
  | ((chunks: Uint8Array[] | null, options?: { signal: AbortSignal }) => unknown)
  | {
      /** Takes all chunks and returns others, as one iterable. */
      transform(source: unknown, options?: { signal: AbortSignal }): unknown;
    };

/** What `FileHandle.pullSync` can be asked for. */
export interface PullSyncOptions {
  /** Whether the handle is closed when the iteration is over. Default false. */
  autoClose?: boolean | undefined;
  /** First byte to read, from 0. Default: where the file's cursor is, which then moves. */
  start?: number | undefined;
  /** How many bytes to read at most, from 1. Default: all there are. */
  limit?: number | undefined;
  /** How many bytes a read asks for, from 1. Default 131072. */
  chunkSize?: number | undefined;
}

/** What `FileHandle.pull` can be asked for. */
export interface PullOptions extends PullSyncOptions {
  /** Ends the iteration, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface RangeSettings {
  readonly autoClose: boolean;
  /** -1 for the cursor. */
  readonly start: number;
  /** -1 for none. */
  readonly limit: number;
  readonly chunkBytes: number;
}

/** What of Node's module is used here. */
interface StreamIter {
  pull(source: object, ...args: unknown[]): AsyncIterable<Uint8Array[]>;
  pullSync(source: object, ...transforms: unknown[]): Iterable<Uint8Array[]>;
  push(): { writer: NodeWriter };
}

interface NodeWriter {
  writeSync(chunk: unknown): boolean;
  writevSync(chunks: unknown): boolean;
  end(options: unknown): Promise<number>;
  endSync(): number;
}

const BATCH_BYTES = 128 * 1024;
const NONE = -1;

export function streamIter(): StreamIter {
  // The types are those of the oldest Node that ringlet runs on.
  return process.getBuiltinModule('node:stream/iter') as unknown as StreamIter;
}

let closed: NodeWriter | undefined;

/** Takes nothing, but looks at what it is given as every writer of Node's does. */
function closedWriter(): NodeWriter {
  if (closed === undefined) {
    closed = streamIter().push().writer;
    closed.endSync();
  }
  return closed;
}

/** The arguments of `pull` and `pullSync`: transforms, and options after them. */
export function splitTransforms(args: readonly unknown[]): { transforms: unknown[]; options: unknown } {
  const last = args.at(-1);
  const hasOptions = args.length > 0 && (IS_LATER_DRAFT ? !isTransform(last) : isOptions(last));
  const transforms = hasOptions ? args.slice(0, -1) : [...args];
  // Refuses what is no transform.
  if (transforms.length > 0) streamIter().pullSync([], ...transforms);
  const options = hasOptions ? last : undefined;
  return { transforms, options: options === undefined ? {} : options };
}

function isTransform(value: unknown): boolean {
  return (
    typeof value === 'function' || typeof (value as { transform?: unknown } | null)?.transform === 'function'
  );
}

function isOptions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !('transform' in value) && !('write' in value);
}

export function readRangeSettings(options: PullSyncOptions): RangeSettings {
  const { autoClose = false, start = NONE, limit = NONE, chunkSize = BATCH_BYTES } = options;
  checkBoolean(autoClose, 'options.autoClose');
  if (start !== NONE) checkInteger(start, 'options.start', 0);
  if (limit !== NONE) checkInteger(limit, 'options.limit', 1);
  checkInteger(chunkSize, 'options.chunkSize', 1);
  return { autoClose, start, limit, chunkBytes: chunkSize };
}

/** What a writer is given to write: text as UTF-8, and bytes as they are. */
export function toChunk(chunk: unknown): Span {
  if (!isPlain(chunk)) closedWriter().writeSync(chunk);
  return toSpan(chunk);
}

export function toChunks(chunks: unknown): Span[] {
  const list = isIterable(chunks) ? [...chunks] : chunks;
  if (!Array.isArray(list) || !list.every(isPlain)) closedWriter().writevSync(list);
  return (list as unknown[]).map(toSpan);
}

function isPlain(chunk: unknown): boolean {
  return typeof chunk === 'string' || isUint8Array(chunk);
}

/** The later draft takes anything else for text, too; the earlier one has refused it. */
function toSpan(chunk: unknown): Span {
  return new Span(isUint8Array(chunk) ? chunk : Buffer.from(String(chunk)));
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** The signal of a writer's call, checked. */
export function readWriterSignal(options: unknown): AbortSignal | undefined {
  if (options === undefined) return undefined;
  if (!IS_LATER_DRAFT) return checkSignal((checkObject(options, 'options') as PullOptions).signal);
  // Settled, with the count of bytes.
  void closedWriter().end(options);
  return (options as PullOptions | null)?.signal;
}
