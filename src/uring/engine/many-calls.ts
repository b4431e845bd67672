/**
 * Many calls as one operation: one request slot, one promise, an entry each, and no order among them.
 *
 * What the kernel says of each is noted as a number; the results are made of them when the caller goes on, in one
 * pass. An operation has so many entries at most, so a call for more is several operations (`resultsOfAll`).
 */
import { ECANCELED, EINTR, ERESTARTSYS } from '../../base/errno.js';
import { isOfAll, type ManyResults } from '../../contract/files.js';
import type { OperationFacts } from '../../contract/observation.js';
import { prepNop, type Sqe } from '../../native/sqe.js';
import type { Dispatcher } from './dispatcher.js';
import { Operation } from './operation.js';
import type { SlotStorage } from './slot-storage.js';

/** In place of a result: the kernel has not said yet. */
const UNDER_WAY = -(2 ** 30);

/** Its promise is fulfilled whatever has become of them. */
export abstract class ManyCalls<Result> extends Operation<void> {
  readonly #results: number[];
  /** Why the kernel was not asked for some of them, by index. */
  #refusals: Map<number, unknown> | undefined;
  /** Why it was asked for none, or has not answered. */
  #failure: (() => Error) | undefined;

  constructor(count: number) {
    super();
    this.ticket.setEntryCount(count);
    this.ticket.placeCount = count;
    this.#results = new Array<number>(count).fill(UNDER_WAY);
  }

  /** Writes the entry of one; an error that this throws is that one's outcome. */
  protected abstract prepare(sqe: Sqe, index: number): void;

  /** What a result that is not negative becomes. */
  protected abstract toResult(result: number, index: number): Result;

  protected abstract errorOf(errno: number, index: number): Error;

  override fill(sqe: Sqe, _storage: SlotStorage, index: number): void {
    try {
      this.prepare(sqe, index);
    } catch (error) {
      this.#refusals ??= new Map();
      this.#refusals.set(index, error);
      prepNop(sqe);
    }
  }

  override complete(result: number, _flags: number, index: number): void {
    this.#results[index] = result;
    if (this.entriesLeft === 0) this.fulfil();
  }

  override failWith(create: () => Error): void {
    this.#failure = create;
    this.fulfil();
  }

  override get entriesUnderWay(): readonly number[] {
    return this.#results.flatMap((result, index) => (result === UNDER_WAY ? index : []));
  }

  protected override errorFor(errno: number): Error {
    return this.errorOf(errno, 0);
  }

  /**
   * Tells what has become of each, once the promise is settled.
   *
   * @param start where its first one's outcome goes.
   * @returns why some were given up, where that was asked of the whole call: an abort, the ring's close.
   */
  putResults(into: ManyResults<Result>, start: number): Error | undefined {
    const results = this.#results;
    let givenUp: Error | undefined;
    for (let index = 0; index < results.length; index++) {
      const result = results[index] as number;
      if (result >= 0 && this.#refusals?.has(index) !== true) {
        into[start + index] = { status: 'fulfilled', value: this.toResult(result, index) };
        continue;
      }
      const reason = givenUp !== undefined && isCanceled(result) ? givenUp : this.#reasonOf(result, index);
      if (isOfAll(reason)) givenUp = reason;
      into[start + index] = { status: 'rejected', reason };
    }
    return givenUp;
  }

  #reasonOf(result: number, index: number): Error {
    const refusal = this.#refusals?.get(index);
    if (refusal !== undefined) return refusal as Error;
    const create = result === UNDER_WAY ? this.#failure : this.cancelReason;
    return create !== undefined && isCanceled(result) ? create() : this.errorOf(result, index);
  }
}

function isCanceled(result: number): boolean {
  return result === UNDER_WAY || result === ECANCELED || result === EINTR || result === ERESTARTSYS;
}

/**
 * Makes operations of `count` calls, submits them, and tells what has become of each.
 *
 * @param make the operation of the calls from `start` to before `end`.
 * @throws (rejects) the AbortError or ERR_RINGLET_CLOSED for which some were given up, with `results`.
 */
export function resultsOfAll<Result>(
  dispatcher: Dispatcher,
  count: number,
  make: (start: number, end: number) => ManyCalls<Result>,
  facts: OperationFacts,
  signal: AbortSignal | undefined,
): Promise<ManyResults<Result>> {
  const parts: ManyCalls<Result>[] = [];
  const { entriesMax } = dispatcher;
  for (let start = 0; start < count; start += entriesMax) {
    parts.push(make(start, Math.min(start + entriesMax, count)));
  }
  const { observation } = dispatcher;
  if (!observation.isWanted) return submitAll(dispatcher, count, parts, signal);
  return observation.observe(facts, () => submitAll(dispatcher, count, parts, signal));
}

async function submitAll<Result>(
  dispatcher: Dispatcher,
  count: number,
  parts: readonly ManyCalls<Result>[],
  signal: AbortSignal | undefined,
): Promise<ManyResults<Result>> {
  for (const part of parts) dispatcher.launch(part, signal);
  const results: ManyResults<Result> = new Array(count);
  let start = 0;
  let givenUp: Error | undefined;
  for (const part of parts) {
    await part.promise;
    const reason = part.putResults(results, start);
    givenUp ??= reason;
    start += part.ticket.entryCount;
  }
  if (givenUp !== undefined) throw Object.assign(givenUp, { results });
  return results;
}
