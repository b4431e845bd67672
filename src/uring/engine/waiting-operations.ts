/** Operations that have not begun: in line for a slot or for room, or held back until a chain has come to them. */
import { Line } from '../../base/line.js';
import type { Ticket } from './ticket.js';

export class WaitingOperations {
  readonly #forSlots = new Line<Ticket<unknown>>();
  /** Those that the in-flight limit is not for, and that wait for room in the block. */
  readonly #forRoom = new Line<Ticket<unknown>>();
  readonly #heldBack = new Set<Ticket<unknown>>();

  /** In line. */
  get count(): number {
    return this.#forSlots.length + this.#forRoom.length;
  }

  /** In the order in which they are served. */
  get lines(): readonly Line<Ticket<unknown>>[] {
    return [this.#forRoom, this.#forSlots];
  }

  /** Whether none of those in line comes before this one. */
  isNext({ isExempt }: Ticket<unknown>): boolean {
    return this.#forRoom.length === 0 && (isExempt || this.#forSlots.length === 0);
  }

  push(ticket: Ticket<unknown>): void {
    ticket.place = this.#lineOf(ticket).push(ticket);
  }

  #lineOf({ isExempt }: Ticket<unknown>): Line<Ticket<unknown>> {
    return isExempt ? this.#forRoom : this.#forSlots;
  }

  holdBack(ticket: Ticket<unknown>): void {
    this.#heldBack.add(ticket);
  }

  /** Takes it out from wherever it waits. */
  remove(ticket: Ticket<unknown>): void {
    this.#heldBack.delete(ticket);
    if (ticket.place !== undefined) this.#lineOf(ticket).remove(ticket.place);
  }

  toArray(): Ticket<unknown>[] {
    return [...this.#forRoom.toArray(), ...this.#forSlots.toArray(), ...this.#heldBack];
  }

  clear(): void {
    for (const line of this.lines) line.take();
    this.#heldBack.clear();
  }
}
