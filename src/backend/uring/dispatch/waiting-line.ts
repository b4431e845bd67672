/** A queue that takes its head off in constant time; what it held is let go of. */

/** So many places before the head are worth moving the rest for. */
const STALE_PLACES_MAX = 1024;

export class WaitingLine<Item> {
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  /** The `count` foremost. */
  peek(count: number): Item[] {
    return this.#items.slice(this.#head, this.#head + count);
  }

  /** Takes as many off. */
  drop(count: number): void {
    this.#head += count;
    if (this.#head >= this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > STALE_PLACES_MAX && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  toArray(): Item[] {
    return this.#items.slice(this.#head);
  }
}
