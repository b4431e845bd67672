/**
 * A line of those that wait: served in the order in which they came, and left from any place at a constant cost.
 *
 * Most waits that an AbortSignal ends are given up in the middle of a line. What has left is let go of at once.
 */

/** Where an item stands, for who may want to take it out. */
export class Place<Item> {
  readonly item: Item;
  previous: Place<Item> | undefined;
  next: Place<Item> | undefined;
  isTaken = true;

  constructor(item: Item, previous: Place<Item> | undefined) {
    this.item = item;
    this.previous = previous;
  }
}

export class Line<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#first?.item;
  }

  push(item: Item): Place<Item> {
    const place = new Place(item, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#length++;
    return place;
  }

  /** Takes the first one off. */
  shift(): Item | undefined {
    const place = this.#first;
    if (place !== undefined) this.remove(place);
    return place?.item;
  }

  /** Takes one out of this line's places. Does nothing when it is out already. */
  remove(place: Place<Item>): void {
    if (!place.isTaken) return;
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    place.isTaken = false;
    // Who keeps it is not to keep what stood beside it.
    place.previous = undefined;
    place.next = undefined;
    this.#length--;
  }

  /** Takes all of them off, or the foremost. */
  take(countMax = this.#length): Item[] {
    const items: Item[] = [];
    while (this.#first !== undefined && items.length < countMax) items.push(this.shift() as Item);
    return items;
  }

  toArray(): Item[] {
    const items: Item[] = [];
    for (let place = this.#first; place !== undefined; place = place.next) items.push(place.item);
    return items;
  }
}
