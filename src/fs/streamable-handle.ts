/**
 * A FileHandle as a source and a sink: Node's streams, web streams, and what Node has under
 * `--experimental-stream-iter`. All of them hold the handle until they have ended.
 */
import type { ReadStream, WriteStream } from 'node:fs';
import type {
  CreateReadStreamOptions,
  CreateWriteStreamOptions,
  FileHandle as NodeHandle,
} from 'node:fs/promises';
import type { Interface } from 'node:readline';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { BeyondNode } from './beyond-node.js';
import { type HeldFile, lifetimeOf } from './handle-lifetime.js';
import { linesOf, readStreamOver, type StreamedHandle, writeStreamOver } from './handle-streams.js';
import { type HandleWriter, type WriterOptions, writerOver } from './handle-writer.js';
import { pullFrom, pullSyncFrom } from './pull.js';
import {
  type ContentTransform,
  HAS_STREAM_ITER,
  type PullOptions,
  type PullSyncOptions,
} from './stream-iter.js';
import { readWebStreamOptions, type WebStreamOptions, webStreamOver } from './web-stream.js';

/** A method as the program's version of @types/node has it; ours, or undefined, where that does not know it. */
type OfNode<Name extends string, Method> =
  NodeHandle extends Record<Name, infer Theirs> ? Theirs : Method | undefined;

/** @internal A base of `FileHandle`. */
export abstract class StreamableHandle extends BeyondNode {
  abstract get fd(): number;
  abstract readonly close: () => Promise<void>;
  abstract read(...args: Parameters<StreamedHandle['read']>): ReturnType<StreamedHandle['read']>;
  abstract write(...args: Parameters<StreamedHandle['write']>): ReturnType<StreamedHandle['write']>;
  abstract writev(...args: Parameters<StreamedHandle['writev']>): ReturnType<StreamedHandle['writev']>;

  /**
   * The content in batches of Uint8Arrays, through the transforms given, for Node's `stream/iter`. Where Node's own
   * handle has it: from 24 on with `--experimental-stream-iter`; and as it has it there.
   *
   * The handle is locked from the first step on (on Node 24 from the call on) until the iteration is over.
   *
   * @param args transforms, and `PullOptions` after them.
   * @returns an async iterable, whose steps reject with what reading does, or with the signal's reason.
   * @throws ERR_INVALID_STATE when the handle is closed or locked; ERR_INVALID_ARG_TYPE; ERR_OUT_OF_RANGE.
   */
  declare readonly pull: OfNode<
    'pull',
    (...args: [...ContentTransform[], PullOptions] | ContentTransform[]) => AsyncIterable<Uint8Array[]>
  >;

  /** The same without promises: each read is a system call that waits on the event loop's time, past the ring. */
  declare readonly pullSync: OfNode<
    'pullSync',
    (...args: [...ContentTransform[], PullSyncOptions] | ContentTransform[]) => Iterable<Uint8Array[]>
  >;

  /**
   * A writer for Node's `stream/iter`, such as `pipeTo` takes. It locks the handle until it has ended or failed. Where
   * Node's own handle has it, as `pull`.
   *
   * @throws ERR_INVALID_STATE when the handle is closed or locked; ERR_INVALID_ARG_TYPE; ERR_OUT_OF_RANGE.
   */
  declare readonly writer: OfNode<'writer', (options?: WriterOptions) => HandleWriter>;

  /**
   * An `fs.ReadStream` over this handle, with Node's options and events. It holds the handle until it has
   * ended, and closes it then unless `autoClose` is false. Destroying it ends a pending read, and closes the
   * handle whatever `autoClose` says, as Node's does; `break` in a `for await` destroys it.
   */
  createReadStream(options?: CreateReadStreamOptions): ReadStream {
    return readStreamOver(this, this[lifetimeOf]().hold(), options);
  }

  /** An `fs.WriteStream` over this handle, with Node's options and events; `flush` syncs before the close. */
  createWriteStream(options?: CreateWriteStreamOptions): WriteStream {
    return writeStreamOver(this, this[lifetimeOf]().hold(), options);
  }

  /** A `readline` interface over a stream of the file: `for await` yields its lines. */
  readLines(options?: CreateReadStreamOptions): Interface {
    return linesOf(this.createReadStream(options));
  }

  /**
   * The content from the cursor on as a web stream; one a handle. The handle stays open afterwards, unless
   * `autoClose` is true, and must be closed in the end. A `close` ends the stream.
   *
   * @throws ERR_INVALID_STATE when the handle is closed, or is locked, by such a stream as well.
   */
  readableWebStream(options: WebStreamOptions = {}): WebStream {
    const lifetime = this[lifetimeOf]();
    lifetime.checkFree();
    lifetime.isLocked = true;
    const settings = readWebStreamOptions(options);
    return webStreamOver(this, lifetime.hold() as HeldFile, settings);
  }
}

if (HAS_STREAM_ITER) {
  const methods = {
    pull(this: StreamableHandle, ...args: unknown[]) {
      return pullFrom(this[lifetimeOf](), args);
    },
    pullSync(this: StreamableHandle, ...args: unknown[]) {
      return pullSyncFrom(this[lifetimeOf](), args);
    },
    writer(this: StreamableHandle, options: unknown = {}) {
      return writerOver(this[lifetimeOf](), options);
    },
  };
  // As Node's: enumerable, and not there at all without the flag.
  Object.assign(StreamableHandle.prototype, methods);
}
