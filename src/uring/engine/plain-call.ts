/** A call of which nothing is its own but its entry, its error and what its result becomes. */
import type { PendingCount } from '../../base/pending-count.js';
import type { OperationFacts } from '../../contract/observation.js';
import type { Sqe } from '../../native/sqe.js';
import { Operation } from './operation.js';

interface PlainCallOf<Result> {
  /** Writes the entry. What it points at is kept alive by this. */
  prepare(sqe: Sqe): void;
  errorFor(errno: number): Error;
  facts?: OperationFacts;
  /** Whether a result is no error. Default: one that is not negative. */
  accepts?(result: number): boolean;
  /** What such a result becomes. Default: nothing. */
  finish?(result: number, flags: number): Result;
  /** The open file or socket that it is on. */
  owner?: { readonly pending: PendingCount };
  /** False for what serves several calls. Default true. */
  isCall?: boolean;
  /** Whether it gives a descriptor or a slot back, and is made whatever else is given up. Default false. */
  isGivingBack?: boolean;
  /** Whether it takes no place of those that calls share. Default false. */
  isExempt?: boolean;
  /** Whether its result is a new descriptor. Default false. */
  yieldsFd?: boolean;
}

export class PlainCall<Result = void> extends Operation<Result> {
  readonly #of: PlainCallOf<Result>;

  constructor(of: PlainCallOf<Result>) {
    super();
    this.#of = of;
    this.ticket.isExempt = of.isExempt === true;
    this.ticket.yieldsFd = of.yieldsFd === true;
    of.owner?.pending.enter();
  }

  override fill(sqe: Sqe): void {
    this.#of.prepare(sqe);
  }

  override complete(result: number, flags: number): void {
    const of = this.#of;
    if (result >= 0 || of.accepts?.(result)) this.fulfil(of.finish?.(result, flags) as Result);
    else this.fail(result);
  }

  override get owner(): object | undefined {
    return this.#of.owner;
  }

  override get isCall(): boolean {
    return this.#of.isCall !== false && !this.isGivingBack;
  }

  override get isGivingBack(): boolean {
    return this.#of.isGivingBack === true;
  }

  protected override errorFor(errno: number): Error {
    return this.#of.errorFor(errno);
  }

  override describe(): OperationFacts {
    return this.#of.facts ?? super.describe();
  }

  protected override onSettled(): void {
    this.#of.owner?.pending.leave();
  }
}
