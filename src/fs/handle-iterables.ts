/** `pull`, `pullSync` and `writer` of a FileHandle: where Node's own handle has them, and as it has them there. */
import type { FileHandle as NodeHandle } from 'node:fs/promises';
import type { HandleLifetime } from './handle-lifetime.js';
import { type HandleWriter, type WriterOptions, writerOver } from './handle-writer.js';
import { pullFrom, pullSyncFrom } from './pull.js';
import {
  type ContentTransform,
  HAS_STREAM_ITER,
  type PullOptions,
  type PullSyncOptions,
} from './stream-iter.js';

/** A method as the program's version of @types/node has it; ours, or undefined, where that does not know it. */
type OfNode<Name extends string, Method> =
  NodeHandle extends Record<Name, infer Theirs> ? Theirs : Method | undefined;

export interface Iterables {
  pull: OfNode<
    'pull',
    (...args: [...ContentTransform[], PullOptions] | ContentTransform[]) => AsyncIterable<Uint8Array[]>
  >;
  pullSync: OfNode<
    'pullSync',
    (...args: [...ContentTransform[], PullSyncOptions] | ContentTransform[]) => Iterable<Uint8Array[]>
  >;
  writer: OfNode<'writer', (options?: WriterOptions) => HandleWriter>;
}

/** Enumerable, as Node's are, and not there at all without its flag. */
export function addIterables<Handle extends object>(
  prototype: Handle,
  lifetimeOf: (handle: Handle) => HandleLifetime,
): void {
  if (!HAS_STREAM_ITER) return;
  Object.assign(prototype, {
    pull(this: Handle, ...args: unknown[]) {
      return pullFrom(lifetimeOf(this), args);
    },
    pullSync(this: Handle, ...args: unknown[]) {
      return pullSyncFrom(lifetimeOf(this), args);
    },
    writer(this: Handle, options: unknown = {}) {
      return writerOver(lifetimeOf(this), options);
    },
  });
}
