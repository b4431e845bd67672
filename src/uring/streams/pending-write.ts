/** A write of a connection that has not settled, and what one send takes of several. */
import { type Abortable, unwatchAbort, watchAbort } from '../../base/abort.js';
import { Span } from '../../base/views.js';
import { abortError, memoryGoneError, tracedRejection } from '../../errors/index.js';
import { Vectors } from '../engine/vectors.js';

/** Of one send; the kernel takes 1024 (IOV_MAX). */
export const VIEWS_MAX = 256;
export const SEND_BYTES_MAX = 2 ** 30;

/** What carries it out. */
interface Writer {
  onAbort(write: PendingWrite): void;
  onSettled(write: PendingWrite): void;
}

type Resolve = (result: number | PromiseLike<number>) => void;

/** A write that has not settled. */
export class PendingWrite implements Abortable {
  readonly writer: Writer;
  readonly data: Span | readonly Span[];
  readonly bytes: number;
  readonly promise: Promise<number>;
  /** Descriptors that go with its first byte. */
  readonly fds: readonly number[] | undefined;
  /** Bytes that the kernel has taken. */
  taken: number;
  abortedBy: AbortSignal | undefined;
  /** Sends of its bytes whose memory the kernel still reads; it settles when there are none. */
  #holdCount = 0;
  #outcome: (() => number | PromiseLike<number>) | undefined;
  readonly #resolve: Resolve;
  readonly #signal: AbortSignal | undefined;

  constructor(
    writer: Writer,
    data: Span | readonly Span[],
    bytes: number,
    signal: AbortSignal | undefined,
    fds: readonly number[] | undefined,
    taken: number,
  ) {
    this.fds = fds;
    this.taken = taken;
    this.writer = writer;
    this.data = data;
    this.bytes = bytes;
    this.#signal = signal;
    let resolvePromise!: Resolve;
    // V8 makes no closure of an executor that it sees.
    this.promise = new Promise<number>((resolve) => {
      resolvePromise = resolve;
    });
    this.#resolve = resolvePromise;
    if (signal !== undefined) watchAbort(signal, this);
  }

  onAbort(signal: AbortSignal): void {
    this.abortedBy = signal;
    this.writer.onAbort(this);
  }

  /** Why the rest of it can't be sent, if there is anything. */
  get refusal(): (() => Error) | undefined {
    const { abortedBy, data } = this;
    if (abortedBy !== undefined) return () => abortError(abortedBy);
    const isGone = data instanceof Span ? data.isGone : data.some((span) => span.isGone);
    return isGone ? memoryGoneError : undefined;
  }

  fulfil(): void {
    // Mostly nothing is held, and there is no need to remember what comes of it.
    if (this.#holdCount > 0) this.#settle(() => this.bytes);
    else this.#end(this.bytes);
  }

  reject(create: () => Error): void {
    const bytesWritten = this.taken;
    this.#settle(() => tracedRejection(() => Object.assign(create(), { bytesWritten })));
  }

  hold(): void {
    this.#holdCount++;
  }

  release(): void {
    if (--this.#holdCount === 0 && this.#outcome !== undefined) this.#settle(this.#outcome);
  }

  #settle(outcome: () => number | PromiseLike<number>): void {
    if (this.#holdCount === 0) {
      this.#end(outcome());
      return;
    }
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.#outcome = outcome;
  }

  #end(result: number | PromiseLike<number>): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.writer.onSettled(this);
    this.#resolve(result);
  }
}

/** The writes at the head of the queue, as far as one send takes them. */
export function vectorsOf(queue: readonly PendingWrite[]): Vectors {
  const spans: Span[] = [];
  let skip = (queue[0] as PendingWrite).taken;
  let skippedBytes = 0;
  let bytes = 0;
  for (const write of queue) {
    if (write.fds !== undefined && write !== queue[0]) break;
    const { data } = write;
    for (const span of data instanceof Span ? [data] : data) {
      if (span.bytes <= skip) {
        skip -= span.bytes;
        continue;
      }
      if (spans.length === 0) skippedBytes = skip;
      if (spans.length === VIEWS_MAX || (spans.length > 0 && bytes + span.bytes > SEND_BYTES_MAX)) {
        return new Vectors(spans, skippedBytes);
      }
      bytes += span.bytes - skip;
      skip = 0;
      spans.push(span);
    }
  }
  return new Vectors(spans, skippedBytes);
}
