/**
 * Many files, a bounded number at a time, as an async iterator.
 *
 * So many are being read or have been read and not been taken: a slow reader holds up the reading,
 * and memory is bounded by that number of files.
 */
import type { PathLike } from 'node:fs';
import { eitherSignal } from '../base/foreign-signal.js';
import {
  checkBoolean,
  checkEncoding,
  checkInteger,
  checkOptions,
  type OptionNames,
} from '../base/validate.js';
import { abortError, invalidArgType } from '../errors/index.js';
import { type SignalOptions, toSignal } from './options.js';

const CONCURRENCY = 32;

/** What `readFiles` can be asked for. */
export interface ReadFilesOptions extends SignalOptions {
  /** The encoding of the strings to return; without one the contents are Buffers. */
  encoding?: BufferEncoding | null | undefined;
  /** How many files at a time, from 1. Default 32. */
  concurrency?: number | undefined;
  /** Whether they come in the order of the paths, and not as each is done. Default true. */
  ordered?: boolean | undefined;
}

/** A file that `readFiles` has read. */
export interface ReadFilesEntry<Content> {
  /** As it was given. */
  path: PathLike;
  /** All that is in it: a string where an encoding was asked for, and otherwise a Buffer. */
  content: Content;
}

type ReadOne = (path: PathLike, signal: AbortSignal) => Promise<Buffer | string>;
type Outcome = { entry: ReadFilesEntry<Buffer | string> } | { error: unknown };

interface ReadFilesSettings {
  encoding: BufferEncoding | undefined;
  concurrency: number;
  isOrdered: boolean;
  signal: AbortSignal | undefined;
}

const READ_FILES_OPTIONS: OptionNames<ReadFilesOptions> = {
  encoding: true,
  concurrency: true,
  ordered: true,
  signal: true,
  timeout: true,
};

export function readReadFilesOptions(options: unknown): ReadFilesSettings {
  const given = checkOptions<ReadFilesOptions>(options ?? {}, READ_FILES_OPTIONS);
  const { encoding, concurrency = CONCURRENCY, ordered = true } = given;
  return {
    encoding: checkEncoding(encoding),
    concurrency: checkInteger(concurrency, 'options.concurrency', 1),
    isOrdered: checkBoolean(ordered, 'options.ordered'),
    signal: toSignal(given),
  };
}

export function checkPaths(paths: unknown): void {
  const isObject = typeof paths === 'object' && paths !== null;
  if (isObject && (Symbol.asyncIterator in paths || Symbol.iterator in paths)) return;
  throw invalidArgType('paths', 'an iterable or async iterable of paths', paths);
}

export async function* readFiles(
  paths: Iterable<PathLike> | AsyncIterable<PathLike>,
  readOne: ReadOne,
  { concurrency, isOrdered, signal }: ReadFilesSettings,
): AsyncGenerator<ReadFilesEntry<Buffer | string>, void, void> {
  if (signal?.aborted) throw abortError(signal);
  // Ends what is under way when the loop is left, or one of them fails.
  const ending = new AbortController();
  const either = signal === undefined ? ending.signal : eitherSignal(signal, ending.signal);
  const underWay: Promise<Outcome>[] = [];
  const start = (path: PathLike): void => {
    const outcome: Promise<Outcome> = readOne(path, either).then(
      (content) => ({ entry: { path, content } }),
      (error: unknown) => ({ error }),
    );
    underWay.push(outcome);
  };
  const source = Symbol.asyncIterator in paths ? paths[Symbol.asyncIterator]() : paths[Symbol.iterator]();
  let isExhausted = false;
  try {
    for (;;) {
      while (!isExhausted && underWay.length < concurrency) {
        const step = await source.next();
        if (step.done) isExhausted = true;
        else start(step.value);
      }
      if (underWay.length === 0) return;
      const outcome = isOrdered ? await takeFirst(underWay) : await takeSoonest(underWay);
      if ('error' in outcome) throw outcome.error;
      yield outcome.entry;
    }
  } finally {
    ending.abort();
    if (!isExhausted) await source.return?.();
  }
}

async function takeFirst(underWay: Promise<Outcome>[]): Promise<Outcome> {
  return await (underWay.shift() as Promise<Outcome>);
}

async function takeSoonest(underWay: Promise<Outcome>[]): Promise<Outcome> {
  const [soonest, outcome] = await Promise.race(underWay.map(async (each) => [each, await each] as const));
  underWay.splice(underWay.indexOf(soonest), 1);
  return outcome;
}
