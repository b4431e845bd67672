/**
 * The uses of a handle that Node has under `--experimental-stream-iter`: how they are called without the types that
 * would refuse what is wrong on purpose, and what comes of them, as plain values.
 */
import { type Argument, BOOLEANS, COUNTS, ODD_TYPES, plains, SIGNALS, under } from './arguments.js';
import { describeError, describeValue, type Surroundings } from './describe-value.js';
import { describeDescriptor, type Handle, type Side } from './side.js';

export type Batches = AsyncIterable<Uint8Array[]> | Iterable<Uint8Array[]>;

/** As either of the two has it, without its types: much here is wrong on purpose. */
export type Streamed = Handle &
  NodeJS.EventEmitter & {
    pull(...args: unknown[]): AsyncIterable<Uint8Array[]>;
    pullSync(...args: unknown[]): Iterable<Uint8Array[]>;
    writer(...args: unknown[]): Writer;
    read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number | null,
    ): Promise<{ bytesRead: number }>;
    write(text: string): Promise<unknown>;
    readableWebStream(): { cancel(): Promise<void> };
  };

export interface Writer {
  write(chunk: unknown, options?: unknown): Promise<void>;
  writev(chunks: unknown, options?: unknown): Promise<void>;
  writeSync(chunk: unknown): boolean;
  writevSync(chunks: unknown): boolean;
  end(options?: unknown): Promise<number>;
  endSync(): number;
  fail(reason?: unknown): void;
  [Symbol.asyncDispose](): Promise<unknown>;
  [Symbol.dispose](): void;
}

export interface StreamIter {
  pipeTo(source: unknown, ...args: unknown[]): Promise<number>;
  pipeToSync(source: unknown, ...args: unknown[]): number;
  text(source: unknown): Promise<string>;
  textSync(source: unknown): string;
}

export interface Script {
  /** Differs on Node 24 on purpose; docs/fs.md says how. */
  readonly since?: number;
  run(open: (name: string, flags?: string) => Promise<Streamed>, side: Side): Promise<unknown>;
}

/** Each use by its title. */
export type Scripts = Readonly<Record<string, Script>>;

export const NODE_MAJOR = Number.parseInt(process.versions.node, 10);
/** Of what only says that it is `aborted`, or not, the earlier draft makes an error of its own in the middle. */
const isTaken = ({ text }: Argument): boolean => NODE_MAJOR >= 26 || !/aborted: (true|false) }/.test(text);
export const ABORTING: readonly Argument[] = under('signal', SIGNALS).filter(isTaken);
export const NOWHERE: Surroundings = { given: [] };

/** The same use with one value after another. */
export function each(values: readonly Argument[], script: (value: Argument) => Script['run']): Scripts {
  return Object.fromEntries(values.map((value) => [value.text, { run: script(value) }]));
}

export function streamIter(): StreamIter {
  return process.getBuiltinModule('node:stream/iter') as unknown as StreamIter;
}

/** What came of a call: returned, thrown at once, or promised. */
export async function outcome(call: () => unknown): Promise<unknown> {
  let returned: unknown;
  try {
    returned = call();
  } catch (error) {
    return { threw: describeError(error, NOWHERE) };
  }
  if (!(returned instanceof Promise)) return { returned: describeValue(returned, NOWHERE) };
  return await returned.then(
    (value: unknown) => ({ fulfilled: describeValue(value, NOWHERE) }),
    (error: unknown) => ({ rejected: describeError(error, NOWHERE) }),
  );
}

export async function taken(batches: Batches): Promise<unknown> {
  const items: unknown[] = [];
  try {
    for await (const batch of batches) items.push(describeValue(batch, NOWHERE));
  } catch (error) {
    return { items, failed: describeError(error, NOWHERE) };
  }
  return { items };
}

/** Node 24 holds the handle from the call of pullSync on: let go, so that it can be closed. */
export function left(batches: Batches): void {
  if (Symbol.iterator in batches) batches[Symbol.iterator]().return?.();
}

/** A use of the method to its end, and the handle afterwards. */
export async function pulled(
  handle: Streamed,
  method: 'pull' | 'pullSync',
  args: unknown[],
): Promise<unknown> {
  const events: string[] = [];
  handle.on('close', () => events.push('close'));
  let batches: Batches;
  try {
    batches = handle[method](...args);
  } catch (error) {
    return { threw: describeError(error, NOWHERE), handle: describeDescriptor(handle) };
  }
  const items = await taken(batches);
  const again = await outcome(() => left(handle[method]()));
  return { items, events, handle: describeDescriptor(handle), again };
}

export function writerOf(handle: Streamed, ...options: unknown[]): Writer {
  return handle.writer(...options);
}

export const OPTIONS: readonly Argument[] = [
  ...plains({}, { start: 3 }, { limit: 4 }, { chunkSize: 3 }, { start: 2, limit: 5, chunkSize: 2 }),
  ...plains({ autoClose: true }, { start: 100 }, { limit: 100 }, { start: -1, limit: -1 }),
  ...under('start', COUNTS),
  ...under('limit', COUNTS),
  ...under('chunkSize', plains(1, 3, 100_000, 0, -1, 1.5, Number.NaN, '3', 3n, null, undefined)),
  ...under('autoClose', BOOLEANS),
  ...ODD_TYPES.filter(({ text }) => text !== 'function'),
];
