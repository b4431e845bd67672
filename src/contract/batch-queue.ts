/**
 * A bounded hand-over from a producer that delivers batches to readers that take them.
 *
 * Single-threaded and order-keeping: what was appended first is taken first, and readers are served in the
 * order in which they asked. The queue does not drop: its producer looks at `isFull`, and is told through
 * `onDrained` when it may go on.
 */
import { Line, type Place } from '../base/line.js';

/** A reader that waits; told once, of one of these. */
export interface BatchReader<Item> {
  onBatch(items: Item[]): void;
  /** No more will come. */
  onEnd(): void;
  onFailure(reason: unknown): void;
}

/** Where a reader waits. */
export type Waiting<Item> = Place<BatchReader<Item>>;

export class BatchQueue<Item> {
  readonly #itemsMax: number;
  readonly #onDrained: () => void;
  #items: Item[] = [];
  readonly #readers = new Line<BatchReader<Item>>();
  #isEnded = false;
  #failure: { reason: unknown } | undefined;

  /**
   * @param itemsMax from how many waiting items on the queue counts as full, at least 1.
   * @param onDrained called when a full queue has been taken empty.
   */
  constructor(itemsMax: number, onDrained: () => void) {
    this.#itemsMax = itemsMax;
    this.#onDrained = onDrained;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#itemsMax;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether readers wait for what comes. */
  get isWaitedFor(): boolean {
    return this.#readers.length > 0;
  }

  /** Adds one item without waking a reader; call `flush` when the batch is complete. */
  append(item: Item): void {
    this.#items.push(item);
  }

  /** Hands what has been appended to the reader that has waited longest. */
  flush(): void {
    if (this.#items.length === 0) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.onBatch(this.#takeAll());
  }

  /** Puts items back at the front: a reader took them and left without using them. */
  unshift(items: Item[]): void {
    this.#items = items.concat(this.#items);
    this.flush();
  }

  /** All items that are there, if there are any. */
  take(): Item[] | undefined {
    return this.#items.length > 0 ? this.#takeAll() : undefined;
  }

  /** Why receiving failed, if a reader is still to be told. The next one may succeed. */
  takeFailure(): { reason: unknown } | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Has `reader` told of what comes next. Only where nothing is there to be taken, and the end has not come. */
  wait(reader: BatchReader<Item>): Waiting<Item> {
    return this.#readers.push(reader);
  }

  /** A reader waits no more. */
  leave(waiting: Waiting<Item>): void {
    this.#readers.remove(waiting);
  }

  /** No more items will come; readers get what is left, and then the end. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const reader of this.#readers.take()) reader.onEnd();
  }

  /** Fails the reader that has waited longest, or else the next one to come. */
  fail(reason: unknown): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.onFailure(reason);
    else this.#failure = { reason };
  }

  #takeAll(): Item[] {
    const items = this.#items;
    const wasFull = this.isFull;
    this.#items = [];
    if (wasFull) this.#onDrained();
    return items;
  }
}
