/** Which operation holds which slot, and the generation by which its completions are told from an earlier one's. */
import { GENERATION_MASK } from '../layout.js';
import { NO_SLOT, type Operation } from './operation.js';

/** Places beyond the in-flight limit to begin with: the alarm has two requests (alarm.ts). */
const EXEMPT_COUNT = 2;

export class SlotTable {
  readonly inFlightMax: number;
  readonly #operations: (Operation<unknown> | undefined)[];
  #generations: Uint32Array;
  /** Slots in use are below this, or on the free list. Slots are touched only when needed. */
  #touchedCount = 0;
  readonly #free: number[] = [];
  #exemptCount = 0;
  #inFlightPeak = 0;

  constructor(inFlightMax: number) {
    this.inFlightMax = inFlightMax;
    const count = inFlightMax + EXEMPT_COUNT;
    this.#operations = new Array<Operation<unknown> | undefined>(count).fill(undefined);
    this.#generations = new Uint32Array(count);
  }

  /** Operations in the kernel that count against the limit. */
  get inFlightCount(): number {
    return this.#touchedCount - this.#free.length - this.#exemptCount;
  }

  get inFlightPeak(): number {
    return this.#inFlightPeak;
  }

  /** Whether the operation and those that start with it, `count` of one kind, find places. */
  hasPlaces(operation: Operation<unknown>, count: number): boolean {
    // As many as there are: each belongs to the alarm, or to an open connection or listener.
    if (operation.isExempt) return true;
    return this.inFlightCount + count <= this.inFlightMax;
  }

  /** Gives the operation a slot. There must be a place. */
  acquire(operation: Operation<unknown>): void {
    const slot = this.#free.pop() ?? this.#touchedCount++;
    if (slot === this.#generations.length) this.#grow();
    this.#operations[slot] = operation;
    operation.slot = slot;
    operation.generation = this.#generations[slot] as number;
    if (operation.isExempt) this.#exemptCount++;
    const inFlight = this.inFlightCount;
    if (inFlight > this.#inFlightPeak) this.#inFlightPeak = inFlight;
  }

  #grow(): void {
    const generations = new Uint32Array(this.#generations.length * 2);
    generations.set(this.#generations);
    this.#generations = generations;
  }

  /** Takes the slot back; the generation it had never comes again within 2^30 uses. */
  release(operation: Operation<unknown>): void {
    const { slot } = operation;
    this.#operations[slot] = undefined;
    this.#generations[slot] = ((this.#generations[slot] as number) + 1) & GENERATION_MASK;
    this.#free.push(slot);
    operation.slot = NO_SLOT;
    if (operation.isExempt) this.#exemptCount--;
  }

  /** Who holds a slot. */
  at(slot: number): Operation<unknown> | undefined {
    return this.#operations[slot];
  }

  /** All that hold slots. */
  holders(): Operation<unknown>[] {
    return this.#operations.slice(0, this.#touchedCount).filter((operation) => operation !== undefined);
  }
}
