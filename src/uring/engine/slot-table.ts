/** Which operation has which request slot, and the generation that tells its completions from an earlier one's. */
import { GENERATION_MASK } from '../../native/layout.js';
import { NO_SLOT, type Ticket } from './ticket.js';

/** Places beyond the in-flight limit to begin with: the alarm has two requests (alarm.ts). */
const EXEMPT_COUNT = 2;

export class SlotTable {
  readonly inFlightMax: number;
  readonly #tickets: (Ticket<unknown> | undefined)[];
  #generations: Uint32Array;
  /** Slots in use are below this, or on the free list. Slots are touched only when needed. */
  #touchedCount = 0;
  readonly #free: number[] = [];
  #inFlightCount = 0;
  inFlightPeak = 0;
  /** Operations with a place beyond the limit. */
  exemptCount = 0;

  constructor(inFlightMax: number) {
    this.inFlightMax = inFlightMax;
    const count = inFlightMax + EXEMPT_COUNT;
    this.#tickets = new Array<Ticket<unknown> | undefined>(count).fill(undefined);
    this.#generations = new Uint32Array(count);
  }

  /** Operations in the kernel that count against the limit. */
  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  get freeCount(): number {
    return this.inFlightMax - this.#inFlightCount;
  }

  /** Whether an operation and those that start with it, `count` of one kind, find places. */
  hasPlaces({ isExempt, placeCount }: Ticket<unknown>, count: number): boolean {
    // As many as there are: each belongs to the alarm, or to an open connection or listener.
    return isExempt || this.#inFlightCount + count * placeCount <= this.inFlightMax;
  }

  /** Gives an operation a slot. There must be a place. */
  acquire(ticket: Ticket<unknown>): void {
    const slot = this.#free.pop() ?? this.#touchedCount++;
    if (slot === this.#generations.length) this.#grow();
    this.#tickets[slot] = ticket;
    ticket.slot = slot;
    ticket.generation = this.#generations[slot] as number;
    ticket.entriesLeft = ticket.entryCount;
    if (ticket.isExempt) {
      this.exemptCount++;
      return;
    }
    this.#inFlightCount += ticket.placeCount;
    if (this.#inFlightCount > this.inFlightPeak) this.inFlightPeak = this.#inFlightCount;
  }

  #grow(): void {
    const generations = new Uint32Array(this.#generations.length * 2);
    generations.set(this.#generations);
    this.#generations = generations;
  }

  /** Takes the slot back; the generation it had never comes again within 2^23 uses. */
  release(ticket: Ticket<unknown>): void {
    const { slot } = ticket;
    this.#tickets[slot] = undefined;
    this.#generations[slot] = ((this.#generations[slot] as number) + 1) & GENERATION_MASK;
    this.#free.push(slot);
    ticket.slot = NO_SLOT;
    if (ticket.isExempt) this.exemptCount--;
    else this.#inFlightCount -= ticket.placeCount;
  }

  /** The operation that has a slot. */
  at(slot: number): Ticket<unknown> | undefined {
    return this.#tickets[slot];
  }

  /** All that have slots. */
  holders(): Ticket<unknown>[] {
    return this.#tickets.slice(0, this.#touchedCount).filter((ticket) => ticket !== undefined);
  }
}
