/**
 * A bounded hand-over from a producer that delivers batches to readers that take them.
 *
 * Single-threaded and order-keeping: what was pushed first is taken first, and readers are
 * served in the order in which they asked. The queue does not drop: `push` says whether it is full,
 * and the producer is told through `onDrained` when it may go on.
 */
interface Waiter<Item> {
  resolve: (batch: Item[] | null) => void;
  reject: (reason: unknown) => void;
}

export class BatchQueue<Item> {
  readonly #itemsMax: number;
  readonly #onDrained: () => void;
  #items: Item[] = [];
  #waiters: Waiter<Item>[] = [];
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

  get length(): number {
    return this.#items.length;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#itemsMax;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Readers waiting for something to arrive. */
  get waitingCount(): number {
    return this.#waiters.length;
  }

  /** Adds one item without waking anybody; call `flush` when the batch is complete. */
  append(item: Item): void {
    this.#items.push(item);
  }

  /** Hands what has been appended to the reader that has waited longest. */
  flush(): void {
    if (this.#items.length === 0 || this.#waiters.length === 0) return;
    const waiter = this.#waiters.shift() as Waiter<Item>;
    waiter.resolve(this.#takeAll());
  }

  /** Puts items back at the front: a reader took them and left without using them. */
  unshift(items: Item[]): void {
    this.#items = items.concat(this.#items);
    this.flush();
  }

  /**
   * All waiting items at once, or a promise of the next ones. `null` means the end.
   * A failure rejects one reader and is then forgotten: the next reader may succeed.
   */
  take(): Item[] | null | Promise<Item[] | null> {
    if (this.#items.length > 0) return this.#takeAll();
    if (this.#failure) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#isEnded) return null;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /** No more items will come; readers get what is left, then `null`. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
  }

  /** Rejects the reader that has waited longest, or else the next one to come. */
  fail(reason: unknown): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter.reject(reason);
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
